"""Strategies of annotations, nested in each other, with and without references."""

from __future__ import annotations

import dataclasses
import typing
from collections import deque
from typing import Any, NamedTuple, Optional, Union

from hypothesis import strategies as st
from pydantic import create_model
from typing_extensions import TypedDict

from ecs_sql.strategies import samples

Annotations = st.SearchStrategy[Any]

_KEYS = (*samples.SCALARS.values(), *samples.TIME.values(), samples.Suit, samples.Coin)
_LEAVES = tuple(item for family in samples.FAMILIES.values() for item in family.values())
_DICT_KEYS = tuple(key for key in _KEYS if key is not samples.Coin)


def plain_annotations() -> Annotations:
    """Annotations of values that hold no entity."""
    return st.sampled_from(_LEAVES) | st.recursive(
        st.sampled_from(_LEAVES), _around_plain, max_leaves=3
    )


def referring_annotations(targets: typing.Sequence[Any]) -> Annotations:
    """Annotations that name one of the targets (entity classes, or forward references) somewhere."""
    one = st.sampled_from(list(targets))
    direct = one.flatmap(lambda target: st.sampled_from(_direct(target)))
    return direct | st.recursive(one | direct, _around, max_leaves=2)


def _direct(target: Any) -> list[Any]:
    """The forms that get a column of ids, and the usual others."""
    return [
        target,
        Optional[target],  # noqa: UP045 - a forward reference has no `|`
        list[target],
        tuple[target, ...],
        tuple[target, target],
        set[target],
        frozenset[target],
        dict[str, target],
        Union[target, str],  # noqa: UP007
    ]


def _of(generic: Any, item: Any, *more: Any) -> Any:
    """The generic type of these, as brackets make it."""
    return generic[(item, *more) if more else item]


def _around(inner: Annotations) -> Annotations:
    return st.one_of(
        inner.map(lambda item: _of(list, item)),
        inner.map(lambda item: _of(Optional, item)),
        inner.map(lambda item: _of(tuple, item, ...)),
        inner.map(lambda item: _of(deque, item)),
        inner.map(lambda item: _of(tuple, int, item)),
        st.builds(lambda key, item: _of(dict, key, item), st.sampled_from(_DICT_KEYS), inner),
        st.builds(_model, inner),
    )


def _around_plain(inner: Annotations) -> Annotations:
    return st.one_of(
        _around(inner),
        st.sampled_from(_KEYS).map(lambda item: _of(set, item)),
        st.sampled_from(_KEYS).map(lambda item: _of(frozenset, item)),
        st.builds(_dataclass, inner),
        st.builds(_named_tuple, inner),
        st.builds(_typed_dict, inner),
    )


def _model(annotation: Any) -> Any:
    return create_model("Slot", note=(str, ""), value=(annotation, ...))


def _dataclass(annotation: Any) -> Any:
    return dataclasses.make_dataclass("Pair", [("first", str), ("second", annotation)])


def _named_tuple(annotation: Any) -> Any:
    return NamedTuple("Row", [("number", int), ("value", annotation)])


def _typed_dict(annotation: Any) -> Any:
    made: Any = TypedDict
    return made("Options", {"id": annotation, "type": str}, total=False)
