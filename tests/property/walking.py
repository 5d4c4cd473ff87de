"""What entities refer to, found by looking at their values; knows nothing of the library's codecs."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from ecs_sql import Entity

if TYPE_CHECKING:
    from collections.abc import Iterator

Found = list[Entity]


def reachable(*roots: Entity) -> Found:
    """All entities below the roots, each object once, an entity before what it refers to, by field."""
    met: dict[int, Entity] = {}
    todo = list(reversed(roots))
    while todo:
        entity = todo.pop()
        if id(entity) not in met:
            met[id(entity)] = entity
            todo.extend(reversed(targets(entity)))
    return list(met.values())


def targets(entity: Entity) -> Found:
    """What an entity refers to, in the order of its fields, as often as it does."""
    return [found for value in _fields(entity) for found in _entities_in(value)]


def set_sizes(entity: Entity) -> int:
    """How many entities the largest set in an entity's own values holds."""
    sizes = [
        sum(1 for _ in _entities_in(inner))
        for value in _fields(entity)
        for inner in _all_in(value)
        if isinstance(inner, set | frozenset)
    ]
    return max(sizes, default=0)


def _fields(model: BaseModel) -> list[Any]:
    return [model.__dict__.get(name) for name in type(model).model_fields]


def _inside(value: Any) -> list[Any]:
    match value:
        case Entity():
            return []
        case BaseModel():
            return _fields(value)
        case Mapping():
            return list(value.values())
        case list() | tuple() | set() | frozenset() | deque():
            return list(value)
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return [getattr(value, field.name) for field in dataclasses.fields(value)]
        case _:
            return []


def _all_in(value: Any) -> Iterator[Any]:
    yield value
    for inner in _inside(value):
        yield from _all_in(inner)


def _entities_in(value: Any) -> Iterator[Entity]:
    return (inner for inner in _all_in(value) if isinstance(inner, Entity))
