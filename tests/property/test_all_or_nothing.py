"""Law 6, all or nothing: a refused value is refused before the first write, and ids stay as they were."""

from __future__ import annotations

from contextlib import nullcontext
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecs_sql.errors import UnstorableValueError
from ecs_sql.testing import assert_same_picture, picture
from tests.profiles import shares_storage
from tests.property.ledger import Ledger
from tests.property.strategies import Blueprint, Change, blueprints, changes, reachable
from tests.property.values import REFUSED_TEXTS

if TYPE_CHECKING:
    from ecs_sql import EntityStorage
    from tests.property.models import Part

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


def _bookkeeping(parts: list[Part]) -> list[tuple[object, ...]]:
    names = ("ecs_id", "lineage_id", "parent_id", "old_ids", "created_at")
    return [tuple(map(repr, (getattr(part, name) for name in names))) for part in parts]
