"""What callers pass in, checked by its type: an object may claim any class for itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

from ecs_sql.errors import (
    ArgumentError,
    NotAnEntityClassError,
    NotAnEntityError,
    NotAnIdError,
)
from ecs_sql.identity import IdentifiedModel

E = TypeVar("E", bound=IdentifiedModel)
T = TypeVar("T")


def checked_entities(entities: Iterable[E]) -> list[E]:
    """The entities.

    Raises:
        NotAnEntityError: when one is none.
        ArgumentError: when there is no list of them.
    """
    if issubclass(type(entities), IdentifiedModel):
        raise ArgumentError("entities", entities, "it is one entity", "give a list, or register it")
    found = _listed("entities", entities)
    for entity in found:
        if not issubclass(type(entity), IdentifiedModel):
            raise NotAnEntityError(entity)
    return found


def checked_id(ecs_id: UUID) -> UUID:
    """The id, as exactly a UUID: a loaded object may get it for its own.

    Raises:
        NotAnIdError: when it is none.
    """
    if type(ecs_id) is UUID:
        return ecs_id
    if not issubclass(type(ecs_id), UUID):
        raise NotAnIdError(ecs_id)
    return UUID(int=ecs_id.int)


def checked_ids(ecs_ids: Iterable[UUID]) -> list[UUID]:
    """The ids.

    Raises:
        NotAnIdError: when one is none.
        ArgumentError: when there is no list of them.
    """
    return list(map(checked_id, _listed("ecs_ids", ecs_ids)))


def checked_class(entity_type: type[T]) -> type[T]:
    """The class.

    Raises:
        NotAnEntityClassError: when it is none.
    """
    if not issubclass(type(entity_type), type):
        raise NotAnEntityClassError(entity_type)
    return entity_type


def checked_count(argument: str, count: int, least: int) -> int:
    """The number.

    Raises:
        ArgumentError: when it is less than the least, or no int.
    """
    if not issubclass(type(count), int) or count < least:
        raise ArgumentError(argument, count, f"it is no int from {least} on", "give one")
    return count


def _listed(argument: str, values: Iterable[T]) -> list[T]:
    try:
        iterator = iter(values)
    except TypeError:
        raise ArgumentError(argument, values, "it is no list", "give a list") from None
    return list(iterator)
