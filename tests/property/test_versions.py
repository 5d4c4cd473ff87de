"""Laws 2 to 5: immutability; no change, no version; minimal forks; lineages.

A ledger beside the storage keeps what every version held when it was stored, and works out by hand
which versions each registration must make.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecs_sql import InMemoryEntityStorage
from ecs_sql.strategies import changes as changes_of
from ecs_sql.testing import assert_same_picture, picture
from tests.profiles import shares_storage
from tests.property.fresh import Classes, Fresh, families, graphs
from tests.property.ledger import Ledger
from tests.property.models import Part
from tests.property.strategies import Blueprint, Change, blueprints, changes
from tests.property.walking import reachable

if TYPE_CHECKING:
    from ecs_sql import Entity, EntityStorage

rounds = st.lists(st.tuples(st.booleans(), st.lists(changes, max_size=3)), min_size=1, max_size=3)
"""Changes between registrations, each round with or without a reload before it."""


E = TypeVar("E", bound="Entity")


def load(storage: EntityStorage, part: E) -> E:
    loaded = storage.get(part.ecs_id, type(part))
    assert loaded is not None
    return loaded


def apply(steps: list[Change], *roots: Part) -> None:
    parts = reachable(*roots)
    for step in steps:
        step.apply(parts)


@pytest.mark.law("4 minimal forks")
@shares_storage
@given(blueprint=blueprints, rounds=rounds)
def test_exactly_what_changed_and_what_leads_to_it_forks(
    storage: EntityStorage, blueprint: Blueprint, rounds: list[tuple[bool, list[Change]]]
) -> None:
    storage.clear()
    ledger = Ledger(storage)
    root = blueprint.build()[0]
    ledger.register(root)
    for reload, steps in rounds:
        if reload:
            root = load(storage, root)
        apply(steps, root)
        ledger.register(root)
    ledger.check()


@pytest.mark.law("3 no change, no version")
@shares_storage
@given(blueprint=blueprints, rounds=rounds)
def test_an_unmodified_graph_makes_no_version_anywhere(
    storage: EntityStorage,
    blueprint: Blueprint,
    rounds: list[tuple[bool, list[Change]]],
) -> None:
    storage.clear()
    ledger = Ledger(storage)
    root = blueprint.build()[0]
    for _, steps in rounds:
        apply(steps, root)
        ledger.register(root)
    assert ledger.register(root) == set()
    assert ledger.register(load(storage, root)) == set()
    elsewhere = InMemoryEntityStorage()
    elsewhere.register(load(storage, root))
    assert_same_picture(picture(load(elsewhere, root)), picture(root))
    assert ledger.register(load(elsewhere, root)) == set()
    ledger.check()


@pytest.mark.law("5 lineage")
@shares_storage
@given(
    blueprint=blueprints, left=st.lists(changes, max_size=3), right=st.lists(changes, max_size=3)
)
def test_branches_grow_side_by_side(
    storage: EntityStorage, blueprint: Blueprint, left: list[Change], right: list[Change]
) -> None:
    storage.clear()
    ledger = Ledger(storage)
    root = blueprint.build()[0]
    ledger.register(root)
    branches = [load(storage, root), load(storage, root)]
    for branch, steps in zip(branches, (left, right), strict=True):
        apply(steps, branch)
    ledger.register(*branches)
    ledger.check()


@pytest.mark.law("2 immutability")
@shares_storage
@given(blueprint=blueprints, steps=st.lists(changes, min_size=1, max_size=4))
def test_no_version_follows_an_object(
    storage: EntityStorage, blueprint: Blueprint, steps: list[Change]
) -> None:
    storage.clear()
    ledger = Ledger(storage)
    parts = blueprint.build()
    ledger.register(*parts)
    for part in parts:
        apply(steps, load(storage, part))
    apply(steps, *parts)
    ledger.check()


@pytest.mark.law("4 minimal forks")
@shares_storage
@given(
    blueprint=blueprints,
    at=st.integers(0, 9),
    update=st.dictionaries(st.just("label"), st.text("ab")),
)
def test_copies_of_a_stored_version_fork_on_their_own(
    storage: EntityStorage, blueprint: Blueprint, at: int, update: dict[str, str]
) -> None:
    storage.clear()
    ledger = Ledger(storage)
    parts = blueprint.build()
    ledger.register(*parts)
    original = parts[at % len(parts)]
    ledger.register(original.model_copy(update=update), original, original.model_copy())
    ledger.check()


def change(data: st.DataObject, *roots: Entity, most: int = 2) -> None:
    """Change a few fields in the graphs below the roots."""
    for _ in range(data.draw(st.integers(0, most))):
        data.draw(changes_of(*roots)).apply()


@pytest.mark.law("4 minimal forks")
@shares_storage
@given(classes=families, data=st.data())
def test_generated_classes_fork_only_where_they_must(
    fresh: Fresh, classes: Classes, data: st.DataObject
) -> None:
    root = data.draw(graphs(classes))
    with fresh(classes) as storage:
        ledger = Ledger(storage, classes)
        ledger.register(root)
        for reload in data.draw(st.lists(st.booleans(), min_size=1, max_size=3)):
            if reload:
                root = load(storage, root)
            change(data, root)
            ledger.register(root)
        ledger.check()


@pytest.mark.law("3 no change, no version")
@shares_storage
@given(classes=families, data=st.data())
def test_an_unmodified_graph_of_generated_classes_makes_no_version(
    fresh: Fresh, classes: Classes, data: st.DataObject
) -> None:
    root = data.draw(graphs(classes))
    with fresh(classes) as storage:
        ledger = Ledger(storage, classes)
        ledger.register(root)
        change(data, root)
        ledger.register(root)
        assert ledger.register(root) == set()
        assert ledger.register(load(storage, root)) == set()
        elsewhere = InMemoryEntityStorage()
        elsewhere.register(load(storage, root))
        assert ledger.register(load(elsewhere, root)) == set()
        ledger.check()


@pytest.mark.law("5 lineage")
@shares_storage
@given(classes=families, data=st.data())
def test_branches_of_generated_classes_grow_side_by_side(
    fresh: Fresh, classes: Classes, data: st.DataObject
) -> None:
    root = data.draw(graphs(classes))
    with fresh(classes) as storage:
        ledger = Ledger(storage, classes)
        ledger.register(root)
        branches = [load(storage, root), load(storage, root)]
        for branch in branches:
            change(data, branch)
        ledger.register(*branches)
        change(data, *branches)
        ledger.register(*branches)
        ledger.check()


@pytest.mark.law("2 immutability")
@shares_storage
@given(classes=families, data=st.data())
def test_no_version_of_a_generated_class_follows_an_object(
    fresh: Fresh, classes: Classes, data: st.DataObject
) -> None:
    roots = data.draw(st.lists(graphs(classes), min_size=1, max_size=2))
    with fresh(classes) as storage:
        ledger = Ledger(storage, classes)
        ledger.register(*roots)
        for root in [*roots, *(load(storage, root) for root in roots)]:
            change(data, root, most=3)
        ledger.check()
