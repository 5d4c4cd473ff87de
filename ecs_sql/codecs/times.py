"""date, time, datetime and timedelta."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from itertools import repeat
from operator import attrgetter, is_
from typing import Any

from ecs_sql.codecs import sqltypes
from ecs_sql.codecs.base import (
    Build,
    Codec,
    ColumnForm,
    Decoding,
    Encoding,
    Refusal,
    Undecodable,
    json_texts,
    only_forms_of_type,
    only_of_type,
    registry,
)
from ecs_sql.codecs.scalars import TextualCodec
from ecs_sql.nodes import DatetimeNode

# Every zone can show these instants, so that no driver or session zone runs out of years.
MIN_INSTANT = dt.datetime(1, 1, 2, tzinfo=dt.UTC)
MAX_INSTANT = dt.datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=dt.UTC)

_zone_of = attrgetter("tzinfo")
_TIMEDELTA = re.compile(r"([+-]\d{9}) (\d{2}):(\d{2}):(\d{2})\.(\d{6})")


def utc(value: dt.datetime) -> dt.datetime:
    """The aware datetime in UTC.

    Raises:
        Refusal: when it lies outside what every database and zone can show.
    """
    try:
        instant = value if value.tzinfo is dt.UTC else value.astimezone(dt.UTC)
    except OverflowError:
        instant = None
    if instant is None or not MIN_INSTANT <= instant <= MAX_INSTANT:
        raise Refusal(
            value, "the instant lies outside 0001-01-02 to 9999-12-30; use a naive datetime"
        )
    return instant


def _checked_utc(values: list[dt.datetime]) -> list[dt.datetime]:
    """A column of datetimes in UTC, where none is refused; see `utc`."""
    if values and MIN_INSTANT <= min(values) <= max(values) <= MAX_INSTANT:
        return values
    return list(map(utc, values))


def _are_utc(values: list[dt.datetime]) -> bool:
    return all(map(is_, map(_zone_of, values), repeat(dt.UTC)))


def datetime_text(value: dt.datetime) -> str:
    """Fixed-width ISO text: naive as it is, aware in UTC with a Z."""
    if value.utcoffset() is None:
        return value.replace(tzinfo=None).isoformat(timespec="microseconds")
    return utc(value).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


_UTC_TEXT_LENGTH = len("2025-01-01T00:00:00.000000Z")


def datetime_texts(values: list[dt.datetime]) -> list[str]:
    """The texts of a column; see `datetime_text`."""
    if not _are_utc(values):
        return list(map(datetime_text, values))
    texts = json_texts(_checked_utc(values))
    if set(map(len, texts)) <= {_UTC_TEXT_LENGTH}:
        return texts
    return [  # JSON leaves out a fraction of zero
        text if len(text) == _UTC_TEXT_LENGTH else datetime_text(value)
        for text, value in zip(texts, values, strict=True)
    ]


def _are_unchanged(values: list[Any], texts: Sequence[Any]) -> bool:
    """Whether a column still is what texts say: to read texts is much quicker than to write them."""
    if not set(map(type, values)) <= {dt.datetime} or not _are_utc(values):
        return False
    try:
        return list(map(dt.datetime.fromisoformat, texts)) == values
    except (TypeError, ValueError):
        return False


class DatetimeCodec(TextualCodec):
    """Naive and aware datetimes alike, as text that says which."""

    def __init__(self) -> None:
        super().__init__((dt.datetime,), datetime_text, dt.datetime.fromisoformat)
        assert self.column is not None  # noqa: S101  (it was made a line before)
        self.column.is_unchanged = _are_unchanged

    def _to_texts(self, values: list[Any]) -> list[str]:
        return datetime_texts(values)


class NativeDatetimeCodec(TextualCodec):
    """Datetimes of one kind: a native column of their own, ISO text inside JSON."""

    def __init__(self, *, aware: bool) -> None:
        super().__init__((dt.datetime,), self._text, self._from_text_of_kind)
        self._aware = aware
        sql_type = sqltypes.AWARE_DATETIME if aware else sqltypes.NAIVE_DATETIME
        self.column = ColumnForm(sql_type, self._encode_column, self._decode_column).keeping(
            dt.datetime
        )

    def _checked(self, value: dt.datetime) -> dt.datetime:
        if (value.utcoffset() is not None) is not self._aware:
            kind = "an aware" if self._aware else "a naive"
            raise Refusal(
                value, f"the field takes {kind} datetime; annotate it as datetime to take both"
            )
        return utc(value) if self._aware else value.replace(tzinfo=None, fold=0)

    def _text(self, value: dt.datetime) -> str:
        return datetime_text(self._checked(value))

    def _from_text_of_kind(self, text: str) -> dt.datetime:
        value = dt.datetime.fromisoformat(text)
        if (value.tzinfo is not None) is not self._aware:
            raise ValueError("a datetime of the other kind, naive or aware")
        return value

    def _encode_column(self, values: list[Any], run: Encoding) -> list[Any]:
        only_of_type(values, dt.datetime)
        if self._aware and _are_utc(values):
            return _checked_utc(values)
        return list(map(self._checked, values))

    def _decode_column(self, values: list[Any], run: Decoding) -> list[Any]:
        only_forms_of_type(values, dt.datetime)
        for value in values:
            if (value.tzinfo is not None) is not self._aware:
                raise Undecodable(value, "it is a datetime of the other kind, naive or aware")
        return values


class DateCodec(TextualCodec):
    """Dates: a native column of their own, ISO text inside JSON."""

    def __init__(self) -> None:
        super().__init__((dt.date,), dt.date.isoformat, dt.date.fromisoformat)
        self.column = ColumnForm(sqltypes.DATE, self._encode_column, self._decode_column).keeping(
            dt.date
        )

    def _encode_column(self, values: list[Any], run: Encoding) -> list[Any]:
        only_of_type(values, dt.date)
        return values

    def _decode_column(self, values: list[Any], run: Decoding) -> list[Any]:
        only_forms_of_type(values, dt.date)
        return values


def time_text(value: dt.time) -> str:
    """Fixed-width ISO text, with the offset where there is one."""
    if value.tzinfo is not None and value.utcoffset() is None:
        raise Refusal(
            value, "its zone has no offset without a date; use a fixed offset or a datetime"
        )
    return value.isoformat(timespec="microseconds")


def timedelta_text(value: dt.timedelta) -> str:
    """Days with sign, then the time of day, all fixed width; texts that are not negative sort by length."""
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{value.days:+010d} {hours:02}:{minutes:02}:{seconds:02}.{value.microseconds:06}"


def timedelta_of(text: str) -> dt.timedelta:
    """The timedelta of such a text."""
    match = _TIMEDELTA.fullmatch(text)
    if match is None:
        raise Undecodable(text, "it is no duration")
    days, hours, minutes, seconds, microseconds = map(int, match.groups())
    return dt.timedelta(days, seconds, microseconds, 0, minutes, hours)


_DATETIME_CODECS: dict[str, Codec] = {
    "any": DatetimeCodec(),
    "aware": NativeDatetimeCodec(aware=True),
    "naive": NativeDatetimeCodec(aware=False),
}


def _datetime(node: DatetimeNode, build: Build) -> Codec:
    return _DATETIME_CODECS[node.kind]


registry.register(DatetimeNode, _datetime)
registry.register(dt.date, lambda node, build: DateCodec())
registry.register(
    dt.time, lambda node, build: TextualCodec((dt.time,), time_text, dt.time.fromisoformat)
)
registry.register(
    dt.timedelta, lambda node, build: TextualCodec((dt.timedelta,), timedelta_text, timedelta_of)
)
