"""Everything that ecs_sql raises on purpose.

Every error derives from `EcsSqlError`, carries its data as attributes and ends its message with the remedy::

    EcsSqlError
    ├── MappingError               classes that cannot be mapped, all faults of all classes
    ├── ReservedFieldError         a class redefines a bookkeeping field
    ├── UnregisteredClassError     an entity of a class that the storage does not map
    ├── UnstorableValueError       a value that its field cannot keep
    ├── NotAnEntityError           something else where an entity belongs
    ├── NotAnIdError               something else where an id belongs
    ├── NotAnEntityClassError      something else where an entity class belongs
    ├── ArgumentError              any other argument that cannot be what was meant
    ├── EntityTypeError            an id of another type than asked for
    ├── UnknownDiscriminatorError  a stored type that nobody registered
    ├── StoredValueError           a stored value that no longer decodes
    ├── MissingReferenceError      a stored reference whose target is missing
    ├── SchemaMismatchError        tables lack what the classes need
    ├── StorageFormatError         a database of another storage format
    ├── IdentityConflictError      a stored id of another lineage or class
    ├── CopyConflictError          two differing objects share an unstored id
    ├── LineageError               a parent chain that leaves its lineage or bites its tail
    ├── StaleVersionError          a change of a version that is not the latest, where that was expected
    ├── StorageUrlError            an unusable URL
    ├── TransactionError           an operation that its transaction cannot do
    │   └── ReadOnlyTransactionError
    ├── StorageError               the database failed; the driver's error is the cause
    │   ├── WriteConflictError     a serialization failure or deadlock; repeat the transaction
    │   ├── ConnectionLostError    the server went away before the commit; repeat the transaction
    │   ├── UnknownOutcomeError    the server went away during the commit, and cannot be asked
    │   ├── DatabaseBusyError      a lock, or a free connection, was waited for in vain
    │   └── ValueTooLargeError     larger than the server takes
    ├── ImmutableVersionError      an update or delete of a version through the ORM
    ├── DetachedRowError           a row without a Session was asked for its entity
    └── DiffMismatchError          a diff applied to another graph than it was made from
"""

from __future__ import annotations

import reprlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

_MAX_VALUE_CHARACTERS = 120


class _ShortRepr(reprlib.Repr):
    """A short repr of any value; also of an int that is too long for Python to show."""

    def repr_int(self, x: int, level: int) -> str:
        """The digits, or how many bits there are."""
        return (
            super().repr_int(x, level)
            if x.bit_length() < _MAX_SHOWN_BITS
            else f"<int of {x.bit_length()} bits>"
        )


_MAX_SHOWN_BITS = 1_000
_short = _ShortRepr()
_short.maxstring = _short.maxother = _MAX_VALUE_CHARACTERS


def short_repr(value: object) -> str:
    """The value as messages show it: at most some 120 characters."""
    return _short.repr(value)


def class_name(entity_class: object) -> str:
    """The class's module and qualified name, as messages show it; what stands in its place, as it is."""
    if not isinstance(entity_class, type):
        return short_repr(entity_class)
    return f"{entity_class.__module__}.{entity_class.__qualname__}"


class EcsSqlError(Exception):
    """The base of every error that ecs_sql raises on purpose."""


@dataclass(frozen=True, slots=True)
class MappingFault:
    """One reason why one class cannot be mapped.

    `field` and `annotation` are None where the fault is the class's own (its table name, say).
    """

    entity_class: type
    field: str | None
    annotation: Any
    reason: str
    remedy: str

    def __str__(self) -> str:
        where = class_name(self.entity_class)
        if self.field is not None:
            where += f".{self.field}: {self.annotation_text}"
        return f"{where}: {self.reason}; {self.remedy}"

    @property
    def annotation_text(self) -> str:
        """The annotation as it is written in a class body, more or less."""
        if isinstance(self.annotation, type) and not hasattr(self.annotation, "__args__"):
            return self.annotation.__qualname__
        return str(self.annotation).replace("typing.", "")


class MappingError(EcsSqlError):
    """Classes cannot be mapped; `faults` has every fault of every class, in the order found."""

    def __init__(self, faults: tuple[MappingFault, ...]) -> None:
        self.faults = faults
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        lines = "".join(f"\n  - {fault}" for fault in faults)
        super().__init__(f"the classes cannot be mapped, {count}:{lines}")


class ReservedFieldError(EcsSqlError, TypeError):
    """A class redefines a name that the bookkeeping of every entity needs."""

    def __init__(self, entity_class: type, field: str) -> None:
        self.entity_class = entity_class
        self.field = field
        super().__init__(
            f"{class_name(entity_class)} redefines {field!r}, which ecs_sql keeps for every entity; "
            "give the field another name (an alias may still read the old one)"
        )


class UnregisteredClassError(EcsSqlError):
    """An entity, or a class asked for, is not in the storage's mapping."""

    def __init__(self, entity_class: type, ecs_id: UUID | None = None) -> None:
        self.entity_class = entity_class
        self.ecs_id = ecs_id
        what = "" if ecs_id is None else f" (entity {ecs_id})"
        name = getattr(entity_class, "__name__", "...")
        super().__init__(
            f"{class_name(entity_class)}{what} is not registered with this storage's mapping; "
            f"call mapping.register({name}), or give the class to the storage, at start-up"
        )


class UnstorableValueError(EcsSqlError, ValueError):
    """A value that its field cannot keep without loss; nothing was written."""

    def __init__(
        self, entity_class: type, ecs_id: UUID, field: str, value: Any, reason: str
    ) -> None:
        self.entity_class = entity_class
        self.ecs_id = ecs_id
        self.field = field
        self.value = value
        self.reason = reason
        super().__init__(
            f"{class_name(entity_class)}.{field} of entity {ecs_id} cannot keep "
            f"{_short.repr(value)}: {reason}"
        )


class NotAnEntityError(EcsSqlError, TypeError):
    """Something that is no entity was given to be registered or compared."""

    def __init__(self, value: object) -> None:
        self.value = value
        super().__init__(
            f"{_short.repr(value)} is no entity; give an instance of a subclass of Entity"
        )


class NotAnIdError(EcsSqlError, TypeError):
    """Something that is no UUID was given where an id belongs."""

    def __init__(self, value: object) -> None:
        self.value = value
        super().__init__(f"{_short.repr(value)} is no id; give a UUID")


class NotAnEntityClassError(EcsSqlError, TypeError):
    """Something that is no class was given where an entity class belongs."""

    def __init__(self, value: object) -> None:
        self.value = value
        super().__init__(
            f"{_short.repr(value)} is no entity class; give the class itself, a subclass of Entity"
        )


class ArgumentError(EcsSqlError, TypeError, ValueError):
    """An argument cannot be what was meant.

    Attributes:
        argument: its name.
        value: what was given.
        reason: why it cannot be.
        remedy: what to give instead.
    """

    def __init__(self, argument: str, value: object, reason: str, remedy: str) -> None:
        self.argument = argument
        self.value = value
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{argument}={_short.repr(value)}: {reason}; {remedy}")


class EntityTypeError(EcsSqlError, TypeError):
    """An id names a version of another class than the one asked for."""

    def __init__(self, ecs_id: UUID, expected: type, actual: type) -> None:
        self.ecs_id = ecs_id
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"{ecs_id} is a {class_name(actual)}, not a {class_name(expected)}; "
            "ask for its own class or a base of it, or leave the type out"
        )


class UnknownDiscriminatorError(EcsSqlError):
    """A stored row names a type that no registered class has."""

    def __init__(self, discriminator: str, ecs_id: UUID | None = None) -> None:
        self.discriminator = discriminator
        self.ecs_id = ecs_id
        what = "the database holds versions" if ecs_id is None else f"version {ecs_id} is"
        super().__init__(
            f"{what} of type {discriminator!r}, which no registered class has; "
            "register the class whose table has that name"
        )


class StoredValueError(EcsSqlError):
    """A stored value does not decode by its field's annotation.

    Class and id are None where plain SQLAlchemy code read a column alone.
    """

    def __init__(
        self, entity_class: type | None, ecs_id: UUID | None, column: str, value: Any, reason: str
    ) -> None:
        self.entity_class = entity_class
        self.ecs_id = ecs_id
        self.column = column
        self.value = value
        self.reason = reason
        whose = "" if entity_class is None else f" of {class_name(entity_class)} {ecs_id}"
        super().__init__(
            f"column {column!r}{whose} holds "
            f"{_short.repr(value)}, which does not decode: {reason}; "
            "repair the row, or restore the annotation that it was written by"
        )


class MissingReferenceError(EcsSqlError):
    """A stored version refers to a version that is not in the database."""

    def __init__(self, entity_class: type, ecs_id: UUID, column: str, target: UUID) -> None:
        self.entity_class = entity_class
        self.ecs_id = ecs_id
        self.column = column
        self.target = target
        super().__init__(
            f"column {column!r} of {class_name(entity_class)} {ecs_id} refers to {target}, "
            "which is missing; restore that version from a backup"
        )


class SchemaMismatchError(EcsSqlError):
    """Existing tables lack columns that the classes need; `missing` maps table to columns."""

    def __init__(self, missing: dict[str, tuple[str, ...]]) -> None:
        self.missing = missing
        listed = "; ".join(f"{table}: {', '.join(columns)}" for table, columns in missing.items())
        super().__init__(
            f"the database's tables lack columns that the classes need ({listed}); "
            "add them, or use a database of its own for these classes"
        )


class StorageFormatError(EcsSqlError):
    """The database was written in another storage format than this release reads."""

    def __init__(self, found: object, expected: int) -> None:
        self.found = found
        self.expected = expected
        super().__init__(
            f"the database's storage format is {found!r}, this release of ecs_sql reads {expected}; "
            "use the release that wrote it, or another database"
        )


class IdentityConflictError(EcsSqlError):
    """An entity's id is stored already, as a version of another lineage or class."""

    def __init__(self, entity_class: type, ecs_id: UUID, reason: str) -> None:
        self.entity_class = entity_class
        self.ecs_id = ecs_id
        super().__init__(
            f"{class_name(entity_class)} {ecs_id}: {reason}; give the entity an ecs_id of its own"
        )


class CopyConflictError(EcsSqlError):
    """Two differing objects of one call share an id that is not stored yet."""

    def __init__(self, entity_class: type, ecs_id: UUID) -> None:
        self.entity_class = entity_class
        self.ecs_id = ecs_id
        super().__init__(
            f"two differing {class_name(entity_class)} objects share the unstored id {ecs_id}; "
            "call fork() on the copy"
        )


class LineageError(EcsSqlError):
    """An entity's parent_id or old_ids would bend its lineage into another one or into a circle."""

    def __init__(
        self, entity_class: type, ecs_id: UUID, parent_id: UUID | None, reason: str
    ) -> None:
        self.entity_class = entity_class
        self.ecs_id = ecs_id
        self.parent_id = parent_id
        super().__init__(
            f"{class_name(entity_class)} {ecs_id} cannot follow {parent_id}: {reason}; "
            "let fork() set parent_id and old_ids"
        )


class StaleVersionError(EcsSqlError):
    """A change was expected to be of the latest version, and another one follows that version; nothing was written.

    Attributes:
        entity_class: the class of the entity.
        ecs_id: the entity's id, which is as it was.
        lineage_id: its lineage.
        parent_id: the version that was changed.
        latest_id: the newest stored version of the lineage.
    """

    def __init__(
        self,
        entity_class: type,
        ecs_id: UUID,
        lineage_id: UUID,
        parent_id: UUID,
        latest_id: UUID,
    ) -> None:
        self.entity_class = entity_class
        self.ecs_id = ecs_id
        self.lineage_id = lineage_id
        self.parent_id = parent_id
        self.latest_id = latest_id
        if latest_id == parent_id:
            reason = "two objects of this call change it; register one of them"
        else:
            reason = (
                f"the newest version of its lineage {lineage_id} is {latest_id}; load that, "
                "change it and register it instead"
            )
        super().__init__(
            f"{class_name(entity_class)} {ecs_id} changes version {parent_id}, "
            f"which is no longer the latest: {reason}, or leave out expect_latest to make a branch"
        )


class StorageUrlError(EcsSqlError):
    """A URL or engine that no storage can be opened with."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(
            f"no storage can be opened with {url!r}: {reason}; use a URL like 'sqlite:///app.db', "
            "'postgresql+psycopg://user@host/db' or 'mariadb+pymysql://user@host/db'"
        )


class TransactionError(EcsSqlError):
    """The transaction cannot do what was asked of it."""


class ReadOnlyTransactionError(TransactionError):
    """A write was asked of a read-only transaction."""

    def __init__(self, operation: str) -> None:
        self.operation = operation
        super().__init__(
            f"{operation}() writes, but the transaction is read-only; use transaction()"
        )


class StorageError(EcsSqlError):
    """The database failed; nothing of the operation is kept, the driver's error is the cause."""


class WriteConflictError(StorageError):
    """Another transaction was in the way; repeat the whole transaction."""


class ConnectionLostError(StorageError):
    """The server ended the connection, or cannot be reached; nothing was kept: repeat the whole transaction."""


class UnknownOutcomeError(StorageError):
    """The connection was lost during a commit, and the server cannot be asked what became of it.

    The objects are as they were before. Where `has_entity` of one of `ecs_ids` is true, the commit has lasted.

    Attributes:
        ecs_ids: the versions that the transaction wrote; empty when it only removed some.
    """

    def __init__(self, ecs_ids: tuple[UUID, ...]) -> None:
        self.ecs_ids = ecs_ids
        shown = ", ".join(map(str, ecs_ids[:3])) + (", ..." if len(ecs_ids) > 3 else "")
        look = f"look whether {shown} is stored" if ecs_ids else "look what is stored"
        super().__init__(
            "the connection was lost during the commit, and it could not be found out whether that lasted; "
            f"{look} before you repeat the transaction"
        )


class DatabaseBusyError(StorageError):
    """Others held a lock, or all connections, for longer than the operation may wait; repeat it later."""


class ValueTooLargeError(StorageError):
    """The server refuses a statement or value of this size."""


class ImmutableVersionError(EcsSqlError):
    """An update or delete of a stored version was attempted through the ORM."""

    def __init__(self, row_class: type) -> None:
        self.row_class = row_class
        super().__init__(
            f"{row_class.__name__} rows are immutable versions; change the entity and register it instead"
        )


class DetachedRowError(EcsSqlError):
    """A row was asked for its entity outside a Session."""

    def __init__(self, row_class: type) -> None:
        self.row_class = row_class
        super().__init__(
            f"{row_class.__name__}.to_entity() reads references through the row's Session, "
            "and this row has none; call it while the Session is open"
        )


class DiffMismatchError(EcsSqlError):
    """A diff was applied to a graph that differs from the one it was made from."""

    def __init__(self, ecs_id: UUID) -> None:
        self.ecs_id = ecs_id
        super().__init__(
            f"the diff does not fit: entity {ecs_id} is not as the diff found it; "
            "apply the diff to the graph that diff() was called on, or to an equal one"
        )
