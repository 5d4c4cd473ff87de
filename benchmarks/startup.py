"""T1: an application with 500 classes starts.

An application starts once in a process. So each start has a process of its own: classes of earlier
rounds, which no mapper ever lets go of entirely, would slow down the later ones.
"""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from benchmarks.databases import Database
from benchmarks.measuring import Measure, Phases, Samples, Settings, Stage, timed
from benchmarks.peers.definitions import VALUES
from benchmarks.peers.protocol import Peer, Startup
from benchmarks.stores import check

CLASSES = 500

DEFINE = Measure("T1 define")
MAP = Measure("T1 map", baseline=DEFINE.name)
TABLES = Measure("T1 tables")
FIRST_USE = Measure("T1 first use")


def many_classes(peer: Peer, settings: Settings) -> Phases:
    """Each round starts in a fresh process and database.

    Mapping is compared with the time that the floor takes to define its classes.
    """

    def work() -> Samples:
        assert peer.startup is not None
        database = settings.server.database()
        try:
            with ProcessPoolExecutor(1, get_context("spawn")) as process:
                count = settings.scaled(CLASSES)
                return process.submit(start, peer.startup, database, count).result()
        finally:
            database.drop()

    yield work


def start(
    startup: Callable[[Database, int], Startup], database: Database, count: int
) -> dict[Measure, float]:
    """One start, step by step."""
    application = startup(database, count)
    steps = {
        DEFINE: timed(application.define),
        MAP: timed(application.map),
        TABLES: timed(application.create_tables),
    }
    found: list[Any] = []
    steps[FIRST_USE] = timed(lambda: found.append(application.first_use(VALUES)))
    check({name: getattr(found[0], name) for name in VALUES}, VALUES, "T1")
    application.close()
    return steps


STAGES = (Stage("T1", "500 classes of ten fields", many_classes, most_rounds=3),)
