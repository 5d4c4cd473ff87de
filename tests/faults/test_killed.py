"""Processes that are killed while they write: every graph is whole, or is not there at all."""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from ecs_sql.testing.models import Node
from tests.faults.tally import number
from tests.storage.processes import writers
from tests.storage.writer import assert_whole

if TYPE_CHECKING:
    from ecs_sql import SqlAlchemyEntityStorage
    from tests.faults.tally import Tally
    from tests.storages import Storages

PROCESSES = 20
ENDLESS = 1_000_000
LONGEST_LIFE = 0.15
"""Seconds between two kills, at most."""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are forked")


@pytest.mark.parametrize("backend", ["sqlite", "postgresql", "mariadb"])
@pytest.mark.parametrize("batch", range(number(1, 50)))
def test_killed_processes_leave_whole_graphs(
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


def check(storage: SqlAlchemyEntityStorage) -> None:
    """Every graph is whole, and the file sound."""
    with storage.transaction(read_only=True):
        assert_whole(storage.list_by_type(Node))
    if storage.engine.dialect.name == "sqlite":
        with storage.engine.connect() as connection:
            assert connection.execute(text("PRAGMA integrity_check")).scalars().all() == ["ok"]
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
