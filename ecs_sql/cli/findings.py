"""What a verification found, as a reader sees it: each finding, then counts by kind and by table."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from ecs_sql.cli.output import indented
from ecs_sql.errors import class_name
from ecs_sql.storage.verification.report import REMEDIES, Finding, VerificationReport


def print_report(report: VerificationReport, console: Console) -> None:
    """Print findings and counts; of a sound database its counts alone."""
    for finding in report.findings:
        console.print(*_lines(finding), sep="\n")
    if report.total > len(report.findings):
        console.print(f"and {report.total - len(report.findings):,} more")
    if report.findings:
        console.print()
    if not report.ok:
        console.print(_counts(report))
        console.print()
    console.print(_rows(report))
    console.print()
    console.print(_verdict(report))


def _lines(finding: Finding) -> Iterator[RenderableType]:
    where = finding.table if finding.column is None else f"{finding.table}.{finding.column}"
    row = "" if finding.row_id is None else f", row {finding.row_id}"
    yield Text.assemble((finding.kind, "bold red"), " in ", (where, "bold"), row, overflow="fold")
    if finding.entity_class is not None:
        version = "" if finding.ecs_id is None else f" {finding.ecs_id}"
        yield indented(Text(class_name(finding.entity_class) + version, "cyan"), 2)
    elif finding.ecs_id is not None:
        yield indented(Text(str(finding.ecs_id), "cyan"), 2)
    if finding.value is not None:
        yield indented(Text(f"holds {_printable(finding.value)}"), 2)
    yield indented(Text(_printable(finding.reason)), 2)


def _printable(text: str) -> str:
    """The text without what would steer a terminal: the database may hold anything."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number == 1 else "left", overflow="fold")
    return table


def _counts(report: VerificationReport) -> Table:
    table = _table("Found", "Count", "What to do")
    for kind, count in report.counts.items():
        table.add_row(Text(kind, "bold red"), f"{count:,}", Text(REMEDIES[kind]))
    return table


def _rows(report: VerificationReport) -> Table:
    table = _table("Table", "Rows checked")
    for name, count in report.rows.items():
        table.add_row(Text(_printable(name)), f"{count:,}")
    return table


def _verdict(report: VerificationReport) -> Text:
    versions = (
        f"{report.versions:,} version{'' if report.versions == 1 else 's'} on {report.backend}"
    )
    if report.ok:
        return Text.assemble(("Whole: ", "bold green"), f"{versions}, nothing is wrong")
    findings = f"{report.total:,} finding{'' if report.total == 1 else 's'}"
    return Text.assemble(("Damaged: ", "bold red"), f"{findings} among {versions}")
