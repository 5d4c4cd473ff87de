"""Law 1, round trip: what `register` accepted comes back from `get` with the same content.

And law 3 for every value: registering it again after a reload writes nothing.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import create_model

from ecs_sql import Entity
from ecs_sql.strategies import entities, samples
from ecs_sql.testing import assert_same_graph
from tests.profiles import shares_storage
from tests.property.fresh import Classes, Fresh, families, graphs
from tests.property.models import Part
from tests.property.strategies import Blueprint, blueprints

if TYPE_CHECKING:
    from ecs_sql import EntityStorage
    from tests.conftest import MakeStorage

pytestmark = pytest.mark.law("1 round trip")


def holder(name: str, annotation: Any) -> type[Entity]:
    """A generated class that keeps the annotation's values in columns of their own and inside JSON."""
    return create_model(
        name,
        __base__=Entity,
        value=(annotation, ...),
        maybe=(annotation | None, ...),
        many=(list[annotation], ...),
    )


@cache
def holders(family: str) -> dict[str, type[Entity]]:
    return {
        name: holder(f"{family}_{name}".title(), annotation)
        for name, annotation in samples.FAMILIES[family].items()
    }


@cache
def held(family: str) -> st.SearchStrategy[Entity]:
    return st.one_of([entities(made) for made in holders(family).values()])


def check_round_trip(storage: EntityStorage, entities: list[Any]) -> None:
    storage.register_many(entities)
    ids = [entity.ecs_id for entity in entities]
    loaded = list(storage.get_many(ids))
    for entity, expected in zip(loaded, entities, strict=True):
        assert_same_graph(entity, expected)
    versions = storage.get_registry_status().versions
    storage.register_many([entity for entity in loaded if entity is not None])
    assert [entity and entity.ecs_id for entity in loaded] == ids
    assert storage.get_registry_status().versions == versions


@pytest.fixture
def family_storage(make_storage: MakeStorage, family: str) -> EntityStorage:
    return make_storage(*holders(family).values())


@pytest.mark.parametrize("family", samples.FAMILIES)
@shares_storage
@given(data=st.data())
def test_values_of_every_annotation_come_back(
    family_storage: EntityStorage, family: str, data: st.DataObject
) -> None:
    family_storage.clear()
    drawn = data.draw(st.lists(held(family), min_size=1, max_size=4))
    check_round_trip(family_storage, drawn)


@shares_storage
@given(classes=families, data=st.data())
def test_graphs_of_generated_classes_come_back(
    fresh: Fresh, classes: Classes, data: st.DataObject
) -> None:
    roots = data.draw(st.lists(graphs(classes), min_size=1, max_size=3))
    with fresh(classes) as storage:
        check_round_trip(storage, roots)


@shares_storage
@given(blueprint=blueprints)
def test_graphs_come_back_with_shared_nodes_and_cycles(
    storage: EntityStorage, blueprint: Blueprint
) -> None:
    storage.clear()
    check_round_trip(storage, blueprint.build())


@shares_storage
@given(blueprint=blueprints, start=st.integers(0, 9))
def test_any_node_brings_all_that_it_reaches(
    storage: EntityStorage, blueprint: Blueprint, start: int
) -> None:
    storage.clear()
    parts = blueprint.build()
    storage.register_many(parts)
    node = parts[start % len(parts)]
    assert_same_graph(storage.get(node.ecs_id, Part), node)
