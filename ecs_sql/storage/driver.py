"""Statements on the driver itself, when nobody listens to SQLAlchemy's.

SQLAlchemy's own execution costs more than a small statement does. What it gives besides, its events and its
log, is kept: with a listener or a logger present every statement goes through it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

Row = tuple[Any, ...]
T = TypeVar("T")

_BATCH_ROWS = 500
"""Rows whose values, as the driver gives them, fit a processor's nearer caches."""

_log = logging.getLogger("sqlalchemy.engine")


class Copy(NamedTuple):
    """PostgreSQL's COPY of rows in their binary form."""

    statement: str
    types: Sequence[str]


class Driver:
    """Runs statements on one Connection, which stays the owner of the transaction."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._is_observed = is_observed(connection)
        self._raw: Any = None if self._is_observed else connection.connection.dbapi_connection
        self._cursor_of_reads: Any = None
        self._error: type[Exception] = connection.dialect.loaded_dbapi.Error

    @property
    def is_direct(self) -> bool:
        """Whether statements are run on the driver itself."""
        return not self._is_observed

    def query(self, statement: str, parameters: Row) -> tuple[Sequence[Row], list[Any]]:
        """The rows of a query, and the driver's type code of each column.

        Raises:
            DBAPIError: as SQLAlchemy would raise it.
        """
        if self._is_observed:
            result = self.connection.exec_driver_sql(statement, parameters)
            cursor: Any = result.cursor
            codes = [column[1] for column in cursor.description]
            return [tuple(row) for row in result], codes
        with self._cursor(statement, parameters) as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall(), [column[1] for column in cursor.description]

    def first(self, statement: str, parameters: Row) -> Row | None:
        """The row of a query that finds one at most.

        Raises:
            DBAPIError: as SQLAlchemy would raise it.
        """
        if self._is_observed:
            found = self.connection.exec_driver_sql(statement, parameters).fetchone()
            return None if found is None else tuple(found)
        cursor = self._cursor_of_reads
        try:
            if cursor is None:
                cursor = self._cursor_of_reads = self._raw.cursor()
            cursor.execute(statement, parameters)
            return cast("Row | None", cursor.fetchone())
        except BaseException as error:
            self._fail(statement, parameters, error, cursor)
            raise

    def in_batches(
        self, statement: str, parameters: Row, convert: Callable[[Sequence[Row], list[Any]], T]
    ) -> list[T]:
        """What is made of the rows of a query, so many at a time, and of the type code of each column.

        Raises:
            DBAPIError: as SQLAlchemy would raise it.
        """
        if self._is_observed:
            rows, codes = self.query(statement, parameters)
            return [convert(rows, codes)] if rows else []
        made: list[T] = []
        with self._cursor(statement, parameters) as cursor:
            cursor.execute(statement, parameters)
            codes = [column[1] for column in cursor.description]
            while rows := cursor.fetchmany(_BATCH_ROWS):
                made.append(convert(rows, codes))
        return made

    def insert(self, statement: str, row: Row) -> int | None:
        """Run an INSERT of one row; the number that the database gave it, None if nothing was written.

        Raises:
            DBAPIError: as SQLAlchemy would raise it.
        """
        if self._is_observed:
            result = self.connection.exec_driver_sql(statement, row)
            return result.lastrowid if result.rowcount else None
        with self._cursor(statement, row) as cursor:
            cursor.execute(statement, row)
            return cast("int", cursor.lastrowid) if cursor.rowcount else None

    def execute_many(self, statement: str, rows: list[Row]) -> None:
        """Run a statement once for each row.

        Raises:
            DBAPIError: as SQLAlchemy would raise it.
        """
        if self._is_observed:
            self.connection.exec_driver_sql(statement, rows)
            return
        with self._cursor(statement, rows) as cursor:
            if len(rows) == 1:
                cursor.execute(statement, rows[0])
            else:
                cursor.executemany(statement, rows)

    def copy(self, copy: Copy, rows: list[Row]) -> None:
        """Copy rows into a table, where statements are run on the driver itself.

        Raises:
            DBAPIError: as SQLAlchemy would raise it.
        """
        with self._cursor(copy.statement, ()) as cursor, cursor.copy(copy.statement) as target:
            target.set_types(copy.types)
            for row in rows:
                target.write_row(row)

    def execute(self, statement: str) -> None:
        """Run a statement without parameters.

        Raises:
            DBAPIError: as SQLAlchemy would raise it.
        """
        if self._is_observed:
            self.connection.exec_driver_sql(statement)
            return
        with self._cursor(statement, ()) as cursor:
            cursor.execute(statement)

    def _cursor(self, statement: str, parameters: Any) -> _Cursor:
        return _Cursor(self._raw, lambda *failed: self._fail(statement, parameters, *failed))

    def _fail(self, statement: str, parameters: Any, error: BaseException, cursor: Any) -> None:
        if isinstance(error, self._error):
            raise self._wrapped(statement, parameters, error, cursor) from error
        if not isinstance(error, Exception):
            self._leave_interrupted(error)

    def _leave_interrupted(self, interrupt: BaseException) -> None:
        """Give up a connection whose statement an interrupt or a cancelled task broke off.

        Its answer may still be on the way, and would be taken for that of the next statement. SQLite has
        answered whenever Python takes notice, and a database in memory goes with its connection.
        """
        if self.connection.dialect.name != "sqlite" and not self.connection.invalidated:
            self.connection.invalidate(interrupt)

    def _wrapped(
        self, statement: str, parameters: Any, error: Exception, cursor: Any
    ) -> DBAPIError:
        lost = self.connection.dialect.is_disconnect(cast("Any", error), self._raw, cursor)
        if lost:
            self._give_up(error)
        return DBAPIError(
            statement,
            parameters,
            error,
            hide_parameters=self.connection.engine.hide_parameters,
            connection_invalidated=lost,
            ismulti=isinstance(parameters, list),
        )

    def _give_up(self, error: Exception) -> None:
        """Let SQLAlchemy find that the connection is lost: it then trusts no older one of the pool either."""
        if self.connection.invalidated:
            return
        with suppress(DBAPIError):
            self.connection.exec_driver_sql("SELECT 1")
        if not self.connection.invalidated:
            self.connection.invalidate(error)


_CONNECTION_EVENTS = (
    "before_execute",
    "after_execute",
    "before_cursor_execute",
    "after_cursor_execute",
)
_DIALECT_EVENTS = ("do_execute", "do_executemany", "do_execute_no_params", "handle_error")


def is_observed(source: Connection | Engine) -> bool:
    """Whether somebody listens to the statements of a connection, or of all of an engine's, or logs them."""
    engine, on_dialect = source.engine, source.dialect
    # What SQLAlchemy itself looks at first: mostly nobody listens to anything.
    has_events = getattr(source, "_has_events", True) or getattr(engine, "_has_events", True)
    return (
        bool(engine.echo)
        or _log.isEnabledFor(logging.INFO)
        or (has_events and any(getattr(source.dispatch, name) for name in _CONNECTION_EVENTS))
        or (
            getattr(on_dialect, "_has_events", True)
            and any(getattr(on_dialect.dispatch, name) for name in _DIALECT_EVENTS)
        )
    )


class _Cursor:
    """A cursor of the driver's own for a block, whose errors are raised as SQLAlchemy would raise them."""

    __slots__ = ("_cursor", "_fail", "_raw")

    def __init__(self, raw: Any, fail: Callable[[BaseException, Any], None]) -> None:
        self._raw = raw
        self._fail = fail

    def __enter__(self) -> Any:
        try:
            self._cursor = self._raw.cursor()
        except Exception as error:  # a lost connection may have none to give
            self._fail(error, None)
            raise
        return self._cursor

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        try:
            if error is not None:
                self._fail(error, self._cursor)
        finally:
            self._cursor.close()
