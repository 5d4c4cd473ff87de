"""`demo`: an inventory of this Python environment, kept and compared."""

from __future__ import annotations

from typing import Annotated

import typer


def demo(
    url: Annotated[
        str, typer.Option(help="The database, as an SQLAlchemy URL; its missing tables are made.")
    ] = "sqlite:///inventory.db",
    note: Annotated[
        str, typer.Option(help="The note that the demonstration writes on a few distributions.")
    ] = "reviewed",
) -> None:
    """Keep an inventory of this Python environment, and see what changed.

    Distributions, what they require, their files, modules and authors become entities. A second run
    on the same database finds what was installed, upgraded or removed since, or that nothing was.

    For example:

        $ python -m ecs_sql demo

        $ python -m ecs_sql demo --note "seen again"

        $ python -m ecs_sql demo --url postgresql://postgres@127.0.0.1/postgres
    """
    from ecs_sql.cli.output import stdout
    from ecs_sql.demo.run import run_demo

    run_demo(url, note, stdout())
