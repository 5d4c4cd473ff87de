"""What a storage is to an application: the protocol that every backend keeps, and third parties' may."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar, overload
from uuid import UUID

from ecs_sql.entity import Entity
from ecs_sql.storage.rows import RegistryStatus
from ecs_sql.storage.verification.report import OnFinding, OnProgress, VerificationReport

E = TypeVar("E", bound=Entity)


class EntityStorage(Protocol):
    """Where versions of entities are kept.

    Entities go in as they are and come back as fresh objects; what is stored never changes.
    """

    @overload
    def register(self, entity: E, *, expect_latest: bool = False) -> E: ...
    @overload
    def register(self, entity: UUID) -> Entity | None: ...
    def register(self, entity: Entity | UUID, *, expect_latest: bool = False) -> Entity | None:
        """Store the graph of an entity in one transaction; what changed since it was stored forks.

        Args:
            entity: the root of the graph, or an id.
            expect_latest: of several callers that change one version and each ask for this, one wins.
                Every version of the graph that forks, also from a parent that `fork()` set, has to be one
                that no stored version was forked from; it stays locked until the transaction ends.

        Returns:
            The very argument; of an id, what `get` gives.

        Raises:
            UnstorableValueError: a value that its field cannot keep.
            UnregisteredClassError: a class that the storage does not map.
            IdentityConflictError: an id that another lineage or class has.
            CopyConflictError: two differing objects of one unstored id.
            StaleVersionError: with `expect_latest`, a version that forks has been forked already, or forks
                twice in this call. Nothing is written, and the ids are as they were.
        """
        ...

    def register_many(self, entities: Iterable[E], *, expect_latest: bool = False) -> list[E]:
        """Store several graphs in one transaction, as `register` does one; returns the entities."""
        ...

    def has_entity(self, ecs_id: UUID) -> bool:
        """Whether a version is stored."""
        ...

    @overload
    def get(self, ecs_id: UUID, entity_type: type[E]) -> E | None: ...
    @overload
    def get(self, ecs_id: UUID, entity_type: None = None) -> Entity | None: ...
    def get(self, ecs_id: UUID, entity_type: type[Entity] | None = None) -> Entity | None:
        """A version with all that it refers to, as fresh objects; None when it is not stored.

        Raises:
            EntityTypeError: when the version is not of the type asked for.
        """
        ...

    @overload
    def get_many(self, ecs_ids: Iterable[UUID], entity_type: type[E]) -> list[E | None]: ...
    @overload
    def get_many(
        self, ecs_ids: Iterable[UUID], entity_type: None = None
    ) -> list[Entity | None]: ...
    def get_many(self, ecs_ids: Iterable[UUID], entity_type: type[Any] | None = None) -> list[Any]:
        """Versions in the order asked for, None where one is not stored; shared parts are shared objects."""
        ...

    def get_cold_snapshot(self, ecs_id: UUID) -> Entity | None:
        """A version whatever its type, as `get` gives it."""
        ...

    def list_by_type(self, entity_type: type[E]) -> list[E]:
        """Every version of a class and its subclasses, in stored order."""
        ...

    def has_lineage_id(self, lineage_id: UUID) -> bool:
        """Whether a lineage has a stored version."""
        ...

    def get_lineage_ids(self, lineage_id: UUID) -> list[UUID]:
        """The ids of all stored versions of a lineage, in stored order."""
        ...

    def get_lineage_entities(self, lineage_id: UUID) -> list[Entity]:
        """All stored versions of a lineage, in stored order."""
        ...

    def get_registry_status(self) -> RegistryStatus:
        """Counts of what is stored."""
        ...

    def verify(
        self,
        *,
        on_finding: OnFinding | None = None,
        on_progress: OnProgress | None = None,
        keep: int = 100,
        batch_rows: int = 2_000,
    ) -> VerificationReport:
        """Check everything that is stored, in batches, within one transaction that writes nothing.

        A SQL storage checks that its tables are those that the classes need, that each version has its rows
        and each row its version, that each value decodes and is one that its field takes, that references
        lead to stored versions of a fitting class, and that lineages are whole. Memory checks values,
        references and lineages. `model_post_init` does not run.

        Args:
            on_finding: is told each finding, in the order found.
            on_progress: is told how far each table is.
            keep: how many findings the report keeps; their counts are exact whatever is kept.
            batch_rows: how many rows at most are read at a time; fewer where rows are large.

        Returns:
            The report, whose `ok` tells whether nothing is wrong. Nothing is mended.
        """
        ...

    def clear(self) -> None:
        """Remove all versions; the storage stays usable.

        Not for a database that other processes write to meanwhile: what they write may refer to what they know
        to be stored, and is removed.
        """
        ...

    def transaction(self, *, read_only: bool = False) -> AbstractContextManager[Any]:
        """Group operations: all of them last, or none.

        An exception leaves the block after everything in it is rolled back, and objects have the ids that
        they had before. A block inside a block can fail alone.
        """
        ...
