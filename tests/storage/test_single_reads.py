"""Reads of one version after another, outside transactions: each finds what the one before did not prepare for."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.pool import QueuePool

from ecs_sql import Entity, SqlAlchemyEntityStorage, errors
from ecs_sql.testing import assert_same_graph

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MakeSqlStorage, Reopen


class Leaf(Entity):
    body: str = ""


class Other(Entity):
    size: int = 0


class Branch(Entity):
    leaves: list[Leaf] = []


def test_each_is_read_whatever_was_read_before(
    make_sql_storage: MakeSqlStorage, reopen: Reopen
) -> None:
    storage = make_sql_storage(Branch, Other)
    small, large = Leaf(body="small"), Leaf(body="large " * 10_000)
    branch, other = Branch(leaves=[small, large]), Other(size=1)
    storage.register_many([branch, other])
    fresh = reopen(storage)
    for entity in (small, small, large, small, other, other, branch, branch, small, small):
        assert_same_graph(fresh.get(entity.ecs_id), entity)
        assert fresh.get(uuid4()) is None


def test_what_was_read_alone_is_remembered_and_forks(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Leaf)
    stored = storage.register(Leaf(body="before"))
    storage.get(stored.ecs_id)
    found = storage.get(stored.ecs_id, Leaf)
    assert found is not None
    assert found.from_storage
    storage.register(found)
    assert found.ecs_id == stored.ecs_id
    found.body = "after"
    storage.register(found)
    assert found.parent_id == stored.ecs_id
    assert storage.get_lineage_ids(stored.lineage_id) == [stored.ecs_id, found.ecs_id]


def test_a_damaged_row_is_told_and_its_connection_given_back(
    make_sql_storage: MakeSqlStorage,
) -> None:
    storage = make_sql_storage(Leaf, Other)
    sound, harmed = storage.register_many([Leaf(body="a"), Leaf(body="b")])
    storage.get(sound.ecs_id)
    storage.get(sound.ecs_id)
    with storage.engine.begin() as connection:
        connection.execute(text("UPDATE base_entities SET old_ids = '[1]' WHERE id = 2"))
    with pytest.raises(errors.StoredValueError) as caught:
        storage.get(harmed.ecs_id)
    assert (caught.value.ecs_id, caught.value.column) == (harmed.ecs_id, "old_ids")
    pool = storage.engine.pool
    assert not isinstance(pool, QueuePool) or pool.checkedout() == 0


def test_a_class_registered_later_is_read(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Leaf)
    leaf = storage.register(Leaf(body="a"))
    storage.get(leaf.ecs_id)
    storage.mapping.register(Other)
    other = storage.register(Other(size=2))
    for entity in (leaf, other, leaf):
        assert_same_graph(storage.get(entity.ecs_id), entity)


def test_listeners_of_the_engine_see_each_read(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Leaf)
    leaf = storage.register(Leaf(body="a"))
    storage.get(leaf.ecs_id)
    storage.get(leaf.ecs_id)
    seen = {"engine_connect": 0, "checkout": 0, "checkin": 0}

    def count(name: str) -> None:
        seen[name] += 1

    for name in ("checkout", "checkin"):
        event.listen(storage.engine, name, lambda *_, name=name: count(name))
    storage.get(leaf.ecs_id)
    assert seen == {"engine_connect": 0, "checkout": 1, "checkin": 1}
    event.listen(storage.engine, "engine_connect", lambda _connection: count("engine_connect"))
    storage.get(leaf.ecs_id)
    assert seen == {"engine_connect": 1, "checkout": 2, "checkin": 2}


def test_a_file_that_another_has_locked_is_told(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'locked.db'}", connect_args={"timeout": 0.01})
    storage = SqlAlchemyEntityStorage(engine, [Leaf])
    leaf = storage.register(Leaf(body="a"))
    storage.get(leaf.ecs_id)
    storage.get(leaf.ecs_id)
    with engine.connect() as other:
        other.exec_driver_sql("BEGIN EXCLUSIVE")
        with pytest.raises(errors.DatabaseBusyError, match="locked"):
            storage.get(leaf.ecs_id)
        other.rollback()
    assert_same_graph(storage.get(leaf.ecs_id), leaf)
    engine.dispose()


def test_a_pool_that_is_used_up_is_told(tmp_path: Path) -> None:
    engine = create_engine(
        f"sqlite:///{tmp_path / 'pool.db'}", pool_size=1, max_overflow=0, pool_timeout=0.01
    )
    storage = SqlAlchemyEntityStorage(engine, [Leaf])
    leaf = storage.register(Leaf(body="a"))
    storage.get(leaf.ecs_id)
    storage.get(leaf.ecs_id)
    with engine.connect(), pytest.raises(errors.DatabaseBusyError, match="QueuePool"):
        storage.get(leaf.ecs_id)
    assert_same_graph(storage.get(leaf.ecs_id), leaf)
    engine.dispose()
