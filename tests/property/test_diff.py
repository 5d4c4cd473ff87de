"""Law 8, diff: `diff(a, a)` is empty; applying `diff(a, b)` to `a` gives `b`; the inverse undoes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecs_sql.strategies import changes as changes_of
from ecs_sql.testing import assert_same_picture, picture
from tests.profiles import shares_storage
from tests.property.fresh import Classes, Fresh, families, graphs
from tests.property.models import Part
from tests.property.strategies import (
    Blueprint,
    Change,
    blueprints,
    changes,
    changes_of_content,
)
from tests.property.walking import reachable

if TYPE_CHECKING:
    from ecs_sql import EntityStorage

pytestmark = pytest.mark.law("8 diff")

steps_of_change = st.lists(changes, max_size=4)


def two_states(
    storage: EntityStorage, blueprint: Blueprint, steps: list[Change], stored: bool
) -> tuple[Part, Part]:
    """A graph and a changed one, of other objects; the second is stored or not."""
    storage.clear()
    first = blueprint.build()[0]
    storage.register(first)
    second = storage.get(first.ecs_id, Part)
    assert second is not None
    parts = reachable(second)
    for step in steps:
        step.apply(parts)
    if stored:
        storage.register(second)
    return first, second


@shares_storage
@given(blueprint=blueprints)
def test_the_diff_to_itself_is_empty(storage: EntityStorage, blueprint: Blueprint) -> None:
    first, second = two_states(storage, blueprint, [], stored=True)
    for one, other in ((first, first), (first, second), (second, first)):
        assert not one.diff(other)
        assert one.diff(other).changes == ()
        assert not one.has_modifications(other)


@shares_storage
@given(blueprint=blueprints, steps=steps_of_change, stored=st.booleans())
def test_an_applied_diff_gives_the_other(
    storage: EntityStorage, blueprint: Blueprint, steps: list[Change], stored: bool
) -> None:
    first, second = two_states(storage, blueprint, steps, stored)
    before = picture(first), picture(second)
    applied = first.diff(second).apply(first)
    assert_same_picture(picture(applied), before[1])
    assert not applied.diff(second)
    assert_same_picture(picture(first), before[0])
    assert_same_picture(picture(second), before[1])
    objects = {id(part) for part in (*reachable(first), *reachable(second))}
    assert not objects & {id(part) for part in reachable(applied)}


@shares_storage
@given(blueprint=blueprints, steps=steps_of_change, stored=st.booleans())
def test_the_inverse_undoes_a_diff(
    storage: EntityStorage, blueprint: Blueprint, steps: list[Change], stored: bool
) -> None:
    first, second = two_states(storage, blueprint, steps, stored)
    difference = first.diff(second)
    assert_same_picture(picture(difference.inverse().apply(second)), picture(first))
    assert_same_picture(picture(difference.inverse().inverse().apply(first)), picture(second))


@shares_storage
@given(blueprint=blueprints, steps=st.lists(changes_of_content, max_size=4))
def test_a_diff_is_empty_exactly_when_registering_made_no_version(
    storage: EntityStorage, blueprint: Blueprint, steps: list[Change]
) -> None:
    first, second = two_states(storage, blueprint, steps, stored=True)
    assert bool(first.diff(second)) == (first.ecs_id != second.ecs_id)


@shares_storage
@given(classes=families, data=st.data(), stored=st.booleans())
def test_a_diff_of_generated_classes_leads_there_and_back(
    fresh: Fresh, classes: Classes, data: st.DataObject, stored: bool
) -> None:
    first = data.draw(graphs(classes))
    with fresh(classes) as storage:
        storage.register(first)
        second = storage.get(first.ecs_id)
        assert second is not None
        assert not first.diff(second)
        for _ in range(data.draw(st.integers(0, 3))):
            data.draw(changes_of(second)).apply()
        if stored:
            storage.register(second)
        difference = first.diff(second)
        assert bool(difference) == first.has_modifications(second)
        before = picture(first), picture(second)
        applied = difference.apply(first)
        assert_same_picture(picture(applied), before[1])
        assert not applied.diff(second)
        assert_same_picture(picture(difference.inverse().apply(second)), before[0])
        assert (picture(first), picture(second)) == before
