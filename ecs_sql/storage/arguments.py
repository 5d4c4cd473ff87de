"""What callers pass in, checked by its type: an object may claim any class for itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

from ecs_sql.errors import NotAnEntityError, NotAnIdError
from ecs_sql.identity import IdentifiedModel

E = TypeVar("E", bound=IdentifiedModel)


def checked_entities(entities: Iterable[E]) -> list[E]:
    """The entities.

    Raises:
        NotAnEntityError: when one is none.
    """
    found = list(entities)
    for entity in found:
        if not issubclass(type(entity), IdentifiedModel):
            raise NotAnEntityError(entity)
    return found


def checked_id(ecs_id: UUID) -> UUID:
    """The id.

    Raises:
        NotAnIdError: when it is none.
    """
    if type(ecs_id) is not UUID and not issubclass(type(ecs_id), UUID):
        raise NotAnIdError(ecs_id)
    return ecs_id


def checked_ids(ecs_ids: Iterable[UUID]) -> list[UUID]:
    """The ids.

    Raises:
        NotAnIdError: when one is none.
    """
    return list(map(checked_id, ecs_ids))
