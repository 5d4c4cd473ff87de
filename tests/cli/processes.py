"""The command line in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import ecs_sql

PACKAGE_DIRECTORY = Path(ecs_sql.__file__).parent.parent


def environment(**variables: str) -> dict[str, str]:
    """This process's variables, this checkout importable, no wishes for colour but those given."""
    inherited = {name: value for name, value in os.environ.items() if not name.endswith("_COLOR")}
    return {**inherited, "PYTHONPATH": str(PACKAGE_DIRECTORY), **variables}


def interruptible() -> dict[str, str]:
    """The same for a process that is interrupted, whose coverage is not measured.

    An interrupt in the moment in which the measuring holds its lock would leave it locked for ever.
    """
    return {
        name: value for name, value in environment().items() if not name.startswith("COVERAGE_")
    }


def run_module(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """`python -m ecs_sql`, its output piped, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "ecs_sql", *arguments],
        cwd=cwd,
        env=environment(**{"COLUMNS": "120", **variables}),
        capture_output=True,
        text=True,
        check=False,
    )
