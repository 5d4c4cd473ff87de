"""All laws at once: every backend keeps step with a model, whatever is done in whatever order.

Memory, SQLite, PostgreSQL and MariaDB, as far as they are there, do the same at the same time. After
every step each of them holds what the model says, every version reads as it was stored, and live
objects hold what they should.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.backends import BACKENDS
from tests.property.lockstep import Backend
from tests.property.machine_model import Model, Refused
from tests.property.models import PARTS, Part
from tests.property.strategies import Change, changes
from tests.property.values import TEXTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.storages import Storages

LIVE = 10
"""How many objects are at hand; others live on as far as these lead to them."""

places = st.integers(0, LIVE - 1)
far_places = st.integers(0, 200)
which = st.integers(0, 1)
some_changes = st.lists(changes, min_size=1, max_size=4)
kinds = st.sampled_from(PARTS)


class Tally:
    """How many sequences and steps ran."""

    sequences = 0
    steps = 0


class Machine(RuleBasedStateMachine):
    """Takes each step in the model and on every backend."""

    def __init__(self, backends: Sequence[Backend], tally: Tally) -> None:
        super().__init__()
        self.backends = backends
        self.tally = tally
        self.model = Model()
        self.live: list[int] = []
        tally.sequences += 1
        for backend in backends:
            backend.start(self.model)

    @initialize(
        labels=st.lists(st.tuples(kinds, TEXTS), min_size=1, max_size=4), edits=some_changes
    )
    def make_a_graph(self, labels: list[tuple[type[Part], str]], edits: list[Change]) -> None:
        for kind, label in labels:
            self.make(kind, label)
        self.change(edits)

    # Live objects

    def make(self, kind: type[Part], label: str) -> None:
        handle = self.model.new(kind, label)
        for backend in self.backends:
            backend.new(handle, label)
        self.live.append(handle)

    @rule(kind=kinds, label=TEXTS)
    def make_a_part(self, kind: type[Part], label: str) -> None:
        self.make(kind, label)

    @rule(edits=some_changes)
    def change(self, edits: list[Change]) -> None:
        self.change_some(edits, self.live[-LIVE:])

    def change_some(self, edits: Iterable[Change], handles: Sequence[int]) -> None:
        for edit in edits:
            made = self.model.edit(edit, handles)
            for backend in self.backends:
                backend.edit(edit, handles, made)

    @rule(at=places)
    def detach_all(self, at: int) -> None:
        handle = self.pick(at)
        self.model.detach(handle)
        for backend in self.backends:
            backend.detach(handle)

    @rule(at=places, label=st.none() | TEXTS)
    def copy(self, at: int, label: str | None) -> None:
        handle = self.pick(at)
        copy = self.model.copy(handle, label)
        for backend in self.backends:
            backend.copy(handle, copy, label)
        self.live.append(copy)

    @rule(at=places)
    def copy_a_graph(self, at: int) -> None:
        handle = self.pick(at)
        below = self.model.reachable([handle])
        if any(len(self.model.things[each].fields["group"]) > 1 for each in below):
            return  # which of a set's members is whose copy cannot be told from outside
        copies = self.model.copy_graph(handle)
        for backend in self.backends:
            backend.copy_graph(copies)
        self.live += list(copies.values())[:LIVE]

    # Writing

    def register_all(self, roots: Sequence[int], storage: int) -> None:
        try:
            expected: Any = self.model.register(roots)
        except Refused as refused:
            expected = refused
        for backend in self.backends:
            backend.register(roots, expected, storage)

    @rule(at=places, storage=which)
    def register(self, at: int, storage: int) -> None:
        self.register_all([self.pick(at)], storage)

    @rule(at=places, edits=some_changes, storage=which)
    def change_and_register(self, at: int, edits: list[Change], storage: int) -> None:
        self.change(edits)
        self.register_all([self.pick(at)], storage)

    @rule(places=st.lists(places, min_size=2, max_size=4), storage=which)
    def register_many(self, places: list[int], storage: int) -> None:
        self.register_all([self.pick(at) for at in places], storage)

    @rule(at=places, spoiled=places, storage=which)
    def register_what_is_refused(self, at: int, spoiled: int, storage: int) -> None:
        root = self.pick(at)
        below = self.model.reachable([root])
        for backend in self.backends:
            backend.register_spoiled(root, below[spoiled % len(below)], storage)

    @precondition(lambda self: self.model.stored and not self.model.depth)
    @rule(at=far_places, left=some_changes, right=some_changes)
    def branch(self, at: int, left: list[Change], right: list[Change]) -> None:
        number = self.pick_stored(at)
        branches = [self.load([number], 0), self.load([number], 1)]
        for handles, edits in zip(branches, (left, right), strict=True):
            self.change_some(edits, handles)
        for storage, handles in enumerate(branches):
            self.register_all([handles[0]], storage)
            self.live.append(handles[0])

    @precondition(lambda self: len(self.model.stored) > 5)
    @rule(at=places, storage=which)
    def clear_and_register(self, at: int, storage: int) -> None:
        self.model.clear()
        for backend in self.backends:
            backend.clear()
        self.all_is_as_the_model_says()
        self.register_all([self.pick(at)], storage)

    # Blocks

    @precondition(lambda self: self.model.depth < 3)
    @rule(joined=st.booleans())
    def begin(self, joined: bool) -> None:
        self.model.begin()
        for backend in self.backends:
            backend.begin(joined=joined)

    @rule(at=places, edits=some_changes, more=some_changes, joined=st.booleans())
    def register_and_roll_back(
        self, at: int, edits: list[Change], more: list[Change], joined: bool
    ) -> None:
        root = self.pick(at)
        self.register_all([root], 0)  # so that what changes in the block forks there
        self.begin(joined)
        for changed in (edits, more):
            self.change(changed)
            self.register_all([root], 0)
        self.roll_back()

    @precondition(lambda self: self.model.depth)
    @rule()
    def commit(self) -> None:
        self.model.commit()
        for backend in self.backends:
            backend.commit()

    @precondition(lambda self: self.model.depth)
    @rule()
    def roll_back(self) -> None:
        self.model.roll_back()
        for backend in self.backends:
            backend.roll_back()

    @rule(at=places, storage=which)
    def read_only(self, at: int, storage: int) -> None:
        for backend in self.backends:
            backend.check_read_only(self.pick(at), storage)

    # Reading

    def load(self, numbers: list[int], storage: int) -> list[int]:
        """Fresh objects of versions; the handles of all that was loaded, those asked for first."""
        loaded = self.model.load(numbers)
        for backend in self.backends:
            backend.load(loaded, numbers, storage)
        asked = [loaded[number] for number in numbers]
        return list(dict.fromkeys([*asked, *self.model.reachable(asked)]))

    @precondition(lambda self: self.model.stored)
    @rule(at=far_places, storage=which)
    def reload(self, at: int, storage: int) -> None:
        self.live += self.load([self.pick_stored(at)], storage)[: LIVE // 2]

    @precondition(lambda self: self.model.stored)
    @rule(places=st.lists(far_places, min_size=2, max_size=4), storage=which)
    def reload_many(self, places: list[int], storage: int) -> None:
        numbers = list(dict.fromkeys(map(self.pick_stored, places)))
        self.live += self.load(numbers, storage)[: LIVE // 2]

    @rule(at=far_places, wanted=kinds, storage=which)
    def get(self, at: int, wanted: type[Part], storage: int) -> None:
        number = at % (len(self.model.identities) + 1)  # that one after the last is nobody's
        for backend in self.backends:
            backend.check_get(number, wanted, storage)

    @rule(kind=kinds, storage=which)
    def list_by_type(self, kind: type[Part], storage: int) -> None:
        for backend in self.backends:
            backend.check_list(kind, storage)

    @rule(at=far_places, storage=which)
    def read_a_lineage(self, at: int, storage: int) -> None:
        number = at % (len(self.model.identities) + 1)
        identities = self.model.identities
        lineage = identities[number].lineage if number < len(identities) else number
        for backend in self.backends:
            backend.check_lineage(lineage, storage)

    @precondition(lambda self: not self.model.depth)
    @rule()
    def reopen(self) -> None:
        for backend in self.backends:
            backend.reopen()

    # After every step

    @invariant()
    def all_is_as_the_model_says(self) -> None:
        self.tally.steps += 1
        self.forget()
        for backend in self.backends:
            backend.check()

    def forget(self) -> None:
        """Objects that nothing at hand leads to are gone; a block may yet give them back their ids."""
        self.live = list(dict.fromkeys(self.live[::-1]))[:LIVE][::-1]
        if not self.model.depth:
            kept = self.model.reachable(self.live)
            self.model.forget_all_but(kept)
            for backend in self.backends:
                backend.forget_all_but(kept)

    def teardown(self) -> None:
        try:
            while self.model.depth:
                self.roll_back()
            self.all_is_as_the_model_says()
            for backend in self.backends:
                backend.check_whole()
        finally:
            for backend in self.backends:
                backend.abandon()

    def pick(self, at: int) -> int:
        return self.live[at % len(self.live)]

    def pick_stored(self, at: int) -> int:
        numbers = list(self.model.stored)
        return numbers[at % len(numbers)]


@pytest.fixture
def lockstep(storages: Storages) -> list[Backend]:
    """Every backend that is there."""
    found = []
    for name in BACKENDS:
        try:
            found.append(Backend(name, storages))
        except pytest.skip.Exception:  # it is not there; the others go on
            continue
    return found


def test_every_backend_keeps_step_with_the_model(lockstep: list[Backend]) -> None:
    tally = Tally()
    # A sequence costs as much as dozens of other tests' examples.
    examples = max(1, min(settings.default.max_examples // 2, 1_000))
    try:
        run_state_machine_as_test(
            lambda: Machine(lockstep, tally), settings=settings(max_examples=examples)
        )
    finally:
        names = ", ".join(backend.name for backend in lockstep)
        print(f"{tally.sequences} sequences, {tally.steps} steps on each of {names}")
