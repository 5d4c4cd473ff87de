"""Tables that show an inventory, what changed in it, what forked, its lineage and its diff."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias
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
)
from ecs_sql.diff import EntityChange, EntityDiff, FieldChange
from ecs_sql.entity import Entity

MAX_ROWS = 20
_MAX_TEXT = 60

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
        table.add_column(heading)
    for change in changes:
        table.add_row(*map(escape, change))
    return table


def lineage_table(title: str, rows: Iterable[Any], columns: Sequence[str]) -> Table:
    """Versions of one lineage in stored order, from rows of the mapped class."""
    table = _table(title, "ecs_id")
    for heading in ("parent_id", "created_at (UTC)", *columns):
        table.add_column(heading)
    for row in rows:
        created_at = f"{row.created_at:%Y-%m-%d %H:%M:%S}"
        values = (escape(_shown(getattr(row, column), {})) for column in columns)
        table.add_row(_short(row.ecs_id), _short(row.parent_id), created_at, *values)
    return table


def diff_table(title: str, diff: EntityDiff, before: Environment, after: Environment) -> Table:
    """What a diff says: what changed by itself, then what was added, then what pins a new version."""
    entities = [*all_entities(before), *all_entities(after)]
    names = {str(entity.ecs_id): name_of(entity) for entity in entities}
    lineages = {str(entity.ecs_id): entity.lineage_id for entity in entities}
    rows = [
        (change, field, _by_lineage(field.before, lineages) == _by_lineage(field.after, lineages))
        for change in diff.changes
        if change.kind == "changed"
        for field in change.fields
    ]
    lines = [_field_line(change, field, names) for change, field, pins in rows if not pins]
    lines += _counted_lines(diff)
    lines += [_pins_line(change, field, names) for change, field, pins in rows if pins]
    table = _table(title, "Entity")
    for heading in ("Field", "Before", "After"):
        table.add_column(heading)
    for line in lines[:MAX_ROWS]:
        table.add_row(*map(escape, line))
    if len(lines) > MAX_ROWS:
        table.caption = f"and {len(lines) - MAX_ROWS:,} more"
    return table


def _field_line(change: EntityChange, field: FieldChange, names: Mapping[str, str]) -> Line:
    """A field that changed; of a list or dict, the items that did."""
    before, after = field.before, field.after
    if isinstance(before, list) and isinstance(after, list):
        before, after = _only_in(before, after), _only_in(after, before)
    elif isinstance(before, dict) and isinstance(after, dict):
        before, after = (
            dict(_only_in([*items.items()], [*others.items()]))
            for items, others in ((before, after), (after, before))
        )
    who = names.get(str(change.after_id), "?")
    return who, field.name, _shown(before, names), _shown(after, names)


def _pins_line(change: EntityChange, field: FieldChange, names: Mapping[str, str]) -> Line:
    """A field that refers to the same things in other versions: those versions."""
    before, after = _references(field.before, names), _references(field.after, names)
    first, second = _only_in(before, after), _only_in(after, before)
    who = names.get(str(change.after_id), "?")
    return who, field.name, _shown(first, names), _shown(second, names)


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


def _only_in(items: list[Any], others: list[Any]) -> list[Any]:
    known = {repr(item) for item in others}
    return [item for item in items if repr(item) not in known]


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


def _short(ecs_id: object) -> str:
    """The first eight digits: enough to tell versions apart by eye."""
    return str(ecs_id)[:8] if ecs_id else "-"


def _shown(value: Any, names: Mapping[str, str]) -> str:
    """A value in a cell: short, on one line, references as a name and the version they pin."""
    match value:
        case None:
            return ""
        case list():
            first = _shown(value[0], names) if value else ""
            return first if len(value) < 2 else f"{first} and {len(value) - 1:,} more"
        case dict():
            return ", ".join(_shown(item, names) for item in value.values() if item is not None)
        case UUID() | str() if str(value) in names:
            return f"{names[str(value)]} [{_short(value)}]"
        case _:
            text = " ".join(str(value).split())
            return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}..."


def _references(value: Any, names: Mapping[str, str]) -> list[str]:
    """The references in a value, each once, in order."""
    match value:
        case list():
            found = [key for item in value for key in _references(item, names)]
        case dict():
            found = [key for item in value.values() for key in _references(item, names)]
        case _:
            found = [str(value)] if str(value) in names else []
    return list(dict.fromkeys(found))


def _by_lineage(value: Any, lineages: Mapping[str, UUID]) -> Any:
    """A value with lineages in place of versions: equal ones differ in the versions they pin alone."""
    match value:
        case list():
            return [_by_lineage(item, lineages) for item in value]
        case dict():
            return {key: _by_lineage(item, lineages) for key, item in value.items()}
        case _:
            return lineages.get(str(value), value)
