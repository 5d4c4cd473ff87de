"""The command line: `python -m ecs_sql`, one module per command.

`app` gathers the commands, `arguments` has what several of them take, `classes` finds the entity classes
that those name, `output` has the consoles. A command imports what it needs when it runs, so that help
appears at once.
"""

from __future__ import annotations

import sys
from signal import SIGINT


def main() -> None:
    """Run the command line.

    Raises:
        SystemExit: always; with code 1 after an error, 2 after a wrong usage, 3 when `verify` finds
            something wrong, 130 after an interrupt.
    """
    try:
        from ecs_sql.cli.app import app

        app()
    except KeyboardInterrupt:
        sys.stderr.write("Error: interrupted\n")
        sys.exit(128 + SIGINT)  # as shells tell it
