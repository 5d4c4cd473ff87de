"""Transactions of a SQL storage: the application's own that it joins, and other writers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from ecs_sql import Entity, SqlAlchemyEntityStorage, errors
from ecs_sql.testing import assert_same_graph, assert_same_picture, picture
from ecs_sql.testing.models import Node
from tests.statements import count_statements
from tests.storage.processes import ROOT, writers
from tests.storage.writer import CHILDREN, VERSIONS, assert_whole, change, graph

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import MakeSqlStorage
    from tests.storages import Storages

Join = Session | Connection


class Stop(Exception):
    """What leaves a block."""


class Late(Entity):
    """Registered after the storage has made its tables."""

    name: str = ""


def open_session(engine: Engine) -> Join:
    return Session(engine)


def open_connection(engine: Engine) -> Join:
    return engine.connect()


@pytest.fixture(params=[open_session, open_connection])
def joined(request: pytest.FixtureRequest, storage: SqlAlchemyEntityStorage) -> Iterator[Join]:
    """A Session or Connection of the application's own."""
    make: Callable[[Engine], Join] = request.param
    with make(storage.engine) as opened:
        yield opened


@pytest.fixture
def storage(make_sql_storage: MakeSqlStorage) -> SqlAlchemyEntityStorage:
    return make_sql_storage(Node)


# ---------------------------------------------------------------- joined


def test_a_joined_write_lasts_when_the_application_commits(
    storage: SqlAlchemyEntityStorage, joined: Join
) -> None:
    node = Node(name="a", next=Node(name="b"))
    with storage.transaction(joined):
        storage.register(node)
        assert_same_graph(storage.get(node.ecs_id), node)
    joined.commit()
    assert_same_graph(storage.get(node.ecs_id), node)
    first = node.ecs_id
    node.name = "changed"
    with storage.transaction(joined):
        storage.register(node)
    joined.commit()
    assert storage.get_lineage_ids(node.lineage_id) == [first, node.ecs_id]


def test_a_rollback_of_the_application_s_puts_ids_back(
    storage: SqlAlchemyEntityStorage, joined: Join
) -> None:
    node = Node(name="a", next=Node(name="b"))
    storage.register(node)
    assert node.next is not None
    node.next.name = "changed"
    before = picture(node)
    with storage.transaction(joined):
        storage.register(node)
    assert node.ecs_id not in before
    joined.rollback()
    assert_same_picture(picture(node), before)
    assert storage.get_registry_status().versions == 2
    storage.register(node)
    assert storage.get_registry_status().versions == 4


def test_a_new_graph_that_the_application_rolled_back_can_be_registered_again(
    storage: SqlAlchemyEntityStorage, joined: Join
) -> None:
    node = Node(name="a")
    with storage.transaction(joined):
        storage.register(node)
    joined.rollback()
    assert not storage.has_entity(node.ecs_id)
    storage.register(node)
    assert storage.has_entity(node.ecs_id)


def test_a_rollback_to_an_outer_savepoint_puts_ids_back(
    storage: SqlAlchemyEntityStorage, joined: Join
) -> None:
    kept, undone = Node(name="kept"), Node(name="undone")
    storage.register(undone)
    undone.name = "changed"
    before = picture(undone)
    with storage.transaction(joined):
        storage.register(kept)
    savepoint = joined.begin_nested()
    with storage.transaction(joined):
        storage.register(undone)
    savepoint.rollback()
    assert_same_picture(picture(undone), before)
    joined.commit()
    assert storage.has_entity(kept.ecs_id)
    assert storage.get_registry_status().versions == 2


def test_an_exception_in_a_joined_block_undoes_that_block_alone(
    storage: SqlAlchemyEntityStorage, joined: Join
) -> None:
    kept, undone = Node(name="kept"), Node(name="undone")
    with storage.transaction(joined):
        storage.register(kept)
    with pytest.raises(Stop), storage.transaction(joined):
        storage.register(undone)
        raise Stop
    joined.commit()
    assert storage.has_entity(kept.ecs_id)
    assert not storage.has_entity(undone.ecs_id)


def test_a_joined_block_sees_and_shares_the_application_s_own_writes(
    storage: SqlAlchemyEntityStorage, joined: Join
) -> None:
    with storage.engine.begin() as connection:
        connection.execute(text("CREATE TABLE note (node VARCHAR(36))"))
    node = Node(name="a")
    with storage.transaction(joined):
        storage.register(node)
    joined.execute(text("INSERT INTO note VALUES (:node)"), {"node": str(node.ecs_id)})
    joined.rollback()
    with storage.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM note")).scalar_one() == 0
    assert storage.get_registry_status().versions == 0


def test_nothing_is_remembered_of_what_only_the_application_may_commit(
    storage: SqlAlchemyEntityStorage, joined: Join
) -> None:
    node = Node(name="a")
    with storage.transaction(joined):
        storage.register(node)
        loaded = storage.get(node.ecs_id, Node)
    joined.rollback()
    assert loaded is not None
    storage.register(loaded)
    assert storage.has_entity(node.ecs_id)


def test_a_joined_block_may_only_read(storage: SqlAlchemyEntityStorage, joined: Join) -> None:
    node = Node(name="a")
    storage.register(node)
    with storage.transaction(joined, read_only=True):
        assert_same_graph(storage.get(node.ecs_id), node)
        with pytest.raises(errors.ReadOnlyTransactionError):
            storage.register(Node())


def test_blocks_inside_a_joined_block_fail_alone(
    storage: SqlAlchemyEntityStorage, joined: Join
) -> None:
    kept, undone = Node(name="kept"), Node(name="undone")
    with storage.transaction(joined):
        storage.register(kept)
        with pytest.raises(Stop), storage.transaction():
            storage.register(undone)
            raise Stop
        with storage.transaction():
            storage.register(Node(name="kept too"))
    joined.commit()
    assert [node.name for node in storage.list_by_type(Node)] == ["kept", "kept too"]


def test_a_block_that_fails_inside_a_joined_block_undoes_no_more_than_itself(
    storage: SqlAlchemyEntityStorage,
) -> None:
    node = storage.register(Node(name="a"))
    first = node.ecs_id
    with Session(storage.engine) as session:
        session.begin_nested().commit()  # a savepoint of the application's own, before
        with storage.transaction(session):
            node.name = "b"
            storage.register(node)
            second = node.ecs_id
            with pytest.raises(Stop), storage.transaction():
                node.name = "c"
                storage.register(node)
                raise Stop
            assert node.ecs_id == second
            node.name = "\x00"
            with pytest.raises(errors.UnstorableValueError):
                storage.register(node)
            assert node.ecs_id == second
        session.commit()
    assert storage.get_lineage_ids(node.lineage_id) == [first, second]
    node.name = "b"
    storage.register(node)
    assert node.ecs_id == second


def test_a_connection_that_commits_each_statement_is_refused(
    sql_backend_name: str, storage: SqlAlchemyEntityStorage
) -> None:
    with storage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        node = Node()
        if sql_backend_name == "sqlite":  # its driver's mode is no obstacle to a BEGIN
            with storage.transaction(connection):
                storage.register(node)
            connection.rollback()
        else:
            with (
                pytest.raises(errors.TransactionError, match="AUTOCOMMIT"),
                storage.transaction(connection),
            ):
                storage.register(node)
    assert storage.get_registry_status().versions == 0


def test_what_the_application_has_open_on_its_one_connection_stays(storages: Storages) -> None:
    storages.use("sqlite")
    engine = create_engine("sqlite://", poolclass=StaticPool)
    storage = SqlAlchemyEntityStorage(engine, [Node])
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE note (body TEXT)"))
        connection.execute(text("INSERT INTO note VALUES ('mine')"))
        with pytest.raises(errors.TransactionError, match="one connection"):
            storage.register(Node())
        connection.commit()
        assert connection.scalars(text("SELECT body FROM note")).all() == ["mine"]
    engine.dispose()


def test_a_read_only_block_sees_one_state_on_an_engine_in_autocommit(database_url: str) -> None:
    engine = create_engine(database_url, isolation_level="AUTOCOMMIT")
    storage = SqlAlchemyEntityStorage(engine, [Node])
    other = SqlAlchemyEntityStorage(database_url, [Node])
    with storage.transaction(read_only=True):
        assert storage.get_registry_status().versions == 0
        other.register(Node())
        assert storage.get_registry_status().versions == 0
    assert storage.get_registry_status().versions == 1
    engine.dispose()
    other.engine.dispose()


def test_a_joined_block_makes_no_tables(storage: SqlAlchemyEntityStorage, joined: Join) -> None:
    before = set(inspect(storage.engine).get_table_names())
    storage.mapping.register(Late)
    with pytest.raises(errors.EcsSqlError), storage.transaction(joined):
        storage.register(Late())
    joined.rollback()
    assert set(inspect(storage.engine).get_table_names()) == before
    storage.register(Late(name="by itself"))
    assert storage.get_registry_status().versions == 1


def test_a_connection_to_another_kind_of_database_is_refused(
    storage: SqlAlchemyEntityStorage, sql_backend_name: str, storages: Storages
) -> None:
    other = "postgresql" if sql_backend_name == "sqlite" else "sqlite"
    engine = create_engine(storages.database(other))
    with (
        engine.connect() as connection,
        pytest.raises(errors.TransactionError, match=other),
        storage.transaction(connection),
    ):
        storage.register(Node())
    engine.dispose()


def test_a_joined_write_on_sqlite_begins_immediately(storages: Storages) -> None:
    storage = storages.open_url(storages.database("sqlite"), Node)
    with Session(storage.engine) as session, count_statements(storage.engine) as statements:
        with storage.transaction(session):
            storage.register(Node())
        assert statements[0].upper() == "BEGIN IMMEDIATE"
        session.rollback()
    assert storage.get_registry_status().versions == 0


def test_a_deferred_transaction_on_sqlite_is_joined_as_it_is(storages: Storages) -> None:
    url = storages.database("sqlite")
    engine = create_engine(url)
    event.listen(engine, "connect", _leave_transactions_to_sqlalchemy)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    storage = SqlAlchemyEntityStorage(engine, [Node])
    node = Node()
    with engine.connect() as connection:
        connection.execute(text("SELECT count(*) FROM base_entities"))
        with storage.transaction(connection):
            storage.register(node)
        connection.rollback()
    assert not storage.has_entity(node.ecs_id)
    engine.dispose()


def _leave_transactions_to_sqlalchemy(connection: Any, _record: object) -> None:
    connection.isolation_level = None


# ---------------------------------------------------------------- other writers


PATIENCE = 30
"""Seconds after which threads that wait for each other give up, so that a failure never hangs."""


def together(number: int, work: Callable[[int], Any]) -> list[Any]:
    """What a function gives in so many threads that begin at one moment."""
    start = threading.Barrier(number, timeout=PATIENCE)

    def run(index: int) -> Any:
        start.wait()
        return work(index)

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(run, range(number)))


def test_the_same_new_graph_from_many_threads_is_stored_once(
    storage: SqlAlchemyEntityStorage,
) -> None:
    for number in range(3):
        root = graph(f"{number}")
        copies = [root.model_copy(deep=True) for _ in range(8)]
        together(8, lambda index, copies=copies: storage.register(copies[index]))
        assert {copy.ecs_id for copy in copies} == {root.ecs_id}
        assert_same_graph(storage.get(root.ecs_id), root)
    assert storage.get_registry_status().versions == 3 * (CHILDREN + 1)


def test_changes_of_one_version_from_many_threads_are_branches(
    storage: SqlAlchemyEntityStorage,
) -> None:
    root = graph("root")
    storage.register(root)
    copies = [root.model_copy(deep=True) for _ in range(6)]

    def register(index: int) -> None:
        change(copies[index])
        storage.register(copies[index])

    together(6, register)
    assert len({copy.ecs_id for copy in copies}) == 6
    assert {copy.parent_id for copy in copies} == {root.ecs_id}
    assert len(storage.get_lineage_ids(root.lineage_id)) == 7
    for copy in copies:
        assert_same_graph(storage.get(copy.ecs_id), copy)


@pytest.mark.parametrize("backend", ["postgresql", "mariadb"])
def test_a_deadlock_is_raised_in_a_transaction_and_the_caller_repeats(
    storages: Storages, backend: str
) -> None:
    storage = storages.open_url(storages.database(backend), Node)
    nodes = [Node(name="a"), Node(name="b")]
    met = threading.Barrier(2, timeout=PATIENCE)

    def register_in_opposite_order(index: int) -> int:
        mine = [node.model_copy() for node in (nodes if index == 0 else nodes[::-1])]
        for attempt in range(5):
            try:
                with storage.transaction():
                    storage.register(mine[0])
                    if attempt == 0:
                        met.wait()
                    storage.register(mine[1])
            except errors.WriteConflictError:
                continue
            return attempt
        raise AssertionError

    attempts = together(2, register_in_opposite_order)
    assert min(attempts) == 0 < max(attempts)  # one wins at once, the other when it repeats
    assert storage.get_registry_status().versions == 2


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are forked")


@needs_fork
def test_the_same_graphs_from_many_processes_are_stored_once(database_url: str) -> None:
    with writers(database_url, ["same"] * 4, 5) as running:
        running.finish()
    storage = SqlAlchemyEntityStorage(database_url, [Node])
    nodes = storage.list_by_type(Node)
    assert_whole(nodes)
    firsts = [node for node in nodes if node.parent_id is None]
    assert len(firsts) == 5 * (CHILDREN + 1)
    assert len(nodes) == len(firsts) + 4 * 5 * CHILDREN  # each process made its own changes
    storage.engine.dispose()


@needs_fork
def test_processes_may_open_a_new_database_at_once(
    storages: Storages, sql_backend_name: str
) -> None:
    many = (
        25 if sql_backend_name == "sqlite" else 2
    )  # a file changes its mode when it is first opened
    urls = [storages.database(sql_backend_name) for _ in range(many)]
    program = [sys.executable, "-m", "tests.storage.opener", "6", *urls]
    run = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, ""), run.stderr
    for url in urls:
        storage = SqlAlchemyEntityStorage(url, [Node])
        assert len(storage.list_by_type(Node)) == 6
        storage.engine.dispose()


@needs_fork
def test_processes_may_write_at_once(database_url: str) -> None:
    with writers(database_url, ["a", "b", "c", "d"], 20) as running:
        ids = running.finish()
    storage = SqlAlchemyEntityStorage(database_url, [Node])
    assert len(set(ids)) == 4 * 20 * 2
    assert None not in storage.get_many(ids)
    nodes = storage.list_by_type(Node)
    assert_whole(nodes)
    assert len(nodes) == 4 * 20 * VERSIONS
    storage.engine.dispose()


@needs_fork
def test_processes_may_make_the_tables_at_once(database_url: str) -> None:
    with writers(database_url, ["a", "b", "c", "d"], 0) as running:
        running.finish()
    assert "node" in _tables(database_url)


def _tables(url: str) -> list[str]:
    engine = create_engine(url)
    try:
        return inspect(engine).get_table_names()
    finally:
        engine.dispose()
