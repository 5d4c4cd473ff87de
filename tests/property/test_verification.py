"""Verification finds nothing in whatever was registered, changed and registered again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.profiles import shares_storage
from tests.property.fresh import Classes, Fresh, families, graphs
from tests.property.strategies import Blueprint, blueprints

if TYPE_CHECKING:
    from ecs_sql import EntityStorage

pytestmark = pytest.mark.law("verification finds nothing in what was registered")


def check_whole(storage: EntityStorage) -> None:
    report = storage.verify()
    assert report.ok, "\n".join(map(str, report.findings))
    assert report.versions == storage.get_registry_status().versions


@shares_storage
@given(classes=families, data=st.data())
def test_graphs_of_generated_classes_are_whole(
    fresh: Fresh, classes: Classes, data: st.DataObject
) -> None:
    roots = data.draw(st.lists(graphs(classes), min_size=1, max_size=3))
    with fresh(classes) as storage:
        storage.register_many(roots)
        check_whole(storage)


@shares_storage
@given(blueprint=blueprints, forks=st.lists(st.integers(0, 9), max_size=4))
def test_graphs_and_their_forks_are_whole(
    storage: EntityStorage, blueprint: Blueprint, forks: list[int]
) -> None:
    storage.clear()
    parts = blueprint.build()
    storage.register_many(parts)
    for number in forks:
        part = parts[number % len(parts)]
        part.fork()
        copy = storage.get(part.parent_id) if part.parent_id is not None else None
        storage.register_many([part, *([] if copy is None else [copy])])
    check_whole(storage)
