"""A disk that can be filled: a small file system in memory, or a limit on the size of this process's files."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEGABYTE = 2**20


class Disk(Protocol):
    """Where files run out of room."""

    path: Path

    def fill(self, left: int) -> None:
        """Leave so many bytes, at most, for files to grow."""

    def make_room(self) -> None:
        """Leave as much as there was."""


class SmallDisk:
    """A tmpfs of a few megabytes, filled by a file of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    def fill(self, left: int) -> None:
        with self._filler.open("ab", buffering=0) as file:
            while True:
                try:
                    file.write(b"x" * 4096)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    break
            file.truncate(max(0, file.tell() - left))

    def make_room(self) -> None:
        self._filler.unlink(missing_ok=True)


class LimitedFiles:
    """A directory in which no file of this process may grow beyond what its largest file has."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self, left: int) -> None:
        largest = max(file.stat().st_size for file in self.path.iterdir())
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest + left, self._before[1]))

    def make_room(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)


@contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[Disk]:
    """A disk at an empty directory; of that size where file systems may be mounted."""
    options = f"size={megabytes}m,mode=777"
    command = ["mount", "-t", "tmpfs", "-o", options, "ecs_sql_test", str(path)]
    is_mounted = False
    with suppress(OSError):
        is_mounted = os.geteuid() == 0 and subprocess.run(command, check=False).returncode == 0
    disk: Disk = SmallDisk(path) if is_mounted else LimitedFiles(path)
    try:
        yield disk
    finally:
        disk.make_room()
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(path)], check=True)
