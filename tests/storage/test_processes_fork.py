"""Forked children: they go on with their parent's storages, on connections of their own."""

from __future__ import annotations

import gc
import multiprocessing
import os
import subprocess
import sys
import threading
import weakref
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.pool import QueuePool

from ecs_sql import EntityMapping, SqlAlchemyEntityStorage, errors
from ecs_sql.storage.garbage import collection_paused
from ecs_sql.testing.models import Node
from tests.storage.children import Child, in_child

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecs_sql import EntityStorage
    from tests.conftest import MakeStorage
    from tests.storages import Storages

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here"),
    # Python warns of every fork of a process with threads; forking one is what is tested.
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]

SERVERS = ("postgresql", "mariadb")
COPIES = ("memory", "sqlite://")
"""What is in memory: a child has a copy."""
SESSION = {"postgresql": "SELECT pg_backend_pid()", "mariadb": "SELECT connection_id()"}

servers = pytest.mark.parametrize("backend", SERVERS)
copies = pytest.mark.parametrize("backend", COPIES)


def open_storage(storages: Storages, backend: str) -> EntityStorage:
    if backend == "sqlite://":
        return storages.open_url(storages.use("sqlite") and backend, Node)
    return storages.open(backend, Node)


def stored(storage: EntityStorage) -> list[str]:
    return [node.name for node in storage.list_by_type(Node)]


def register(storage: EntityStorage, name: str) -> None:
    storage.register(Node(name=name))


def session_of(storage: EntityStorage, backend: str) -> int:
    assert isinstance(storage, SqlAlchemyEntityStorage)
    with storage.engine.connect() as connection:
        return int(connection.scalar(text(SESSION[backend])) or 0)


@contextmanager
def busy_thread(storage: EntityStorage) -> Iterator[None]:
    """Another thread has a transaction open, in which it has written."""
    is_open, end = threading.Event(), threading.Event()

    def work() -> None:
        with storage.transaction():
            register(storage, "of the thread")
            is_open.set()
            end.wait()

    thread = threading.Thread(target=work)
    thread.start()
    is_open.wait()
    try:
        yield
    finally:
        end.set()
        thread.join()


def test_a_child_goes_on_with_its_parents_storage(make_storage: MakeStorage) -> None:
    storage = make_storage(Node)
    node = storage.register(Node(name="before", next=Node(name="next")))

    def work() -> list[str]:
        child_node = storage.get(node.ecs_id, Node)
        assert child_node is not None
        child_node.name = "changed in the child"
        storage.register(child_node)
        storage.register(node)  # what the parent remembers of it is still so
        assert child_node.parent_id == node.ecs_id
        return stored(storage)

    assert in_child(work) == ["before", "next", "changed in the child"]
    register(storage, "after")
    here = ["before", "next"]
    if isinstance(storage, SqlAlchemyEntityStorage):
        here.append("changed in the child")
    assert stored(storage) == [*here, "after"]


@servers
def test_a_child_neither_uses_nor_closes_its_parents_connections(
    storages: Storages, backend: str
) -> None:
    storage = storages.open(backend, Node)
    before = session_of(storage, backend)
    of_children = {in_child(lambda: session_of(storage, backend)) for _ in range(3)}
    assert len(of_children - {before}) == 3
    assert session_of(storage, backend) == before


def test_children_write_side_by_side(make_storage: MakeStorage) -> None:
    storage = make_storage(Node)
    children = [Child.doing(lambda n=n: _register_graphs(storage, n)) for n in range(6)]
    written = [ecs_id for child in children for ecs_id in child.answer()]  # type: ignore[attr-defined]
    assert len(written) == 60
    if isinstance(storage, SqlAlchemyEntityStorage):
        assert {node.ecs_id for node in storage.list_by_type(Node)} == set(written)
    else:
        assert storage.get_registry_status().versions == 0


def _register_graphs(storage: EntityStorage, number: int) -> list[object]:
    nodes = [Node(name=f"{number}.{n}", next=Node(size=n)) for n in range(5)]
    for node in nodes:
        storage.register(node)
        loaded = storage.get(node.ecs_id, Node)
        assert loaded is not None
        assert (loaded.name, loaded.next and loaded.next.size) == (node.name, node.next.size)  # type: ignore[union-attr]
    return [ecs_id for node in nodes for ecs_id in (node.ecs_id, node.next.ecs_id)]  # type: ignore[union-attr]


def test_a_pool_of_forked_workers(make_storage: MakeStorage) -> None:
    storage = make_storage(Node)
    node = storage.register(Node(name="for all"))
    context = multiprocessing.get_context("fork")
    global _of_workers  # noqa: PLW0603  (a worker finds it where its parent left it)
    _of_workers = storage
    with context.Pool(3) as pool:
        assert pool.map(_name_of, [node.ecs_id] * 12) == ["for all"] * 12
    assert stored(storage) == ["for all"]


_of_workers: EntityStorage


def _name_of(ecs_id: object) -> str | None:
    node = _of_workers.get(ecs_id, Node)  # type: ignore[arg-type]
    return node and node.name


# A fork inside a block


@servers
def test_a_child_of_a_block_has_transactions_of_its_own(storages: Storages, backend: str) -> None:
    storage = storages.open(backend, Node)
    with pytest.raises(ArithmeticError), storage.transaction():
        register(storage, "of the block")

        def work() -> list[str]:
            register(storage, "of the child")
            return stored(storage)

        assert in_child(work) == ["of the child"]
        assert "of the block" in stored(storage)
        raise ArithmeticError
    assert stored(storage) == ["of the child"]


@copies
def test_a_child_of_a_block_has_what_was_committed(storages: Storages, backend: str) -> None:
    storage = open_storage(storages, backend)
    register(storage, "before")
    with storage.transaction():
        register(storage, "of the block")

        def work() -> list[str]:
            register(storage, "of the child")
            with storage.transaction():
                register(storage, "of its block")
            return stored(storage)

        assert in_child(work) == ["before", "of the child", "of its block"]
        register(storage, "after the child")
    assert stored(storage) == ["before", "of the block", "after the child"]


@copies
def test_a_child_of_a_block_that_cleared_has_what_was_committed(
    storages: Storages, backend: str
) -> None:
    storage = open_storage(storages, backend)
    register(storage, "before")
    with storage.transaction():
        storage.clear()
        register(storage, "of the block")
        assert in_child(lambda: stored(storage)) == ["before"]
    assert stored(storage) == ["of the block"]


def test_a_block_cannot_be_ended_in_a_child(make_storage: MakeStorage) -> None:
    storage = make_storage(Node)
    node = Node(name="a")
    before = node.ecs_id
    _end_in_child(storage, node)
    assert node.ecs_id == before
    assert stored(storage) == ["a"]


def _end_in_child(storage: EntityStorage, node: Node) -> None:
    child = None
    try:
        with storage.transaction(), storage.transaction():
            storage.register(node)
            child = Child.fork()
    except errors.TransactionError as error:
        assert child is not None
        child.tell("forked inside the block" in str(error))
    assert child is not None
    assert child.answer()


def test_a_child_may_leave_a_block_by_an_error(make_storage: MakeStorage) -> None:
    storage = make_storage(Node)
    child = None
    try:
        with storage.transaction(), storage.transaction():
            register(storage, "a")
            child = Child.fork()
            if child.is_me:
                raise ArithmeticError  # noqa: TRY301  (leaves the block)
    except ArithmeticError:
        assert child is not None
        child.tell("out")
    assert child is not None
    assert child.answer() == "out"
    assert stored(storage) == ["a"]


def test_a_child_may_leave_a_block_of_reads(make_storage: MakeStorage) -> None:
    storage = make_storage(Node)
    register(storage, "a")
    with storage.transaction(read_only=True):
        assert stored(storage) == ["a"]
        child = Child.fork()
    if child.is_me:
        child.tell("out")
    assert child.answer() == "out"
    assert stored(storage) == ["a"]


PROGRAM = """
import os, sys
from ecs_sql import SqlAlchemyEntityStorage
from ecs_sql.testing.models import Node

storage = SqlAlchemyEntityStorage(sys.argv[1], [Node])
storage.register(Node(name="before"))
with storage.transaction():
    for number in range(300):
        storage.register(Node(name="x" * 50_000, size=number))
    child = os.fork()
    if child == 0:
        sys.exit(0)  # a whole interpreter's end, with all that it finalizes
    assert os.waitpid(child, 0)[1] == 0
    storage.register(Node(name="after"))
nodes = storage.list_by_type(Node)
assert [node.size for node in nodes] == [0, *range(300), 0]
assert nodes[-1].name == "after"
"""


def test_a_childs_own_end_leaves_its_parents_transaction(database_url: str) -> None:
    program = [sys.executable, "-W", "ignore", "-c", PROGRAM, database_url]
    root = Path(__file__).parents[2]
    run = subprocess.run(program, check=False, cwd=root, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")


# A fork while another thread is busy


@servers
def test_a_child_of_a_busy_process_works(storages: Storages, backend: str) -> None:
    storage = storages.open(backend, Node)
    with busy_thread(storage):

        def work() -> list[str]:
            register(storage, "of the child")
            return stored(storage)

        assert in_child(work) == ["of the child"]
    assert stored(storage) == ["of the thread", "of the child"]


def test_a_child_of_a_busy_process_has_what_was_committed_in_memory(storages: Storages) -> None:
    storage = storages.open("memory", Node)
    register(storage, "before")
    with busy_thread(storage):
        assert in_child(lambda: stored(storage)) == ["before"]
    assert stored(storage) == ["before", "of the thread"]


@pytest.mark.parametrize("backend", ["sqlite", "sqlite://"])
def test_a_child_of_a_busy_process_is_refused_a_sqlite_database(
    storages: Storages, backend: str
) -> None:
    storage = open_storage(storages, backend)

    def work() -> str:
        with pytest.raises(errors.StorageError) as caught:
            storage.list_by_type(Node)
        with pytest.raises(errors.StorageError), storage.transaction():
            pytest.fail("begun")
        return str(caught.value)

    with busy_thread(storage):
        assert "in use when this process was forked" in in_child(work)
    assert stored(storage) == ["of the thread"]
    if backend == "sqlite":
        assert in_child(lambda: stored(storage)) == ["of the thread"]


def test_a_child_has_real_locks_on_a_sqlite_file(storages: Storages) -> None:
    storage = storages.open("sqlite", Node)
    register(storage, "before")

    def work() -> bool:
        with storage.transaction(read_only=True):
            storage.list_by_type(Node)
            return _locks_of_this_process() > 1

    assert in_child(work)


def test_what_is_out_at_a_fork_is_closed_when_it_is_back(storages: Storages) -> None:
    storage = storages.open("sqlite", Node)
    engine = storage.engine
    before = engine.pool
    with storage.transaction():
        register(storage, "a")
        in_child(lambda: None)
    assert engine.pool is not before
    assert isinstance(before, QueuePool)
    assert before.checkedin() + before.checkedout() == 0
    assert stored(storage) == ["a"]


def _locks_of_this_process() -> int:
    table = Path("/proc/locks")
    if not table.exists():
        pytest.skip("this system does not tell its locks")
    return sum(f" {os.getpid()} " in line for line in table.read_text().splitlines())


@pytest.mark.parametrize("hold", ["lock", "pause"])
def test_what_another_thread_held_is_free_in_a_child(hold: str) -> None:
    mapping = EntityMapping()
    mapping.register(Node)
    held = {"lock": mapping._lock, "pause": collection_paused}[hold]
    is_held, end = threading.Event(), threading.Event()

    def work() -> None:
        with held:
            is_held.set()
            end.wait()

    thread = threading.Thread(target=work)
    thread.start()
    is_held.wait()
    try:
        assert in_child(lambda: (mapping[Node].__name__, gc.isenabled())) == ("NodeRow", True)
    finally:
        end.set()
        thread.join()


def test_a_storage_that_is_gone_is_not_kept_for_children(storages: Storages) -> None:
    storage = SqlAlchemyEntityStorage("sqlite://", [Node])
    shared = storage._shared
    storage.engine.dispose()
    gone = weakref.ref(shared)
    del storage, shared
    gc.collect()
    assert gone() is None
