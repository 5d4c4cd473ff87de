"""The command line: `python -m ecs_sql`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ecs_sql.demo.run import run_demo
from ecs_sql.errors import EcsSqlError

app = typer.Typer(
    name="ecs_sql",
    help="Entities as immutable versions in a SQL database.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


@app.callback()
def commands() -> None:
    """Entities as immutable versions in a SQL database."""


@app.command()
def demo(
    url: Annotated[
        str, typer.Option(help="The database, as an SQLAlchemy URL; its missing tables are made.")
    ] = "sqlite:///inventory.db",
    note: Annotated[
        str, typer.Option(help="The note that the demonstration writes on a few distributions.")
    ] = "reviewed",
) -> None:
    """Keep an inventory of this Python environment in a database, and show what changed in it.

    Distributions, what they require, their files, modules and authors become entities. A second run
    on the same database finds what was installed, upgraded or removed since, or that nothing was.
    """
    try:
        run_demo(url, note, Console(emoji=False))
    except EcsSqlError as error:
        message = f"[bold red]Error:[/bold red] {escape(str(error))}"
        Console(stderr=True, emoji=False).print(message, highlight=False, soft_wrap=True)
        raise typer.Exit(code=1) from error


def main() -> None:
    """Run the command line."""
    app(prog_name="python -m ecs_sql")
