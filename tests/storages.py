"""Opens storages for one test, each on an empty database of its own, and cleans up after it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

import ecs_sql

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from ecs_sql import Entity, EntityStorage, SqlAlchemyEntityStorage
    from tests.backends import Backends


class Storages:
    """Opens storages on any backend; on exit it closes them and drops their databases."""

    def __init__(self, backends: Backends, check: Callable[[str], None]) -> None:
        self._backends = backends
        self._check = check
        self._cleanup = ExitStack()
        self._opened: list[tuple[EntityStorage, str, tuple[type[Entity], ...]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._cleanup.close()

    def use(self, backend_name: str) -> str:
        """Note that the test uses this backend; where it is not there, the test ends here."""
        self._check(backend_name)
        return backend_name

    def database(self, backend_name: str) -> str:
        """The URL of an empty database of a SQL backend, private to the test."""
        self.use(backend_name)
        return self._cleanup.enter_context(self._backends.database(backend_name))

    def open(self, backend_name: str, *classes: type[Entity]) -> EntityStorage:
        """A storage on an empty database, private to the test; each call makes another one."""
        if backend_name == "memory":
            self.use(backend_name)
            return ecs_sql.InMemoryEntityStorage()
        return self.open_url(self.database(backend_name), *classes)

    def open_url(self, url: str, *classes: type[Entity]) -> SqlAlchemyEntityStorage:
        """A storage on the database with that URL, with a new mapping of the classes."""
        storage = ecs_sql.SqlAlchemyEntityStorage(url, classes)
        self._cleanup.callback(storage.engine.dispose)
        self._opened.append((storage, url, classes))
        return storage

    def reopen(self, storage: EntityStorage, *classes: type[Entity]) -> EntityStorage:
        """A second storage on the same database, with a new engine and a new mapping.

        The mapping is of `classes`, or of those that the first was opened with. Memory has nothing
        to open again and keeps encoded rows, no objects: there it is the same storage.
        """
        for opened, url, its_classes in self._opened:
            if opened is storage:
                return self.open_url(url, *(classes or its_classes))
        return storage

    def url(self, storage: EntityStorage) -> str:
        """The URL of a SQL storage's database."""
        return next(url for opened, url, _ in self._opened if opened is storage)
