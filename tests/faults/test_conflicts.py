"""Serialization failures and deadlocks: single operations are repeated, so often; blocks are told."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, create_engine, event, text

from ecs_sql import SqlAlchemyEntityStorage, errors
from ecs_sql.storage.retrying import ATTEMPTS
from ecs_sql.testing import assert_same_picture, picture
from ecs_sql.testing.models import Node
from tests.faults.tally import number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.tally import Tally
    from tests.storages import Storages

THREADS = 4
PATIENCE = 60
SERVERS = ("postgresql", "mariadb")
CONFLICTS = {"40001": "serialization failure", "40P01": "deadlock", "1213": "deadlock"}


class Watched:
    """A storage under SERIALIZABLE, and what the server answered to its statements."""

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url, isolation_level="SERIALIZABLE", pool_size=THREADS)
        self.conflicts: list[str] = []
        event.listen(self.engine, "handle_error", self._on_error)
        self.storage = SqlAlchemyEntityStorage(self.engine, [Node])

    def _on_error(self, context: Any) -> None:
        error = context.original_exception
        code = getattr(error, "sqlstate", None) or str(getattr(error, "args", ("",))[0])
        if code in CONFLICTS:
            self.conflicts.append(CONFLICTS[code])


@pytest.fixture(params=SERVERS)
def watched(request: pytest.FixtureRequest, storages: Storages) -> Iterator[Watched]:
    """A watched storage on each server."""
    made = Watched(storages.database(request.param))
    yield made
    made.engine.dispose()


def together(work: Callable[[int], object]) -> None:
    """Call the function in several threads that begin at one moment."""
    start = threading.Barrier(THREADS, timeout=PATIENCE)

    def run(index: int) -> None:
        start.wait()
        work(index)

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(run, range(THREADS)))


def count(watched: Watched, tally: Tally) -> None:
    for kind in watched.conflicts:
        tally.add(kind, watched.storage.get_registry_status().backend)


def fork_latest(storage: SqlAlchemyEntityStorage, mine: Node, size: int) -> None:
    """Change the latest version; who is too late reloads and tries again until nobody is before it."""
    while True:
        mine.children[0].size = size
        try:
            storage.register(mine, expect_latest=True)
        except errors.StaleVersionError:
            latest = storage.get(storage.get_lineage_ids(mine.lineage_id)[-1], Node)
            assert latest is not None
            mine = latest
        else:
            return


def test_serialized_forks_are_repeated_until_they_are_stored(
    watched: Watched, tally: Tally
) -> None:
    storage = watched.storage
    wanted, rounds = number(3, 100), 0
    while len(watched.conflicts) < wanted and rounds < 20 * wanted:
        root = storage.register(Node(name="root", children=[Node(name=f"{i}") for i in range(3)]))
        copies = [root.model_copy(deep=True) for _ in range(THREADS)]

        together(lambda index, copies=copies: fork_latest(storage, copies[index], index + 1))
        history = storage.get_lineage_entities(root.lineage_id)
        assert len(history) == 1 + THREADS
        assert [v.parent_id for v in history[1:]] == [v.ecs_id for v in history[:-1]]
        rounds += 1
    assert watched.conflicts
    count(watched, tally)


def test_deadlocks_are_repeated_until_all_is_stored(watched: Watched, tally: Tally) -> None:
    storage = watched.storage
    wanted, rounds = number(2, 50), 0
    while len(watched.conflicts) < wanted and rounds < 50 * wanted:
        nodes = [Node(name=f"{i}") for i in range(15)]

        def register(index: int, nodes: list[Node] = nodes) -> None:
            mine = [node.model_copy() for node in nodes]
            storage.register_many(mine if index % 2 else mine[::-1])

        together(register)
        rounds += 1
        assert storage.get_registry_status().versions == 15 * rounds
    assert watched.conflicts
    count(watched, tally)


# ---------------------------------------------------------------- a server that always refuses


def refuse(engine: Engine, times: int) -> None:
    """Let the server answer so many inserts of versions with a conflict; it counts past rollbacks."""
    with engine.begin() as connection:
        connection.execute(text("CREATE SEQUENCE refusals"))
        for statement in REFUSAL[engine.dialect.name]:
            connection.exec_driver_sql(statement.replace("TIMES", str(times)))


def refused(engine: Engine) -> int:
    """How often it did."""
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT nextval('refusals')")).scalar_one()) - 1


REFUSAL = {
    "postgresql": [
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF nextval('refusals') <= TIMES THEN"
        "  RAISE EXCEPTION 'refused' USING ERRCODE = '40001';"
        " END IF; RETURN NEW; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT ON base_entities FOR EACH ROW EXECUTE FUNCTION refuse()",
    ],
    "mysql": [
        "CREATE TRIGGER refuse BEFORE INSERT ON base_entities FOR EACH ROW"
        " IF nextval(refusals) <= TIMES THEN"
        "  SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'refused';"
        " END IF",
    ],
}
REFUSAL["mariadb"] = REFUSAL["mysql"]


@pytest.fixture(params=SERVERS)
def storage(request: pytest.FixtureRequest, storages: Storages) -> SqlAlchemyEntityStorage:
    """A storage on each server."""
    return storages.open_url(storages.database(request.param), Node)


def test_a_conflict_that_ends_is_survived(storage: SqlAlchemyEntityStorage, tally: Tally) -> None:
    refuse(storage.engine, ATTEMPTS - 1)
    node = Node(name="a")
    storage.register(node)
    assert storage.get_lineage_ids(node.lineage_id) == [node.ecs_id]
    tally.add("serialization failure", storage.get_registry_status().backend, ATTEMPTS - 1)


def test_attempts_are_bounded(storage: SqlAlchemyEntityStorage, tally: Tally) -> None:
    node = storage.register(Node(name="a"))
    refuse(storage.engine, ATTEMPTS)
    node.name = "b"
    before = picture(node)
    with pytest.raises(errors.WriteConflictError, match="repeat"):
        storage.register(node)
    assert_same_picture(picture(node), before)
    assert storage.get_lineage_ids(node.lineage_id) == [node.ecs_id]
    storage.register(node)
    assert len(storage.get_lineage_ids(node.lineage_id)) == 2
    tally.add("serialization failure", storage.get_registry_status().backend, ATTEMPTS)


def test_a_block_is_not_repeated(storage: SqlAlchemyEntityStorage, tally: Tally) -> None:
    kept, node = Node(name="kept"), storage.register(Node(name="a"))
    refuse(storage.engine, 1)
    node.name = "b"
    before = picture(node)
    runs = 0
    with pytest.raises(errors.WriteConflictError), storage.transaction():
        runs += 1
        storage.register(node)
    assert runs == 1
    assert_same_picture(picture(node), before)
    with storage.transaction():
        storage.register_many([node, kept])
    assert storage.get_registry_status().versions == 3
    tally.add("serialization failure", storage.get_registry_status().backend)
