"""Graphs of parts and changes to them, as plain data that builds the same thing any number of times."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from hypothesis import strategies as st

from tests.property.models import PARTS, Motor, Part, Slot, Wheel
from tests.property.values import FLOATS, TEXTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class Change:
    """One change to one part; `at` and `other` pick from whatever parts there are."""

    kind: str
    at: int = 0
    other: int = 0
    text: str = ""
    number: float | None = None

    def apply(self, parts: Sequence[Part]) -> None:
        part, other = parts[self.at % len(parts)], parts[self.other % len(parts)]
        CHANGES[self.kind](part, other, self)


def _set_one(part: Part, other: Part, _change: Change) -> None:
    part.one = None if part.one is other else other


def _reverse(part: Part, _other: Part, _change: Change) -> None:
    part.many.reverse()
    part.row = part.row[::-1]


def _remove(part: Part, _other: Part, change: Change) -> None:
    if part.many:
        part.many.pop(change.other % len(part.many))
    elif part.named:
        part.named.popitem()


def _toggle_group(part: Part, other: Part, _change: Change) -> None:
    part.group ^= {other}


def _reorder_named(part: Part, _other: Part, _change: Change) -> None:
    part.named = dict(reversed(part.named.items()))


def _set_number(part: Part, _other: Part, change: Change) -> None:
    part.number = change.number


def _set_label(part: Part, _other: Part, change: Change) -> None:
    part.label = change.text


def _mark(part: Part, _other: Part, change: Change) -> None:
    part.marks.setdefault(change.text, []).append(change.other)


def _set_slot_note(part: Part, other: Part, change: Change) -> None:
    if part.slots:
        part.slots[-1].note = change.text
    else:
        part.slots.append(Slot(part=other))


def _set_own(part: Part, other: Part, change: Change) -> None:
    if isinstance(part, Wheel):
        part.spokes = change.other
    if isinstance(part, Motor):
        part.spare = other if isinstance(other, Motor) else None
        part.owner = other if isinstance(other, Wheel | Motor) else change.text


def _same_again(part: Part, _other: Part, _change: Change) -> None:
    part.label = "".join(list(part.label))
    part.many = list(part.many)
    part.named = dict(part.named)
    part.group = set(part.group)


def _attach_new(part: Part, other: Part, change: Change) -> None:
    part.many.append(Wheel(label=change.text, one=other))


CHANGES: dict[str, Callable[[Part, Part, Change], object]] = {
    "label": _set_label,
    "number": _set_number,
    "mark": _mark,
    "one": _set_one,
    "append": lambda part, other, _change: part.many.append(other),
    "insert": lambda part, other, _change: part.many.insert(0, other),
    "remove": _remove,
    "reverse": _reverse,
    "row": lambda part, other, _change: setattr(part, "row", (*part.row, other)),
    "group": _toggle_group,
    "named": lambda part, other, change: part.named.update({change.text: other}),
    "reorder named": _reorder_named,
    "slot": lambda part, other, _change: part.slots.append(Slot(part=other)),
    "slot note": _set_slot_note,
    "own": _set_own,
    "same again": _same_again,
    "attach new": _attach_new,
    "fork": lambda part, _other, _change: part.fork(),
}

NUMBERS = st.none() | FLOATS

LINKS = ["one", "append", "row", "group", "named", "slot", "own"]


def _changes(kinds: Sequence[str], texts: st.SearchStrategy[str]) -> st.SearchStrategy[Change]:
    places = st.integers(0, 9)
    return st.builds(Change, st.sampled_from(kinds), places, places, texts, NUMBERS)


@dataclass(frozen=True)
class Blueprint:
    """A graph to be built: the class of each part, its label, and the links between parts."""

    parts: Sequence[tuple[type[Part], str]]
    links: Sequence[Change]
    seed: UUID = field(default_factory=uuid4)

    def build(self) -> list[Part]:
        """New parts; the first of them is the root. The same blueprint gives the same ids each time."""
        parts = [
            kind(label=label, ecs_id=self._id(n), lineage_id=self._id(n + 1000))
            for n, (kind, label) in enumerate(self.parts)
        ]
        for link in self.links:
            link.apply(parts)
        return parts

    def _id(self, n: int) -> UUID:
        return UUID(int=(self.seed.int + n) % 2**128)


def _blueprints(kinds: Sequence[str]) -> st.SearchStrategy[Blueprint]:
    return st.builds(
        Blueprint,
        parts=st.lists(st.tuples(st.sampled_from(PARTS), TEXTS), min_size=1, max_size=6),
        links=st.lists(_changes(kinds, st.sampled_from(["", "a", "b"])), max_size=10),
        seed=st.uuids(),
    )


def _without(kinds: Sequence[str], left_out: str) -> list[str]:
    return [kind for kind in kinds if kind != left_out]


blueprints = _blueprints(LINKS)
changes = _changes(list(CHANGES), TEXTS)
changes_of_content = _changes(_without(list(CHANGES), "fork"), TEXTS)

ordered_blueprints = _blueprints(_without(LINKS, "group"))
"""Without sets, whose members have no order that two runs would share."""
ordered_changes = _changes(_without(list(CHANGES), "group"), TEXTS)
