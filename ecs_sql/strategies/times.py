"""Dates, times, datetimes and timedeltas."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pydantic
from hypothesis import strategies as st

from ecs_sql.nodes import DatetimeNode
from ecs_sql.strategies import hostile
from ecs_sql.strategies.limits import Limits, limits_of
from ecs_sql.strategies.registry import Build, registry

# An aware instant keeps away from the ends of the calendar, which some zone cannot show.
_FIRST, _LAST = dt.datetime(1, 1, 3), dt.datetime(9999, 12, 29)  # noqa: DTZ001 - zones come later
_MIN, _MAX = dt.datetime.min, dt.datetime.max  # noqa: DTZ901
# What is past or future for as long as this library may run.
_LONG_AGO, _FAR_OFF = dt.datetime(2000, 1, 1), dt.datetime(2200, 1, 1)  # noqa: DTZ001

_PAST = (pydantic.PastDate, pydantic.PastDatetime)
_FUTURE = (pydantic.FutureDate, pydantic.FutureDatetime)


def _marked(limits: Limits, marks: tuple[Any, ...]) -> bool:
    return any(item is mark for item in limits.others for mark in marks)


def _span(limits: Limits, first: dt.datetime, last: dt.datetime) -> tuple[Any, Any]:
    """The first and the last datetime that may be drawn, without a zone."""
    past, future = _marked(limits, _PAST), _marked(limits, _FUTURE)
    return (_FAR_OFF if future else first), (_LONG_AGO if past else last)


def dates(limits: Limits) -> st.SearchStrategy[dt.date]:
    """Dates within the bounds."""
    first, last = _span(limits, _MIN, _MAX)
    low = first.date() if limits.low is None else max(first.date(), limits.low)
    high = last.date() if limits.high is None else min(last.date(), limits.high)
    return st.dates(low, high).filter(limits.allows)


def times(limits: Limits) -> st.SearchStrategy[dt.time]:
    """Times within the bounds, with and without an offset."""
    if limits.low is not None or limits.high is not None:
        bounds = (limits.low or dt.time.min, limits.high or dt.time.max)
        zones = {bound.tzinfo for bound in bounds if bound.tzinfo is not None}
        low, high = (bound.replace(tzinfo=None) for bound in bounds)
        drawn = st.times(low, high)
        zoned = drawn.map(lambda value: value.replace(tzinfo=next(iter(zones)))) if zones else drawn
        return zoned.filter(limits.allows)
    return st.times() | st.times(timezones=hostile.FIXED_ZONES)


def timedeltas(limits: Limits) -> st.SearchStrategy[dt.timedelta]:
    """Durations within the bounds."""
    low = dt.timedelta.min if limits.low is None else limits.low
    high = dt.timedelta.max if limits.high is None else limits.high
    return st.timedeltas(low, high).filter(limits.allows)


def _naive(limits: Limits) -> st.SearchStrategy[dt.datetime]:
    first, last = _span(limits, _MIN, _MAX)
    low = first if limits.low is None else max(first, limits.low)
    high = last if limits.high is None else min(last, limits.high)
    return st.datetimes(low, high).filter(limits.allows)


def _aware(limits: Limits) -> st.SearchStrategy[dt.datetime]:
    first, last = _span(limits, _FIRST, _LAST)
    if limits.low is None and limits.high is None:
        return st.datetimes(first, last, timezones=hostile.ZONES)
    low = first if limits.low is None else max(first, _utc(limits.low))
    high = last if limits.high is None else min(last, _utc(limits.high))
    return st.datetimes(low, high, timezones=st.just(dt.UTC)).filter(limits.allows)


def _utc(bound: dt.datetime) -> dt.datetime:
    return bound.astimezone(dt.UTC).replace(tzinfo=None)


def _datetimes(node: DatetimeNode, build: Build) -> st.SearchStrategy[dt.datetime]:
    limits = limits_of(node)
    kind: str = node.kind
    if kind == "any" and limits.aware is not None:
        kind = "aware" if limits.aware else "naive"
    for bound in (limits.low, limits.high):
        if kind == "any" and bound is not None:  # naive and aware ones cannot be compared
            kind = "naive" if bound.tzinfo is None else "aware"
    if kind == "any":
        return _naive(limits) | _aware(limits)
    return _aware(limits) if kind == "aware" else _naive(limits)


registry.register(DatetimeNode, _datetimes)
registry.register(dt.date, lambda node, build: dates(limits_of(node)))
registry.register(dt.time, lambda node, build: times(limits_of(node)))
registry.register(dt.timedelta, lambda node, build: timedeltas(limits_of(node)))
