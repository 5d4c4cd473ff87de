"""Threads that share a storage: all of them get their own answers, and what each wrote is read back."""

from __future__ import annotations

import contextvars
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import pytest
from sqlalchemy import create_engine, event

from ecs_sql import Entity, EntityMapping, SqlAlchemyEntityStorage, errors
from ecs_sql.storage.base import VersionedStorage
from ecs_sql.testing import assert_same_graph, assert_same_picture, content, picture
from ecs_sql.testing.models import Node

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecs_sql import EntityStorage
    from tests.conftest import MakeSqlStorage, MakeStorage
    from tests.storages import Storages

T = TypeVar("T")

THREADS = 16
ROUNDS = 12
BACKENDS = ("memory", "sqlite", "sqlite://", "postgresql", "mariadb")

everywhere = pytest.mark.parametrize("backend", BACKENDS)


def open_storage(storages: Storages, backend: str) -> EntityStorage:
    if backend == "sqlite://":
        return storages.open_url(storages.use("sqlite") and backend, Node)
    return storages.open(backend, Node)


def in_threads(work: Callable[[int], None], count: int = THREADS) -> None:
    """Run the work in so many threads, which begin at one moment; raises the first failure."""
    begin, failures = threading.Barrier(count), []

    def run(number: int) -> None:
        try:
            begin.wait()
            work(number)
        except BaseException as error:  # noqa: BLE001  (raised below, in the test's own thread)
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def elsewhere(work: Callable[[], T]) -> T:
    """Run the work in another thread, outside of any block."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(60)


def stored(storage: EntityStorage) -> list[str]:
    return [node.name for node in storage.list_by_type(Node)]


class Stop(Exception):
    """Leaves a transaction."""


class Worker:
    """Reads and writes graphs of its own at random, and keeps what every version of them held."""

    def __init__(self, storage: EntityStorage, number: int) -> None:
        self.storage = storage
        self.name = str(number)
        self.random = random.Random(number)
        self.root = Node(name=self.name, children=[Node(name=f"{number}.{n}") for n in range(4)])
        self.versions = {}
        self.undone: set[object] = set()

    def run(self) -> None:
        self.keep()
        for _ in range(ROUNDS):
            self.random.choice([self.change, self.roll_back, self.group, self.reload, self.read])()
        self.check()

    def keep(self) -> None:
        self.storage.register(self.root)
        for ecs_id, fields in picture(self.root).items():
            assert self.versions.setdefault(ecs_id, fields) == fields

    def edit(self) -> None:
        self.random.choice(self.root.children).size += 1
        self.random.shuffle(self.root.children)

    def change(self) -> None:
        self.edit()
        self.keep()

    def group(self) -> None:
        with self.storage.transaction():
            self.change()
            self.change()

    def roll_back(self) -> None:
        before = self.root.ecs_id
        self.root.size += 1
        with pytest.raises(Stop), self.storage.transaction():
            self.storage.register(self.root)
            self.undone.add(self.root.ecs_id)
            assert self.storage.has_entity(self.root.ecs_id)
            raise Stop
        assert self.root.ecs_id == before
        self.root.size -= 1

    def reload(self) -> None:
        loaded = self.storage.get(self.root.ecs_id, Node)
        assert loaded is not None
        self.root = loaded

    def read(self) -> None:
        with self.storage.transaction(read_only=True):
            names = stored(self.storage)
            assert names == stored(self.storage)
        assert self.name in names

    def check(self) -> None:
        found = self.storage.get_many(self.versions, Node)
        assert [node and node.ecs_id for node in found] == list(self.versions)
        assert_same_picture(picture(*[node for node in found if node is not None]), self.versions)


@everywhere
def test_what_threads_write_is_read_back(storages: Storages, backend: str) -> None:
    storage = open_storage(storages, backend)
    workers = [Worker(storage, number) for number in range(THREADS)]
    in_threads(lambda number: workers[number].run())
    for worker in workers:
        worker.check()
    written = {ecs_id for worker in workers for ecs_id in worker.versions}
    assert {node.ecs_id for node in storage.list_by_type(Node)} == written
    assert not {ecs_id for worker in workers for ecs_id in worker.undone} & written
    status = storage.get_registry_status()
    assert (status.versions, status.lineages) == (len(written), 5 * THREADS)


@everywhere
def test_threads_that_change_one_version_each_make_a_branch(
    storages: Storages, backend: str
) -> None:
    storage = open_storage(storages, backend)
    root = storage.register(Node(name="root", next=Node(name="shared")))

    def work(number: int) -> None:
        own = storage.get(root.ecs_id, Node)
        assert own is not None
        own.size = number + 1
        storage.register(own)
        assert own.parent_id == root.ecs_id

    in_threads(work)
    branches = [node for node in storage.list_by_type(Node) if node.parent_id is not None]
    assert sorted(node.size for node in branches) == list(range(1, THREADS + 1))
    assert storage.get_registry_status().versions == 2 + THREADS


@everywhere
def test_threads_that_register_the_same_new_graph_store_it_once(
    storages: Storages, backend: str
) -> None:
    storage = open_storage(storages, backend)
    root = Node(name="root", children=[Node(name=str(n)) for n in range(5)])
    copies = [root.model_copy(deep=True) for _ in range(THREADS)]
    in_threads(lambda number: storage.register(copies[number]) and None)
    assert {copy.ecs_id for copy in copies} == {root.ecs_id}
    assert storage.get_registry_status().versions == 6


@everywhere
def test_threads_that_register_one_object_store_it_once(storages: Storages, backend: str) -> None:
    storage = open_storage(storages, backend)
    root = Node(name="root", next=Node(name="next"))
    in_threads(lambda _: storage.register(root) and None)
    assert storage.get_registry_status().versions == 2


def test_more_threads_than_connections_wait_for_each_other(
    storages: Storages, database_url: str
) -> None:
    options = {"pool_size": 2, "max_overflow": 0}
    engine = create_engine(storages.open_url(database_url, Node).engine.url, **options)
    storage = SqlAlchemyEntityStorage(engine, [Node])
    try:
        workers = [Worker(storage, number) for number in range(THREADS)]
        in_threads(lambda number: workers[number].run())
        for worker in workers:
            worker.check()
        assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    finally:
        engine.dispose()


def test_a_storage_is_cleared_beside_a_writer(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Node)
    other = SqlAlchemyEntityStorage(storage.engine.url, storage.mapping)
    storage.register(Node(name="cleared"))
    writer = threading.Thread(target=other.register, args=(Node(name="new"),))

    def write_between(*arguments: object) -> None:
        if arguments[2] == "DELETE FROM base_entities" and writer.ident is None:
            writer.start()
            writer.join(0.3)  # as far as it gets

    event.listen(storage.engine, "before_cursor_execute", write_between)
    storage.clear()
    writer.join()
    assert stored(storage) in ([], ["new"])
    assert storage.verify().ok
    other.engine.dispose()


def test_what_is_read_beside_a_clearing_block_is_not_taken_for_stored(
    make_sql_storage: MakeSqlStorage,
) -> None:
    storage = make_sql_storage(Node)
    node = storage.register(Node(name="cleared"))
    with storage.transaction():
        storage.clear()
        loaded = elsewhere(lambda: storage.get(node.ecs_id, Node))
    assert loaded is not None
    storage.register(loaded)
    assert stored(storage) == ["cleared"]


def test_what_is_read_beside_a_clear_of_the_application_s_is_not_taken_for_stored(
    make_sql_storage: MakeSqlStorage,
) -> None:
    storage = make_sql_storage(Node)
    node = storage.register(Node(name="cleared"))
    with storage.engine.connect() as connection:
        with storage.transaction(connection):
            storage.clear()
        loaded = elsewhere(lambda: storage.get(node.ecs_id, Node))
        connection.commit()
    assert loaded is not None
    storage.register(loaded)
    assert stored(storage) == ["cleared"]


def test_what_an_older_state_shows_is_not_taken_for_stored(
    make_sql_storage: MakeSqlStorage,
) -> None:
    storage = make_sql_storage(Node)
    node = storage.register(Node(name="cleared"))
    with storage.transaction(read_only=True):
        storage.get_registry_status()
        elsewhere(storage.clear)
        loaded = storage.get_many([node.ecs_id, node.ecs_id], Node)[0]
        again = storage.get(node.ecs_id, Node)
    for entity in (again, loaded):
        assert entity is not None
        storage.register(entity)
        assert stored(storage) == ["cleared"]
        storage.clear()


@pytest.mark.parametrize("count", [1, 2])
def test_a_thread_s_clear_just_before_a_write_leaves_that_whole(
    make_storage: MakeStorage, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    storage = make_storage(Node)
    child = storage.register(Node(name="child"))
    parents = [Node(name=f"parent {number}", next=child) for number in range(count)]
    assert isinstance(storage, VersionedStorage)
    genuine = storage._attempt

    def clear_first(operation: Callable[[], T]) -> T:
        monkeypatch.setattr(storage, "_attempt", genuine)
        elsewhere(storage.clear)
        return genuine(operation)

    monkeypatch.setattr(storage, "_attempt", clear_first)
    storage.register_many(parents)
    for parent in parents:
        assert_same_graph(storage.get(parent.ecs_id), parent)


def test_classes_may_be_registered_while_threads_write(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Node)

    def work(number: int) -> None:
        late: type[Entity] = type(f"Late{number}", (Entity,), {"__module__": __name__})
        for size in range(3):
            storage.register(Node(name=str(number), size=size))
        storage.mapping.register(late)
        storage.register(late())
        assert len(storage.list_by_type(late)) == 1

    in_threads(work, 6)
    assert storage.get_registry_status().entity_types == 7


def test_row_classes_may_be_asked_for_in_many_threads() -> None:
    mapping = EntityMapping()
    mapping.register(Node)
    found: list[object] = []
    in_threads(lambda _: found.append(mapping[Node]))
    assert len(set(found)) == 1


# Transactions


@pytest.mark.parametrize("backend", ["sqlite", "postgresql", "mariadb"])
def test_a_thread_sees_and_undoes_nothing_of_anothers_transaction(
    storages: Storages, backend: str
) -> None:
    storage = storages.open(backend, Node)
    has_written, has_read = threading.Event(), threading.Event()
    seen: list[list[str]] = []
    writes_beside = backend != "sqlite"  # whose file has one writer at a time

    def write(_: int) -> None:
        with pytest.raises(Stop), storage.transaction():
            storage.register(Node(name="undone"))
            has_written.set()
            assert has_read.wait(60)
            raise Stop

    def read(_: int) -> None:
        assert has_written.wait(60)
        try:
            seen.append(stored(storage))
            if writes_beside:
                storage.register(Node(name="kept"))
        finally:
            has_read.set()

    in_threads(lambda number: (write, read)[number](number), 2)
    assert seen == [[]]
    assert stored(storage) == (["kept"] if writes_beside else [])


@pytest.mark.parametrize("backend", ["memory", "sqlite", "sqlite://"])
def test_a_thread_waits_for_anothers_transaction(storages: Storages, backend: str) -> None:
    storage = open_storage(storages, backend)
    has_written = threading.Event()

    def undo(_: int) -> None:
        with pytest.raises(Stop), storage.transaction():
            storage.register(Node(name="undone"))
            has_written.set()
            raise Stop

    def keep(_: int) -> None:
        assert has_written.wait(60)
        storage.register(Node(name="kept"))

    in_threads(lambda number: (undo, keep)[number](number), 2)
    assert stored(storage) == ["kept"]


def test_a_transaction_is_refused_to_a_thread_that_was_given_its_context(
    make_storage: MakeStorage,
) -> None:
    storage = make_storage(Node)
    failures: list[BaseException] = []

    def work(node: Node) -> None:
        try:
            storage.register(node)
        except errors.TransactionError as error:
            failures.append(error)

    def run_elsewhere(node: Node) -> None:
        thread = threading.Thread(target=contextvars.copy_context().run, args=(work, node))
        thread.start()
        thread.join()

    with storage.transaction():
        storage.register(Node(name="of the block"))
        run_elsewhere(Node(name="of the other thread"))
    assert len(failures) == 1
    assert "another thread" in str(failures[0])
    run_elsewhere(Node(name="after the block"))
    assert stored(storage) == ["of the block", "after the block"]


def test_reads_of_one_object_while_another_thread_forks_a_copy(make_storage: MakeStorage) -> None:
    storage = make_storage(Node)
    node = storage.register(Node(name="as it was", named={"n": Node(name="n")}))
    before = content(node)

    def work(number: int) -> None:
        for _ in range(ROUNDS):
            loaded = storage.get(node.ecs_id, Node)
            assert loaded is not None
            assert content(loaded) == before
            if number % 2:
                loaded.name = "changed"
                loaded.named["n"].size += 1
                storage.register(loaded)

    in_threads(work, 6)
    assert node.parent_id is None
