"""The steps of the demonstration, from the scan to the diff."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID

from rich.console import Console, RenderableType
from rich.markup import escape
from sqlalchemy import select
from sqlalchemy.orm import Session

from ecs_sql.demo import report, scan
from ecs_sql.demo.inventory import (
    Distribution,
    Environment,
    Facts,
    all_entities,
    dependants,
    environment_facts,
    latest_inventory,
    scanned_facts,
)
from ecs_sql.demo.progress import progress_bar, rows_written
from ecs_sql.demo.steps import Step
from ecs_sql.demo.trees import distribution_step, environment_step, forks_tree, lineage_tree
from ecs_sql.demo.wording import name_of
from ecs_sql.entity import Entity
from ecs_sql.errors import EcsSqlError
from ecs_sql.storage.sql import SqlAlchemyEntityStorage

_ROWS_PER_ENTITY = 2  # one in `base_entities`, one in the table of its class
_SHOWN_VERSIONS = 8
_NEXT = """
Run it again: nothing that did not change is written. With --note TEXT a few entities change, and fork.
Each version that is shown above stays readable for ever, by its id."""
_NOTHING_NEW = "Nothing was installed, upgraded or removed since the last run."


class ReadBackError(EcsSqlError):
    """What was read back is not what was stored."""

    def __init__(self, ecs_id: UUID) -> None:
        super().__init__(
            f"{ecs_id} was not read back as it was stored; please report this as a bug"
        )


def run_demo(url: str, note: str, console: Console) -> None:
    """Take the inventory, store it, read it back, annotate it, and show every step.

    Raises:
        EcsSqlError: when the database cannot be used, or does not give back what it was given.
    """
    storage = SqlAlchemyEntityStorage(url, [Environment])
    try:
        Demo(storage, console).run(note)
    finally:
        storage.engine.dispose()


class Demo:
    """One run over one database."""

    def __init__(self, storage: SqlAlchemyEntityStorage, console: Console) -> None:
        """Nothing is read or written yet."""
        self._storage = storage
        self._console = console
        self._stages = 0

    def run(self, note: str) -> None:
        """Go through all stages; the last ones change a few entities and show what became of them."""
        prefix = scan.environment_prefix()
        url = self._storage.engine.url.render_as_string()
        self._say(f"[bold]Python environment[/bold]  {escape(str(prefix))}")
        self._say(f"[bold]Database[/bold]            {escape(url)}")

        self._stage("Take the inventory")
        known = self._known(prefix)
        environment = known or scan.new_environment(prefix)
        stored = _versions(environment) if known else {}
        facts = scanned_facts(environment)
        self._scan(environment)
        self._stage("Store it")
        self._store(environment, stored)
        if known:
            self._show_changes(facts, environment)
        self._stage("Read it back")
        self._read_back(environment)
        self._stage("Change a little in memory, and store again")
        self._annotate(environment, note)
        self._stage("Look back")
        self._show_history(environment)
        self._say(_NEXT)

    def _stage(self, title: str) -> None:
        self._stages += 1
        self._say(f"\n[bold cyan]{self._stages}. {title}[/bold cyan]")

    def _known(self, prefix: Path) -> Environment | None:
        """The inventory of an earlier run."""
        started = perf_counter()
        with progress_bar(self._console, "Looking for an earlier inventory"):
            known = latest_inventory(self._storage, prefix)
        if known is not None:
            pace = _pace(len(all_entities(known)), perf_counter() - started)
            self._say(f"An earlier run left one: {pace}.")
        return known

    def _scan(self, environment: Environment) -> None:
        found = scan.installed(scan.search_path())
        started = perf_counter()
        with progress_bar(self._console, "Scanning distributions", len(found)) as advance:
            scan.merge(environment, found, lambda: advance(1))
        seconds = perf_counter() - started
        self._say(f"{len(found):,} distributions scanned in {seconds:.1f} s.\n")
        self._say(report.inventory_table(environment))

    def _store(self, environment: Environment, stored: dict[Entity, UUID]) -> bool:
        """Register the graph and say what that wrote; `stored` has the versions from before."""
        entities = len(all_entities(environment))
        rows = Counter[str]()
        started = perf_counter()
        total = None if stored else entities * _ROWS_PER_ENTITY
        with progress_bar(self._console, "Storing rows", total) as advance:

            def count(written: int) -> None:
                rows["written"] += written
                advance(written)

            with rows_written(self._storage.engine, count):
                self._storage.register(environment)
        pace = _pace(entities, perf_counter() - started)
        tallies = report.tally(environment, stored)
        written = sum(numbers.new + numbers.forked for numbers in tallies.values())
        self._say(f"{pace}; versions written: {written:,}, rows written: {rows['written']:,}.")
        if written:
            self._say("")
            title = "What forked" if stored else "What was stored"
            self._say(report.tally_table(title, tallies))
        if written and stored:
            self._explain(environment)
        return bool(written)

    def _explain(self, environment: Environment) -> None:
        """Say why each version that the newest step wrote is there."""
        step = self._newest_step(environment)
        if step is not None:
            self._say("")
            self._say(forks_tree(step))

    def _newest_step(self, environment: Environment) -> Step | None:
        """From the version before the newest one to the newest."""
        with progress_bar(self._console, "Comparing with the version before"):
            parent_id = environment.parent_id
            before = self._storage.get(parent_id, Environment) if parent_id else None
            return None if before is None else Step.between(before, environment)

    def _show_changes(self, before: dict[str, Facts], environment: Environment) -> None:
        changes = report.changes_between(before, scanned_facts(environment))
        if changes:
            self._say("")
            self._say(report.changes_table(changes))
        else:
            self._say(f"[green]{_NOTHING_NEW}[/green]")

    def _read_back(self, environment: Environment) -> None:
        started = perf_counter()
        with progress_bar(self._console, "Reading back"):
            loaded = self._storage.get(environment.ecs_id, Environment)
        seconds = perf_counter() - started
        with progress_bar(self._console, "Comparing with what was stored"):
            are_alike = loaded is not None and _alike(environment, loaded)
        if loaded is None or not are_alike:
            raise ReadBackError(environment.ecs_id)
        pace = _pace(len(all_entities(loaded)), seconds, "read back ")
        self._say(f"[green]{pace}; all are equal to what was stored.[/green]")

    def _annotate(self, environment: Environment, note: str) -> None:
        """Write a note on a few distributions in memory, and store again."""
        chosen = annotated(environment)
        if not chosen:
            self._say("There is no distribution to write a note on.")
            return
        names = escape(", ".join(item.name for item in chosen))
        stored = _versions(environment)
        for item in chosen:
            item.note = note
        self._say(f"The note {escape(repr(note))} is put on {names}.")
        if not self._store(environment, stored):
            self._say("They have it since an earlier run; --note TEXT writes another.")

    def _show_history(self, environment: Environment) -> None:
        """The lineages of the environment and of an annotated distribution, and the newest diff."""
        self._show_lineage(environment, environment_step)
        for item in annotated(environment)[:1]:
            self._show_lineage(item, distribution_step)
        step = self._newest_step(environment)
        if step is not None:
            self._say(report.diff_table("The diff of the newest step", step))

    def _show_lineage(
        self, item: Environment | Distribution, describe: Callable[[Any, Any], str]
    ) -> None:
        """The newest versions of one lineage, read as plain rows in an ordinary Session."""
        row = self._storage.mapping[type(item)]
        newest_first = select(row).where(row.lineage_id == item.lineage_id).order_by(row.id.desc())
        with Session(self._storage.engine) as session:
            rows = session.scalars(newest_first.limit(_SHOWN_VERSIONS)).all()[::-1]
            self._say(lineage_tree(f"The lineage of {name_of(item)}", rows, describe))
        self._say("")

    def _say(self, message: RenderableType) -> None:
        self._console.print(message, highlight=False)


def _pace(entities: int, seconds: float, verb: str = "") -> str:
    each_second = entities / seconds if seconds else entities
    return f"{entities:,} entities {verb}in {seconds:.1f} s ({each_second:,.0f} a second)"


def annotated(environment: Environment) -> list[Distribution]:
    """Distributions with a note; before there are any, those that most, some and none require."""
    noted = [item for item in environment.distributions if item.note is not None]
    if noted:
        return noted
    counts = dependants(environment)
    ranked = sorted(environment.distributions, key=lambda item: (-counts[item.name], item.name))
    chosen = {ranked[place].name for place in (0, len(ranked) // 2, -1)} if ranked else set[str]()
    return [item for item in environment.distributions if item.name in chosen]


def _versions(environment: Environment) -> dict[Entity, UUID]:
    return {entity: entity.ecs_id for entity in all_entities(environment)}


def _alike(environment: Environment, loaded: Environment) -> bool:
    """Whether two graphs are equal, by the library's own comparison and by plain data."""
    if environment.has_modifications(loaded):
        return False
    return environment_facts(environment) == environment_facts(loaded)
