"""Whole servers that are stopped, crash, fill their disk or deny access: private ones."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import threading
import warnings
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text

from ecs_sql import SqlAlchemyEntityStorage, errors
from ecs_sql.testing import assert_same_graph, assert_same_picture, picture
from ecs_sql.testing.models import Node
from tests.faults.disks import SmallDisk, small_disk
from tests.faults.servers import PrivateMariadb, PrivatePostgresql, ServerUnavailableError
from tests.faults.tally import number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from tests.faults.servers import PrivateServer
    from tests.faults.tally import Tally

SERVERS = {"postgresql": PrivatePostgresql, "mariadb": PrivateMariadb}
ENDS = {
    "postgresql": {"shut down": signal.SIGINT, "crashed": signal.SIGQUIT},
    "mariadb": {"shut down": signal.SIGTERM, "crashed": signal.SIGKILL},
}
# Such as PyMySQL's of connections that failed.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]

CONNECTIONS = 12
"""More than an operation is tried."""


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[PrivateServer]:
    """A server of each kind in turn, for the tests of this module alone."""
    try:
        made: PrivateServer = SERVERS[request.param]()
    except ServerUnavailableError as error:
        pytest.skip(str(error))
    with made as running:
        yield running
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyMySQL leaves the socket open that it could not connect
        gc.collect()


@pytest.fixture
def backend(server: PrivateServer) -> str:
    return "postgresql" if isinstance(server, PrivatePostgresql) else "mariadb"


@pytest.fixture
def engine(server: PrivateServer) -> Iterator[Engine]:
    """On an empty database, with a pool of many connections."""
    server.execute("DROP DATABASE IF EXISTS faults", "CREATE DATABASE faults")
    made = create_engine(server.url.set(database="faults"), pool_size=CONNECTIONS, max_overflow=0)
    yield made
    made.dispose()
    gc.collect()


def fill_pool(engine: Engine) -> None:
    """Let every connection of the pool be open, and unused."""
    connections = [engine.connect() for _ in range(CONNECTIONS)]
    for connection in connections:
        connection.close()


@pytest.mark.parametrize("end", ["shut down", "crashed"])
def test_pools_recover_when_the_server_restarts(
    server: PrivateServer, backend: str, engine: Engine, end: str, tally: Tally
) -> None:
    storage = SqlAlchemyEntityStorage(engine, [Node])
    root = storage.register(Node(name="root", children=[Node(name="child")]))
    line = [root.ecs_id]
    for turn in range(1, number(1, 5) + 1):
        fill_pool(engine)
        server.restart(ENDS[backend][end])
        assert_same_graph(storage.get(root.ecs_id), root)
        root.children[0].size = turn
        fill_pool(engine)
        server.restart(ENDS[backend][end])
        storage.register(root)
        line.append(root.ecs_id)
        assert storage.get_lineage_ids(root.lineage_id) == line
        tally.add(f"server {end}, and started again", backend, 2)


def test_a_server_that_is_away_is_told_and_waited_for(
    server: PrivateServer, backend: str, engine: Engine, tally: Tally
) -> None:
    storage = SqlAlchemyEntityStorage(engine, [Node])
    node = storage.register(Node(name="a"))
    node.name = "b"
    before = picture(node)
    server.stop(ENDS[backend]["shut down"])
    with pytest.raises(errors.ConnectionLostError, match="repeat"):
        storage.register(node)
    with pytest.raises(errors.ConnectionLostError):
        storage.get(node.ecs_id)
    with pytest.raises(errors.ConnectionLostError), storage.transaction():
        storage.register(node)
    assert_same_picture(picture(node), before)
    starting = threading.Timer(0.3, server.start)
    starting.start()
    try:
        for _ in range(20):  # each waits for it some seconds by itself
            try:
                storage.register(node)
            except errors.ConnectionLostError:
                continue
            break
    finally:
        starting.join()
    assert len(storage.get_lineage_ids(node.lineage_id)) == 2
    tally.add("server away", backend, 3)


def test_a_commit_that_nobody_can_tell_of_is_told(
    server: PrivateServer, backend: str, engine: Engine, tally: Tally
) -> None:
    storage = SqlAlchemyEntityStorage(engine, [Node])
    node = storage.register(Node(name="a"))
    node.name = "b"
    before = picture(node)

    def crash(dbapi_connection: object) -> None:
        server.stop(ENDS[backend]["crashed"])

    commit = engine.dialect.do_commit
    engine.dialect.do_commit = lambda c: (crash(c), commit(c))[1]  # type: ignore[method-assign]
    with pytest.raises(errors.UnknownOutcomeError, match="look whether") as unknown:
        storage.register(node)
    engine.dialect.do_commit = commit  # type: ignore[method-assign]
    assert_same_picture(picture(node), before)
    server.start()
    (ecs_id,) = unknown.value.ecs_ids
    assert not storage.has_entity(ecs_id)
    storage.register(node)
    assert len(storage.get_lineage_ids(node.lineage_id)) == 2
    tally.add("server crashed during a commit, and away", backend)


GRANTS = {
    "postgresql": [
        "DROP ROLE IF EXISTS limited",
        "CREATE ROLE limited LOGIN",
    ],
    "mariadb": [
        "DROP USER IF EXISTS limited@'127.0.0.1'",
        "CREATE USER limited@'127.0.0.1'",
        "GRANT SELECT ON faults.* TO limited@'127.0.0.1'",
    ],
}


def test_denied_permissions_are_told(
    server: PrivateServer, backend: str, engine: Engine, tally: Tally
) -> None:
    owner = SqlAlchemyEntityStorage(engine, [Node])
    node = owner.register(Node(name="a"))
    server.execute(*GRANTS[backend])
    url = server.url.set(
        username="limited", host="127.0.0.1", port=server.port, database="faults", query={}
    )
    mine = create_engine(url)
    if backend == "postgresql":
        with engine.begin() as connection:
            connection.execute(text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO limited"))
    storage = SqlAlchemyEntityStorage(mine, [Node])
    assert_same_graph(storage.get(node.ecs_id), node)
    node.name = "b"
    before = picture(node)
    with pytest.raises(errors.StorageError, match="denies access"):
        storage.register(node)
    assert_same_picture(picture(node), before)
    with engine.begin() as connection:
        if backend == "postgresql":
            connection.execute(text("GRANT INSERT ON ALL TABLES IN SCHEMA public TO limited"))
            connection.execute(text("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO limited"))
        else:
            connection.execute(text("GRANT INSERT ON faults.* TO limited@'127.0.0.1'"))
    mine.dispose()
    storage.register(node)
    assert len(owner.get_lineage_ids(node.lineage_id)) == 2
    mine.dispose()
    tally.add("permission denied", backend)


def test_a_full_disk_of_the_server_is_told(
    server: PrivateServer, backend: str, tally: Tally
) -> None:
    """The last one: it takes away the directory of a database."""
    url = server.url.set(database="small")
    server.execute("CREATE DATABASE small")
    directory = server.directory / ("tables" if backend == "postgresql" else "data/small")
    directory.mkdir(exist_ok=True)
    with small_disk(directory, MEGABYTES) as disk:
        if not isinstance(disk, SmallDisk):
            pytest.skip(
                "no file system can be mounted here, and a server's files cannot be limited"
            )
        shutil.chown(directory, server.user)
        if backend == "postgresql":
            server.execute(f"CREATE TABLESPACE small LOCATION '{directory}'")
            url = url.update_query_dict({"options": "-cdefault_tablespace=small"})
        engine = create_engine(url)
        storage = SqlAlchemyEntityStorage(engine, [Node])
        kept = storage.register(Node(name="kept"))
        for turn in range(number(2, 10)):
            kept.size += 1
            root = Node(children=[kept, *large_nodes()])
            before = picture(root)
            versions = storage.get_registry_status().versions
            disk.fill(turn * 65_536)
            with pytest.raises(errors.StorageError) as refused:
                storage.register(root)
            assert_same_picture(picture(root), before)
            if server.is_running:
                assert "disk is full" in str(refused.value)
                assert storage.get_registry_status().versions == versions
            disk.make_room()
            if not server.is_running:  # MariaDB may crash of it
                assert isinstance(refused.value, errors.ConnectionLostError)
                server.start()
                assert storage.get_registry_status().versions == versions
            storage.register(kept)
            assert storage.get_registry_status().versions == versions + 1
            assert_same_graph(storage.get(kept.ecs_id), kept)
            tally.add("disk full", backend)
        engine.dispose()
        server.stop(signal.SIGKILL)


MEGABYTES = 16


def large_nodes() -> list[Node]:
    """More than the disk holds, of what does not compress."""
    return [Node(name=os.urandom(1000).hex()) for _ in range(8_000)]
