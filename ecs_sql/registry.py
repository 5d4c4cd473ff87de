"""The process-wide façade over one storage."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, ClassVar, TypeVar, overload
from uuid import UUID

from ecs_sql.entity import Entity
from ecs_sql.errors import ArgumentError
from ecs_sql.processes import ForkSafeLock
from ecs_sql.storage.memory import InMemoryEntityStorage
from ecs_sql.storage.protocol import EntityStorage
from ecs_sql.storage.rows import RegistryStatus
from ecs_sql.storage.verification.report import OnFinding, OnProgress, VerificationReport

E = TypeVar("E", bound=Entity)


class EntityRegistry:
    """One storage for the whole process; its operations are class methods. Memory until told otherwise.

    Example:
        >>> EntityRegistry.use_storage(InMemoryEntityStorage())
        >>> EntityRegistry.get_registry_status().versions
        0
    """

    _storage: ClassVar[EntityStorage | None] = None
    _lock: ClassVar[ForkSafeLock] = ForkSafeLock()

    @classmethod
    def use_storage(cls, storage: EntityStorage) -> None:
        """Use a storage for the whole process from now on.

        Raises:
            ArgumentError: when it is none.
        """
        if not callable(getattr(storage, "register_many", None)):
            remedy = "give a storage, such as SqlAlchemyEntityStorage(url, classes)"
            raise ArgumentError("storage", storage, "it is no storage", remedy)
        with cls._lock:
            cls._storage = storage

    @classmethod
    def get_storage(cls) -> EntityStorage:
        """The storage in use."""
        with cls._lock:
            if cls._storage is None:
                cls._storage = InMemoryEntityStorage()
            return cls._storage

    @overload
    @classmethod
    def register(cls, entity: E, *, expect_latest: bool = False) -> E: ...
    @overload
    @classmethod
    def register(cls, entity: UUID) -> Entity | None: ...
    @classmethod
    def register(cls, entity: Entity | UUID, *, expect_latest: bool = False) -> Entity | None:
        """See `EntityStorage.register`."""
        storage = cls.get_storage()
        if isinstance(entity, UUID):
            return storage.register(entity)
        return storage.register(entity, expect_latest=expect_latest)

    @classmethod
    def register_many(cls, entities: Iterable[E], *, expect_latest: bool = False) -> list[E]:
        """See `EntityStorage.register_many`."""
        return cls.get_storage().register_many(entities, expect_latest=expect_latest)

    @classmethod
    def has_entity(cls, ecs_id: UUID) -> bool:
        """See `EntityStorage.has_entity`."""
        return cls.get_storage().has_entity(ecs_id)

    @overload
    @classmethod
    def get(cls, ecs_id: UUID, entity_type: type[E]) -> E | None: ...
    @overload
    @classmethod
    def get(cls, ecs_id: UUID, entity_type: None = None) -> Entity | None: ...
    @classmethod
    def get(cls, ecs_id: UUID, entity_type: type[Any] | None = None) -> Any:
        """See `EntityStorage.get`."""
        return cls.get_storage().get(ecs_id, entity_type)

    @overload
    @classmethod
    def get_many(cls, ecs_ids: Iterable[UUID], entity_type: type[E]) -> list[E | None]: ...
    @overload
    @classmethod
    def get_many(cls, ecs_ids: Iterable[UUID], entity_type: None = None) -> list[Entity | None]: ...
    @classmethod
    def get_many(cls, ecs_ids: Iterable[UUID], entity_type: type[Any] | None = None) -> list[Any]:
        """See `EntityStorage.get_many`."""
        return cls.get_storage().get_many(ecs_ids, entity_type)

    @classmethod
    def get_cold_snapshot(cls, ecs_id: UUID) -> Entity | None:
        """See `EntityStorage.get_cold_snapshot`."""
        return cls.get_storage().get_cold_snapshot(ecs_id)

    @classmethod
    def list_by_type(cls, entity_type: type[E]) -> list[E]:
        """See `EntityStorage.list_by_type`."""
        return cls.get_storage().list_by_type(entity_type)

    @classmethod
    def has_lineage_id(cls, lineage_id: UUID) -> bool:
        """See `EntityStorage.has_lineage_id`."""
        return cls.get_storage().has_lineage_id(lineage_id)

    @classmethod
    def get_lineage_ids(cls, lineage_id: UUID) -> list[UUID]:
        """See `EntityStorage.get_lineage_ids`."""
        return cls.get_storage().get_lineage_ids(lineage_id)

    @classmethod
    def get_lineage_entities(cls, lineage_id: UUID) -> list[Entity]:
        """See `EntityStorage.get_lineage_entities`."""
        return cls.get_storage().get_lineage_entities(lineage_id)

    @classmethod
    def get_registry_status(cls) -> RegistryStatus:
        """See `EntityStorage.get_registry_status`."""
        return cls.get_storage().get_registry_status()

    @classmethod
    def verify(
        cls,
        *,
        on_finding: OnFinding | None = None,
        on_progress: OnProgress | None = None,
        keep: int = 100,
        batch_rows: int = 2_000,
    ) -> VerificationReport:
        """See `EntityStorage.verify`."""
        return cls.get_storage().verify(
            on_finding=on_finding, on_progress=on_progress, keep=keep, batch_rows=batch_rows
        )

    @classmethod
    def clear(cls) -> None:
        """See `EntityStorage.clear`."""
        cls.get_storage().clear()

    @classmethod
    def transaction(cls, *, read_only: bool = False) -> AbstractContextManager[Any]:
        """See `EntityStorage.transaction`."""
        return cls.get_storage().transaction(read_only=read_only)
