"""`diagram`: entity classes as a picture."""

from __future__ import annotations

import typer

from ecs_sql.cli.arguments import ClassArguments


def diagram(classes: ClassArguments) -> None:
    """Print a mermaid class diagram of entity classes.

    They and all that they refer to: fields with their types, inheritance, and references with the field's
    name and how many entities it holds. Documents on GitHub and GitLab, and many wikis, draw it where it
    stands in a block marked mermaid.

    For example:

        $ python -m ecs_sql diagram app.models > models.mmd
    """
    from ecs_sql.cli.classes import mapping_of
    from ecs_sql.reports.diagram import class_diagram

    typer.echo(class_diagram(mapping_of(classes)), nl=False)
