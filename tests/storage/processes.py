"""Starts writing processes and lets them begin at one moment."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).parents[2]


class Writer:
    """One process of `tests.storage.writer`."""

    def __init__(self, url: str, name: str, count: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.storage.writer", url, name, str(count)],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def output(self) -> IO[str]:
        """What it prints."""
        assert self.process.stdout is not None
        return self.process.stdout

    def begin(self) -> None:
        """Let it write."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def wait_until_ready(self) -> None:
        """Wait until it has opened its storage."""
        if self.output.readline() != "ready\n":
            raise AssertionError(self.process.communicate()[1])

    def finish(self) -> list[str]:
        """Wait for its end; the ids that it has printed."""
        printed, error = self.process.communicate()
        assert self.process.returncode == 0, error
        return printed.split()

    def kill(self) -> list[str]:
        """End it as a failing power supply would; the ids that it has printed in whole lines."""
        self.process.kill()
        printed = self.process.communicate()[0]
        return [line.strip() for line in printed.splitlines(keepends=True) if line.endswith("\n")]


@contextmanager
def writers(url: str, names: list[str], count: int) -> Iterator[list[Writer]]:
    """Processes that have opened their storages and begin to write now."""
    started = [Writer(url, name, count) for name in names]
    try:
        for writer in started:
            writer.wait_until_ready()
        for writer in started:
            writer.begin()
        yield started
    finally:
        for writer in started:
            writer.process.kill()
            writer.process.communicate()
