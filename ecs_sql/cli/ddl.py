"""`ddl`: the SQL that makes the tables."""

from __future__ import annotations

from typing import Annotated

import typer

from ecs_sql.cli.arguments import ClassArguments
from ecs_sql.reports.databases import Database


def ddl(
    classes: ClassArguments,
    dialect: Annotated[
        Database,
        typer.Option("--dialect", "-d", help="The database to write for.", show_default=False),
    ],
) -> None:
    """Print the SQL that makes the tables of entity classes.

    It is what a storage would run in an empty database by itself: for those who keep the schema in a migration tool, or
    whose application may not make tables. No database and no driver is needed.

    For example:

        $ python -m ecs_sql ddl -d sqlite app.models | sqlite3 app.db

        $ python -m ecs_sql ddl -d postgresql app.models:Order | psql shop

        $ python -m ecs_sql ddl -d mariadb app/models.py | mariadb shop
    """
    from ecs_sql.cli.classes import mapping_of
    from ecs_sql.reports.ddl import ddl_script

    typer.echo(ddl_script(mapping_of(classes), dialect), nl=False)
