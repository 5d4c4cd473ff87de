"""Arguments that several commands take."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

ClassArguments: TypeAlias = Annotated[
    list[str],
    typer.Argument(
        metavar="MODULE:NAME",
        help="Entity classes: app.models:Order, or app.models for all that the module defines. "
        "A path may stand for the module: app/models.py:Order.",
        show_default=False,
    ),
]
"""What `ecs_sql.cli.classes.load_classes` takes."""
