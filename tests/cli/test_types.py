"""What classes become is told whole: tables, columns, types; or all faults, each with its remedy."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from ecs_sql.cli.classes import mapping_of
from ecs_sql.cli.tables import print_tables
from ecs_sql.reports.databases import Database
from ecs_sql.reports.tables import TableReport, table_reports
from tests.cli.processes import run_module

if TYPE_CHECKING:
    from pathlib import Path


def reports(*arguments: str) -> dict[str, TableReport]:
    return {item.entity_class.__qualname__: item for item in table_reports(mapping_of(arguments))}


def printed(width: int, *arguments: str) -> str:
    text = io.StringIO()
    print_tables(table_reports(mapping_of(arguments)), Console(file=text, width=width))
    return text.getvalue()


def test_a_class_and_all_that_it_refers_to(examples: Path) -> None:
    assert set(reports("example_shop:Order")) == {"Order", "Customer", "Item", "Box[int]"}


def test_columns_with_their_types_on_each_database(examples: Path) -> None:
    columns = {column.field: column for column in reports("example_shop")["Order"].columns}
    assert {field: column.column for field, column in columns.items()} == {
        "customer": "customer_id",
        "lines": "lines",
        "placed": "placed",
        "addresses": "addresses",
        "status": "status",
        "items": "items_ids",
        "payload": "payload",
        "subject": "subject",
        "pair": "pair_ids",
        "box": "box_id",
        "select": "select_id",
        "(extra values)": "__pydantic_extra__",
    }
    assert list(columns["placed"].types.values()) == [
        "DATETIME",
        "TIMESTAMP WITH TIME ZONE",
        "DATETIME(6)",
    ]
    assert columns["items"].types[Database.POSTGRESQL] == "JSON"
    targets = {field: [c.__name__ for c in column.targets] for field, column in columns.items()}
    assert targets["addresses"] == ["Customer"]
    assert targets["subject"] == ["Customer", "Item"]
    assert targets["status"] == []
    nullable = [field for field, column in columns.items() if column.is_nullable]
    assert nullable == ["subject", "pair", "box", "select"]


def test_inheritance_and_what_is_not_stored(examples: Path) -> None:
    found = reports("example_shop:Company")
    customer, company = found["Customer"], found["Company"]
    assert (customer.parent_table, customer.parent) == ("base_entities", None)
    assert [column.field for column in customer.columns if column.is_indexed] == ["email", "notes"]
    assert (company.parent_table, company.parent) == ("customer", customer.entity_class)
    assert company.inherited == tuple(
        (field, customer.entity_class) for field in ("name", "email", "notes")
    )
    assert [column.field for column in company.columns] == ["contact"]
    assert company.unstored == ("password", "title")


def test_every_fact_is_printed_at_any_width(examples: Path) -> None:
    for report in reports("example_shop").values():
        for width in (30, 60, 99, 100, 120, 1000):
            squeezed = "".join(printed(width, "example_shop").split())
            for column in report.columns:
                if width < 100:  # in a table, long words are cut into several lines of a cell
                    assert "".join(column.annotation.split()) in squeezed
                assert width < 1000 or f" {column.column} " in printed(width, "example_shop")


@pytest.mark.parametrize("width", [30, 60, 100, 120])
def test_no_line_is_wider_than_the_terminal(examples: Path, width: int) -> None:
    assert max(map(len, printed(width, "example_shop").splitlines())) <= width


def test_piped_output_is_plain_and_not_wrapped(examples: Path) -> None:
    result = run_module("types", "example_shop:Order", cwd=examples, COLUMNS="40")
    assert result.returncode == 0
    assert "\x1b" not in result.stdout
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("  addresses ")]
    assert "dict[Literal['billing', 'shipping'], Address]" in line
    assert "LONGTEXT" in line


def test_all_faults_are_printed_with_their_remedies(examples: Path) -> None:
    result = run_module("types", "example_faults", cwd=examples, COLUMNS="40")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: the classes cannot be mapped, 7 faults\n")
    assert "Traceback" not in result.stderr
    for line in (
        "example_faults.Tree",
        "  call: collections.abc.Callable[[int], str]",
        "  key: SecretStr",
        "  opaque: type",
        "  thing: Missing",
        "  others: list[Missing]",
        "    its table 'same' is also that of example_faults.Twin",
    ):
        assert line in result.stderr.splitlines()
    assert result.stderr.count("    remedy: ") == 7


def test_an_argument_that_leads_nowhere_is_one_line(examples: Path) -> None:
    result = run_module("types", "example_shop:Ordr", cwd=examples)
    assert result.returncode == 1
    assert result.stderr == (
        "Error: example_shop:Ordr: example_shop has no Ordr; did you mean Order?\n"
    )
