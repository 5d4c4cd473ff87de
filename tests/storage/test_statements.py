"""How many statements an operation takes, and how SQLite's connections are set."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from ecs_sql import Entity, SqlAlchemyEntityStorage
from ecs_sql.testing import assert_same_graph
from ecs_sql.testing.models import Circle, Drawing, Node, RoundedSquare, Shape, Square
from tests.statements import count_statements

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MakeSqlStorage, Reopen


class Part(Entity):
    pass


class Link(Entity):
    part: Part
    next: Link | None = None


def count_hashes(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """A list that grows whenever an id is hashed, in a dict or set most likely."""
    hashed: list[None] = []
    usual = UUID.__hash__

    def watched(ecs_id: UUID) -> int:
        hashed.append(None)
        return usual(ecs_id)

    monkeypatch.setattr(UUID, "__hash__", watched)
    return hashed


def chain(length: int) -> Node:
    node = Node(size=0)
    for size in range(1, length):
        node = Node(size=size, next=node)
    return node


def drawing(count: int) -> Drawing:
    """A drawing of so many shapes of three classes."""
    kinds: list[type[Shape]] = [Circle, Square, RoundedSquare]
    return Drawing(shapes=[kinds[number % 3](name=f"{number}") for number in range(count)])


# ---------------------------------------------------------------- reads


def test_one_entity_is_read_in_two_statements(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Drawing, RoundedSquare, Circle, Node)
    entities = [Node(name="alone"), RoundedSquare(), Drawing()]
    storage.register_many(entities)
    for entity in entities:
        with count_statements(storage.engine) as statements:
            assert_same_graph(storage.get(entity.ecs_id), entity)
        assert len(statements) == len(statements.reads) == 2


def test_what_is_not_stored_is_one_statement(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Node)
    for read in (storage.get, storage.has_entity, storage.get_lineage_ids):
        with count_statements(storage.engine) as statements:
            assert not read(uuid4())
        assert len(statements) == 1


def test_a_root_with_a_thousand_children_is_read_in_few_statements(
    make_sql_storage: MakeSqlStorage,
) -> None:
    storage = make_sql_storage(Node)
    root = Node(children=[Node(size=size) for size in range(1000)])
    storage.register(root)
    with count_statements(storage.engine) as statements:
        loaded = storage.get(root.ecs_id, Node)
    assert len(statements) <= 4
    assert_same_graph(loaded, root)


def test_a_link_of_a_long_chain_is_looked_up_as_seldom_as_one_of_a_short_one(
    make_sql_storage: MakeSqlStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = make_sql_storage(Link)
    per_link = []
    for length in (1_000, 4_000):
        link = Link(part=Part())
        for _ in range(length):
            link = Link(part=Part(), next=link)
        storage.register(link)
        with monkeypatch.context() as patched:
            lookups = count_hashes(patched)
            assert storage.get(link.ecs_id) is not None
        per_link.append(len(lookups) / length)
    short, long = per_link
    assert long < 1.5 * short


def test_a_level_takes_as_many_statements_as_it_has_types(
    make_sql_storage: MakeSqlStorage,
) -> None:
    storage = make_sql_storage(Drawing, RoundedSquare, Circle)
    counts = []
    for size in (60, 600):
        root = drawing(size)
        storage.register(root)
        storage.get(root.ecs_id)  # tells the storage what to expect
        with count_statements(storage.engine) as statements:
            storage.get(root.ecs_id)
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 2 + 1 + 1 + 3  # one for the chunks of the list of shapes


def test_a_read_by_id_takes_one_statement_where_its_class_is_as_expected(
    make_sql_storage: MakeSqlStorage,
) -> None:
    storage = make_sql_storage(Circle, Node)
    circles, nodes = [Circle(), Circle()], [Node(size=1), Node(size=2)]
    storage.register_many([*circles, *nodes])
    storage.get(circles[0].ecs_id)
    counts = []
    for entity in (circles[1], nodes[0], nodes[1], circles[0]):
        with count_statements(storage.engine) as statements:
            assert_same_graph(storage.get(entity.ecs_id), entity)
        counts.append(len(statements))
    assert counts[0] == counts[2] == 1
    assert max(counts) == 2
    assert storage.get(uuid4()) is None


def test_a_chain_is_read_ahead(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Node)
    root = chain(1000)
    storage.register(root)
    with count_statements(storage.engine) as statements:
        loaded = storage.get(root.ecs_id, Node)
    assert len(statements) <= 25
    assert_same_graph(loaded, root)


def test_a_hundred_thousand_ids_are_asked_for_at_once(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Node)
    nodes = [Node(size=size) for size in range(3)]
    storage.register_many(nodes)
    asked = [uuid4() for _ in range(100_000)]
    for place, node in zip((0, 50_000, 99_999), nodes, strict=True):
        asked[place] = node.ecs_id
    found = storage.get_many(asked, Node)
    assert [node.size for node in found if node is not None] == [0, 1, 2]
    assert found[50_000] is not None


# ---------------------------------------------------------------- writes


def test_writes_grow_with_the_types_and_not_with_the_entities(
    make_sql_storage: MakeSqlStorage,
) -> None:
    storage = make_sql_storage(Drawing, RoundedSquare, Circle)
    for change in (False, True):
        counts = []
        for size in (60, 600):
            root = drawing(size)
            if change:
                storage.register(root)
                for shape in root.shapes:
                    shape.name += " changed"
            with count_statements(storage.engine) as statements:
                storage.register(root)
            counts.append(len(statements))
            # One for the base, one for each table of each class, one for the chunks of the list.
            assert len(statements.writes) <= 10
        assert counts[0] == counts[1]


def test_an_unchanged_graph_takes_no_statement(
    make_sql_storage: MakeSqlStorage, reopen: Reopen
) -> None:
    storage = make_sql_storage(Drawing, RoundedSquare, Circle)
    root = drawing(30)
    storage.register(root)
    loaded = storage.get(root.ecs_id, Drawing)
    assert loaded is not None
    for graph in (root, loaded):
        with count_statements(storage.engine) as statements:
            storage.register(graph)
        assert statements == []
    other = reopen(storage)
    assert isinstance(other, SqlAlchemyEntityStorage)
    with count_statements(other.engine) as statements:
        other.register(loaded)
    assert statements.writes == []


def test_only_what_changed_is_written(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Drawing, RoundedSquare, Circle)
    root = drawing(30)
    storage.register(root)
    root.shapes[0].name = "changed"
    with count_statements(storage.engine) as statements:
        storage.register(root)
    written = [statement.partition(" INTO ")[2].split()[0] for statement in statements.writes]
    assert {table.strip('"`') for table in written} == {
        "base_entities",
        "ecs_chunks",
        "drawing",
        "shape",
        "circle",
    }


# ---------------------------------------------------------------- SQLite's connections

PRAGMAS = ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")


def pragmas(engine: Engine) -> dict[str, object]:
    with engine.connect() as connection:
        return {name: connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in PRAGMAS}


def test_sqlite_of_a_url_is_durable_and_waits(tmp_path: Path) -> None:
    storage = SqlAlchemyEntityStorage(f"sqlite:///{tmp_path / 'own.db'}", [Node])
    with storage.engine.connect(), storage.engine.connect():  # each connection, not only the first
        found = pragmas(storage.engine)
    assert found["journal_mode"] == "wal"
    assert found["foreign_keys"] == 1
    assert found["synchronous"] == 2  # FULL
    assert isinstance(found["busy_timeout"], int)
    assert found["busy_timeout"] >= 5000
    storage.engine.dispose()


@pytest.mark.parametrize(
    "url", ["sqlite:///{}/a.db?timeout=0.25", "sqlite:///file:{}/a.db?uri=true&timeout=0.25"]
)
def test_the_patience_of_a_url_is_heeded(tmp_path: Path, url: str) -> None:
    storage = SqlAlchemyEntityStorage(url.format(tmp_path), [Node])
    with storage.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 250
    storage.engine.dispose()


def test_an_application_s_own_engine_is_left_as_it_is_set(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'application.db'}", connect_args={"timeout": 3})
    before = pragmas(engine)
    storage = SqlAlchemyEntityStorage(engine, [Node])
    node = Node(name="stored")
    storage.register(node)
    assert_same_graph(storage.get(node.ecs_id), node)
    assert storage.engine is engine
    assert pragmas(engine) == before
    assert before["journal_mode"] == "delete"
    engine.dispose()


def test_sqlite_writes_begin_immediately_and_reads_do_not(tmp_path: Path) -> None:
    path = tmp_path / "locks.db"
    storage = SqlAlchemyEntityStorage(f"sqlite:///{path}", [Node])
    other = sqlite3.connect(path, timeout=0, isolation_level=None)
    with storage.transaction(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    with storage.transaction(read_only=True):
        storage.get(uuid4())
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    with count_statements(storage.engine) as statements:
        storage.register(Node())
    assert statements[0].upper() == "BEGIN IMMEDIATE"
    other.close()
    storage.engine.dispose()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_sqlite_in_memory_is_one_connection(url: str) -> None:
    storage = SqlAlchemyEntityStorage(make_url(url), [Node])
    node = Node(name="in memory")
    storage.register(node)
    assert_same_graph(storage.get(node.ecs_id), node)
    with storage.transaction(), storage.transaction():
        storage.register(Node())
    assert storage.get_registry_status().versions == 2
    storage.engine.dispose()
