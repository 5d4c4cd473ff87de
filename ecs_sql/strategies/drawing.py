"""What one test case has drawn so far: ids, and the graphs that are being drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import reject
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from ecs_sql.identity import IdentifiedModel

V = TypeVar("V")
Values = dict[str, Any]

TRIES = 4
"""How often fields are drawn anew that a class's own validators refuse."""
_INLINE = 4
"""Levels of entities that are drawn where they are met, which shrinks best; the rest wait for their turn."""
_CREATED_AT = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Pool:
    """The entities of one graph, from which references are drawn."""

    limit: int
    entities: list[IdentifiedModel] = field(default_factory=list)
    unfilled: list[IdentifiedModel] = field(default_factory=list)
    unchecked: list[tuple[IdentifiedModel, Values]] = field(default_factory=list)
    unchecked_models: list[tuple[BaseModel, Values]] = field(default_factory=list)
    levels: int = 0

    @property
    def has_room(self) -> bool:
        """Whether it may have more entities."""
        return len(self.entities) < self.limit

    @property
    def inline(self) -> bool:
        """Whether the next entity is filled at once."""
        return self.levels < _INLINE


class TestCase:
    """Ids that are each other's successors, and the pools of the graphs that are being drawn."""

    def __init__(self, first: UUID) -> None:
        self._first = first
        self._count = 0
        self.pools: list[Pool] = []

    def new_id(self) -> UUID:
        """An id that no other entity of the test case has."""
        self._count += 1
        return UUID(int=(self._first.int + self._count) % 2**128)

    def bookkeeping(self) -> Values:
        """The bookkeeping of a new entity."""
        return {
            "ecs_id": self.new_id(),
            "lineage_id": self.new_id(),
            "parent_id": None,
            "old_ids": [],
            "created_at": _CREATED_AT,
        }


TEST_CASE = st.shared(st.builds(TestCase, st.uuids(version=4)), key="ecs_sql.strategies")
"""The one of the test case that is being drawn."""


def bare_instance(model: type[V], values: Values) -> V:
    """An instance with these field values, before any validator has seen them."""
    instance = model.__new__(model)
    fill(instance, values, None)
    return instance


def fill(instance: Any, values: Values, extra: Values | None) -> None:
    """Set all of an instance's state past pydantic's `__setattr__`."""
    set_slot = object.__setattr__
    set_slot(instance, "__dict__", values)
    set_slot(instance, "__pydantic_fields_set__", set(values))
    set_slot(instance, "__pydantic_extra__", extra)
    set_slot(instance, "__pydantic_private__", None)


def settled(
    draw: st.DrawFn,
    values: Values,
    fields: Mapping[str, st.SearchStrategy[Any]],
    check: Callable[[Values], V],
) -> V:
    """What `check` makes of the values; those that it refuses are drawn anew, a few times."""
    for _ in range(TRIES):
        try:
            return check(values)
        except ValidationError as error:
            refused = _refused(error, fields)
            values = {**values, **draw(st.fixed_dictionaries({n: fields[n] for n in refused}))}
    raise reject()  # which raises; checkers of code want to see it


def _refused(error: ValidationError, fields: Iterable[str]) -> list[str]:
    """The fields that the error names, or all where it names none (a model's validator, an alias)."""
    named = {str(item["loc"][0]) for item in error.errors(include_input=False) if item["loc"]}
    return [name for name in fields if name in named] or list(fields)


def validated_in_place(instance: BaseModel, values: Values) -> None:
    """Let pydantic fill the instance as its `__init__` would, the values given by field name.

    Raises:
        ValidationError: when the class refuses them.
    """
    type(instance).__pydantic_validator__.validate_python(
        values, self_instance=instance, by_alias=False, by_name=True
    )
