"""Law 6, all or nothing: a refused value is refused before the first write, and ids stay as they were."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ecs_sql.errors import UnstorableValueError
from ecs_sql.fields import EXTRA_FIELD, spec_of
from ecs_sql.testing import assert_same_picture, picture
from tests.profiles import shares_storage
from tests.property.fresh import Classes, Fresh, families, graphs
from tests.property.ledger import Ledger
from tests.property.strategies import Blueprint, Change, blueprints, changes
from tests.property.values import REFUSED_TEXTS
from tests.property.walking import reachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecs_sql import Entity, EntityStorage

pytestmark = pytest.mark.law("6 all or nothing")

refused: st.SearchStrategy[tuple[str, Any]] = st.one_of(
    st.tuples(st.just("label"), REFUSED_TEXTS | st.sampled_from([1, None, b"", True])),
    st.tuples(
        st.just("number"),
        st.sampled_from([float("nan"), float("inf"), "1.0", Decimal(1), True, 2**53 + 1]),
    ),
    st.tuples(
        st.just("marks"),
        st.one_of(
            st.dictionaries(REFUSED_TEXTS, st.just([]), min_size=1, max_size=2),
            st.sampled_from([{"a": [1.0]}, {"a": [True]}, {"a": (1,)}, {1: []}, [], None]),
        ),
    ),
    st.tuples(st.just("one"), st.sampled_from(["a part", 0])),
)


class Stop(Exception):
    """Leaves a transaction."""


@shares_storage
@given(
    blueprint=blueprints,
    steps=st.lists(changes, max_size=4),
    at=st.integers(0, 9),
    bad=refused,
    stored=st.booleans(),
)
def test_a_refused_value_anywhere_changes_nothing(
    storage: EntityStorage,
    blueprint: Blueprint,
    steps: list[Change],
    at: int,
    bad: tuple[str, Any],
    stored: bool,
) -> None:
    storage.clear()
    ledger = Ledger(storage)
    root = blueprint.build()[0]
    if stored:
        ledger.register(root)
    parts = reachable(root)
    for step in steps:
        step.apply(parts)
    parts = reachable(root)
    victim = parts[at % len(parts)]
    (field, value), mended = bad, getattr(victim, bad[0])
    setattr(victim, field, value)
    before = _bookkeeping(parts)
    with pytest.raises(UnstorableValueError) as caught:
        storage.register(root)
    assert caught.value.ecs_id == victim.ecs_id
    assert _bookkeeping(parts) == before
    ledger.check()
    setattr(victim, field, mended)
    ledger.register(root)
    ledger.check()


@shares_storage
@given(blueprint=blueprints, steps=st.lists(changes, max_size=4), inner=st.booleans())
def test_a_rollback_puts_everything_back(
    storage: EntityStorage, blueprint: Blueprint, steps: list[Change], inner: bool
) -> None:
    storage.clear()
    ledger = Ledger(storage)
    parts = blueprint.build()
    root = parts[0]
    ledger.register(root)
    for step in steps:
        step.apply(parts)
    before = picture(root)
    with pytest.raises(Stop), storage.transaction():
        with storage.transaction() if inner else nullcontext():
            storage.register(root)
        raise Stop
    assert_same_picture(picture(root), before)
    ledger.check()
    ledger.register(root)
    ledger.check()


def _bookkeeping(parts: list[Entity]) -> list[tuple[object, ...]]:
    names = ("ecs_id", "lineage_id", "parent_id", "old_ids", "created_at")
    return [tuple(map(repr, (getattr(part, name) for name in names))) for part in parts]


class Foreign:
    """Of a type that no field keeps."""


@shares_storage
@given(classes=families, data=st.data(), stored=st.booleans())
def test_a_refused_value_in_any_field_of_a_generated_class_changes_nothing(
    fresh: Fresh, classes: Classes, data: st.DataObject, stored: bool
) -> None:
    root = data.draw(graphs(classes))
    parts = reachable(root)
    places = [(part, item.name) for part in parts for item in spec_of(type(part)).fields]
    assume(places)
    victim, field = data.draw(st.sampled_from(places))
    with fresh(classes) as storage:
        ledger = Ledger(storage, classes)
        if stored:
            ledger.register(root)
        before = _bookkeeping(parts)
        with holding(victim, field, Foreign()), pytest.raises(UnstorableValueError) as caught:
            storage.register(root)
        assert caught.value.ecs_id == victim.ecs_id
        assert _bookkeeping(parts) == before
        ledger.check()
        ledger.register(root)
        ledger.check()


@contextmanager
def holding(entity: Entity, field: str, value: object) -> Iterator[None]:
    """The entity's field has another value inside the block."""
    if field == EXTRA_FIELD:
        extra = entity.__pydantic_extra__
        object.__setattr__(entity, EXTRA_FIELD, {"more": value})
        yield
        object.__setattr__(entity, EXTRA_FIELD, extra)
    else:
        kept = vars(entity)[field]
        vars(entity)[field] = value
        yield
        vars(entity)[field] = kept
