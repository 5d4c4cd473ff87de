"""The demonstration tells the truth: what a run writes and reports is what was installed since."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from ecs_sql import SqlAlchemyEntityStorage
from ecs_sql.demo import run, scan
from ecs_sql.demo.inventory import Environment, all_entities, environment_facts, latest_inventory
from ecs_sql.demo.run import Demo, ReadBackError, annotated, run_demo

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from tests.demo.conftest import Site

NOTHING_NEW = "Nothing was installed, upgraded or removed since the last run."


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """For what does not depend on the database."""
    return f"sqlite:///{tmp_path / 'inventory.db'}"


def demonstrate(url: str, note: str = "reviewed") -> str:
    """One run; what it printed, as in a pipe."""
    printed = io.StringIO()
    run_demo(url, note, Console(file=printed, width=120))
    return printed.getvalue()


def stored(url: str) -> tuple[Environment, int]:
    """The latest inventory, and how many versions there are of anything."""
    storage = SqlAlchemyEntityStorage(url, [Environment])
    try:
        environment = latest_inventory(storage, scan.environment_prefix())
        assert environment is not None
        return environment, storage.get_registry_status().versions
    finally:
        storage.engine.dispose()


def test_the_first_run_stores_all_and_shows_what_forked(site: Site, database_url: str) -> None:
    printed = demonstrate(database_url)
    environment, versions = stored(database_url)
    entities = len(all_entities(environment))
    noted = annotated(environment)
    assert NOTHING_NEW not in printed
    assert f"rows written: {2 * entities:,}." in printed, "each row that is written counts"
    assert f"{entities} entities read back" in printed
    # alpha and beta require each other, gamma requires alpha, omega stands alone.
    assert [item.name for item in noted] == ["alpha", "gamma", "omega"]
    assert all(item.parent_id for item in (environment, *environment.distributions))
    assert versions == entities + 1 + len(environment.distributions)
    assert f"{environment.ecs_id}"[:8] in printed


def test_a_second_run_finds_nothing_changed_and_writes_nothing(
    site: Site, database_url: str
) -> None:
    demonstrate(database_url)
    before, versions = stored(database_url)
    printed = demonstrate(database_url)
    after, versions_after = stored(database_url)
    assert NOTHING_NEW in printed
    assert printed.count("versions written: 0") == 2
    assert (after.ecs_id, versions_after) == (before.ecs_id, versions)


def test_a_later_run_finds_what_was_installed_upgraded_and_removed(
    site: Site, database_url: str
) -> None:
    demonstrate(database_url)
    before, _ = stored(database_url)
    site.install("delta", "3.0", files=("delta.py",))
    site.install("gamma", "2.1", "Requires-Dist: alpha", files=("gamma.py",))
    site.remove("omega")
    printed = demonstrate(database_url)
    after, _ = stored(database_url)
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    assert "installed delta 3.0" in lines
    assert "other version gamma 2.0 2.1" in lines
    assert "removed omega 0.1" in lines
    assert not any(line.startswith("changed beta") for line in lines)
    assert [item.name for item in after.distributions] == ["alpha", "beta", "delta", "gamma"]
    # What was not touched, and reaches nothing that was, is the same version as before.
    kept = [(item.name, item.ecs_id) for item in before.distributions[:2]]
    assert [(item.name, item.ecs_id) for item in after.distributions[:2]] == kept


def test_a_requirement_that_is_met_since_is_a_change(site: Site, sqlite_url: str) -> None:
    demonstrate(sqlite_url)
    site.install("nowhere", "1")
    printed = demonstrate(sqlite_url)
    assert any("beta" in line and "requires" in line for line in printed.splitlines())


def test_another_note_changes_the_same_distributions(site: Site, sqlite_url: str) -> None:
    demonstrate(sqlite_url)
    before, _ = stored(sqlite_url)
    printed = demonstrate(sqlite_url, note="seen again")
    after, _ = stored(sqlite_url)
    assert NOTHING_NEW in printed
    assert [item.note for item in annotated(after)] == ["seen again"] * 3
    assert [item.name for item in annotated(after)] == [item.name for item in annotated(before)]
    assert after.parent_id == before.ecs_id


def test_earlier_inventories_stay_as_they_were(site: Site, sqlite_url: str) -> None:
    demonstrate(sqlite_url)
    before, _ = stored(sqlite_url)
    facts = environment_facts(before)
    site.install("alpha", "9")
    site.remove("beta")
    demonstrate(sqlite_url)
    storage = SqlAlchemyEntityStorage(sqlite_url, [Environment])
    again = storage.get(before.ecs_id, Environment)
    storage.engine.dispose()
    assert again is not None
    assert environment_facts(again) == facts


def test_it_says_why_each_version_forked(site: Site, sqlite_url: str) -> None:
    printed = demonstrate(sqlite_url)
    # alpha, gamma and omega are annotated; beta requires alpha, and the environment holds all.
    assert "Why they forked: 3 by their own content, 2 by what they refer to" in printed
    assert "alpha 1.0  its note changed from nothing to reviewed" in printed
    assert "beta 1.0  refers to it in requires" in printed


def test_nothing_moves_where_there_is_no_terminal(site: Site, sqlite_url: str) -> None:
    assert "\x1b" not in demonstrate(sqlite_url)
    printed = io.StringIO()
    console = Console(file=printed, force_terminal=True, force_interactive=False)
    run_demo(sqlite_url, "again", console)
    controls = re.findall(r"\x1b\[[^m]*?[A-Za-z]", printed.getvalue())
    assert {code[-1] for code in controls} == {"m"}, "colours at most"


def test_a_terminal_shows_progress(site: Site, sqlite_url: str) -> None:
    printed = io.StringIO()
    run_demo(sqlite_url, "seen", Console(file=printed, force_terminal=True, width=120))
    for stage in ("Scanning distributions", "Storing rows", "Reading back"):
        assert stage in printed.getvalue()


def test_an_empty_environment_is_one_too(site: Site, sqlite_url: str) -> None:
    for name in ("alpha", "beta", "gamma", "omega"):
        site.remove(name)
    demonstrate(sqlite_url)
    assert NOTHING_NEW in demonstrate(sqlite_url)


def test_markup_in_the_metadata_is_only_text(site: Site, sqlite_url: str) -> None:
    site.install("alpha", "[bold]1")
    assert "alpha" in demonstrate(sqlite_url)
    site.install("alpha", "[red]2")
    printed = demonstrate(sqlite_url, note="[/red]")
    assert all(text in printed for text in ("[bold]1", "[red]2", "[/red]"))


def test_a_difference_in_what_is_read_back_is_a_failure(
    site: Site, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = SqlAlchemyEntityStorage(sqlite_url, [Environment])
    genuine = storage.get
    read: list[Environment] = []

    def forgetful(ecs_id: UUID, entity_type: type[Environment]) -> Environment:
        environment = genuine(ecs_id, entity_type)
        assert environment is not None
        environment.distributions[0].files.pop()
        read.append(environment)
        return environment

    monkeypatch.setattr(storage, "get", forgetful)
    with pytest.raises(ReadBackError, match="not read back as it was stored"):
        Demo(storage, Console(file=io.StringIO())).run("note")
    storage.engine.dispose()
    assert len(read) == 1


def test_only_a_few_versions_of_a_long_lineage_are_shown(
    site: Site, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_SHOWN_VERSIONS", 2)
    ids = []
    for note in ("one", "two", "three"):
        printed = demonstrate(sqlite_url, note)
        ids.append(str(stored(sqlite_url)[0].ecs_id)[:8])
    (lineage,) = re.findall(r"The lineage of the environment\n((?:[│├└].*\n)*)", printed)
    assert [ecs_id in lineage for ecs_id in ids] == [False, True, True]
    assert "older versions" in lineage.splitlines()[0]
