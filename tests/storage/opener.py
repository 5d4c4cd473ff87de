"""Processes that open the same new databases: `python -m tests.storage.opener COUNT URL...`.

Each of COUNT processes opens one URL after the other, all of them each at one moment, and stores a node. What
fails is printed, and the exit code is how often.
"""

from __future__ import annotations

import multiprocessing
import sys
from typing import TYPE_CHECKING, Any

from ecs_sql import SqlAlchemyEntityStorage
from ecs_sql.errors import EcsSqlError
from ecs_sql.testing.models import Node

if TYPE_CHECKING:
    from collections.abc import Sequence


def open_each(urls: Sequence[str], together: Any, failed: Any) -> None:
    """Open each database, and store a node in it."""
    for url in urls:
        together.wait()
        try:
            storage = SqlAlchemyEntityStorage(url, [Node])
            storage.register(Node())
            storage.engine.dispose()
        except EcsSqlError as error:
            failed.put(str(error))


def main(count: int, urls: Sequence[str]) -> int:
    """Run the processes; how many openings failed."""
    forking: Any = multiprocessing.get_context("fork")
    together, failed = forking.Barrier(count), forking.SimpleQueue()
    processes = [
        forking.Process(target=open_each, args=(urls, together, failed)) for _ in range(count)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    failures = 0
    while not failed.empty():
        failures += 1
        print(failed.get())
    return failures


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
