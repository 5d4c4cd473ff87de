"""The steps of the demonstration, from the scan to the diff."""

from __future__ import annotations

from time import perf_counter
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
    distribution_facts,
    environment_facts,
    latest_inventory,
)
from ecs_sql.demo.progress import progress_bar, rows_written
from ecs_sql.entity import Entity
from ecs_sql.errors import EcsSqlError
from ecs_sql.storage.sql import SqlAlchemyEntityStorage

_ROWS_PER_ENTITY = 2  # one in `base_entities`, one in the table of its class
_SHOWN_VERSIONS = 8


class ReadBackError(EcsSqlError):
    """What was read back is not what was stored."""


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

    def run(self, note: str) -> None:
        """Go through all steps; the last ones change a few entities and show what became of them."""
        prefix = scan.environment_prefix()
        self._say(f"[bold]The Python environment[/bold] {escape(str(prefix))}")
        self._say(
            f"[bold]The database[/bold] {escape(self._storage.engine.url.render_as_string())}\n"
        )

        known = latest_inventory(self._storage, prefix)
        environment = known or scan.new_environment(prefix)
        stored = {entity: entity.ecs_id for entity in all_entities(environment)} if known else {}
        facts = {item.name: distribution_facts(item) for item in environment.distributions}
        self._scan(environment)
        self._store(environment, stored)
        if known:
            self._show_changes(facts, environment)
        self._read_back(environment)
        self._annotate(environment, note)
        self._show_history(environment)

    def _scan(self, environment: Environment) -> None:
        found = scan.installed(scan.search_path())
        with progress_bar(self._console, "Scanning", len(found)) as advance:
            scan.merge(environment, found, lambda: advance(1))
        self._say(report.inventory_table(environment))

    def _store(self, environment: Environment, stored: dict[Entity, UUID]) -> int:
        """Register the graph, and say how many versions that took; `stored` has what was stored before."""
        entities = len(all_entities(environment))
        started = perf_counter()
        with (
            progress_bar(
                self._console, "Storing", None if stored else entities * _ROWS_PER_ENTITY
            ) as advance,
            rows_written(self._storage.engine, advance),
        ):
            self._storage.register(environment)
        seconds = perf_counter() - started
        tallies = report.tally(environment, stored)
        written = sum(numbers.new + numbers.forked for numbers in tallies.values())
        if written:
            rate = f"{written / seconds:,.0f} a second"
            self._say(
                f"{written:,} versions written for {entities:,} entities in {seconds:.1f} s, {rate}."
            )
            self._say(report.tally_table("What was stored", tallies))
        else:
            self._say(
                f"No version written: {entities:,} entities compared in {seconds:.1f} s, none differs."
            )
        return written

    def _show_changes(self, before: dict[str, Facts], environment: Environment) -> None:
        changes = report.changes_between(before, environment)
        if changes:
            self._say(report.changes_table(changes))
        else:
            self._say(
                "[green]Nothing was installed, upgraded or removed since the last run.[/green]"
            )

    def _read_back(self, environment: Environment) -> None:
        started = perf_counter()
        with self._console.status("Reading back"):
            loaded = self._storage.get(environment.ecs_id, Environment)
        seconds = perf_counter() - started
        if (
            loaded is None
            or environment.has_modifications(loaded)
            or environment_facts(environment) != environment_facts(loaded)
        ):
            message = f"version {environment.ecs_id} was not read back as it was stored; please report this as a bug"
            raise ReadBackError(message)
        entities = len(all_entities(loaded))
        self._say(
            f"[green]{entities:,} entities read back in {seconds:.1f} s, all equal to what was stored.[/green]\n"
        )

    def _annotate(self, environment: Environment, note: str) -> None:
        """Write a note on a few distributions in memory, and store again."""
        chosen = annotated(environment)
        names = escape(", ".join(item.name for item in chosen))
        stored = {entity: entity.ecs_id for entity in all_entities(environment)}
        for item in chosen:
            item.note = note
        self._say(
            f"[bold]In memory[/bold] {names} now carry the note {escape(repr(note))}. Storing again:"
        )
        if not self._store(environment, stored):
            self._say(
                "They already carried it since an earlier run; --note TEXT writes another one."
            )

    def _show_history(self, environment: Environment) -> None:
        """The lineages of the environment and of an annotated distribution, and the newest diff."""
        self._show_lineage(environment, ("python",))
        for item in annotated(environment)[:1]:
            self._show_lineage(item, ("name", "version", "note"))
        before = (
            self._storage.get(environment.parent_id, Environment) if environment.parent_id else None
        )
        if before is not None:
            diff = before.diff(environment)
            self._say(
                report.diff_table("The newest step of the environment", diff, before, environment)
            )

    def _show_lineage(self, item: Environment | Distribution, columns: tuple[str, ...]) -> None:
        """The newest versions of one lineage, read as plain rows in an ordinary Session."""
        row = self._storage.mapping[type(item)]
        newest_first = select(row).where(row.lineage_id == item.lineage_id).order_by(row.id.desc())
        with Session(self._storage.engine) as session:
            rows = session.scalars(newest_first.limit(_SHOWN_VERSIONS)).all()[::-1]
            title = f"The lineage of {report.name_of(item)}, its newest versions"
            self._say(report.lineage_table(title, rows, columns))

    def _say(self, message: RenderableType) -> None:
        self._console.print(message, highlight=False)


def annotated(environment: Environment) -> list[Distribution]:
    """The distributions with a note; before there are any, a few that many, some and none require."""
    noted = [item for item in environment.distributions if item.note is not None]
    if noted:
        return noted
    counts = dependants(environment)
    ranked = sorted(
        environment.distributions, key=lambda item: (-counts[item.name], item.name.lower())
    )
    places = {0, len(ranked) // 2, len(ranked) - 1}
    return [item for place, item in enumerate(ranked) if place in places]
