"""Alternatives that look alike from outside are told apart by what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict
from typing_extensions import TypedDict

from ecs_sql import Entity, errors

if TYPE_CHECKING:
    from tests.conftest import MakeStorage

import pytest


class Leaf(Entity):
    name: str = ""


class One(TypedDict):
    kind: Literal["one"]
    leaf: Leaf


class Many(TypedDict):
    kind: Literal["many"]
    leaves: list[Leaf]


class Branch(Entity):
    by_name: dict[str, Leaf] | dict[str, list[Leaf]] = {}
    chosen: One | Many | None = None
    numbers: list[float] | list[int] = []


class Open(Entity):
    model_config = ConfigDict(extra="allow")

    def model_post_init(self, _context: Any) -> None:
        self.loads: int = getattr(self, "loads", 0) + 1


def test_entities_in_any_alternative_are_stored(make_storage: MakeStorage) -> None:
    storage = make_storage(Branch)
    leaf = Leaf(name="a")
    branch = Branch(by_name={"x": [leaf]}, chosen={"kind": "many", "leaves": [leaf, leaf]})
    storage.register(branch)
    loaded = storage.get(branch.ecs_id, Branch)
    assert loaded is not None
    assert loaded.chosen is not None
    assert loaded.chosen["kind"] == "many"
    assert loaded.chosen["leaves"][0] is loaded.by_name["x"][0]  # type: ignore[index]


def test_an_alternative_of_exactly_the_type_wins(make_storage: MakeStorage) -> None:
    storage = make_storage(Branch)
    branch = storage.register(Branch(numbers=[1, 2]))
    branch.numbers = [1, 2]
    storage.register(branch)
    loaded = storage.get(branch.ecs_id, Branch)
    assert loaded is not None
    assert [type(number) for number in loaded.numbers] == [
        type(number) for number in branch.numbers
    ]


def test_extra_values_that_post_init_changed_are_put_back(make_storage: MakeStorage) -> None:
    storage = make_storage(Open)
    entity = storage.register(Open())
    loaded = storage.get(entity.ecs_id, Open)
    assert loaded is not None
    assert loaded.loads == entity.loads
    storage.register(loaded)
    assert loaded.ecs_id == entity.ecs_id


def test_a_parent_in_the_same_graph_is_of_the_same_lineage(make_storage: MakeStorage) -> None:
    storage = make_storage(Branch)
    parent = storage.register(Leaf(name="parent"))
    stranger = Leaf(parent_id=parent.ecs_id, old_ids=[parent.ecs_id])
    with pytest.raises(errors.LineageError):
        storage.register(Branch(by_name={"a": parent, "b": stranger}))
