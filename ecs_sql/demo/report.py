"""Tables that show an inventory, what changed in it, what was written, and a diff."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from rich import box
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ecs_sql.demo.inventory import (
    Author,
    Environment,
    Facts,
    InstalledFile,
    Module,
    all_entities,
)
from ecs_sql.demo.steps import Step
from ecs_sql.demo.wording import name_of, shown
from ecs_sql.diff import EntityDiff, FieldChange
from ecs_sql.entity import Entity

MAX_ROWS = 20

Line: TypeAlias = tuple[str, str, str, str]


class Tally(NamedTuple):
    """How the entities of one type fared when the graph was stored."""

    new: int = 0
    forked: int = 0
    kept: int = 0


class Change(NamedTuple):
    """What an installer did to one distribution between two runs."""

    kind: str
    name: str
    before: str
    after: str


def tally(environment: Environment, stored: Mapping[Entity, UUID]) -> dict[str, Tally]:
    """Per type, how many entities are new, forked or as they were; `stored` has the earlier ids."""
    counts: Counter[tuple[str, str]] = Counter()
    for entity in all_entities(environment):
        earlier = stored.get(entity)
        fate = "new" if earlier is None else "kept" if earlier == entity.ecs_id else "forked"
        counts[type(entity).__name__, fate] += 1
    names = sorted({name for name, _ in counts})
    return {name: Tally(*(counts[name, fate] for fate in Tally._fields)) for name in names}


def tally_table(title: str, tallies: Mapping[str, Tally]) -> Table:
    """A line per type, and their sum."""
    table = _table(title, "Type", show_footer=True)
    sums = [sum(column) for column in zip(*tallies.values(), strict=True)]
    for heading, total in zip(("New", "Forked", "As it was"), sums, strict=True):
        table.add_column(heading, justify="right", footer=f"{total:,}")
    for name, numbers in tallies.items():
        table.add_row(name, *(f"{number:,}" for number in numbers))
    return table


def inventory_table(environment: Environment) -> Table:
    """What the inventory holds, in numbers."""
    counts = Counter(type(entity) for entity in all_entities(environment))
    items = environment.distributions
    needs = [need for item in items for need in item.requires]
    size = sum(file.size or 0 for item in items for file in item.files)
    met = sum(need.distribution is not None for need in needs)
    trees = sum(len(item.modules) for item in items)
    table = _table("The inventory", "What")
    table.add_column("How many", justify="right")
    table.add_column("Remark")
    for what, count, remark in (
        ("Distributions", len(items), ""),
        ("Requirements", len(needs), f"{met:,} of them installed"),
        ("Files", counts[InstalledFile], f"{size / 1e6:,.1f} MB"),
        ("Modules", counts[Module], f"in {trees:,} trees"),
        ("Authors", counts[Author], ""),
    ):
        table.add_row(what, f"{count:,}", remark)
    return table


def changes_between(before: Mapping[str, Facts], after: Mapping[str, Facts]) -> list[Change]:
    """What was installed, removed or changed between two scans, sorted by name."""
    names = sorted(before.keys() | after.keys(), key=str.lower)
    changes = [_change(name, before.get(name), after.get(name)) for name in names]
    return [change for change in changes if change is not None]


def _change(name: str, before: Facts | None, after: Facts | None) -> Change | None:
    if before == after:
        return None
    if before is None or after is None:
        old, new = (str(facts["version"]) if facts else "" for facts in (before, after))
        return Change("removed" if before else "installed", name, old, new)
    if before["version"] != after["version"]:
        return Change("other version", name, str(before["version"]), str(after["version"]))
    fields = ", ".join(field for field in after if before[field] != after[field])
    return Change("changed", name, "", fields)


def changes_table(changes: Sequence[Change]) -> Table:
    """A line per distribution that an installer touched."""
    table = _table("Since the last run", "What")
    for heading in ("Distribution", "Before", "After"):
        table.add_column(heading, overflow="fold")
    for change in changes:
        table.add_row(*map(escape, change))
    return table


def diff_table(title: str, step: Step) -> Table:
    """What a diff says: what changed by itself, then what was added or removed, then what pins others."""
    lines = [
        _field_line(name_of(fork.entity), field, step.names)
        for fork in step.forks.values()
        for field in fork.own
    ]
    lines += _counted_lines(step.diff)
    lines += _pins_lines(step)
    table = _table(title, "Entity")
    for heading, style in (("Field", ""), ("Before", "red"), ("After", "green")):
        table.add_column(heading, style=style, overflow="fold")
    for line in lines[:MAX_ROWS]:
        table.add_row(*map(escape, line))
    if len(lines) > MAX_ROWS:
        table.caption = f"and {len(lines) - MAX_ROWS:,} more"
    return table


def _field_line(name: str, field: FieldChange, names: Mapping[str, str]) -> Line:
    """A field that changed; of a list or dict, the items that did."""
    before, after = field.before, field.after
    if isinstance(before, list) and isinstance(after, list):
        before, after = _only_in(before, after), _only_in(after, before)
    elif isinstance(before, dict) and isinstance(after, dict):
        before, after = (
            dict(_only_in([*items.items()], [*others.items()]))
            for items, others in ((before, after), (after, before))
        )
    return name, field.name, shown(before, names), shown(after, names)


def _counted_lines(diff: EntityDiff) -> list[Line]:
    """Entities that are there no more, or only now, by type."""
    counts = Counter(
        (change.entity_type.__name__, change.kind)
        for change in diff.changes
        if change.kind != "changed"
    )
    return [
        (f"{count:,} of type {name}", kind, "", "")
        for (name, kind), count in sorted(counts.items())
    ]


def _pins_lines(step: Step) -> list[Line]:
    """How many entities refer to other versions of the same, by type and field."""
    counts = Counter(
        (type(fork.entity).__name__, field) for fork in step.forks.values() for field in fork.fields
    )
    return [
        (f"{count:,} of type {name}", field, "these versions", "other versions")
        for (name, field), count in sorted(counts.items())
    ]


def _only_in(items: list[Any], others: list[Any]) -> list[Any]:
    known = {repr(item) for item in others}
    return [item for item in items if repr(item) not in known]


def _table(title: str, first: str, *, show_footer: bool = False) -> Table:
    table = Table(
        title=Text(title, "bold"),
        title_justify="left",
        show_footer=show_footer,
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
    )
    table.add_column(first, overflow="fold", footer="all" if show_footer else "")
    return table
