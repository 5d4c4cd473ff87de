"""The tables say what happened, in few lines."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console

from ecs_sql import Entity, InMemoryEntityStorage
from ecs_sql.demo import report, scan
from ecs_sql.demo.inventory import Environment, scanned_facts

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    import pytest
    from rich.table import Table

    from tests.demo.conftest import Site


def cells(table: Table) -> list[list[str]]:
    """The table as it is printed, its rules left out."""
    printed = io.StringIO()
    Console(file=printed, width=150).print(table)
    lines = [line for line in printed.getvalue().splitlines() if line[:1] in "┃│"]
    return [[cell.strip() for cell in line.replace("┃", "│").split("│")[1:-1]] for line in lines]


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
    return cells(report.diff_table("", before.diff(after), before, after))[1:]


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

    lines = diff_after(site, annotate)
    assert lines[0] == ["beta 1.0", "note", "", "seen"]
    assert [line[:2] for line in lines[1:]] == [
        ["the environment", "distributions"],
        ["alpha 1.0", "requires"],
        ["beta 1.0", "requires"],
        ["gamma 2.0", "requires"],
    ]
    assert lines[2][2].startswith("beta 1.0 [")
    assert lines[2][2] != lines[2][3]


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
