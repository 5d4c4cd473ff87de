"""Trees say why a version is there, and from which one it came."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from rich.console import Console

from ecs_sql import InMemoryEntityStorage
from ecs_sql.demo import scan, trees
from ecs_sql.demo.inventory import Environment
from ecs_sql.demo.steps import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.tree import Tree

    from tests.demo.conftest import Site


def lines(tree: Tree) -> list[str]:
    printed = io.StringIO()
    Console(file=printed, width=200).print(tree)
    return printed.getvalue().splitlines()


def step_after(site: Site, change: Callable[[Environment], object]) -> Step:
    """What storing an inventory, changing it and storing it again leads to."""
    environment = scan.new_environment(site.path)
    scan.merge(environment, scan.installed([str(site.path)]))
    storage = InMemoryEntityStorage()
    storage.register(environment)
    before = storage.get(environment.ecs_id, Environment)
    assert before is not None
    change(environment)
    storage.register(environment)
    return Step.between(before, environment)


def annotate(*places: int) -> Callable[[Environment], object]:
    def change(environment: Environment) -> None:
        for place in places:
            environment.distributions[place].note = "seen"

    return change


def test_each_fork_stands_once_below_what_it_is_due_to(site: Site) -> None:
    assert lines(trees.forks_tree(step_after(site, annotate(1)))) == [
        "Why they forked: 1 by their own content, 3 by what they refer to",
        "└── beta 1.0  its note changed from nothing to seen",
        "    ├── the environment  refers to it in distributions",
        "    └── alpha 1.0  refers to it in requires",
        "        └── gamma 2.0  refers to it in requires",
    ]


def test_what_changed_by_itself_is_a_root_even_when_it_refers_to_what_changed(site: Site) -> None:
    shown = lines(trees.forks_tree(step_after(site, annotate(0, 2))))
    assert shown[0] == "Why they forked: 2 by their own content, 2 by what they refer to"
    assert [line[4:] for line in shown if line[0] in "├└" and line[4] != " "] == [
        "alpha 1.0  its note changed from nothing to seen",
        "gamma 2.0  its note changed from nothing to seen",
    ]


def test_a_list_that_changed_is_named_and_not_spelled_out(site: Site) -> None:
    step = step_after(site, lambda environment: environment.distributions.pop())
    assert "└── the environment  its distributions changed" in lines(trees.forks_tree(step))


def test_large_trees_are_cut_and_what_is_left_out_is_counted(site: Site) -> None:
    for number in range(9):
        site.install(f"user{number}", "1", "Requires-Dist: omega")
        site.install(
            f"link{number}",
            "1",
            f"Requires-Dist: {'omega' if number == 0 else f'link{number - 1}'}",
        )
    step = step_after(site, lambda environment: setattr(environment.distributions[12], "note", "x"))
    assert len(step.forks) == 20
    shown = lines(trees.forks_tree(step))
    counted = sum(int(line.split("and ")[1].split()[0]) for line in shown if "and " in line)
    named = sum("  refers to it" in line or "  its " in line for line in shown)
    assert named + counted == len(step.forks)
    assert len(shown) < len(step.forks)


def row(parent: UUID | None, note: str) -> SimpleNamespace:
    return SimpleNamespace(
        ecs_id=uuid4(), parent_id=parent, created_at=datetime(2026, 1, 2, tzinfo=UTC), note=note
    )


def drawn(*rows: SimpleNamespace) -> list[str]:
    """The lines of a lineage, each version as its note and that of its parent."""

    def describe(item: SimpleNamespace, parent: SimpleNamespace | None) -> str:
        return f"{item.note} after {parent and parent.note}"

    return [
        re.sub(r"[0-9a-f]{8}  2026-01-02 00:00:00 UTC  ", "", line)
        for line in lines(trees.lineage_tree("The lineage", rows, describe))
    ]


def test_a_lineage_of_single_heirs_is_a_list() -> None:
    first = row(None, "a")
    second = row(first.ecs_id, "b")
    third = row(second.ecs_id, "c")
    assert drawn(first, second, third) == [
        "The lineage",
        "├── a after None",
        "├── b after a",
        "└── c after b",
    ]


def test_branches_stand_below_the_version_that_they_left() -> None:
    first = row(None, "a")
    left, right = row(first.ecs_id, "l"), row(first.ecs_id, "r")
    heir = row(left.ecs_id, "h")
    assert drawn(first, left, right, heir) == [
        "The lineage",
        "└── a after None",
        "    ├── l after a",
        "    ├── h after l",
        "    └── r after a",
    ]


def test_older_versions_that_are_not_shown_are_hinted_at() -> None:
    assert drawn(row(uuid4(), "late"))[1] == "├── older versions"
