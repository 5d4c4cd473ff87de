"""pydantic instances filled directly, a whole column of them at a time.

Neither `__init__` nor a validator runs: the values were valid when they were stored. What happens to each
instance happens in compiled calls.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, TypeVar

from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)
N = TypeVar("N", bound=tuple[Any, ...])

_set_values = vars(BaseModel)["__dict__"].__set__
_set_fields_set = vars(BaseModel)["__pydantic_fields_set__"].__set__
_set_extra = vars(BaseModel)["__pydantic_extra__"].__set__
_set_private = vars(BaseModel)["__pydantic_private__"].__set__


def each(function: Callable[..., object], *columns: Iterable[Any]) -> None:
    """Call a function for its effect, with each row of some columns; the shortest column ends it."""
    deque(map(function, *columns), maxlen=0)


def named_tuples(kind: type[N], *columns: Iterable[Any]) -> Iterator[N]:
    """Named tuples of one kind from a column for each of their fields; the shortest column ends it."""
    return map(tuple.__new__, repeat(kind), zip(*columns, strict=False))


def new_instances(model_class: type[M], count: int) -> list[M]:
    """Instances that are still to be filled."""
    return list(map(object.__new__, repeat(model_class, count)))


def set_fields_set(instance: BaseModel, names: set[str]) -> set[str]:
    """Set what `model_fields_set` tells, and give it."""
    _set_fields_set(instance, names)
    return names


def fill_instance(
    instance: BaseModel,
    values: dict[str, Any],
    fields_set: frozenset[str] | None,
    extra: dict[str, Any] | None,
) -> None:
    """Give one new instance what a validated one has; see `fill_instances`."""
    _set_values(instance, values)
    if fields_set is not None:
        _set_fields_set(instance, set(fields_set))
    _set_extra(instance, extra)
    _set_private(instance, None)


def fill_instances(
    instances: Sequence[BaseModel],
    values: Iterable[dict[str, Any]],
    fields_set: frozenset[str] | None,
    extra: Iterable[dict[str, Any] | None],
) -> None:
    """Give new instances what a validated one has.

    Args:
        instances: new ones.
        values: per instance, its fields, in order.
        fields_set: the names that `model_fields_set` then tells; None where the class makes that set itself
            when somebody asks for it, which is seldom: it takes as much memory as all the rest.
        extra: per instance, its extra values; None where the class allows none.
    """
    each(_set_values, instances, values)
    if fields_set is not None:
        each(_set_fields_set, instances, map(set, repeat(fields_set)))
    each(_set_extra, instances, extra)
    each(_set_private, instances, repeat(None))


def dict_maker(names: Sequence[str]) -> Callable[[Iterable[Sequence[Any]]], list[dict[str, Any]]]:
    """What makes of each row a dict with these keys.

    Python makes a dict of constant keys in half the time that `dict(zip(names, row))` takes.
    """
    variables = [f"v{number}" for number in range(len(names))]
    items = ", ".join(
        f"{name!r}: {variable}" for name, variable in zip(names, variables, strict=True)
    )
    source = f"lambda rows: [{{{items}}} for {', '.join(variables)}, in rows]"
    made: Callable[[Iterable[Sequence[Any]]], list[dict[str, Any]]] = eval(source, {})  # noqa: S307
    return made
