"""A unit of work on a SQL database: rows in and out through one Connection."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import Connection, NestedTransaction
from sqlalchemy.exc import DBAPIError
from typing_extensions import override

from ecs_sql.entity_codec import EntityCodec
from ecs_sql.errors import (
    ConnectionLostError,
    StorageError,
    TransactionError,
)
from ecs_sql.identity import IdentifiedModel
from ecs_sql.lineage import Head, Insert
from ecs_sql.storage.chunk_store import ChunkStore
from ecs_sql.storage.driver import Driver
from ecs_sql.storage.failures import storage_error, translated
from ecs_sql.storage.reading import VersionReader, as_uuid
from ecs_sql.storage.rows import Found, Parent, RegistryStatus, Rows, Savepoint, UnitOfWork
from ecs_sql.storage.writing import VersionWriter

if TYPE_CHECKING:
    from ecs_sql.storage.catalogue import Catalogue


class SqlWork(UnitOfWork):
    """Reads and writes versions through a connection that somebody else opened and will close."""

    def __init__(self, connection: Connection, catalogue: Catalogue) -> None:
        self.connection = connection
        self._driver = Driver(connection)
        self.failure: DBAPIError | None = None
        """What has ended the transaction, though the block goes on."""
        self._catalogue = catalogue
        self._dialect = catalogue.dialect
        self._chunks = ChunkStore(self._driver, self._dialect)
        self._reader = VersionReader(self._driver, catalogue, self._chunks)
        self._writer = VersionWriter(self._driver, catalogue, self._chunks)

    # Reading

    @override
    def heads(self, ecs_ids: Collection[UUID]) -> dict[UUID, Head]:
        return self._reader.heads(ecs_ids)

    @override
    def find(
        self, ecs_ids: Collection[UUID], referrers: Collection[EntityCodec] = (), ahead: int = 0
    ) -> list[Rows]:
        return self._reader.find(ecs_ids, referrers, ahead)

    @override
    def find_one(self, ecs_id: UUID) -> Found | None:
        return self._reader.find_one(ecs_id)

    @override
    def of_class(self, entity_class: type[IdentifiedModel]) -> list[Rows]:
        return self._reader.of_class(entity_class)

    @override
    def existing(self, ecs_ids: Collection[UUID]) -> set[UUID]:
        select = "SELECT ecs_id FROM base_entities"
        rows, _ = (
            self._reader.by_ids(select, "ecs_id", self._dialect.bind_ids(list(ecs_ids)))
            if ecs_ids
            else ([], [])
        )
        return {as_uuid(row[0]) for row in rows}

    @override
    def lineage(self, lineage_id: UUID) -> list[UUID]:
        mark = self._dialect.placeholder
        statement = f"SELECT ecs_id FROM base_entities WHERE lineage_id = {mark} ORDER BY id"
        rows, _ = self._driver.query(statement, (self._dialect.bind_ids([lineage_id])[0],))
        return [as_uuid(row[0]) for row in rows]

    @override
    def lock_forks(self, parents: Collection[Parent]) -> dict[Parent, set[UUID]]:
        ids = self._dialect.bind_ids([parent.ecs_id for parent in parents])
        self._dialect.lock_versions(self._driver, ids)
        select = "SELECT parent_id, lineage_id, ecs_id FROM base_entities"
        rows, _ = self._reader.by_ids(select, "parent_id", ids, self._dialect.current_read)
        forks: dict[Parent, set[UUID]] = {}
        for row in rows:
            parent_id, lineage_id, ecs_id = map(as_uuid, row)
            forks.setdefault(Parent(parent_id, lineage_id), set()).add(ecs_id)
        return forks

    @override
    def newest(self, lineage_id: UUID) -> UUID:
        statement = (
            f"SELECT ecs_id FROM base_entities WHERE lineage_id = {self._dialect.placeholder} "
            f"ORDER BY id DESC LIMIT 1{self._dialect.current_read}"
        )
        rows, _ = self._driver.query(statement, tuple(self._dialect.bind_ids([lineage_id])))
        return as_uuid(rows[0][0])

    @override
    def status(self) -> RegistryStatus:
        rows, _ = self._driver.query(
            "SELECT count(DISTINCT type), count(*), count(DISTINCT lineage_id) FROM base_entities",
            (),
        )
        return RegistryStatus(self._dialect.name, *map(int, rows[0]))

    # Writing

    @override
    def insert(self, inserts: Sequence[Insert]) -> None:
        self._writer.insert(inserts)

    @override
    def insert_lone(self, insert: Insert) -> bool:
        return self._writer.insert_lone(insert)

    @override
    def clear(self) -> None:
        self._dialect.lock_writes(self._driver)  # the tables are emptied one after the other
        self._reader.check_types_known()
        for table in self._catalogue.tables_children_first():
            self._driver.execute(f"DELETE FROM {table}")

    # Transaction

    @override
    def savepoint(self) -> Savepoint:
        self.check_alive()
        with self.translated():
            return SqlSavepoint(self)

    def translated(self) -> AbstractContextManager[None]:
        """A driver's errors as the library's own."""
        return translated(self._dialect, self.connection.dialect.loaded_dbapi.Error)

    def check_alive(self) -> None:
        """Check that the transaction can still be committed.

        Raises:
            StorageError: of the kind that has ended it.
        """
        if self.failure is not None:
            raise storage_error(self.failure, self._dialect) from self.failure
        if self.connection.invalidated:
            raise ConnectionLostError("the connection was lost; repeat the whole transaction")
        if self._dialect.has_failed(self.connection):
            raise StorageError("the database ended the transaction; repeat the whole transaction")

    @override
    def commit(self) -> None:
        with self.translated():
            self.connection.commit()

    @override
    def rollback(self) -> None:
        if not self.connection.closed:
            try:
                self.connection.rollback()
            except DBAPIError:  # the server undoes by itself what a lost connection left open
                self.connection.invalidate()

    def close(self) -> None:
        """Nothing: the connection is whoever's that opened it."""


class SqlSavepoint(Savepoint):
    """A savepoint of the database."""

    def __init__(self, work: SqlWork) -> None:
        self._work = work
        self._nested: NestedTransaction = work.connection.begin_nested()

    @override
    def release(self) -> None:
        if not self._nested.is_active:
            raise TransactionError(
                "the application ended its transaction inside the block; end it after the block"
            )
        try:
            with self._work.translated():
                self._nested.commit()
        finally:
            self._nested.close()  # one whose release failed would be in the way of the outer ones

    @override
    def rollback(self) -> None:
        if self._nested.is_active:
            try:
                self._nested.rollback()
            except (
                DBAPIError
            ) as error:  # gone with the whole transaction, as after MariaDB's deadlocks
                self._work.failure = self._work.failure or error
