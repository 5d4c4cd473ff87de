"""Tables and columns of entity classes, as a reader sees them: side by side, or below each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ecs_sql.cli.output import indented
from ecs_sql.errors import class_name
from ecs_sql.reports.databases import Database
from ecs_sql.reports.tables import ColumnReport, TableReport

_WIDTH_OF_A_TABLE = 100
"""Terminals with fewer columns get a field's facts below each other."""


def print_tables(reports: Iterable[TableReport], console: Console) -> None:
    """Print each class, its table and its columns."""
    for number, report in enumerate(reports):
        if number:
            console.print()
        console.print(*_heading(report), sep="\n")
        if report.columns and console.width >= _WIDTH_OF_A_TABLE:
            console.print(Padding(_table(report.columns), (1, 0, 0, 2), expand=False))
        else:
            for column in report.columns:
                console.print(*_lines(column), sep="\n")


def _heading(report: TableReport) -> Iterator[RenderableType]:
    yield Text(class_name(report.entity_class), "bold cyan", overflow="fold")
    parent = "" if report.parent is None else f", the table of {report.parent.__qualname__}"
    about = f", its id refers to {report.parent_table}{parent}"
    yield indented(Text.assemble("table ", (report.table, "bold"), about), 2)
    if report.inherited:
        yield indented(Text(f"inherits {_listed(name for name, _ in report.inherited)}"), 2)
    if report.unstored:
        yield indented(Text(f"does not store {_listed(report.unstored)}"), 2)


def _table(columns: Iterable[ColumnReport]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    titles = (database.title for database in Database)
    for heading in ("Field", "Annotation", "Column", *titles, "Null", "Refers to"):
        table.add_column(heading, overflow="fold")
    for column in columns:
        table.add_row(
            Text(column.field, "bold"),
            Text(column.annotation),
            Text(column.column + (" (indexed)" if column.is_indexed else "")),
            *map(Text, column.types.values()),
            "yes" if column.is_nullable else "",
            Text(_targets(column)),
        )
    return table


def _lines(column: ColumnReport) -> Iterator[RenderableType]:
    yield indented(Text.assemble((column.field, "bold"), f": {column.annotation}"), 2)
    remarks = {"nullable": column.is_nullable, "indexed": column.is_indexed}
    facts = [f"column {column.column}", *(text for text, holds in remarks.items() if holds)]
    yield indented(Text(_listed(facts)), 4)
    distinct = dict.fromkeys(column.types.values())
    each = [f"{database.title} {type_}" for database, type_ in column.types.items()]
    yield indented(Text(_listed(each if len(distinct) > 1 else distinct)), 4)
    if column.targets:
        yield indented(Text(f"refers to {_targets(column)}"), 4)


def _targets(column: ColumnReport) -> str:
    return _listed(target.__qualname__ for target in column.targets)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
