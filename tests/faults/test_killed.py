"""Processes that are killed while they write: every graph is whole, or is not there at all."""

from __future__ import annotations

import itertools
import os
import random
import signal
import time
from typing import TYPE_CHECKING, NoReturn
from uuid import UUID

import pytest
from sqlalchemy import text

from ecs_sql import SqlAlchemyEntityStorage
from ecs_sql.testing.models import Node
from tests.faults.tally import number
from tests.storage.processes import writers
from tests.storage.writer import assert_whole, change, graph

if TYPE_CHECKING:
    from tests.faults.tally import Tally
    from tests.storages import Storages

PROCESSES = 20
ENDLESS = 1_000_000
LONGEST_LIFE = 0.15
"""Seconds between two kills, at most."""

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are forked"),
    # Python warns of every fork of a process with threads; pytest's have none that matter here.
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]


@pytest.mark.parametrize("backend", ["sqlite", "postgresql", "mariadb"])
@pytest.mark.parametrize("batch", range(number(1, 5)))
def test_processes_that_are_killed_beside_others_leave_whole_graphs(
    storages: Storages, backend: str, batch: int, tally: Tally
) -> None:
    url = storages.database(backend)
    storage = storages.open_url(url, Node)
    with writers(url, [str(name) for name in range(PROCESSES)], ENDLESS) as running:
        for process_id in running.process_ids:
            time.sleep(random.uniform(0.0, LONGEST_LIFE))
            running.kill(process_id)
            check(storage)
        acknowledged = running.finish(failures=PROCESSES)
    check(storage)
    assert acknowledged
    assert None not in storage.get_many(acknowledged)
    node = Node(name="root of what comes after")
    storage.register(node)
    assert storage.has_entity(node.ecs_id)
    tally.add("process killed while it writes", backend, PROCESSES)


KILLS = 25
"""Of one process after the other, on one database."""
LONGEST_WRITING = 0.05


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
@pytest.mark.parametrize("batch", range(number(1, 40)))
def test_a_killed_process_leaves_whole_graphs(
    storages: Storages, backend: str, batch: int, tally: Tally
) -> None:
    url = storages.database(backend)
    storage = storages.open_url(url, Node)
    for kill in range(KILLS):
        acknowledged = written_until_killed(url, f"{kill}")
        check(storage)
        assert None not in storage.get_many(acknowledged)
        tally.add("process killed while it writes", backend)


def written_until_killed(url: str, name: str) -> list[UUID]:
    """The roots that a process wrote, until it was killed a moment after the first one."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        write_for_ever(url, name, writing)
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        told = pipe.read(16)
        time.sleep(random.uniform(0.0, LONGEST_WRITING))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        told += pipe.readall()
    assert told, "it could not write"
    return [UUID(bytes=told[start : start + 16]) for start in range(0, len(told), 16)]


def write_for_ever(url: str, name: str, pipe: int) -> NoReturn:
    """Write graphs, and tell the ids of their roots when they are stored."""
    try:
        storage = SqlAlchemyEntityStorage(url, [Node])
        for turn in itertools.count():
            root = graph(f"{name} {turn}")
            storage.register(root)
            os.write(pipe, root.ecs_id.bytes)
            change(root)
            storage.register(root)
            os.write(pipe, root.ecs_id.bytes)
    finally:
        os._exit(1)


def check(storage: SqlAlchemyEntityStorage) -> None:
    """Every graph is whole, and the file sound."""
    with storage.transaction(read_only=True):
        assert_whole(storage.list_by_type(Node))
    if storage.engine.dialect.name == "sqlite":
        with storage.engine.connect() as connection:
            assert connection.execute(text("PRAGMA integrity_check")).scalars().all() == ["ok"]
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
