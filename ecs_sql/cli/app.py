"""The commands, and what becomes of an error or an interrupt in any of them."""

from __future__ import annotations

from errno import EPIPE
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ecs_sql.cli.ddl import ddl
from ecs_sql.cli.demo import demo
from ecs_sql.cli.diagram import diagram
from ecs_sql.cli.interrupts import INTERRUPTED, have_arrived
from ecs_sql.cli.types import types
from ecs_sql.cli.verify import verify


class Commands(TyperGroup):
    """The commands; an error of ours, or of the system's, is one line on stderr."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command.

        Raises:
            typer.Exit: with code 1 after an error, 130 after an interrupt.
        """
        from ecs_sql.cli.output import print_error
        from ecs_sql.errors import EcsSqlError, MappingError

        try:
            return super().invoke(ctx)
        except MappingError as error:
            from ecs_sql.cli.faults import print_faults

            print_faults(error)
            raise typer.Exit(1) from error
        except EcsSqlError as error:
            if not have_arrived():
                print_error(str(error))
            raise typer.Exit(1) from error
        except OSError as error:
            if error.errno == EPIPE:  # who reads the output has enough of it
                raise
            print_error(str(error))
            raise typer.Exit(1) from error
        except KeyboardInterrupt as interrupt:
            raise typer.Exit(INTERRUPTED) from interrupt


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"ecs_sql {version('ecs_sql')}")
        raise typer.Exit


@app.callback()
def commands(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Entities as immutable versions in a SQL database.

    To see it work, run the demo twice:

        $ python -m ecs_sql demo

    To see what your own entity classes become, name their module:

        $ python -m ecs_sql types app.models
    """


app.command()(demo)
app.command()(types)
app.command()(ddl)
app.command()(diagram)
app.command()(verify)
