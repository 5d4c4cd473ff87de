"""What a database runs out of, or is refused: the error is clear, nothing is half-written, and it passes."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url, text

from ecs_sql import SqlAlchemyEntityStorage, errors
from ecs_sql.testing import assert_same_graph, assert_same_picture, picture
from ecs_sql.testing.models import Node, Passport
from tests.faults.disks import small_disk
from tests.faults.tally import number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.faults.disks import Disk
    from tests.faults.tally import Tally
    from tests.storages import Storages

MEGABYTES = 2
PAGE = 4096


def check_refused(
    storage: SqlAlchemyEntityStorage,
    node: Node,
    error: type[errors.StorageError],
    mentions: str,
) -> None:
    """A change of a stored node is refused so, alone and in a block, and nothing is kept of it."""
    versions = storage.get_registry_status().versions
    node.size += 1
    before = picture(node)
    with pytest.raises(error, match=mentions) as refused:
        storage.register(node)
    assert refused.value.__cause__ is not None
    with pytest.raises(error, match=mentions), storage.transaction():
        storage.register(Node(name="first of a block"))
        storage.register(node)
    assert_same_picture(picture(node), before)
    assert storage.get_registry_status().versions == versions


def check_works(storage: SqlAlchemyEntityStorage, node: Node) -> None:
    """The change is stored now, and memory of it is right."""
    before = node.ecs_id
    storage.register(node)
    assert node.parent_id == before
    assert_same_graph(storage.get(node.ecs_id), node)
    assert storage.get_lineage_ids(node.lineage_id)[-2:] == [before, node.ecs_id]


# ---------------------------------------------------------------- a full disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path, MEGABYTES) as made:
        yield made


def sound(storage: SqlAlchemyEntityStorage) -> bool:
    with storage.engine.connect() as connection:
        return connection.scalar(text("PRAGMA integrity_check")) == "ok"


def shorten_log(storage: SqlAlchemyEntityStorage) -> None:
    with storage.engine.connect() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))


@pytest.mark.parametrize("block", [False, True], ids=["alone", "block"])
def test_a_full_disk_refuses_the_whole_graph(
    disk: Disk, storages: Storages, block: bool, tally: Tally
) -> None:
    storages.use("sqlite")
    storage = SqlAlchemyEntityStorage(f"sqlite:///{disk.path / 'full.db'}", [Node])
    kept = storage.register(Node(name="kept", children=[Node(name="child")]))
    for pages in range(0, number(20, 60), 2):
        root = Node(children=[Node(name=os.urandom(2000).hex()) for _ in range(120)], next=kept)
        kept.size += 1
        before = picture(root)
        versions = storage.get_registry_status().versions
        shorten_log(storage)  # what it holds of earlier rounds would be room
        disk.fill(pages * PAGE)
        with pytest.raises(errors.StorageError, match="disk"):
            if block:
                with storage.transaction():
                    storage.register(kept)
                    storage.register(root)
            else:
                storage.register(root)
        assert_same_picture(picture(root), before)
        assert storage.get_registry_status().versions == versions
        assert storage.get(kept.ecs_id) is not None
        disk.make_room()
        assert sound(storage)
        storage.register(kept)
        assert storage.get_registry_status().versions == versions + 1
        tally.add("disk full", "sqlite")
    storage.engine.dispose()


def test_a_block_whose_disk_was_full_is_whole_or_absent(
    disk: Disk, storages: Storages, tally: Tally
) -> None:
    storages.use("sqlite")
    storage = SqlAlchemyEntityStorage(f"sqlite:///{disk.path / 'full.db'}", [Node])
    first, last = Node(name="first"), Node(name="last")
    large = Node(children=[Node(name=os.urandom(2000).hex()) for _ in range(1500)])
    has_lasted = True
    try:
        with storage.transaction():
            storage.register(first)
            disk.fill(0)
            with pytest.raises(errors.StorageError, match="disk"):
                storage.register(large)
            disk.make_room()
            storage.register(last)
    except errors.StorageError:  # SQLite may undo more than the statement that failed
        has_lasted = False
    assert {storage.has_entity(node.ecs_id) for node in (first, last)} == {has_lasted}
    assert not storage.has_entity(large.ecs_id)
    storage.register_many([first, last])
    assert storage.get_registry_status().versions == 2
    tally.add("disk full", "sqlite")
    storage.engine.dispose()


# ---------------------------------------------------------------- read-only


READ_ONLY: dict[str, dict[str, str]] = {
    "postgresql": {"options": "-cdefault_transaction_read_only=on"},
    "mariadb": {"init_command": "SET SESSION TRANSACTION READ ONLY"},
}


@pytest.mark.parametrize("backend", READ_ONLY)
def test_sessions_that_may_only_read_are_told(
    storages: Storages, backend: str, tally: Tally
) -> None:
    url = make_url(storages.database(backend))
    writing = storages.open_url(url.render_as_string(hide_password=False), Node)
    node = writing.register(Node(name="a"))
    query = dict(url.query)
    for key, value in READ_ONLY[backend].items():
        query[key] = f"{query.get(key, '')} {value}".strip()
    limited = url.set(query=query).render_as_string(hide_password=False)
    storage = storages.open_url(limited, Node)
    assert_same_graph(storage.get(node.ecs_id), node)
    check_refused(storage, node, errors.StorageError, "takes no writes")
    check_works(writing, node)
    tally.add("read-only", backend, 2)


def test_a_file_that_may_only_be_read_is_told(storages: Storages, tally: Tally) -> None:
    url = storages.database("sqlite")
    path = make_url(url).database
    writing = storages.open_url(url, Node)
    node = writing.register(Node(name="a"))
    engine = create_engine(f"sqlite:///file:{path}?uri=true")
    storage = SqlAlchemyEntityStorage(engine, [Node])
    engine.dispose()
    reading = create_engine(f"sqlite:///file:{path}?mode=ro&uri=true")
    engine.pool = reading.pool  # the file's mode changes under an open storage
    assert_same_graph(storage.get(node.ecs_id), node)
    check_refused(storage, node, errors.StorageError, "takes no writes")
    reading.dispose()
    check_works(writing, node)
    tally.add("read-only", "sqlite", 2)


# ---------------------------------------------------------------- permission


@pytest.fixture
def unprivileged() -> Iterator[Callable[[int], None]]:
    """Becomes another user, where it is root that the tests run as: root may write anything."""
    me = os.geteuid()
    yield lambda user: os.seteuid(user) if me == 0 else None
    os.seteuid(me)


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="permissions are those of POSIX")
def test_a_file_that_others_own_is_told(
    storages: Storages, tmp_path: Path, unprivileged: Callable[[int], None], tally: Tally
) -> None:
    storages.use("sqlite")
    path = tmp_path / "own.db"
    storage = SqlAlchemyEntityStorage(f"sqlite:///{path}", [Node])
    node = storage.register(Node(name="a"))
    node.size += 1
    before = picture(node)
    storage.engine.dispose()
    mode = tmp_path.stat().st_mode
    tmp_path.chmod(0o500)
    path.chmod(0o400)
    unprivileged(65_534)
    with pytest.raises(errors.StorageError, match=r"denies access|takes no writes"):
        storage.register(node)
    unprivileged(0)
    tmp_path.chmod(mode)
    path.chmod(0o600)
    assert_same_picture(picture(node), before)
    check_works(storage, node)
    tally.add("permission denied", "sqlite")
    storage.engine.dispose()


# ---------------------------------------------------------------- others are in the way


def test_a_locked_file_is_told(storages: Storages, tally: Tally) -> None:
    url = storages.database("sqlite")
    engine = create_engine(url, connect_args={"timeout": 0.05})
    storage = SqlAlchemyEntityStorage(engine, [Node])
    node = storage.register(Node(name="a"))
    other = sqlite3.connect(str(make_url(url).database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    check_refused(storage, node, errors.DatabaseBusyError, "locked")
    other.execute("ROLLBACK")
    other.close()
    check_works(storage, node)
    tally.add("database locked", "sqlite", 2)
    engine.dispose()


IMPATIENT: dict[str, dict[str, str]] = {
    "postgresql": {"options": "-clock_timeout=100"},
    "mariadb": {"init_command": "SET SESSION innodb_lock_wait_timeout = 1"},
}


@pytest.mark.parametrize("backend", IMPATIENT)
def test_a_locked_row_is_told(storages: Storages, backend: str, tally: Tally) -> None:
    url = make_url(storages.database(backend))
    query = dict(url.query)
    for key, value in IMPATIENT[backend].items():
        query[key] = f"{query.get(key, '')} {value}".strip()
    impatient = url.set(query=query).render_as_string(hide_password=False)
    storage = storages.open_url(impatient, Node)
    patient = storages.open_url(url.render_as_string(hide_password=False), Node)
    node = Node(name="a")
    with pytest.raises(ArithmeticError), patient.transaction():
        patient.register(node.model_copy())
        with pytest.raises(errors.DatabaseBusyError, match="busy"):
            storage.register(node)
        assert not storage.has_entity(node.ecs_id)
        raise ArithmeticError
    storage.register(node)
    assert_same_graph(storage.get(node.ecs_id), node)
    tally.add("database locked", backend)


def test_a_block_whose_read_failed_does_not_last(storages: Storages, tally: Tally) -> None:
    # PostgreSQL would answer the commit of such a transaction by rolling it back, without an error.
    url = make_url(storages.database("postgresql"))
    query = {**url.query, "options": f"{url.query['options']} {IMPATIENT['postgresql']['options']}"}
    impatient = url.set(query=query).render_as_string(hide_password=False)
    storage = storages.open_url(impatient, Node, Passport)
    node = storage.register(Node(name="a"))
    node.name = "b"
    before = picture(node)
    other = create_engine(url)
    with pytest.raises(errors.DatabaseBusyError), storage.transaction():
        storage.register(node)
        with other.connect() as connection:
            connection.execute(text("LOCK TABLE passport IN ACCESS EXCLUSIVE MODE"))
            with pytest.raises(errors.DatabaseBusyError):
                storage.list_by_type(Passport)
    other.dispose()
    assert_same_picture(picture(node), before)
    assert storage.get_registry_status().versions == 1
    check_works(storage, node)
    tally.add("database locked", "postgresql")


def test_an_exhausted_pool_is_told(database_url: str, sql_backend_name: str, tally: Tally) -> None:
    engine = create_engine(database_url, pool_size=1, max_overflow=0, pool_timeout=0.05)
    storage = SqlAlchemyEntityStorage(engine, [Node])
    node = storage.register(Node(name="a"))
    node.size += 1
    operations: list[Callable[[], Any]] = [
        lambda: storage.register(node),
        lambda: storage.get(node.ecs_id),
        lambda: storage.has_entity(uuid4()),
        lambda: storage.transaction().__enter__(),
        lambda: storage.transaction(read_only=True).__enter__(),
    ]
    with engine.connect():
        for operation in operations:
            with pytest.raises(errors.DatabaseBusyError, match="QueuePool"):
                operation()
            tally.add("pool exhausted", sql_backend_name)
    check_works(storage, node)
    engine.dispose()
