"""Starts processes that write, lets them begin at one moment, and kills them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[2]


class Writers:
    """The processes of one `tests.storage.writer`; all have opened their storages."""

    def __init__(self, url: str, names: Sequence[str], count: int) -> None:
        self._program = subprocess.Popen(
            [sys.executable, "-m", "tests.storage.writer", url, str(count), *names],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        output, self._input = self._program.stdout, self._program.stdin
        assert output is not None
        assert self._input is not None
        self._output: IO[str] = output
        lines = [output.readline().strip() for _ in names]
        if not all(map(str.isdigit, lines)):
            raise AssertionError(self._program.communicate()[1])  # closes their input: all end
        self.process_ids = list(map(int, lines))

    def begin(self) -> None:
        """Let them write."""
        assert self._input is not None
        self._input.write("." * len(self.process_ids))
        self._input.flush()

    def kill(self, process_id: int) -> None:
        """End one of them in the middle of whatever it does."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(process_id, signal.SIGKILL)

    def finish(self, *, failures: int = 0) -> list[UUID]:
        """Wait until all have ended; the ids of the roots that they wrote."""
        printed, error = self._program.communicate()
        assert self._program.returncode == failures, error
        return list(map(UUID, printed.split()))

    def close(self) -> None:
        """End what is left of them."""
        if self._program.poll() is None:
            for process_id in self.process_ids:
                self.kill(process_id)
        self._program.communicate()


@contextlib.contextmanager
def writers(url: str, names: Sequence[str], count: int) -> Iterator[Writers]:
    """One process for each name, each of which has begun to write so many graphs."""
    started = Writers(url, names, count)
    try:
        started.begin()
        yield started
    finally:
        started.close()
