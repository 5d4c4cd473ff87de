"""Law 1, round trip: what `register` accepted comes back from `get` with the same content.

And law 3 for every value: registering it again after a reload writes nothing.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import create_model

from ecs_sql import Entity
from ecs_sql.testing import assert_same_graph
from tests.profiles import shares_storage
from tests.property.models import Part
from tests.property.strategies import Blueprint, blueprints
from tests.property.values import FAMILIES, Typed, typed_annotations
from tests.storages import Storages

if TYPE_CHECKING:
    from ecs_sql import EntityStorage
    from tests.backends import Backends
    from tests.conftest import MakeStorage


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
        for name, (annotation, _) in FAMILIES[family].items()
    }


@st.composite
def held(draw: st.DrawFn, family: str) -> Entity:
    name = draw(st.sampled_from(list(FAMILIES[family])))
    values = FAMILIES[family][name][1]
    return holders(family)[name].model_construct(
        value=draw(values), maybe=draw(st.none() | values), many=draw(st.lists(values, max_size=2))
    )


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


@pytest.mark.parametrize("family", FAMILIES)
def test_values_of_every_annotation_come_back(make_storage: MakeStorage, family: str) -> None:
    storage = make_storage(*holders(family).values())

    @shares_storage
    @given(st.lists(held(family), min_size=1, max_size=4))
    def law(entities: list[Entity]) -> None:
        storage.clear()
        check_round_trip(storage, entities)

    law()


@settings(shares_storage, max_examples=max(3, settings().max_examples // 3))
@given(data=st.data(), fields=st.lists(typed_annotations, min_size=1, max_size=4))
def test_values_of_generated_classes_come_back(
    backends: Backends, backend_name: str, data: st.DataObject, fields: list[Typed]
) -> None:
    definitions: dict[str, Any] = {
        f"field{n}": (typed.annotation, ...) for n, typed in enumerate(fields)
    }
    generated = create_model("Generated", __base__=Entity, **definitions)
    values = st.fixed_dictionaries({f"field{n}": typed.values for n, typed in enumerate(fields)})
    drawn = data.draw(st.lists(values, min_size=1, max_size=3))
    entities = [generated.model_construct(**content) for content in drawn]
    with Storages(backends, lambda _name: None) as storages:
        check_round_trip(storages.open(backend_name, generated), entities)


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
