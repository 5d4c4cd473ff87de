"""What storages must hold, predicted by plain dicts alone: nothing here asks the library.

Every live object is a `Thing` with a handle; every identity that an object may bear is a number. A
reference is a handle in a thing's fields, and a number in a stored version's. Each backend has other
objects and other random ids for the same handles and numbers.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.property.models import Motor, Part, Wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tests.property.strategies import Change

    Edit = Callable[["Model", int, int, Change], int | None]

Fields = dict[str, Any]
"""A part's fields by name; references as whatever names them, slots as pairs, `owner` tagged."""


@dataclass(frozen=True)
class Identity:
    """One number's bookkeeping; a lineage is named by the number of its first identity."""

    lineage: int
    parent: int | None
    old: tuple[int, ...]


@dataclass
class Thing:
    """A live object: what it is, which identity it bears, and what it holds."""

    kind: type[Part]
    number: int
    fields: Fields


@dataclass(frozen=True)
class Version:
    """A stored version; nobody changes its fields."""

    kind: type[Part]
    fields: Fields


@dataclass(frozen=True)
class Registered:
    """What a registration makes: versions in stored order, and the things that fork."""

    made: list[int]
    forked: list[int]
    is_order_open: bool
    """Whether a set leaves open which of its members is stored first."""


class Refused(Exception):
    """A registration that must be refused; the message is the error's name."""


def empty_fields(kind: type[Part], label: str) -> Fields:
    own: Fields = {}
    if kind is Wheel:
        own = {"spokes": 0}
    elif kind is Motor:
        own = {"spare": None, "owner": ("text", "")}
    return {
        "label": label,
        "number": None,
        "marks": {},
        "one": None,
        "many": [],
        "row": (),
        "group": set(),
        "named": {},
        "slots": [],
        **own,
    }


def renamed(fields: Fields, name: Callable[[Any], Any]) -> Fields:
    """A deep copy of the fields, with another name for each reference."""

    def optional(reference: Any) -> Any:
        return None if reference is None else name(reference)

    copy = {
        **fields,
        "marks": {key: list(numbers) for key, numbers in fields["marks"].items()},
        "one": optional(fields["one"]),
        "many": [name(reference) for reference in fields["many"]],
        "row": tuple(name(reference) for reference in fields["row"]),
        "group": {name(reference) for reference in fields["group"]},
        "named": {key: name(reference) for key, reference in fields["named"].items()},
        "slots": [(optional(reference), note) for reference, note in fields["slots"]],
    }
    if "owner" in fields:
        tag, owner = fields["owner"]
        copy["spare"] = optional(fields["spare"])
        copy["owner"] = (tag, name(owner) if tag == "part" else owner)
    return copy


def shape(fields: Fields) -> Fields:
    """The fields such that `==` sees what is content: the order of dicts, and a float's every digit."""
    number = fields["number"]
    return {
        **fields,
        "marks": [(key, list(numbers)) for key, numbers in fields["marks"].items()],
        "named": list(fields["named"].items()),
        "number": None if number is None else repr(number + 0.0),
    }


def references(fields: Fields) -> list[Any]:
    """All references, in the order of the fields."""
    found = [fields["one"], *fields["many"], *fields["row"], *fields["group"]]
    found += [*fields["named"].values(), *(reference for reference, _ in fields["slots"])]
    if "owner" in fields:
        tag, owner = fields["owner"]
        found += [fields["spare"], owner if tag == "part" else None]
    return [reference for reference in found if reference is not None]


class Model:
    """All live objects and all that is stored."""

    def __init__(self) -> None:
        self.things: dict[int, Thing] = {}
        self.identities: list[Identity] = []
        self.stored: dict[int, Version] = {}
        self._handles = itertools.count()
        self._forks: list[tuple[int, int]] = []
        self._blocks: list[tuple[dict[int, Version], int]] = []

    # Live objects

    def new(self, kind: type[Part], label: str) -> int:
        """A new thing of a new lineage; returns its handle."""
        return self._add(kind, self._new_identity(None), empty_fields(kind, label))

    def _add(self, kind: type[Part], number: int, fields: Fields) -> int:
        handle = next(self._handles)
        self.things[handle] = Thing(kind, number, fields)
        return handle

    def _new_identity(self, parent: int | None) -> int:
        number = len(self.identities)
        if parent is None:
            self.identities.append(Identity(number, None, ()))
        else:
            before = self.identities[parent]
            self.identities.append(Identity(before.lineage, parent, (*before.old, parent)))
        return number

    def fork(self, handle: int) -> None:
        thing = self.things[handle]
        thing.number = self._new_identity(thing.number)

    def copy(self, handle: int, label: str | None) -> int:
        """A copy of one thing, which bears the same identity."""
        thing = self.things[handle]
        copy = self._add(thing.kind, thing.number, renamed(thing.fields, lambda same: same))
        if label is not None:
            self.things[copy].fields["label"] = label
        return copy

    def copy_graph(self, handle: int) -> dict[int, int]:
        """A copy of all that a thing leads to; the copy of each, by handle."""
        copies = {original: self.copy(original, None) for original in self.reachable([handle])}
        for copy in copies.values():
            self.things[copy].fields = renamed(self.things[copy].fields, copies.__getitem__)
        return copies

    def load(self, numbers: Iterable[int]) -> dict[int, int]:
        """Fresh things for these versions and all that they refer to; the handle of each number."""
        loaded: dict[int, int] = {}
        pending = list(numbers)
        while pending:
            number = pending.pop()
            if number not in loaded:
                version = self.stored[number]
                loaded[number] = self._add(version.kind, number, version.fields)
                pending += references(version.fields)
        for handle in loaded.values():
            thing = self.things[handle]
            thing.fields = renamed(thing.fields, loaded.__getitem__)
        return loaded

    def reachable(self, roots: Iterable[int]) -> list[int]:
        """All handles below the roots, each once, an object before what it refers to, by field."""
        met: dict[int, None] = {}
        pending = list(roots)[::-1]
        while pending:
            handle = pending.pop()
            if handle not in met:
                met[handle] = None
                pending += references(self.things[handle].fields)[::-1]
        return list(met)

    def detach(self, handle: int) -> None:
        """Empty everything that refers."""
        thing = self.things[handle]
        plain = {name: thing.fields[name] for name in ("number", "marks")}
        spokes = {"spokes": thing.fields["spokes"]} if thing.kind is Wheel else {}
        thing.fields = {**empty_fields(thing.kind, thing.fields["label"]), **plain, **spokes}

    def forget_all_but(self, kept: Iterable[int]) -> None:
        """Keep these things alone."""
        self.things = {handle: self.things[handle] for handle in kept}

    def edit(self, change: Change, handles: Sequence[int]) -> int | None:
        """One change to one thing, as `Change.apply` makes it; the handle of a thing that it made."""
        at, other = handles[change.at % len(handles)], handles[change.other % len(handles)]
        return EDITS[change.kind](self, at, other, change)

    # Storing

    def register(self, roots: Sequence[int]) -> Registered:
        """Store graphs; all that differs from its version forks, and all that leads to it.

        Raises:
            Refused: when it must be refused; nothing has changed then.
        """
        nodes = self.reachable(roots)
        forking = self._forking(nodes)
        mark = len(self.identities)
        final = {handle: self.things[handle].number for handle in nodes}
        final |= {
            handle: self._new_identity(final[handle]) for handle in nodes if handle in forking
        }
        plan: dict[int, Version] = {}
        for handle in nodes:
            thing, number = self.things[handle], final[handle]
            if number in self.stored:
                continue
            version = Version(thing.kind, renamed(thing.fields, final.__getitem__))
            twin = plan.setdefault(number, version)
            if shape(twin.fields) != shape(version.fields):
                del self.identities[mark:]
                raise Refused("CopyConflictError")
        for handle in forking:
            self._forks.append((handle, self.things[handle].number))
            self.things[handle].number = final[handle]
        if not self._blocks:
            self._forks.clear()
        made = self._parents_first(plan)
        self.stored.update((number, plan[number]) for number in made)
        is_order_open = any(len(self.things[handle].fields["group"]) > 1 for handle in nodes)
        return Registered(made, [handle for handle in nodes if handle in forking], is_order_open)

    def _forking(self, nodes: Sequence[int]) -> set[int]:
        stored = {handle for handle in nodes if self.things[handle].number in self.stored}
        forking = {handle for handle in stored if not self._is_as_stored(handle)}
        while True:
            more = {
                handle
                for handle in stored - forking
                if not forking.isdisjoint(references(self.things[handle].fields))
            }
            if not more:
                return forking
            forking |= more

    def _is_as_stored(self, handle: int) -> bool:
        thing = self.things[handle]
        now = renamed(thing.fields, lambda target: self.things[target].number)
        return shape(now) == shape(self.stored[thing.number].fields)

    def _parents_first(self, plan: Iterable[int]) -> list[int]:
        wanted = list(plan)
        made: dict[int, None] = {}
        for number in wanted:
            line, parent = [number], self.identities[number].parent
            while parent in wanted:
                line.append(parent)
                parent = self.identities[parent].parent
            made.update(dict.fromkeys(reversed(line)))
        return list(made)

    def clear(self) -> None:
        self.stored = {}

    # Blocks

    @property
    def depth(self) -> int:
        """How many blocks are open, one inside the other."""
        return len(self._blocks)

    @property
    def committed(self) -> dict[int, Version]:
        """What is stored for those who are not in the block."""
        return self._blocks[0][0] if self._blocks else self.stored

    def begin(self) -> None:
        self._blocks.append((dict(self.stored), len(self._forks)))

    def commit(self) -> None:
        self._blocks.pop()
        if not self._blocks:
            self._forks.clear()

    def roll_back(self) -> None:
        """Everything is as before the block, and things bear the identities of before."""
        self.stored, mark = self._blocks.pop()
        while len(self._forks) > mark:
            handle, number = self._forks.pop()
            self.things[handle].number = number


# The counterparts of the changes to real objects


def _assign(name: str, value: Callable[[Change], Any]) -> Edit:
    def edit(model: Model, at: int, other: int, change: Change) -> None:
        model.things[at].fields[name] = value(change)

    return edit


def _one(model: Model, at: int, other: int, change: Change) -> None:
    fields = model.things[at].fields
    fields["one"] = None if fields["one"] == other else other


def _mark(model: Model, at: int, other: int, change: Change) -> None:
    model.things[at].fields["marks"].setdefault(change.text, []).append(change.other)


def _insert(model: Model, at: int, other: int, change: Change) -> None:
    model.things[at].fields["many"].insert(0, other)


def _append(model: Model, at: int, other: int, change: Change) -> None:
    model.things[at].fields["many"].append(other)


def _row(model: Model, at: int, other: int, change: Change) -> None:
    model.things[at].fields["row"] += (other,)


def _group(model: Model, at: int, other: int, change: Change) -> None:
    model.things[at].fields["group"] ^= {other}


def _named(model: Model, at: int, other: int, change: Change) -> None:
    model.things[at].fields["named"][change.text] = other


def _slot(model: Model, at: int, other: int, change: Change) -> None:
    model.things[at].fields["slots"].append((other, ""))


def _slot_note(model: Model, at: int, other: int, change: Change) -> None:
    slots = model.things[at].fields["slots"]
    if slots:
        slots[-1] = (slots[-1][0], change.text)
    else:
        slots.append((other, ""))


def _remove(model: Model, at: int, other: int, change: Change) -> None:
    fields = model.things[at].fields
    if fields["many"]:
        fields["many"].pop(change.other % len(fields["many"]))
    elif fields["named"]:
        fields["named"].popitem()


def _reverse(model: Model, at: int, other: int, change: Change) -> None:
    fields = model.things[at].fields
    fields["many"].reverse()
    fields["row"] = fields["row"][::-1]


def _reorder_named(model: Model, at: int, other: int, change: Change) -> None:
    fields = model.things[at].fields
    fields["named"] = dict(reversed(fields["named"].items()))


def _own(model: Model, at: int, other: int, change: Change) -> None:
    thing, target = model.things[at], model.things[other]
    if thing.kind is Wheel:
        thing.fields["spokes"] = change.other
    if thing.kind is Motor:
        thing.fields["spare"] = other if target.kind is Motor else None
        is_owner = target.kind in {Wheel, Motor}
        thing.fields["owner"] = ("part", other) if is_owner else ("text", change.text)


def _attach_new(model: Model, at: int, other: int, change: Change) -> int:
    new = model.new(Wheel, change.text)
    model.things[new].fields["one"] = other
    model.things[at].fields["many"].append(new)
    return new


EDITS: dict[str, Edit] = {
    "label": _assign("label", lambda change: change.text),
    "number": _assign("number", lambda change: change.number),
    "mark": _mark,
    "one": _one,
    "append": _append,
    "insert": _insert,
    "remove": _remove,
    "reverse": _reverse,
    "row": _row,
    "group": _group,
    "named": _named,
    "reorder named": _reorder_named,
    "slot": _slot,
    "slot note": _slot_note,
    "own": _own,
    "same again": lambda *_: None,
    "attach new": _attach_new,
    "fork": lambda model, at, _other, _change: model.fork(at),
}
