"""Callers that expect to change the latest version, at once: of each version one change is stored."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine

from ecs_sql import SqlAlchemyEntityStorage, errors
from ecs_sql.testing.models import Node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from tests.conftest import MakeStorage
    from tests.storages import Storages

CALLERS = 6
ROUNDS = 4
PATIENCE = 60


def add_one(storage: Any, lineage_id: UUID) -> int:
    """Count up the latest version; how often that had to be tried."""
    for attempt in range(1, 1000):
        latest = storage.get(storage.get_lineage_ids(lineage_id)[-1], Node)
        latest.size += 1
        try:
            storage.register(latest, expect_latest=True)
        except errors.StaleVersionError:
            continue
        return attempt
    raise AssertionError


def count_together(storage: Any) -> None:
    root = storage.register(Node(name="counter"))
    start = threading.Barrier(CALLERS, timeout=PATIENCE)

    def count(_: int) -> None:
        start.wait()
        for _round in range(ROUNDS):
            add_one(storage, root.lineage_id)

    with ThreadPoolExecutor(CALLERS) as threads:
        list(threads.map(count, range(CALLERS)))
    history = storage.get_lineage_entities(root.lineage_id)
    assert [node.size for node in history] == list(range(CALLERS * ROUNDS + 1))
    assert [node.parent_id for node in history[1:]] == [node.ecs_id for node in history[:-1]]


def test_no_change_of_callers_that_try_again_is_lost(make_storage: MakeStorage) -> None:
    count_together(make_storage(Node))


@pytest.fixture(params=["REPEATABLE READ", "SERIALIZABLE"])
def isolated(request: pytest.FixtureRequest, storages: Storages) -> Iterator[Any]:
    """A storage on an engine of the application's, with that isolation."""
    engine = create_engine(
        storages.database("postgresql"), isolation_level=request.param, pool_size=CALLERS
    )
    yield SqlAlchemyEntityStorage(engine, [Node])
    engine.dispose()


def test_nor_where_transactions_keep_the_snapshot_of_their_beginning(isolated: Any) -> None:
    count_together(isolated)


@pytest.mark.parametrize("backend", ["postgresql", "mariadb"])
def test_who_waited_for_the_winner_loses(storages: Storages, backend: str) -> None:
    storage = storages.open_url(storages.database(backend), Node)
    node = storage.register(Node(name="a"))
    other = node.model_copy(update={"name": "other"})
    node.name = "winner"
    with ThreadPoolExecutor(1) as threads:
        with storage.transaction():
            storage.register(node, expect_latest=True)
            losing = threads.submit(storage.register, other, expect_latest=True)
            with pytest.raises(TimeoutError):
                losing.result(timeout=0.3)
        with pytest.raises(errors.StaleVersionError) as stale:
            losing.result(timeout=PATIENCE)
    assert stale.value.latest_id == node.ecs_id
    assert storage.get_lineage_ids(node.lineage_id)[1:] == [node.ecs_id]


def test_a_joined_block_keeps_its_versions_locked_until_the_application_commits(
    storages: Storages,
) -> None:
    storage = storages.open_url(storages.database("postgresql"), Node)
    node = storage.register(Node(name="a"))
    other = node.model_copy(update={"name": "other"})
    node.name = "winner"
    with ThreadPoolExecutor(1) as threads, storage.engine.connect() as connection:
        with storage.transaction(connection):
            storage.register(node, expect_latest=True)
        waiting = threads.submit(storage.register, other, expect_latest=True)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.3)
        connection.rollback()
        assert waiting.result(timeout=PATIENCE) is other
    assert storage.get_lineage_ids(node.lineage_id) == [node.ecs_id, other.ecs_id]
