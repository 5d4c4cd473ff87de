"""What bounds a node's values: the constraints and the wishes that stand beside its type."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any

import annotated_types
from pydantic.fields import FieldInfo
from sqlalchemy import types as sa
from sqlalchemy.types import TypeEngine

from ecs_sql.codecs.columns import ColumnOptions
from ecs_sql.nodes import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of a value; None where there is none.

    `others` are constraints of other kinds, as they stand in the annotation.
    """

    ge: Any = None
    gt: Any = None
    le: Any = None
    lt: Any = None
    multiple_of: Any = None
    min_length: int = 0
    max_length: int | None = None
    pattern: Any = None
    max_digits: int | None = None
    decimal_places: int | None = None
    aware: bool | None = None
    others: tuple[Any, ...] = ()

    @property
    def low(self) -> Any:
        """The greater of the lower bounds, of which `gt` is one."""
        return _tighter(max, self.ge, self.gt)

    @property
    def high(self) -> Any:
        """The lesser of the upper bounds, of which `lt` is one."""
        return _tighter(min, self.le, self.lt)

    def allows(self, value: Any) -> bool:
        """Whether a number or time stands within the bounds."""
        return (
            (self.ge is None or value >= self.ge)
            and (self.gt is None or value > self.gt)
            and (self.le is None or value <= self.le)
            and (self.lt is None or value < self.lt)
        )

    def sizes(self, usual: int = 4) -> dict[str, Any]:
        """`min_size` and `max_size` of a text or container; not over `usual` more than it must be."""
        most = self.min_length + usual
        return {
            "min_size": self.min_length,
            "max_size": most if self.max_length is None else min(most, self.max_length),
        }

    def steps(self, step: Any) -> tuple[int | None, int | None]:
        """The least and the greatest number of steps from zero that stay within the bounds."""
        size = Fraction(step)
        low = None if self.low is None else math.ceil(Fraction(self.low) / size)
        high = None if self.high is None else math.floor(Fraction(self.high) / size)
        if low is not None and self.gt is not None and low * size <= Fraction(self.gt):
            low += 1
        if high is not None and self.lt is not None and high * size >= Fraction(self.lt):
            high -= 1
        return low, high


def limits_of(node: Node, *more: Any) -> Limits:
    """What the metadata of a node, and more of it, says of the values."""
    found: dict[str, Any] = {}
    others: list[Any] = []
    for item in _flat([*node.metadata, *more]):
        said = _said(item)
        for name, value in said.items():
            found[name] = _COMBINE.get(name, _newest)(found.get(name), value)
        if not said:
            others.append(item)
    return Limits(**found, others=tuple(others))


def _flat(metadata: Iterable[Any]) -> Iterator[Any]:
    for item in metadata:
        if isinstance(item, FieldInfo):
            yield from _flat(item.metadata)
        elif isinstance(item, annotated_types.GroupedMetadata):
            yield from _flat(item)
        elif isinstance(item, ColumnOptions):
            yield from () if item.type_ is None else (item.type_,)
        else:
            yield item


_NAMES = tuple(item.name for item in fields(Limits) if item.name not in ("aware", "others"))


def _said(item: Any) -> dict[str, Any]:
    if isinstance(item, annotated_types.BaseMetadata):
        values = {name: getattr(item, name, None) for name in _NAMES}
        return {name: value for name, value in values.items() if value is not None}
    wished = item() if isinstance(item, type) and issubclass(item, TypeEngine) else item
    if isinstance(wished, TypeEngine):
        return next((say(wished) for family, say in _WISHES if isinstance(wished, family)), {})
    return {}


def _width(bits: int) -> Callable[[Any], dict[str, Any]]:
    return lambda wished: {"ge": -(2 ** (bits - 1)), "le": 2 ** (bits - 1) - 1}


def _length(wished: Any) -> dict[str, Any]:
    return {} if wished.length is None else {"max_length": wished.length}


def _digits(wished: Any) -> dict[str, Any]:
    return {"max_digits": wished.precision, "decimal_places": wished.scale}


# The first family that the type belongs to decides, as where columns are fitted.
_WISHES: tuple[tuple[Any, Callable[[Any], dict[str, Any]]], ...] = (
    (sa.TypeDecorator, lambda wished: {}),
    (sa.Enum, lambda wished: {}),
    (sa.String, _length),
    (sa.BigInteger, _width(64)),
    (sa.SmallInteger, _width(16)),
    (sa.Integer, _width(32)),
    (sa.Float, lambda wished: {}),
    (sa.Numeric, _digits),
    (sa.DateTime, lambda wished: {"aware": wished.timezone}),
    (sa.LargeBinary, _length),
)


def _tighter(choose: Callable[[Any, Any], Any], one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    return choose(one, other)


def _newest(_old: Any, new: Any) -> Any:
    return new


_COMBINE: dict[str, Callable[[Any, Any], Any]] = {
    **dict.fromkeys(("ge", "gt", "min_length"), lambda old, new: _tighter(max, old, new)),
    **dict.fromkeys(
        ("le", "lt", "max_length", "max_digits", "decimal_places"),
        lambda old, new: _tighter(min, old, new),
    ),
}
