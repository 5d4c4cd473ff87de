"""Where the command line writes: what was asked for on stdout, all else on stderr.

Only a terminal gets colour, progress and lines of its own width; in a pipe or file a line is as long as
what it says. `NO_COLOR`, `FORCE_COLOR` and `COLUMNS` mean what they mean to rich.
"""

from __future__ import annotations

import re
import sys

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

_UNBOUNDED = 100_000
"""Columns of what is no terminal."""


def stdout() -> Console:
    """What was asked for."""
    return _console(is_stderr=False)


def stderr() -> Console:
    """Errors and remarks."""
    return _console(is_stderr=True)


def _console(*, is_stderr: bool) -> Console:
    stream = sys.stderr if is_stderr else sys.stdout
    on_terminal = stream.isatty()  # forced colour is no reason to move a cursor in a file
    return Console(
        stderr=is_stderr,
        emoji=False,
        highlight=False,
        force_interactive=on_terminal,
        width=None if on_terminal else _UNBOUNDED,
    )


def print_error(message: str) -> None:
    """Tell an error on stderr in one line, without markup or wrapping."""
    line = re.sub(r"\s*\n\s*", " ", message.strip())
    stderr().print(Text.assemble(("Error: ", "bold red"), line), soft_wrap=True)


def indented(text: Text, columns: int) -> Padding:
    """A text whose lines, also those that it is wrapped into, begin after some blanks."""
    return Padding(text, (0, 0, 0, columns), expand=False)
