"""`entity_tracer`: a function's changes to stored entities become versions by themselves."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar, cast
from uuid import UUID

from ecs_sql.entity import Entity
from ecs_sql.errors import MappingError, short_repr
from ecs_sql.graph import Graph
from ecs_sql.identity import IdentifiedModel
from ecs_sql.registry import EntityRegistry
from ecs_sql.storage.base import VersionedStorage
from ecs_sql.storage.protocol import EntityStorage

P = ParamSpec("P")
R = TypeVar("R")


def entity_tracer(function: Callable[P, R]) -> Callable[P, R]:
    """Register what a function changes, with the storage of `EntityRegistry`.

    Entities are found in arguments and result: alone, in lists, tuples, sets and dict values, and in all
    that those lead to. Those among them that are stored are registered as they are at entry, so that what
    was changed before is a version of its own, and again on return. On an exception only the entry's
    versions stay. Entities that were never registered are left alone, unless a stored one refers to them.

    Works on functions and on coroutine functions.

    Raises:
        TypeError: at decoration, for generator functions, whose return is not their end, and for what is no
            function: a class, a static method or a class method.
    """
    if isinstance(function, (type, staticmethod, classmethod)) or not callable(function):
        raise TypeError(
            f"{short_repr(function)} is no function; trace functions and methods, "
            "with entity_tracer below @staticmethod and @classmethod"
        )
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(
            f"{function.__qualname__} is a generator; trace the function that consumes it"
        )
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def traced_coroutine(*args: P.args, **kwargs: P.kwargs) -> Any:
            arguments = (*args, *kwargs.values())
            _register_stored(arguments)
            result = await function(*args, **kwargs)
            _register_stored((*arguments, result))
            return result

        return cast("Callable[P, R]", traced_coroutine)

    @functools.wraps(function)
    def traced(*args: P.args, **kwargs: P.kwargs) -> R:
        arguments = (*args, *kwargs.values())
        _register_stored(arguments)
        result = function(*args, **kwargs)
        _register_stored((*arguments, result))
        return result

    return traced


def _register_stored(values: Iterable[Any]) -> None:
    """Register those entities, of all that the values lead to, of which a version is stored."""
    nodes = _reachable(_entities_in(values))
    if not nodes:
        return
    storage = EntityRegistry.get_storage()
    stored = _stored(storage, list(dict.fromkeys(node.ecs_id for node in nodes)))
    roots = [cast("Entity", node) for node in nodes if node.ecs_id in stored]
    if roots:
        storage.register_many(roots)


def _reachable(roots: list[IdentifiedModel]) -> list[IdentifiedModel]:
    """All that the entities lead to; one whose class cannot be mapped is stored nowhere, and left alone."""
    mappable: list[IdentifiedModel] = []
    for root in roots:
        try:
            Graph([root])
        except MappingError:
            continue
        mappable.append(root)
    return Graph(mappable).nodes


def _stored(storage: EntityStorage, ecs_ids: list[UUID]) -> set[UUID]:
    if isinstance(storage, VersionedStorage):
        return storage.existing(ecs_ids)
    return {ecs_id for ecs_id in ecs_ids if storage.has_entity(ecs_id)}


def _entities_in(values: Iterable[Any]) -> list[IdentifiedModel]:
    found: list[IdentifiedModel] = []
    visited: set[int] = set()
    pending = list(values)[::-1]
    while pending:
        value = pending.pop()
        if isinstance(value, IdentifiedModel):
            found.append(value)
        elif isinstance(value, (list, tuple, set, frozenset, dict)) and id(value) not in visited:
            visited.add(id(value))
            items = list(value.values() if isinstance(value, dict) else value)
            pending += items[::-1]
    return found
