"""Connections that are lost at every statement: what is safe to repeat is repeated, and never done twice."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

import pytest
from sqlalchemy import create_engine, event, make_url, text
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from ecs_sql import Entity, SqlAlchemyEntityStorage, errors
from ecs_sql.testing import assert_same_graph, assert_same_picture, picture
from ecs_sql.testing.models import Node
from tests.faults.proxy import CUTS, LATE_SECONDS, Cut, Proxy, connector, through
from tests.faults.tally import is_full

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

    from tests.faults.tally import Tally
    from tests.storages import Storages

MOST_ROUNDS = 60
SOME_CUTS: tuple[Cut, ...] = CUTS if is_full() else ("late", "terminated")


class Site(NamedTuple):
    """One database, reached by a proxy and directly."""

    backend: str
    proxy: Proxy
    storage: SqlAlchemyEntityStorage
    """By the proxy."""
    direct: SqlAlchemyEntityStorage

    def rounds(self, cut: Cut) -> Iterator[int]:
        """The numbers of the rounds at which to cut, until what the caller does has no more of them."""
        for number in range(1, MOST_ROUNDS):
            self.proxy.arm(number, cut)
            yield number
            if self.proxy.disarm():
                return
        raise AssertionError("it does not end")


@pytest.fixture(params=["postgresql", "mariadb"])
def site(request: pytest.FixtureRequest, storages: Storages) -> Iterator[Site]:
    """The database of each server in turn."""
    url = storages.database(request.param)
    direct = storages.open_url(url, Node)
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with Proxy(connector(make_url(url)), lambda: end_sessions(admin)) as proxy:
        storage = storages.open_url(through(url, proxy.port), Node)
        yield Site(request.param, proxy, storage, direct)
        storage.engine.dispose()
    admin.dispose()


def end_sessions(admin: Engine) -> None:
    """Let the server end all other sessions with this database."""
    with admin.connect() as connection:
        if admin.dialect.name == "postgresql":
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                    " AND application_name = current_setting('application_name')"
                )
            )
            return
        others = text(
            "SELECT id FROM information_schema.processlist"
            " WHERE db = database() AND id <> connection_id()"
        )
        for session in connection.scalars(others).all():
            connection.execute(text(f"KILL {int(session)}"))


def family(name: str, size: int = 2) -> Node:
    return Node(name=name, children=[Node(name=f"{name} {number}") for number in range(size)])


@pytest.mark.parametrize("size", [2, 50])
@pytest.mark.parametrize("cut", CUTS)
def test_a_new_graph_is_stored_once(site: Site, cut: Cut, size: int, tally: Tally) -> None:
    stored = 0
    for number in site.rounds(cut):
        root = family(f"{number}", size)
        before = picture(root)
        site.storage.register(root)
        stored += size + 1
        assert_same_picture(picture(root), before)
        assert_same_graph(site.direct.get(root.ecs_id), root)
        assert site.direct.get_registry_status().versions == stored
        tally.add(f"connection lost {cut} a statement of a write", site.backend)


@pytest.mark.parametrize("cut", CUTS)
def test_a_change_makes_one_version(site: Site, cut: Cut, tally: Tally) -> None:
    root = family("root")
    site.storage.register(root)
    line = [root.ecs_id]
    for number in site.rounds(cut):
        root.children[0].size = number
        site.storage.register(root)
        line.append(root.ecs_id)
        assert site.direct.get_lineage_ids(root.lineage_id) == line
        assert_same_graph(site.direct.get(root.ecs_id), root)
        assert site.direct.get_registry_status().versions == 3 + 2 * number
        site.storage.register(root)  # and is remembered as it was stored
        assert site.direct.get_registry_status().versions == 3 + 2 * number
        tally.add(f"connection lost {cut} a statement of a write", site.backend)


@pytest.mark.parametrize("cut", SOME_CUTS)
def test_a_change_that_expects_the_latest_makes_one_version(
    site: Site, cut: Cut, tally: Tally
) -> None:
    node = site.storage.register(Node(name="a"))
    line = [node.ecs_id]
    for number in site.rounds(cut):
        node.size = number
        site.storage.register(node, expect_latest=True)
        line.append(node.ecs_id)
        assert site.direct.get_lineage_ids(node.lineage_id) == line
        tally.add(f"connection lost {cut} a statement of a write", site.backend)


@pytest.mark.parametrize("cut", SOME_CUTS)
def test_clearing_is_repeated(site: Site, cut: Cut, tally: Tally) -> None:
    for number in site.rounds(cut):
        site.direct.register(family(f"{number}"))
        site.storage.clear()
        assert site.direct.get_registry_status().versions == 0
        tally.add(f"connection lost {cut} a statement of a write", site.backend)


READS: dict[str, Callable[[Any, Node], Any]] = {
    "get": lambda storage, root: storage.get(root.ecs_id),
    "list": lambda storage, _: len(storage.list_by_type(Node)),
    "lineage": lambda storage, root: storage.get_lineage_ids(root.lineage_id),
    "status": lambda storage, _: storage.get_registry_status(),
}


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("cut", SOME_CUTS)
def test_a_read_is_repeated(site: Site, cut: Cut, name: str, tally: Tally) -> None:
    root = site.direct.register(family("root"))
    expected = READS[name](site.direct, root)
    for _ in site.rounds(cut):
        found = READS[name](site.storage, root)
        if isinstance(expected, Node):
            assert_same_graph(found, expected)
        else:
            assert found == expected
        tally.add(f"connection lost {cut} a statement of a read", site.backend)


@pytest.mark.parametrize("cut", CUTS)
def test_a_block_lasts_or_says_that_it_does_not(site: Site, cut: Cut, tally: Tally) -> None:
    root = family("root")
    site.storage.register(root)
    line = [root.ecs_id]
    lost = 0
    for number in site.rounds(cut):
        before = picture(root)
        new = Node(name=f"new {number}")
        try:
            with site.storage.transaction():
                root.children[0].size = number
                site.storage.register(root)
                site.storage.get(root.children[1].ecs_id)
                with site.storage.transaction():
                    site.storage.register(new)
        except errors.ConnectionLostError:
            lost += 1
            time.sleep(2 * LATE_SECONDS if cut == "late" else 0)  # what was to come has come
            root.children[0].size = 0 if number == 1 else root.children[0].size
            assert picture(root).keys() == before.keys()
            assert not site.direct.has_entity(new.ecs_id)
        else:
            line.append(root.ecs_id)
            assert_same_graph(site.direct.get(root.ecs_id), root)
            assert site.direct.has_entity(new.ecs_id)
        assert site.direct.get_lineage_ids(root.lineage_id) == line
        tally.add(f"connection lost {cut} a statement of a block", site.backend)
    assert lost


@pytest.mark.parametrize("cut", SOME_CUTS)
def test_of_a_block_that_cleared_the_outcome_may_be_unknown(
    site: Site, cut: Cut, tally: Tally
) -> None:
    unknown, named = 0, None
    for number in site.rounds(cut):
        old, new = Node(name=f"old {number}"), Node(name=f"new {number}")
        site.direct.register(old)
        try:
            with site.storage.transaction():
                site.storage.clear()
                site.storage.register(new)
        except errors.UnknownOutcomeError as error:
            unknown += 1
            named = error.ecs_ids
        except errors.ConnectionLostError:
            assert site.direct.has_entity(old.ecs_id)
        time.sleep(2 * LATE_SECONDS if cut == "late" else 0)
        assert site.direct.has_entity(old.ecs_id) != site.direct.has_entity(new.ecs_id)
        tally.add(f"connection lost {cut} a statement of a block", site.backend)
    assert (unknown, named) == (1, ())  # that of the commit


@pytest.mark.parametrize("cut", SOME_CUTS)
def test_a_joined_block_can_be_written_again(site: Site, cut: Cut, tally: Tally) -> None:
    root = family("root")
    site.storage.register(root)
    for number in site.rounds(cut):
        root.children[0].size = number
        with Session(site.storage.engine) as session:
            try:
                with site.storage.transaction(session):
                    site.storage.register(root)
                session.commit()
            except (errors.ConnectionLostError, DBAPIError):  # the application's own commit
                session.rollback()
        time.sleep(2 * LATE_SECONDS if cut == "late" else 0)
        site.storage.register(root)
        line = site.direct.get_lineage_ids(root.lineage_id)
        assert (len(line), line[-1]) == (1 + number, root.ecs_id)
        assert_same_graph(site.direct.get(root.ecs_id), root)
        tally.add(f"connection lost {cut} a statement of a block", site.backend)


@pytest.mark.parametrize("cut", SOME_CUTS)
def test_a_block_of_reads_fails_or_sees_it_all(site: Site, cut: Cut, tally: Tally) -> None:
    root = site.direct.register(family("root"))
    for _ in site.rounds(cut):
        try:
            with site.storage.transaction(read_only=True):
                assert_same_graph(site.storage.get(root.ecs_id), root)
                assert site.storage.get_registry_status().versions == 3
        except errors.ConnectionLostError:
            pass
        tally.add(f"connection lost {cut} a statement of a block", site.backend)


@pytest.mark.parametrize("cut", SOME_CUTS)
def test_every_use_of_a_block_whose_connection_is_lost_says_so(
    site: Site, cut: Cut, tally: Tally
) -> None:
    root = site.direct.register(family("root"))
    uses: list[Callable[[], object]] = [
        lambda: site.storage.list_by_type(Node),
        lambda: site.storage.get(root.ecs_id),
        lambda: site.storage.list_by_type(Node),
        lambda: site.storage.register(Node()),
    ]
    with pytest.raises(errors.ConnectionLostError), site.storage.transaction():
        site.storage.get_registry_status()
        site.proxy.arm(1, cut)
        for use in uses:
            with pytest.raises(errors.ConnectionLostError):
                use()
        assert not site.proxy.disarm()
    tally.add(f"connection lost {cut} a statement of a block", site.backend)


class Greeter(Entity):
    """Counts how often a loaded one was finished."""

    name: str
    greeted: ClassVar[int] = 0

    def model_post_init(self, context: Any, /) -> None:
        type(self).greeted += 1


@pytest.mark.parametrize("cut", SOME_CUTS)
def test_what_a_class_does_on_load_is_done_once(site: Site, cut: Cut, tally: Tally) -> None:
    for storage in (site.direct, site.storage):
        storage.mapping.register(Greeter)
    greeter = site.direct.register(Greeter(name="a"))
    site.storage.get(greeter.ecs_id)
    for _ in site.rounds(cut):
        before = Greeter.greeted
        assert site.storage.get(greeter.ecs_id) is not None
        assert Greeter.greeted == before + 1
        tally.add(f"connection lost {cut} a statement of a read", site.backend)


class Letter(Entity):
    """Its text stands in one column however long it is."""

    body: Annotated[str, mysql.LONGTEXT()] = ""


def test_a_packet_that_is_too_large_is_not_repeated(storages: Storages, tally: Tally) -> None:
    storage = storages.open_url(storages.database("mariadb"), Letter)
    with storage.engine.connect() as connection:
        limit = int(connection.exec_driver_sql("SELECT @@max_allowed_packet").scalar_one())
    letter = storage.register(Letter(body="short"))
    before = picture(letter)
    with connections(storage.engine) as made:
        letter.body = "x" * (limit + 1)
        with pytest.raises(errors.ValueTooLargeError, match="store less"):
            storage.register(letter)
    assert len(made) <= 1  # the server hangs up, and another attempt would connect again
    letter.body = "short"
    assert_same_picture(picture(letter), before)
    letter.body = "longer"
    storage.register(letter)
    assert len(storage.get_lineage_ids(letter.lineage_id)) == 2
    tally.add("packet too large", "mariadb")


@contextmanager
def connections(engine: Engine) -> Iterator[list[object]]:
    """Gathers the connections that the engine makes inside the block."""
    made: list[object] = []

    def note(connection: object, _record: object) -> None:
        made.append(connection)

    event.listen(engine, "connect", note)
    yield made
    event.remove(engine, "connect", note)
