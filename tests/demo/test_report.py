"""The tables say what happened, in few lines."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from ecs_sql import Entity, InMemoryEntityStorage
from ecs_sql.demo import report, scan
from ecs_sql.demo.inventory import Environment, scanned_facts
from ecs_sql.demo.steps import Step

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    import pytest
    from rich.table import Table

    from tests.demo.conftest import Site


def cells(table: Table) -> list[list[str]]:
    """The text of the table's cells, line by line, its heading first and its footer last."""
    columns = [[column.header, *column.cells] for column in table.columns]
    if table.show_footer:
        for column, made in zip(columns, table.columns, strict=True):
            column.append(made.footer)
    return [
        [Text.from_markup(str(cell)).plain for cell in line] for line in zip(*columns, strict=True)
    ]


def scanned(site: Site) -> Environment:
    environment = scan.new_environment(site.path)
    scan.merge(environment, scan.installed([str(site.path)]))
    return environment


def diff_after(site: Site, change: Callable[[Environment], object]) -> list[list[str]]:
    """The cells of the diff that a change in memory leads to."""
    storage = InMemoryEntityStorage()
    after = storage.register(scanned(site))
    before = storage.get(after.ecs_id, Environment)
    assert before is not None
    change(after)
    storage.register(after)
    return cells(report.diff_table("", Step.between(before, after)))[1:]


def test_no_change_between_equal_scans(site: Site) -> None:
    assert report.changes_between(scanned_facts(scanned(site)), scanned_facts(scanned(site))) == []


def test_each_kind_of_change_between_scans(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    before = scanned_facts(scanned(site))
    site.install("Delta", "3")
    site.install("alpha", "1.0", "Summary: New words")
    site.install("beta", "1.1")
    site.remove("gamma")
    monkeypatch.setattr("platform.python_version", lambda: "9.9.9")
    assert [
        tuple(change) for change in report.changes_between(before, scanned_facts(scanned(site)))
    ] == [
        ("other version", "(Python)", before["(Python)"]["version"], "9.9.9"),
        ("changed", "alpha", "", "summary, authors, requires, files, modules"),
        ("other version", "beta", "1.0", "1.1"),
        ("installed", "Delta", "", "3"),
        ("removed", "gamma", "2.0", ""),
    ]


def test_what_changed_by_itself_comes_before_what_refers_to_it(site: Site) -> None:
    def annotate(environment: Environment) -> None:
        environment.distributions[1].note = "seen"

    assert diff_after(site, annotate) == [
        ["beta 1.0", "note", "", "seen"],
        ["3 of type Distribution", "requires", "these versions", "other versions"],
        ["1 of type Environment", "distributions", "these versions", "other versions"],
    ]


def test_before_is_red_and_after_is_green(site: Site) -> None:
    environment = scanned(site)
    before = environment.model_copy(deep=True)
    environment.distributions[1].note = "seen"
    printed = io.StringIO()
    console = Console(file=printed, width=150, force_terminal=True, color_system="standard")
    console.print(report.diff_table("", Step.between(before, environment)))
    assert "\x1b[32mseen" in printed.getvalue()


def test_of_lists_and_dicts_only_the_items_that_changed_are_shown(site: Site) -> None:
    def change(environment: Environment) -> None:
        environment.distributions[3].classifiers[:] = ["kept", "new", "newer"]
        environment.distributions[3].urls["Docs"] = "https://new.example.org"

    site.install(
        "omega",
        "1",
        "Classifier: kept",
        "Classifier: old",
        "Project-URL: Home, https://x.example.org",
    )
    lines = diff_after(site, change)
    assert ["omega 1", "classifiers", "old", "new and 1 more"] in lines
    assert ["omega 1", "urls", "", "https://new.example.org"] in lines


def test_what_was_added_or_removed_is_counted_by_type(site: Site) -> None:
    lines = diff_after(site, lambda environment: environment.distributions.pop(2))
    assert ["1 of type Distribution", "removed", "", ""] in lines
    assert ["2 of type InstalledFile", "removed", "", ""] in lines


def test_long_values_and_long_diffs_are_cut(site: Site) -> None:
    def rewrite(environment: Environment) -> None:
        for item in environment.distributions:
            item.summary = "word\n" * 100

    for number in range(report.MAX_ROWS):
        site.install(f"many{number}", "1")
    lines = diff_after(site, rewrite)
    assert len(lines) == report.MAX_ROWS
    assert lines[0][3].startswith("word word")
    assert lines[0][3].endswith("...")


def test_the_tally_tells_new_from_forked_from_kept(site: Site) -> None:
    environment = scanned(site)
    alpha, beta, gamma, _ = environment.distributions
    stored: dict[Entity, UUID] = {alpha: alpha.ecs_id, beta: beta.ecs_id, gamma: gamma.ecs_id}
    alpha.fork()
    tallies = report.tally(environment, stored)
    assert tallies["Distribution"] == report.Tally(new=1, forked=1, kept=2)
    assert cells(report.tally_table("", tallies))[-1][0] == "all"
