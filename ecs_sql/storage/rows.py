"""The contract between the storage operations and a backend: stored versions as rows, in units of work."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from ecs_sql.entity_codec import Content, EntityCodec, Values
from ecs_sql.identity import IdentifiedModel, Identity
from ecs_sql.lineage import Head, Insert


@dataclass(frozen=True, slots=True)
class RegistryStatus:
    """What a storage holds, alike on every backend.

    Attributes:
        backend: "memory", "sqlite", "postgresql" or "mariadb".
        entity_types: how many classes have stored versions.
        versions: how many versions are stored.
        lineages: how many things they are versions of.
    """

    backend: str
    entity_types: int
    versions: int
    lineages: int


class Parent(NamedTuple):
    """A version that others are forked from; it need not be stored."""

    ecs_id: UUID
    lineage_id: UUID


Row = tuple[Any, ...]
"""One stored version: where it stands in stored order, the fields of its `Identity`, its canonical values."""


class Rows(NamedTuple):
    """Stored versions of exactly one class, in parallel columns.

    Attributes:
        codec: of the class.
        positions: where each stands in stored order.
        bookkeeping: a column for each field of `Identity`.
        content: the columns of canonical values, in the codec's order.
    """

    codec: EntityCodec
    positions: Values
    bookkeeping: Sequence[Values]
    content: Sequence[Values]

    @classmethod
    def of(cls, codec: EntityCodec, rows: Sequence[Row]) -> Rows:
        """The columns of single rows."""
        width = CONTENT + len(codec.spec.fields)
        columns: list[Values] = list(zip(*rows, strict=True)) if rows else [()] * width
        return cls(codec, columns[0], columns[1:CONTENT], columns[CONTENT:])

    def single(self) -> list[Row]:
        """The single rows."""
        return list(zip(self.positions, *self.bookkeeping, *self.content, strict=True))

    @property
    def ecs_ids(self) -> Values:
        """The versions' ids."""
        return self.bookkeeping[0]

    @property
    def identities(self) -> list[Identity]:
        """The versions' bookkeeping."""
        return list(map(Identity, *self.bookkeeping))

    @property
    def contents(self) -> list[Content]:
        """The versions' contents."""
        return list(zip(*self.content, strict=True)) if self.content else [()] * len(self.positions)


Found = tuple[EntityCodec, Row]
"""One stored version, and the codec of its class."""

LINEAGE_ID = 1 + Identity._fields.index("lineage_id")
"""Where a row has the id of its lineage."""
CONTENT = 1 + len(Identity._fields)
"""Where a row's canonical values begin."""


class UnitOfWork(ABC):
    """One transaction on a backend. Reads see its own writes; nothing outlives a rollback."""

    @abstractmethod
    def heads(self, ecs_ids: Collection[UUID]) -> dict[UUID, Head]:
        """Class and lineage of those of the ids that are stored.

        Raises:
            UnknownDiscriminatorError: when one is of a type that nobody registered.
        """

    @abstractmethod
    def find(
        self, ecs_ids: Collection[UUID], referrers: Collection[EntityCodec] = (), ahead: int = 0
    ) -> list[Rows]:
        """The stored versions among these ids.

        Args:
            ecs_ids: which versions.
            referrers: the classes whose references the ids are, where that is so.
            ahead: how many versions stored after the first of them may be read as well, unasked.

        Raises:
            UnknownDiscriminatorError: when one is of a type that nobody registered.
        """

    @abstractmethod
    def find_one(self, ecs_id: UUID) -> Found | None:
        """The stored version of this id.

        Raises:
            UnknownDiscriminatorError: when it is of a type that nobody registered.
        """

    @abstractmethod
    def of_class(self, entity_class: type[IdentifiedModel]) -> list[Rows]:
        """All versions of the class and its subclasses, of each class in stored order."""

    @abstractmethod
    def existing(self, ecs_ids: Collection[UUID]) -> set[UUID]:
        """Those of the ids that are stored."""

    @abstractmethod
    def lineage(self, lineage_id: UUID) -> list[UUID]:
        """The ids of all versions of a lineage, in stored order."""

    @abstractmethod
    def lock_forks(self, parents: Collection[Parent]) -> dict[Parent, set[UUID]]:
        """The versions that were forked from each of these within its lineage, where there are any.

        Whoever asks the same of one of them, in another unit of work, waits until this one ends. A version
        that is not stored here cannot be locked.
        """

    @abstractmethod
    def newest(self, lineage_id: UUID) -> UUID:
        """The last stored version of a lineage that has some, also of what was committed a moment ago."""

    @abstractmethod
    def status(self) -> RegistryStatus:
        """Counts of what is stored."""

    @abstractmethod
    def insert(self, inserts: Sequence[Insert]) -> None:
        """Write versions, in this order."""

    def insert_lone(self, insert: Insert) -> bool:
        """Write one version of which nobody has asked whether it is stored, and nothing else.

        Returns:
            Whether it was written; if not, it may be stored, or has to be written by `insert`.
        """
        return False

    @abstractmethod
    def clear(self) -> None:
        """Remove all versions."""

    @abstractmethod
    def savepoint(self) -> Savepoint:
        """A point inside the unit of work to which it can return."""

    @abstractmethod
    def commit(self) -> None:
        """Make the writes last."""

    @abstractmethod
    def rollback(self) -> None:
        """Undo the writes."""

    @abstractmethod
    def close(self) -> None:
        """Give back what the unit of work held; after commit or rollback, or alone after reads."""


class Savepoint(ABC):
    """A point inside a unit of work."""

    @abstractmethod
    def release(self) -> None:
        """Keep what was written since; the point is gone."""

    @abstractmethod
    def rollback(self) -> None:
        """Undo what was written since; the point is gone."""
