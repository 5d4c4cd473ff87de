"""Processes that are killed while they write: every graph is whole, or is not there at all."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from sqlalchemy import text

from ecs_sql.testing.models import Node
from tests.storage.processes import writers
from tests.storage.writer import assert_whole

if TYPE_CHECKING:
    from tests.storages import Storages

ROUNDS, PROCESSES = 4, 5
ENDLESS = 1_000_000


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_a_killed_process_leaves_whole_graphs(storages: Storages, backend: str) -> None:
    url = storages.database(backend)
    storage = storages.open_url(url, Node)
    acknowledged: list[str] = []
    for number in range(ROUNDS):
        names = [f"{number} {process}" for process in range(PROCESSES)]
        with writers(url, names, ENDLESS) as running:
            for writer in running:
                time.sleep(random.uniform(0.0, 0.1))
                acknowledged += writer.kill()
        with storage.transaction(read_only=True):
            assert_whole(storage.list_by_type(Node))
    assert acknowledged
    assert None not in storage.get_many(map(UUID, acknowledged))
    if backend == "sqlite":
        with storage.engine.connect() as connection:
            assert connection.execute(text("PRAGMA integrity_check")).scalars().all() == ["ok"]
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
    node = Node(name="root of what comes after")
    storage.register(node)
    assert storage.has_entity(node.ecs_id)
