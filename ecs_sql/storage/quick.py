"""Reads one version on a connection of the driver's own: for so small a read all else takes longer than it does.

It tries, and no more: whatever is not as expected goes the usual way, which begins anew, repeats where that
helps, and tells what is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from ecs_sql.storage.driver import is_observed
from ecs_sql.storage.single import SingleRead

if TYPE_CHECKING:
    from ecs_sql.storage.catalogue import Catalogue
    from ecs_sql.storage.rows import Found, Row
    from ecs_sql.storage.sharing import SharedEngine


class NotQuick(Exception):
    """A read that has to go the usual way."""


class QuickReader:
    """Reads versions one by one, where nobody listens to the engine, outside all transactions.

    Args:
        shared: the storage's engine.
        catalogue: tells which class is expected.
    """

    def __init__(self, shared: SharedEngine, catalogue: Catalogue) -> None:
        self._shared = shared
        self._engine = shared.engine
        self._catalogue = catalogue
        self._dialect = catalogue.dialect
        self._error: type[Exception] = shared.engine.dialect.loaded_dbapi.Error

    def find_one(self, ecs_id: UUID) -> Found | None:
        """As `UnitOfWork.find_one`, of a version whose class is simple.

        Raises:
            NotQuick: when the version is of another class than the one read last, its values are in chunks
                or damaged, the driver fails, or it takes more than the pool to get a connection.
            DBAPIError: when the database is busy, after as long a wait as the engine allows.
        """
        single = self._expected()
        row = self._first(single, self._dialect.bind_id(ecs_id))
        if row is None:
            return None
        if row[-1] != single.name:
            raise NotQuick
        try:
            return single.codec, single.canonical(ecs_id, row, _in_chunks)
        except Exception as error:
            raise NotQuick from error

    def _expected(self) -> SingleRead:
        expected = self._catalogue.expected
        single = None if expected is None else self._catalogue.single_read(expected)
        if single is None or not single.codec.is_simple:
            raise NotQuick
        if getattr(self._engine, "_has_events", True) or is_observed(self._engine):
            raise NotQuick
        return single

    def _first(self, single: SingleRead, key: Any) -> Row | None:
        held = self._shared.driver()
        if held is None:
            raise NotQuick
        try:
            with held as driver:
                cursor = driver.cursor()
                cursor.execute(single.statement, (key,))
                found: Row | None = cursor.fetchone()
                cursor.close()
                return found
        except self._error as error:
            failed = DBAPIError("", (), error)
            if self._dialect.kind_of(failed) == "busy":  # so that nobody waits twice
                raise failed from error
            raise NotQuick from error


def _in_chunks(*_columns: object) -> None:
    raise NotQuick
