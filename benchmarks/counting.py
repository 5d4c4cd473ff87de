"""Counting statements where every peer has to pass: at the driver's cursor."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

NOT_COUNTED = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA", "SET ", "SHOW ")


@dataclass
class StatementCounter:
    """How many statements went to the database; transaction control and settings are not counted."""

    count: int = 0

    def note(self, statement: object) -> None:
        """Count one call of a cursor, whatever the number of its rows."""
        text = statement.decode() if isinstance(statement, bytes) else str(statement)
        if not text.lstrip().upper().startswith(NOT_COUNTED):
            self.count += 1

    def during(self, work: Callable[[], object]) -> int:
        """The number of statements that this work takes."""
        before = self.count
        work()
        return self.count - before


def sqlite_connection_class(counter: StatementCounter) -> type[sqlite3.Connection]:
    """A connection class whose cursors report to the counter."""

    class CountingCursor(sqlite3.Cursor):
        def execute(self, sql: str, *args: Any) -> "CountingCursor":
            counter.note(sql)
            super().execute(sql, *args)
            return self

        def executemany(self, sql: str, *args: Any) -> "CountingCursor":
            counter.note(sql)
            super().executemany(sql, *args)
            return self

    class CountingConnection(sqlite3.Connection):
        def cursor(self, factory: Any = CountingCursor) -> Any:
            return super().cursor(factory)

        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            cursor: sqlite3.Cursor = self.cursor().execute(sql, *args)
            return cursor

        def executemany(self, sql: str, *args: Any) -> sqlite3.Cursor:
            cursor: sqlite3.Cursor = self.cursor().executemany(sql, *args)
            return cursor

    return CountingConnection


def psycopg_cursor_class(counter: StatementCounter) -> type[psycopg.Cursor[Any]]:
    """A cursor class that reports to the counter."""

    class CountingCursor(psycopg.Cursor[Any]):
        def execute(self, query: Any, *args: Any, **options: Any) -> Any:
            counter.note(query)
            return super().execute(query, *args, **options)

        def executemany(self, query: Any, *args: Any, **options: Any) -> None:
            counter.note(query)
            super().executemany(query, *args, **options)

        def copy(self, statement: Any, *args: Any, **options: Any) -> Any:
            counter.note(statement)
            return super().copy(statement, *args, **options)

    return CountingCursor
