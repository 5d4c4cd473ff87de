"""Reads tables in batches, whatever their rows hold: what does not convert becomes a finding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Dialect, Table, select
from sqlalchemy.exc import DBAPIError

from ecs_sql.codecs.base import Undecodable
from ecs_sql.column_types import chunking_of
from ecs_sql.storage.dialects.base import DatabaseDialect
from ecs_sql.storage.driver import Driver
from ecs_sql.storage.statements import ColumnConverter, Restore
from ecs_sql.storage.verification.contents import UNREADABLE, reason_of
from ecs_sql.storage.verification.report import FindingKind
from ecs_sql.storage.verification.run import Place, VerificationRun

_FIRST_ROWS = 64
_GROWTH = 4
_BATCH_BYTES = 8 * 2**20


class BatchSize:
    """How many rows come next: few where rows are large, so that a batch stays within some megabytes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.rows = min(_FIRST_ROWS, most)

    def learn(self, rows: Sequence[Sequence[Any]]) -> None:
        """Adapt to the largest of the last batch's rows: the next may hold more of its kind."""
        if rows:
            largest = max(sum(map(_size_of, row)) for row in rows)
            fitting = _BATCH_BYTES // max(largest, 1)
            self.rows = max(1, min(fitting, self.rows * _GROWTH, self._most))


_ID_BYTES = 100
"""What an ancestor's UUID takes in memory, about."""


def _size_of(value: Any) -> int:
    if isinstance(value, (str, bytes)):
        return len(value)
    return len(value) * _ID_BYTES if isinstance(value, tuple) else 0


class TableReader:
    """Reads the `id` and some columns of one table."""

    def __init__(
        self, driver: Driver, table: Table, names: Sequence[str], sql: Dialect, restore: Restore
    ) -> None:
        self._driver = driver
        self.table = table
        columns = [table.c[name] for name in names]
        self._columns = [_ColumnReader(column, sql, restore) for column in columns]
        statement = select(table.c.id, *columns).select_from(table)
        self._select = str(statement.compile(dialect=sql)).replace("\n", "")
        self.key = f"{sql.identifier_preparer.format_table(table)}.id"

    def after(
        self, row_id: int | None, dialect: DatabaseDialect, count: int
    ) -> tuple[Sequence[Any], list[Any]]:
        """The next rows by `id`, as the driver gives them, and its type codes."""
        condition = "" if row_id is None else f" WHERE {self.key} > {dialect.placeholder}"
        return self._driver.query(
            f"{self._select}{condition} ORDER BY {self.key} LIMIT {count}",
            () if row_id is None else (row_id,),
        )

    def of_ids(
        self, row_ids: Sequence[int], dialect: DatabaseDialect
    ) -> tuple[Sequence[Any], list[Any]]:
        """The rows of these ids, as far as there are."""
        return self.where(self.key, row_ids, dialect)

    def where(
        self, column: str, values: Sequence[Any], dialect: DatabaseDialect
    ) -> tuple[Sequence[Any], list[Any]]:
        """The rows whose column has one of the values."""
        rows: list[Any] = []
        codes: list[Any] = []
        for condition, parameters in dialect.membership(column, values):
            found, codes = self._driver.query(f"{self._select} WHERE {condition}", parameters)
            rows += found
        return rows, codes

    def convert(
        self,
        run: VerificationRun | None,
        places: Sequence[Place],
        rows: Sequence[Sequence[Any]],
        codes: Sequence[Any],
    ) -> list[list[Any]]:
        """The rows' columns as canonical values; each that does not convert is a finding."""
        driver_columns = list(zip(*rows, strict=True))[1:] if rows else [()] * len(self._columns)
        return [
            column.convert(run, places, list(values), code)
            for column, values, code in zip(self._columns, driver_columns, codes[1:], strict=True)
        ]


class _ColumnReader:
    """One column's values, from what the driver gives to canonical ones."""

    def __init__(self, column: Column[Any], sql: Dialect, restore: Restore) -> None:
        self._column = column
        chunking = chunking_of(column)
        self._chunked = [] if chunking is None else [(0, chunking)]
        self._restore = restore
        self._converter = ColumnConverter(column, sql)

    def convert(
        self, run: VerificationRun | None, places: Sequence[Place], values: list[Any], code: Any
    ) -> list[Any]:
        """The values of a batch, whole if all convert."""
        if self._column.nullable or None not in values:
            try:
                return self._converter.from_driver(self._restored(values), code)
            except DBAPIError:  # no fault of a value
                raise
            except Exception:  # noqa: BLE001, S110  (told below, of each value that brings one about)
                pass
        return [
            self._convert_one(run, place, value, code)
            for place, value in zip(places, values, strict=True)
        ]

    def _restored(self, values: list[Any]) -> list[Any]:
        whole = [values]  # text and bytes are to the driver what they are here
        self._restore(self._chunked, whole)
        return whole[0]

    def _convert_one(self, run: VerificationRun | None, place: Place, value: Any, code: Any) -> Any:
        kind: FindingKind = "undecodable_value"
        try:
            restored = self._restored([value])
        except Undecodable as fault:
            kind, reason = "missing_chunk", fault.reason
        else:
            if value is None and not self._column.nullable:
                reason = "it is NULL"
            else:
                try:
                    return self._converter.from_driver(restored, code)[0]
                except Exception as error:  # noqa: BLE001  (whatever a damaged value brings about)
                    reason = reason_of(error)
        if run is not None:
            run.found(kind, place, reason, column=self._column.name, value=value)
        return UNREADABLE


def uuid_of(value: Any) -> UUID | None:
    """The id that a driver's value is, if it is one."""
    try:
        return value if isinstance(value, UUID) else UUID(value)
    except (ValueError, TypeError, AttributeError):
        return None
