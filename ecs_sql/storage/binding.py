"""Whole columns of canonical values as a database's driver takes them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from sqlalchemy import Dialect, Uuid
from sqlalchemy.types import TypeEngine

from ecs_sql.codecs.base import scatter, some
from ecs_sql.codecs.sqltypes import UtcDatetime
from ecs_sql.codecs.times import datetime_texts

Convert = Callable[[list[Any]], list[Any]]


def past_none(convert: Convert) -> Convert:
    """The conversion of what is not None."""
    return lambda values: scatter(values, convert(some(values)))


def binder(type_: TypeEngine[Any], dialect: Dialect, *, nullable: bool) -> Convert | None:
    """What makes of canonical values what the driver takes; None where it takes them as they are."""
    whole_column = _WHOLE_COLUMNS.get(type(type_))
    if whole_column is not None:
        convert = whole_column(type_, dialect)
        return past_none(convert) if convert is not None and nullable else convert
    bind = type_.dialect_impl(dialect).bind_processor(dialect)
    return None if bind is None else lambda values: list(map(bind, values))


def _uuid_binder(type_: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    is_native = type_.dialect_impl(dialect).bind_processor(dialect) is None
    return None if is_native else hexes


def hexes(ids: list[Any]) -> list[str]:
    """UUIDs as 32 hexadecimal digits each; faster than their own `hex`."""
    return [ecs_id.int.to_bytes(16).hex() for ecs_id in ids]


def _utc_binder(type_: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    if dialect.name == "postgresql":
        return None
    return _sqlite_texts if dialect.name == "sqlite" else _without_zone


def _sqlite_texts(values: list[dt.datetime]) -> list[str]:
    """As SQLAlchemy's DATETIME of SQLite writes them."""
    return "".join(datetime_texts(values)).replace("T", " ").split("Z")[:-1]


def _without_zone(values: list[dt.datetime]) -> list[dt.datetime]:
    return [value.replace(tzinfo=None) for value in values]


_WHOLE_COLUMNS: dict[type, Callable[[TypeEngine[Any], Dialect], Convert | None]] = {
    Uuid: _uuid_binder,
    UtcDatetime: _utc_binder,
}
