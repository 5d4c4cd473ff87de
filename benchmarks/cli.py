"""The command line: ``python -m benchmarks``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import depth, growth, reads, startup, versions, writes
from benchmarks.databases import Backend, PostgresqlServer, Server, SqliteServer
from benchmarks.measuring import Results, Settings, Stage, run_stage
from benchmarks.peers.protocol import Peer
from benchmarks.peers.registry import NAMES, load_peer
from benchmarks.plot import draw
from benchmarks.report import Report, now

STAGES: tuple[Stage, ...] = (
    *writes.STAGES,
    *reads.STAGES,
    *versions.STAGES,
    *depth.STAGES,
    *startup.STAGES,
    *growth.STAGES,
)
TABLE_WIDTH = 170

app = typer.Typer(
    help="How fast ecs_sql is, against code written by hand and against other mappers.",
    no_args_is_help=True,
    add_completion=False,
)
RESULTS = Path(__file__).parent / "results"


@app.command()
def measure(  # noqa: PLR0913, PLR0917 - one parameter for each option
    backend: Annotated[Backend, typer.Argument(help="The database.")],
    url: Annotated[
        str, typer.Option(help="PostgreSQL: a database in which schemas may be made.")
    ] = "postgresql+psycopg://postgres@localhost/bench",
    only: Annotated[
        str, typer.Option(help="Stages to run, such as W1,R2; all of them if empty.")
    ] = "",
    peers: Annotated[
        str, typer.Option(help="Peers to run, such as ecs_sql,floor; all of them if empty.")
    ] = "",
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each stage.")] = 5,
    scale: Annotated[
        float, typer.Option(help="The share of the work to do, for a quick look.")
    ] = 1.0,
    largest: Annotated[
        int, typer.Option(help="The number of messages up to which S1 grows.")
    ] = 100_000,
    results: Annotated[Path, typer.Option(help="The folder for JSON and plot.")] = RESULTS,
) -> None:
    """Measure, print one table, and write it as JSON and as a plot."""
    console = Console()
    stages = chosen(only, tuple(stage.key for stage in STAGES), "stage")
    names = chosen(peers, NAMES, "peer")
    server: Server = SqliteServer() if backend == "sqlite" else PostgresqlServer(url)
    settings = Settings(server, scale, largest)
    found = Results()
    taking_part = load_peers(names, backend, found)
    try:
        for stage in STAGES:
            if stage.key in stages:
                console.print(f"{stage.key}: {stage.title}", style="dim")
                run_stage(stage, taking_part, settings, rounds, found)
    finally:
        server.close()
    report = Report(
        backend=backend,
        server=server.version(),
        rounds=rounds,
        scale=scale,
        peers=[peer.name for peer in taking_part if found.measured(peer.name)],
        results=found,
        when=now(),
    )
    publish(report, results, "-".join([backend, *(stages if only else ())]))


def publish(report: Report, folder: Path, name: str) -> None:
    """Print the table; write JSON and plot."""
    folder.mkdir(parents=True, exist_ok=True)
    report.write(folder / f"{name}.json")
    drawn = draw(report, folder / f"{name}.png")
    console = Console(width=max(Console().width, TABLE_WIDTH))
    console.print(report.table())
    for failure in report.results.failures:
        console.print(f"failed: {failure}", style="red", markup=False)
    endings = ".json and .png" if drawn else ".json; matplotlib is missing, so there is no plot"
    console.print(f"written: {folder / name}{endings}", style="dim")
    if report.results.failures:
        raise typer.Exit(1)


def chosen(text: str, known: Sequence[str], what: str) -> Sequence[str]:
    """The names in an option's value, or all; an unknown one ends the command."""
    names = [name.strip() for name in text.split(",") if name.strip()] or list(known)
    if unknown := [name for name in names if name not in known]:
        raise typer.BadParameter(f"no {what} {', '.join(unknown)}; there are {', '.join(known)}")
    return [name for name in known if name in names]


def load_peers(names: Sequence[str], backend: Backend, results: Results) -> list[Peer]:
    """These peers; one whose packages are not installed is reported and left out."""
    peers: list[Peer] = []
    for name in names:
        try:
            peers.append(load_peer(name, backend))
        except ImportError as error:
            results.failures.append(f"{name} is left out: {error}")
    return peers


def main() -> None:
    """Run the command line."""
    app()
