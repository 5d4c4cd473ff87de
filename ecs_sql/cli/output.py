"""Where the command line writes: what was asked for on stdout, all else on stderr."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text


def stdout() -> Console:
    """What was asked for; without colour and cursor movement where it is no terminal."""
    return Console(emoji=False, highlight=False)


def stderr() -> Console:
    """Errors and remarks."""
    return Console(stderr=True, emoji=False, highlight=False)


def print_error(message: str) -> None:
    """Tell an error on stderr as it is, without markup or wrapping."""
    stderr().print(Text.assemble(("Error: ", "bold red"), message), soft_wrap=True)
