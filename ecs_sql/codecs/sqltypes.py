"""SQL types of canonical column values, lossless on every supported database.

SQLAlchemy's own generic types lose on one database or another: fractions of seconds and long texts on
MariaDB, zones on SQLite and MariaDB, JSON numbers on SQLite, key order in PostgreSQL's JSONB.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Dialect, Text, literal
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import (
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Double,
    Integer,
    LargeBinary,
    String,
    TypeDecorator,
    TypeEngine,
    UserDefinedType,
    Uuid,
)


def _mariadb(type_: TypeEngine[Any], variant: TypeEngine[Any]) -> TypeEngine[Any]:
    return type_.with_variant(variant, "mysql", "mariadb")


TEXT = _mariadb(Text(), mysql.LONGTEXT())
BYTES = _mariadb(LargeBinary(), mysql.LONGBLOB())
NAIVE_DATETIME = _mariadb(DateTime(), mysql.DATETIME(fsp=6))
INTEGER = BigInteger()
KEY = BigInteger().with_variant(Integer(), "sqlite")
FLOAT: TypeEngine[Any] = Double()
DATE = Date()
# MariaDB's own UUID type refuses ids whose variant bits are none of RFC 4122's.
UUID_TYPE: TypeEngine[Any] = _mariadb(Uuid(), Uuid(native_uuid=False))
NAME = String(64)


class _StoredBooleans(dict[Any, Any]):
    """What a stored number says; anything that says neither stays what it is."""

    def __missing__(self, stored: Any) -> Any:
        return stored


class StrictBoolean(Boolean):
    """A boolean that takes no other number for True, where the database keeps it as a number.

    Such a number is read as it is, so that the field's codec refuses it by name.
    """

    def result_processor(self, dialect: Dialect, coltype: Any) -> Any:
        """0 and 1 as booleans, where the database has none of its own."""
        if dialect.supports_native_boolean:
            return None
        return _StoredBooleans({0: False, 1: True, None: None}).__getitem__


BOOLEAN = StrictBoolean()


class UtcDatetime(TypeDecorator[dt.datetime]):
    """Aware datetimes in UTC: with a zone on PostgreSQL, elsewhere naive ones that mean UTC."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """A type with microseconds, and with a zone where there is one."""
        if dialect.name == "postgresql":
            return postgresql.TIMESTAMP(timezone=True)
        if dialect.name in ("mysql", "mariadb"):
            return mysql.DATETIME(fsp=6)
        return DateTime()

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """An aware datetime as the database keeps it."""
        if value is None or dialect.name == "postgresql":
            return value
        return value.astimezone(dt.UTC).replace(tzinfo=None)

    def process_result_value(
        self, value: dt.datetime | None, dialect: Dialect
    ) -> dt.datetime | None:
        """An aware datetime in UTC."""
        if value is None:
            return None
        return read_utc(value)


def read_utc(value: Any) -> dt.datetime:
    """An aware datetime in UTC of what a driver gave: a datetime, or the text of one in UTC.

    Raises:
        ValueError, TypeError: when it is neither.
    """
    if type(value) is dt.datetime:
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)
    return dt.datetime.fromisoformat(value + "+00:00")


def read_all_utc(values: list[Any]) -> list[dt.datetime]:
    """A column of them; see `read_utc`."""
    if values and type(values[0]) is str:
        return [dt.datetime.fromisoformat(text + "+00:00") for text in values]
    return list(map(read_utc, values))


class _AsText(FunctionElement[Any]):
    """A JSON column read as the text that it holds, so that no driver parses it."""

    name = "as_text"
    inherit_cache = True


def read_as_text(column: ColumnElement[Any], type_: TypeEngine[Any]) -> ColumnElement[Any]:
    """A JSON column's text, handed to a type that makes of it what it does."""
    element = _AsText(column)
    element.type = type_
    return element


@compiles(_AsText)
def _read_text(element: _AsText, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(_AsText, "postgresql")
def _cast_to_text(element: _AsText, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS TEXT)"


class _PostgresqlJson(UserDefinedType[str]):
    """PostgreSQL's JSON, which keeps its text to the letter; JSONB would reorder keys."""

    cache_ok = True

    def get_col_spec(self, **_options: Any) -> str:
        return "JSON"


class JsonText(TypeDecorator[str]):
    """JSON as text, kept to the letter: JSON on PostgreSQL, LONGTEXT on MariaDB, TEXT elsewhere."""

    impl = Text
    cache_ok = True

    class comparator_factory(TypeDecorator.Comparator[Any]):  # pyright: ignore[reportIncompatibleVariableOverride]  # noqa: N801
        """Compares the text: PostgreSQL's JSON has no operators of its own."""

        def operate(self, op: Any, *other: Any, **options: Any) -> ColumnElement[Any]:
            """The operation on the column's text."""
            if isinstance(self.expr, _AsText):
                return super().operate(op, *other, **options)
            compared: ColumnElement[Any] = op(read_as_text(self.expr, self.type), *other, **options)
            return compared

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The widest type that keeps the text."""
        if dialect.name == "postgresql":
            return _PostgresqlJson()
        if dialect.name in ("mysql", "mariadb"):
            return mysql.LONGTEXT()
        return Text()

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Read the column's text."""
        return read_as_text(column, self)


class _AsNumber(FunctionElement[Any]):
    """A decimal that stands as text, as a number that sorts."""

    name = "as_number"
    inherit_cache = True


@compiles(_AsNumber)
def _cast_to_number(element: _AsNumber, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS NUMERIC)"


@compiles(_AsNumber, "mysql")
@compiles(_AsNumber, "mariadb")
def _cast_to_decimal(element: _AsNumber, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS DECIMAL(65, 30))"


_ORDERINGS = (operators.lt, operators.le, operators.gt, operators.ge)


class DecimalComparator(TypeDecorator.Comparator[Any]):
    """Orders decimals that stand as text by their value; equal are those written alike."""

    def operate(self, op: Any, *other: Any, **options: Any) -> ColumnElement[Any]:
        """The operation, on numbers where it is one of order."""
        if op not in _ORDERINGS or isinstance(self.expr, _AsNumber):
            return super().operate(op, *other, **options)
        operands = [_as_number(value, self.type) for value in (self.expr, *other)]
        compared: ColumnElement[Any] = op(*operands, **options)
        return compared


def _as_number(value: Any, type_: TypeEngine[Any]) -> ColumnElement[Any]:
    element = _AsNumber(value if isinstance(value, ColumnElement) else literal(value, type_))
    element.type = type_
    return element


class DecimalText(TypeDecorator[str]):
    """Decimals as text, which keeps every digit and trailing zero."""

    impl = Text
    cache_ok = True
    comparator_factory: Any = DecimalComparator

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The widest text."""
        return mysql.LONGTEXT() if dialect.name in ("mysql", "mariadb") else Text()


JSON_TEXT: TypeEngine[Any] = JsonText()
DECIMAL_TEXT: TypeEngine[Any] = DecimalText()
AWARE_DATETIME: TypeEngine[Any] = UtcDatetime()
