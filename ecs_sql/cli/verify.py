"""`verify`: whether a database is whole, and what is not."""

from __future__ import annotations

from typing import Annotated

import typer

from ecs_sql.cli.arguments import ClassArguments

FOUND = 3
"""The exit code when something is wrong with the database."""


def verify(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL", help="The database, as an SQLAlchemy URL.", show_default=False
        ),
    ],
    classes: ClassArguments,
    keep: Annotated[
        int, typer.Option(min=0, help="How many findings to show; their counts are exact.")
    ] = 100,
) -> None:
    """Check everything that a database holds; nothing is written.

    Its tables are compared with those that the classes need. Every version is read: it has its rows, its
    values decode, its references lead somewhere, its lineage is whole. All in one transaction, in batches.

    The exit code is 0 when all is well, 3 when something is wrong, 1 when the check could not be made,
    and 2 after a wrong usage.

    For example:

        $ python -m ecs_sql verify sqlite:///app.db app.models

        $ python -m ecs_sql verify postgresql://user@host/db app.models:Order
    """
    from ecs_sql.cli.classes import mapping_of
    from ecs_sql.cli.findings import print_report
    from ecs_sql.cli.output import stderr, stdout
    from ecs_sql.cli.progress import table_progress
    from ecs_sql.storage.verification.opening import verify_database

    mapping = mapping_of(classes)
    with table_progress(stderr()) as on_progress:
        report = verify_database(url, mapping, on_progress=on_progress, keep=keep)
    print_report(report, stdout())
    if not report.ok:
        raise typer.Exit(FOUND)
