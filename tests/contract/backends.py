"""The contract on one of the project's own backends."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest

from ecs_sql.testing import EntityStorageContract

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecs_sql import Entity, EntityStorage
    from tests.storages import Storages


class BackendContract(EntityStorageContract):
    """Opens each storage on an empty database of the backend that a subclass names."""

    backend: ClassVar[str]

    @pytest.fixture(autouse=True)
    def _open_with(self, storages: Storages) -> None:
        self.storages = storages

    def make_storage(self, classes: Sequence[type[Entity]]) -> EntityStorage:
        return self.storages.open(self.backend, *classes)

    def reopen_storage(
        self, storage: EntityStorage, classes: Sequence[type[Entity]]
    ) -> EntityStorage:
        return self.storages.reopen(storage, *classes)
