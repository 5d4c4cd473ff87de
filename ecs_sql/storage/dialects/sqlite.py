"""SQLite: one writer at a time, WAL, everything in one file or in memory."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import pydantic_core
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from ecs_sql.storage.binding import hexes
from ecs_sql.storage.dialects.base import DatabaseDialect, ErrorKind, Row, Target
from ecs_sql.storage.driver import Driver

BUSY_TIMEOUT_SECONDS = 30

_CONFLICTS = frozenset({sqlite3.SQLITE_BUSY_SNAPSHOT, sqlite3.SQLITE_BUSY_RECOVERY})
_PRIMARY_CODE = 0xFF
_KINDS: dict[int, ErrorKind] = {
    sqlite3.SQLITE_BUSY: "busy",
    sqlite3.SQLITE_LOCKED: "busy",
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_PERM: "denied",
    sqlite3.SQLITE_CANTOPEN: "denied",
    sqlite3.SQLITE_AUTH: "denied",
}


# Each id is looked up as it comes. The usual way first sorts a copy of all, which takes longer.
_MEMBERSHIP = {
    "base_entities.ecs_id": "base_entities.id IN (SELECT known.id FROM json_each(?) AS wanted "
    "CROSS JOIN base_entities AS known ON known.ecs_id = wanted.value)"
}


def is_memory(url: URL) -> bool:
    """Whether the URL names a database in memory, which lives as long as its one connection."""
    database = url.database or ""
    return (
        database in ("", ":memory:")
        or "mode=memory" in str(url)
        or database.startswith("file::memory:")
    )


_AT_ONCE_SECONDS = 1.0
_WAL_PAUSES_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


def _use_wal(cursor: sqlite3.Cursor) -> None:
    """Turn a file to WAL. Where another process does so too, SQLite fails at once, whatever its patience."""
    for pause in _WAL_PAUSES_SECONDS:
        started = time.monotonic()
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & _PRIMARY_CODE == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() - started > _AT_ONCE_SECONDS:
                raise
            time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311  (so that they do not meet again)
        else:
            return
    cursor.execute("PRAGMA journal_mode = WAL")


def _set_up(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    _use_wal(cursor)
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


class SqliteDialect(DatabaseDialect):
    """SQLite through the standard library's sqlite3."""

    name = "sqlite"
    placeholder = "?"
    lone_writes = True
    # CROSS JOIN keeps the order: no table is walked for the few ids.
    tree_children = (
        "child.value FROM tree CROSS JOIN ecs_chunks AS branch ON branch.id = tree.id "
        "CROSS JOIN json_each(CASE WHEN json_valid(branch.chunks) THEN branch.chunks ELSE '[]' END) AS child"
    )

    def own_engine(self, url: URL) -> Engine:
        options: dict[str, Any] = {}
        connect: dict[str, Any] = {}
        if "timeout" not in url.query:
            connect["timeout"] = BUSY_TIMEOUT_SECONDS
        if is_memory(url):
            connect["check_same_thread"] = False
            options["poolclass"] = StaticPool
            # A reset would undo another user's work on the one connection.
            options["pool_reset_on_return"] = None
        engine = create_engine(url, connect_args=connect, **options)
        event.listen(engine, "connect", _set_up)
        return engine

    def membership(self, column: str, ids: Sequence[Any]) -> Iterator[tuple[str, Row]]:
        if len(ids) == 1:
            yield f"{column} = ?", (ids[0],)
        else:  # one parameter, whatever the number of ids
            values = pydantic_core.to_json(list(ids)).decode()
            yield (
                _MEMBERSHIP.get(column, f"{column} IN (SELECT value FROM json_each(?))"),
                (values,),
            )

    def bind_id(self, ecs_id: UUID) -> Any:
        return ecs_id.int.to_bytes(16).hex()

    def bind_ids(self, ids: Sequence[Any]) -> list[Any]:
        return list(hexes(list(ids)))

    def in_transaction(self, driver: Any) -> bool:
        return bool(driver.in_transaction)

    def begin_write(self, connection: Connection) -> None:
        if not connection.in_transaction():
            connection.begin()
        if not _in_transaction(connection):
            Driver(connection).execute("BEGIN IMMEDIATE")
        else:  # begun by the application, perhaps deferred: an empty write takes the lock
            connection.exec_driver_sql("DELETE FROM ecs_meta WHERE 0")

    def begin_schema(self, connection: Connection) -> None:
        connection.begin()
        if not _in_transaction(connection):  # so that DDL too is all or nothing
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    def begin_reads(self, connection: Connection) -> None:
        connection.begin()
        if not _in_transaction(connection):
            connection.exec_driver_sql("BEGIN")

    def has_failed(self, connection: Connection) -> bool:
        return not _in_transaction(connection)  # a full disk, say, ends it

    def in_autocommit(self, connection: Connection) -> bool:
        return False  # begin_write begins a transaction whatever the driver's mode

    def insert_base(
        self, driver: Driver, target: Target, columns: Sequence[Sequence[Any]]
    ) -> list[int]:
        count = len(columns[0])
        if count == 1:
            number = driver.insert(target.insert, (None, *(value for (value,) in columns)))
            return [] if number is None else [number]
        # The transaction has the write lock, so nobody else can take these ids.
        ((last,),), _ = driver.query("SELECT coalesce(max(id), 0) FROM base_entities", ())
        ids = list(range(last + 1, last + 1 + count))
        self.insert_rows(driver, target, list(zip(ids, *columns, strict=True)))
        return ids

    def insert_lone(self, driver: Driver, targets: Sequence[Target], rows: Sequence[Row]) -> bool:
        base = f"{targets[0].insert} ON CONFLICT (ecs_id) DO NOTHING"
        number = driver.insert(base, (None, *rows[0]))
        if number is None:
            return False
        for target, row in zip(targets[1:], rows[1:], strict=True):
            driver.insert(target.insert, (number, *row))
        return True

    def lock_versions(self, driver: Driver, ids: Sequence[Any]) -> None:
        pass  # a transaction that writes has the whole database to itself

    def kind_of(self, error: DBAPIError) -> ErrorKind:
        original = error.orig
        code = getattr(original, "sqlite_errorcode", None)
        if code in _CONFLICTS:
            return "conflict"
        if code == sqlite3.SQLITE_CONSTRAINT_UNIQUE and "base_entities.ecs_id" in str(original):
            return "duplicate"
        if code == sqlite3.SQLITE_TOOBIG or "too big" in str(original):
            return "too_large"
        if "no such table" in str(original):
            return "no_table"
        return _KINDS.get((code or 0) & _PRIMARY_CODE, "other")


def _in_transaction(connection: Connection) -> bool:
    driver: Any = connection.connection.dbapi_connection
    return bool(driver.in_transaction)
