"""What every entity has: bookkeeping fields, slots beside them, and the fork. Knows no SQL.

The bookkeeping fields are pydantic fields and stored. The slots belong to one Python object: pydantic
neither validates nor dumps nor copies nor pickles them, and an unset slot is a new object's natural state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from copy import deepcopy
from datetime import UTC, datetime
from itertools import repeat
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, cast
from uuid import UUID, uuid4

from pydantic import AwareDatetime, BaseModel, Field, PrivateAttr
from typing_extensions import Format, dataclass_transform, get_annotations

from ecs_sql.errors import ReservedFieldError
from ecs_sql.instances import each, named_tuples, set_fields_set
from ecs_sql.processes import ForkSafeLock

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass as _ModelMeta
else:
    _ModelMeta = type(BaseModel)

BOOKKEEPING_FIELDS = ("ecs_id", "lineage_id", "parent_id", "old_ids", "created_at")
RESERVED_NAMES = frozenset({*BOOKKEEPING_FIELDS, "live_id", "from_storage"})

_live_id_lock = ForkSafeLock()
_inside_repr: ContextVar[bool] = ContextVar("ecs_sql_inside_repr", default=False)


number_of: Callable[[UUID], int] = attrgetter("int")
"""An id's number: it hashes and compares in compiled code, which the id itself does not."""


def utc_now() -> datetime:
    """The present as an aware datetime in UTC, to the microsecond."""
    return datetime.now(UTC)


def _no_ids() -> list[UUID]:
    return []  # pydantic reads the signature of a factory in each subclass; that of `list` takes a parser


class Memory(NamedTuple):
    """What one storage remembers of one object, so that an unchanged one need not be read again."""

    storage: object
    ecs_id: UUID
    lineage_id: UUID
    content: tuple[Any, ...]


class Identity(NamedTuple):
    """The bookkeeping of one version, apart from any object."""

    ecs_id: UUID
    lineage_id: UUID
    parent_id: UUID | None
    created_at: datetime
    old_ids: tuple[UUID, ...]

    def forked(self, created_at: datetime) -> Identity:
        """The bookkeeping of a new version whose parent is this one."""
        return Identity(
            uuid4(), self.lineage_id, self.ecs_id, created_at, (*self.old_ids, self.ecs_id)
        )


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(Field, PrivateAttr))
class EntityMeta(_ModelMeta):
    """pydantic's metaclass; tells checkers that entity classes keep their own equality and hash."""


class IdentifiedModel(BaseModel, metaclass=EntityMeta):
    """A pydantic model with an identity: the bookkeeping fields and the slots of one object.

    Raises:
        ReservedFieldError: when a subclass redefines a bookkeeping field, `live_id` or `from_storage`.
    """

    __slots__ = ("_ecs_from_storage", "_ecs_live_id", "_ecs_memory")
    __abstract__: ClassVar[bool] = True
    __ecs_stored_names__: ClassVar[frozenset[str] | None] = None

    ecs_id: UUID = Field(default_factory=uuid4)
    """Names this version for ever."""
    lineage_id: UUID = Field(default_factory=uuid4)
    """Names the thing of which this is a version."""
    parent_id: UUID | None = None
    """The version that this one was forked from."""
    old_ids: list[UUID] = Field(default_factory=_no_ids)
    """All ancestors, oldest first."""
    created_at: AwareDatetime = Field(default_factory=utc_now)
    """When this version was made, aware, in UTC."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse a redefined bookkeeping field as soon as the class is defined."""
        super().__pydantic_init_subclass__(**kwargs)
        for base in cls.__mro__:
            if base is IdentifiedModel or base in IdentifiedModel.__mro__:
                continue
            declared = {*get_annotations(base, format=Format.FORWARDREF), *vars(base)}
            for name in RESERVED_NAMES & declared:
                raise ReservedFieldError(cls, name)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """As pydantic's; a loaded object's set of field names is made when somebody asks for it."""
            if name == "__pydantic_fields_set__" and type(self).__ecs_stored_names__ is not None:
                return set_fields_set(self, set(type(self).__ecs_stored_names__))
            return super().__getattr__(name)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """A copy of everything below; in older versions of pydantic what leads back to itself became two objects."""
        memo = {} if memo is None else memo
        copied = memo[id(self)] = self.__copy__()
        for part in ("__dict__", "__pydantic_extra__", "__pydantic_private__"):
            object.__setattr__(copied, part, deepcopy(getattr(copied, part), memo))
        return copied

    @property
    def live_id(self) -> UUID:
        """Names this Python object; a copy, and the same version loaded again, have others."""
        live_id = cast("UUID | None", getattr(self, "_ecs_live_id", None))
        if live_id is None:
            with _live_id_lock:
                live_id = cast("UUID | None", getattr(self, "_ecs_live_id", None)) or uuid4()
                _set_live_id(self, live_id)
        return live_id

    @property
    def from_storage(self) -> bool:
        """True only for an object that a storage returned; stays true when it forks."""
        return getattr(self, "_ecs_from_storage", False)

    def __eq__(self, other: object) -> bool:
        """Equal by (ecs_id, live_id); a live_id is one object's alone, so this is identity."""
        return self is other

    def __hash__(self) -> int:
        """By live_id alone, so that a fork does not lose an entity from a set."""
        return hash(self.live_id)

    def __repr__(self) -> str:
        """All fields; entities among their values in short, so that it never recurses."""
        return self._shown(super().__repr__)

    def __str__(self) -> str:
        """As pydantic's, with entities among the values in short."""
        return self._shown(super().__str__)

    def _shown(self, show: Any) -> str:
        if _inside_repr.get():
            return f"<{type(self).__name__} {self.__dict__.get('ecs_id')}>"
        token = _inside_repr.set(True)
        try:
            return cast("str", show())
        finally:
            _inside_repr.reset(token)


_bookkeeping_of = itemgetter(*Identity._fields)
_set_live_id = vars(IdentifiedModel)["_ecs_live_id"].__set__
_set_from_storage = vars(IdentifiedModel)["_ecs_from_storage"].__set__
_set_memory = vars(IdentifiedModel)["_ecs_memory"].__set__
_get_memory = vars(IdentifiedModel)["_ecs_memory"].__get__


def mark_one_from_storage(entity: IdentifiedModel) -> None:
    """Note that a storage returned this object."""
    _set_from_storage(entity, True)  # noqa: FBT003  (a slot has but one argument)


def mark_from_storage(entities: Iterable[IdentifiedModel]) -> None:
    """Note that a storage returned these objects."""
    each(_set_from_storage, entities, repeat(True))  # noqa: FBT003  (a slot has but one argument)


def remember(entity: IdentifiedModel, memory: Memory | None) -> None:
    """Note, or forget, what a storage knows of this object."""
    _set_memory(entity, memory)


def remember_all(entities: Iterable[IdentifiedModel], known: Iterable[Memory]) -> None:
    """Note what a storage knows of each of these objects."""
    each(_set_memory, entities, known)


def memories(
    storage: object, bookkeeping: Sequence[Sequence[Any]], contents: Iterable[tuple[Any, ...]]
) -> Iterator[Memory]:
    """What a storage remembers of objects that it has just loaded or written.

    Args:
        storage: whose memory it is.
        bookkeeping: a column for each field of `Identity`.
        contents: of each object.
    """
    ecs_ids, lineage_ids = bookkeeping[:2]
    return named_tuples(Memory, repeat(storage), ecs_ids, lineage_ids, contents)


def memory_of(storage: object, ecs_id: UUID, lineage_id: UUID, content: tuple[Any, ...]) -> Memory:
    """A `Memory`, made in half the time that its own constructor takes."""
    return tuple.__new__(Memory, (storage, ecs_id, lineage_id, content))


def memories_of(entities: Sequence[IdentifiedModel]) -> list[Memory | None]:
    """What a storage remembers of each of these objects."""
    try:
        return list(map(_get_memory, entities))
    except AttributeError:
        pass
    found: list[Memory | None] = []
    for entity in entities:
        try:
            found.append(_get_memory(entity))
        except AttributeError:  # never set
            found.append(None)
    return found


def memories_in(
    storage: object, entities: Sequence[IdentifiedModel], known: Sequence[Memory | None]
) -> list[Memory | None]:
    """The memories that are this storage's and of the version that the object still says it is."""
    found: list[Memory | None] = []
    for entity, memory in zip(entities, known, strict=True):
        own = None
        if memory is not None and memory.storage is storage:
            values, (_, ecs_id, lineage_id, _) = entity.__dict__, memory
            if (values["ecs_id"] is ecs_id or values["ecs_id"] == ecs_id) and (
                values["lineage_id"] is lineage_id or values["lineage_id"] == lineage_id
            ):
                own = memory
        found.append(own)
    return found


def identity_of(entity: IdentifiedModel) -> Identity:
    """The object's bookkeeping as an immutable value."""
    values = entity.__dict__
    return Identity(
        values["ecs_id"],
        values["lineage_id"],
        values["parent_id"],
        values["created_at"],
        tuple(values["old_ids"]),
    )


def identities_of(entities: Sequence[IdentifiedModel]) -> list[Identity]:
    """The bookkeeping of each of these objects; see `identity_of`."""
    if not entities:
        return []
    values = [entity.__dict__ for entity in entities]
    *columns, old_ids = zip(*map(_bookkeeping_of, values), strict=True)
    return list(named_tuples(Identity, *columns, map(tuple, old_ids)))


def assign_identity(entity: IdentifiedModel, identity: Identity) -> None:
    """Write bookkeeping past pydantic's `__setattr__`, so that frozen and validating classes fork too."""
    values = vars(entity)
    values["ecs_id"] = identity.ecs_id
    values["lineage_id"] = identity.lineage_id
    values["parent_id"] = identity.parent_id
    values["old_ids"] = list(identity.old_ids)
    values["created_at"] = identity.created_at


def fork_in_place(entity: IdentifiedModel) -> None:
    """Make the object a new version of its lineage, whose parent is what it was."""
    assign_identity(entity, identity_of(entity).forked(utc_now()))
