"""The command line: `python -m ecs_sql`, one module per command.

`app` gathers the commands, `arguments` has what several of them take, `classes` finds the entity classes
that those name, `output` has the consoles. A command imports what it needs when it runs, so that help
appears at once.
"""

from __future__ import annotations

import io
import sys


def main() -> None:
    """Run the command line.

    Raises:
        SystemExit: always; with code 1 after an error, 2 after a wrong usage. An interrupt ends the
            process with code 130.
    """
    from ecs_sql.cli import interrupts

    try:
        interrupts.watch()
        _run()
    except BaseException as ended:  # also of what else failed because of the interrupt
        if isinstance(ended, KeyboardInterrupt) or interrupts.have_arrived():
            interrupts.end()
        raise


def _run() -> None:
    from ecs_sql.cli.app import app

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names may have what a terminal's encoding lacks
            stream.reconfigure(errors="backslashreplace")
    app()
