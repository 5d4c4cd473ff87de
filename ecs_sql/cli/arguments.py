"""Arguments that several commands take."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

ClassArguments: TypeAlias = Annotated[
    list[str],
    typer.Argument(
        metavar="MODULE[:NAME]...",
        help="Entity classes: app.models:Order (one), app.models (all that the module defines), "
        "or with the file's path, app/models.py:Order.",
        show_default=False,
    ),
]
"""What `ecs_sql.cli.classes.load_classes` takes."""
