"""PostgreSQL's quick ways to write: many rows by binary COPY, one new version in one statement.

Both need to know the types of a table's columns exactly. They are asked for once for each table, and where
one is not what its values are for (somebody altered it, or a field wished for a type of the
application's own) the table is written by plain INSERT.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.types import (
    BigInteger,
    Date,
    DateTime,
    Double,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    Uuid,
)

from ecs_sql.codecs.sqltypes import DecimalText, JsonText, StrictBoolean, UtcDatetime
from ecs_sql.codecs.wishes import ExactNumeric
from ecs_sql.column_types import OldIds
from ecs_sql.storage.dialects.base import Row, Target
from ecs_sql.storage.driver import Copy, Driver

COPY_ROWS = 20
"""From how many rows on COPY is faster than INSERT."""


class _Form(NamedTuple):
    """The type that a value is given as: in a binary COPY, and in a cast."""

    binary: str
    cast: str


_JSON = _Form("text", "json")  # as binary data, JSON is its text

# By the type of canonical values, and the column's own type code.
_FORMS: dict[tuple[type, int], _Form] = {
    (BigInteger, 20): _Form("int8", "int8"),
    (Integer, 23): _Form("int4", "int4"),
    (SmallInteger, 21): _Form("int2", "int2"),
    (Double, 701): _Form("float8", "float8"),
    (StrictBoolean, 16): _Form("bool", "bool"),
    (Text, 25): _Form("text", "text"),
    (String, 1043): _Form("text", "text"),
    (DecimalText, 25): _Form("text", "text"),
    (JsonText, 114): _JSON,
    (OldIds, 114): _JSON,
    (ExactNumeric, 1700): _Form("numeric", "numeric"),
    (LargeBinary, 17): _Form("bytea", "bytea"),
    (Uuid, 2950): _Form("uuid", "uuid"),
    (Date, 1082): _Form("date", "date"),
    (DateTime, 1114): _Form("timestamp", "timestamp"),
    (UtcDatetime, 1184): _Form("timestamptz", "timestamptz"),
}


class QuickWrites:
    """The quick ways of one storage; what it learnt of tables is kept."""

    def __init__(self) -> None:
        self._forms: dict[Target, Sequence[_Form] | None] = {}
        self._lone: dict[Sequence[Target], str] = {}

    def copy(self, driver: Driver, target: Target, rows: list[Row]) -> bool:
        """Copy rows into a table; False where that cannot be done, or does not pay."""
        if len(rows) < COPY_ROWS or not driver.is_direct:
            return False
        forms = self._forms_of(driver, target)
        if forms is None:
            return False
        statement = f"COPY {target.table} ({', '.join(target.columns)}) FROM STDIN (FORMAT BINARY)"
        driver.copy(Copy(statement, [form.binary for form in forms]), rows)
        return True

    def insert_lone(self, driver: Driver, targets: Sequence[Target], rows: Sequence[Row]) -> bool:
        """Insert one version, unless its id is stored, in one statement; False where it was not written.

        Args:
            driver: of a connection.
            targets: the base table, and the others in the order of inheritance.
            rows: a row for each target, without the number.
        """
        statement = self._lone.get(targets)
        if statement is None:
            known = driver.is_direct and self._lone_statement(driver, targets)
            if not known:
                return False
            statement = self._lone[targets] = known
        written, _ = driver.query(statement, tuple(value for row in rows for value in row))
        return bool(written)

    def _lone_statement(self, driver: Driver, targets: Sequence[Target]) -> str | None:
        """Each table's INSERT takes the number that the one before it gave, and none where that wrote none."""
        base, *others = targets
        columns = ", ".join(base.columns[1:])
        marks = ", ".join(["%s"] * (len(base.columns) - 1))
        steps = [
            f"INSERT INTO {base.table} ({columns}) VALUES ({marks}) ON CONFLICT (ecs_id) DO NOTHING"
        ]
        for place, target in enumerate(others):
            forms = self._forms_of(driver, target)
            if forms is None:
                return None
            values = ", ".join([f"step{place}.id", *(f"%s::{form.cast}" for form in forms[1:])])
            names = ", ".join(target.columns)
            steps.append(f"INSERT INTO {target.table} ({names}) SELECT {values} FROM step{place}")
        *first, last = (f"{step} RETURNING id" for step in steps)
        parts = ", ".join(f"step{place} AS ({step})" for place, step in enumerate(first))
        return f"WITH {parts} {last}" if parts else last

    def _forms_of(self, driver: Driver, target: Target) -> Sequence[_Form] | None:
        """How the values of a target's columns are given, where all are known."""
        if target not in self._forms:
            query = f"SELECT {', '.join(target.columns)} FROM {target.table} LIMIT 0"
            _, codes = driver.query(query, ())
            forms = [
                _FORMS.get((type(type_), code))
                for type_, code in zip(target.types, codes, strict=True)
            ]
            known = [form for form in forms if form is not None]
            self._forms[target] = known if len(known) == len(forms) else None
        return self._forms[target]
