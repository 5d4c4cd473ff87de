"""Tables that show an inventory, what changed in it, what forked, its lineage and its diff."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from rich.markup import escape
from rich.table import Table

from ecs_sql.demo.inventory import (
    Author,
    Distribution,
    Environment,
    Facts,
    InstalledFile,
    Module,
    all_entities,
    distribution_facts,
)
from ecs_sql.diff import EntityDiff, FieldChange
from ecs_sql.entity import Entity

MAX_ROWS = 20
_MAX_TEXT = 60


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
    table.columns[0].footer = "all"
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
    table = _table("The inventory", "What")
    table.add_column("How many", justify="right")
    table.add_column("Remark")
    table.add_row("Distributions", f"{counts[Distribution]:,}", "")
    table.add_row(
        "Requirements",
        f"{len(needs):,}",
        f"{sum(need.distribution is not None for need in needs):,} of them installed",
    )
    table.add_row("Files", f"{counts[InstalledFile]:,}", f"{size / 1e6:,.1f} MB")
    table.add_row(
        "Modules", f"{counts[Module]:,}", f"in {sum(len(item.modules) for item in items):,} trees"
    )
    table.add_row("Authors", f"{counts[Author]:,}", "")
    return table


def changes_between(before: Mapping[str, Facts], environment: Environment) -> list[Change]:
    """What was installed, removed or changed since `before`, sorted by name."""
    after = {item.name: distribution_facts(item) for item in environment.distributions}
    changes = [
        _change(name, before.get(name), after.get(name)) for name in before.keys() | after.keys()
    ]
    return sorted((change for change in changes if change), key=lambda change: change.name.lower())


def _change(name: str, before: Facts | None, after: Facts | None) -> Change | None:
    if before == after:
        return None
    if before is None or after is None:
        present = before or after or {}
        version = str(present["version"])
        return (
            Change("removed", name, version, "")
            if before
            else Change("installed", name, "", version)
        )
    if before["version"] != after["version"]:
        return Change("other version", name, str(before["version"]), str(after["version"]))
    return Change(
        "changed", name, "", ", ".join(field for field in after if before[field] != after[field])
    )


def changes_table(changes: Sequence[Change]) -> Table:
    """A line per distribution that an installer touched."""
    table = _table("Since the last run", "What")
    for heading in ("Distribution", "Before", "After"):
        table.add_column(heading)
    for change in changes:
        table.add_row(*map(escape, change))
    return table


def lineage_table(title: str, rows: Iterable[Any], columns: Sequence[str]) -> Table:
    """Versions of one lineage in stored order, from rows of the mapped class."""
    table = _table(title, "Version")
    for heading in ("Forked from", "Made at (UTC)", *columns):
        table.add_column(heading.capitalize() if heading.islower() else heading)
    for row in rows:
        made_at = f"{row.created_at:%Y-%m-%d %H:%M:%S}"
        values = (_shown(getattr(row, column), {}) for column in columns)
        table.add_row(
            short(row.ecs_id), short(row.parent_id) if row.parent_id else "-", made_at, *values
        )
    return table


def short(ecs_id: UUID) -> str:
    """The first eight digits, enough to tell versions apart by eye."""
    return str(ecs_id)[:8]


def diff_table(title: str, diff: EntityDiff, before: Environment, after: Environment) -> Table:
    """What a diff says, a line per field: first what changed by itself, then what refers to that."""
    names = _names(before) | _names(after)
    lines = [
        (change, field)
        for change in diff.changes
        for field in change.fields or (FieldChange("", None, None),)
    ]
    table = _table(title, "Entity")
    for heading in ("Field", "Before", "After"):
        table.add_column(heading)
    for change, field in lines[:MAX_ROWS]:
        who = names.get(change.after_id or change.before_id, "?")
        table.add_row(
            escape(who),
            field.name or change.kind,
            _shown(field.before, names),
            _shown(field.after, names),
        )
    if len(lines) > MAX_ROWS:
        table.caption = f"and {len(lines) - MAX_ROWS:,} more"
    return table


def _names(environment: Environment) -> dict[UUID | None, str]:
    """A readable name for each version in the graph."""
    return {entity.ecs_id: name_of(entity) for entity in all_entities(environment)}


def name_of(entity: Entity) -> str:
    """What a reader would call the entity."""
    match entity:
        case Environment():
            return "the environment"
        case Distribution():
            return f"{entity.name} {entity.version}"
        case InstalledFile():
            return entity.path
        case Author() | Module():
            return entity.name
        case _:
            return type(entity).__name__


def _table(title: str, first: str, *, show_footer: bool = False) -> Table:
    table = Table(title=title, title_justify="left", show_footer=show_footer)
    table.add_column(first)
    return table


def _shown(value: Any, names: Mapping[UUID | None, str]) -> str:
    """A value in a cell: short, on one line, with names in place of ids."""
    if value is None:
        return ""
    if isinstance(value, UUID):
        return escape(f"{names.get(value, '?')} [{short(value)}]")
    text = " ".join(str(value).split())
    return escape(text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}...")
