"""`types`: what entity classes would become."""

from __future__ import annotations

from ecs_sql.cli.arguments import ClassArguments


def types(classes: ClassArguments) -> None:
    """Show the tables that entity classes become, or what is in the way.

    For each class, and all that it refers to: its table, the table of its parent, and the column that each
    field gets, with its type on each database. When a class cannot be mapped, every fault of every class is
    shown with its remedy, and the exit code is 1.

    For example:

        $ python -m ecs_sql types app.models

        $ python -m ecs_sql types app.models:Order app.models:Customer
    """
    from ecs_sql.cli.classes import mapping_of
    from ecs_sql.cli.output import stdout
    from ecs_sql.cli.tables import print_tables
    from ecs_sql.reports.tables import table_reports

    print_tables(table_reports(mapping_of(classes)), stdout())
