"""Large values in the database: shared between versions, whole wherever they are read."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import String, Text, create_engine, select, text
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session, aliased

from ecs_sql import ColumnOptions, Entity, SqlAlchemyEntityStorage, errors
from ecs_sql.testing import assert_same_graph
from tests.statements import count_statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import MakeSqlStorage, Reopen
    from tests.storages import Storages

LOOKS = '{"chunks": ["AAAAAAAAAAAAAAAAAAAAAA"]}'
LOOKS_LITERAL = '{"chunks": [["text"]]}'


class Page(Entity):
    number: int


class Report(Entity):
    title: str = "r"
    pages: list[Page] = []
    body: str = ""
    note: str | None = None
    settings: dict[str, list[int]] = {}
    picture: bytes = b""


class Annex(Report):
    appendix: str = ""


class Wishes(Entity):
    sized: Annotated[str, String(10_000)] = ""
    plain: Annotated[str, Text()] = ""
    indexed: Annotated[str, ColumnOptions(index=True)] = ""


def long_text(size: int = 20_000) -> str:
    return "".join(f"line {number} of a text\n" for number in range(size // 20))


def report(**values: Any) -> Report:
    """One whose every value is large."""
    filled: dict[str, Any] = {
        "pages": [Page(number=number) for number in range(60)],
        "body": long_text(),
        "note": "é" * 5_000,
        "settings": {"numbers": list(range(2_000))},
        "picture": bytes(range(256)) * 40,
    }
    return Report(**{**filled, **values})


def chunk_ids(storage: SqlAlchemyEntityStorage) -> set[str]:
    with storage.engine.connect() as connection:
        return set(connection.scalars(text("SELECT id FROM ecs_chunks")))


def column(storage: SqlAlchemyEntityStorage, name: str, table: str = "report") -> list[Any]:
    with storage.engine.connect() as connection:
        return list(connection.scalars(text(f"SELECT {name} FROM {table} ORDER BY id")))


def append_page(kept: Report) -> None:
    kept.pages.append(Page(number=len(kept.pages)))


# ---------------------------------------------------------------- round trips


def test_large_values_come_back(make_sql_storage: MakeSqlStorage, reopen: Reopen) -> None:
    storage = make_sql_storage(Annex)
    kept = [report(), Annex(**vars(report(pages=[])) | {"appendix": long_text()}), Report()]
    storage.register_many(kept)
    other = reopen(storage)
    for entity in kept:
        for reader in (storage, other):
            assert_same_graph(reader.get(entity.ecs_id), entity)
    listed = {entity.ecs_id: entity for entity in other.list_by_type(Report)}
    for entity in kept:
        assert_same_graph(listed[entity.ecs_id], entity)
    assert chunk_ids(storage)


def test_an_unmodified_graph_writes_nothing(
    make_sql_storage: MakeSqlStorage, reopen: Reopen
) -> None:
    storage = make_sql_storage(Report)
    kept = report()
    storage.register(kept)
    other = reopen(storage)
    assert isinstance(other, SqlAlchemyEntityStorage)
    loaded = other.get(kept.ecs_id, Report)
    assert loaded is not None
    with count_statements(other.engine) as statements:
        other.register(loaded)
        other.register(kept)
    assert not statements.writes
    assert loaded.ecs_id == kept.ecs_id


@pytest.mark.parametrize("value", [LOOKS, LOOKS_LITERAL, LOOKS + " ", LOOKS * 200])
def test_a_value_that_looks_like_a_pointer_comes_back(
    make_sql_storage: MakeSqlStorage, reopen: Reopen, value: str
) -> None:
    storage = make_sql_storage(Report)
    kept = Report(title=value, note=value, body=value, picture=value.encode())
    storage.register(kept)
    assert_same_graph(reopen(storage).get(kept.ecs_id), kept)
    row_class = storage.mapping[Report]
    with Session(storage.engine) as session:
        row = session.scalars(select(row_class).where(row_class.title == value)).one()
        assert (row.title, row.body, row.picture) == (value, value, value.encode())
        copy = Report(title=value, picture=value.encode())
        session.add(row_class.from_entity(copy))
        session.commit()
    assert_same_graph(storage.get(copy.ecs_id), copy)


def test_every_version_of_a_long_history_reads(
    make_sql_storage: MakeSqlStorage, reopen: Reopen
) -> None:
    storage = make_sql_storage(Report)
    kept = storage.register(Report())
    pictures: dict[UUID, tuple[list[UUID], list[UUID]]] = {}
    for _ in range(40):
        append_page(kept)
        storage.register(kept)
        pictures[kept.ecs_id] = ([page.ecs_id for page in kept.pages], list(kept.old_ids))
    other = reopen(storage)
    for ecs_id, (pages, old_ids) in pictures.items():
        loaded = other.get(ecs_id, Report)
        assert loaded is not None
        assert [page.ecs_id for page in loaded.pages] == pages
        assert loaded.old_ids == old_ids
    assert len(other.get_lineage_entities(kept.lineage_id)) == 41
    branch = other.get(list(pictures)[20], Report)
    assert branch is not None
    branch.title = "a branch"
    other.register(branch)
    assert branch.old_ids == [*pictures[list(pictures)[20]][1], list(pictures)[20]]


# ---------------------------------------------------------------- what it costs


def test_a_version_costs_what_changed(make_sql_storage: MakeSqlStorage) -> None:
    """A new version whose large values are as before adds no chunk, one that differs adds a few."""
    storage = make_sql_storage(Report)
    kept = storage.register(report())
    changes: list[tuple[Callable[[], None], int]] = [
        (lambda: setattr(kept, "title", "another"), 0),
        (lambda: append_page(kept), 6),
        (lambda: kept.pages.insert(30, Page(number=-1)), 8),
        (lambda: setattr(kept, "body", kept.body.replace("line 500 ", "line five hundred ")), 8),
        (lambda: kept.settings["numbers"].insert(1_000, -1), 8),
    ]
    for change, most in changes:
        before = chunk_ids(storage)
        change()
        storage.register(kept)
        assert len(chunk_ids(storage) - before) <= most
    assert len(column(storage, "body")) == 6
    assert all(len(pointer) < 150 for pointer in column(storage, "body"))


def test_branches_share(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Report)
    kept = storage.register(report())
    branches = [storage.get(kept.ecs_id, Report) for _ in range(3)]
    before = chunk_ids(storage)
    for number, branch in enumerate(branches):
        assert branch is not None
        branch.title = f"branch {number}"
        storage.register(branch)
    assert chunk_ids(storage) == before


def test_small_values_stand_as_they_are(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Report)
    storage.register(Report(body="b" * 4_000, settings={"n": [1, 2]}, pages=[Page(number=1)]))
    assert not chunk_ids(storage)
    assert column(storage, "body") == ["b" * 4_000]


def test_columns_with_a_wish_of_their_own_are_whole(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Wishes)
    value = "v" * 9_000
    storage.register(Wishes(sized=value, plain=value, indexed=value))
    assert not chunk_ids(storage)
    for name in ("sized", "plain", "indexed"):
        assert column(storage, name, "wishes") == [value]


def test_chunks_of_a_batch_are_read_in_one_statement(
    make_sql_storage: MakeSqlStorage, reopen: Reopen
) -> None:
    storage = make_sql_storage(Report)
    kept = [report(body=long_text(size)) for size in (10_000, 100_000, 1_000_000)]
    storage.register_many(kept)
    other = reopen(storage)
    assert isinstance(other, SqlAlchemyEntityStorage)
    with count_statements(other.engine) as statements:
        other.get_many([entity.ecs_id for entity in kept])
    assert sum("RECURSIVE" in statement for statement in statements) == 1


def test_writes_take_two_statements_more(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Report)
    counts = []
    for made in (Report(pages=[Page(number=1)]), report(body=long_text(500_000))):
        with count_statements(storage.engine) as statements:
            storage.register(made)
        counts.append(len(statements))
    assert counts[1] <= counts[0] + 2


# ---------------------------------------------------------------- transactions


def test_a_rollback_leaves_no_chunk(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Report)
    with pytest.raises(ZeroDivisionError), storage.transaction():
        storage.register(report())
        raise ZeroDivisionError
    assert not chunk_ids(storage)
    kept = report()
    storage.register(kept)
    assert_same_graph(storage.get(kept.ecs_id), kept)


def test_clear_removes_chunks(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Report)
    kept = storage.register(report())
    storage.clear()
    assert not chunk_ids(storage)
    storage.register(kept)
    assert_same_graph(storage.get(kept.ecs_id), kept)


def test_after_another_process_cleared_what_is_new_is_whole(
    make_sql_storage: MakeSqlStorage, reopen: Reopen
) -> None:
    storage = make_sql_storage(Report)
    storage.register(report())
    reopen(storage).clear()
    kept = storage.register(report())
    assert_same_graph(reopen(storage).get(kept.ecs_id), kept)


@pytest.mark.parametrize("backend", ["postgresql", "mariadb"])
def test_after_another_process_cleared_beside_a_block_what_that_writes_is_whole(
    storages: Storages, backend: str, reopen: Reopen
) -> None:
    storage = storages.open_url(storages.database(backend), Report)
    storage.register(report(pages=[]))
    with storage.transaction():
        storage.get_registry_status()
        reopen(storage).clear()
        kept = storage.register(report(pages=[]))
    assert_same_graph(storage.get(kept.ecs_id), kept)


@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
@pytest.mark.parametrize("ends", ["commit", "rollback"])
@pytest.mark.parametrize("backend", ["postgresql", "mariadb"])
def test_a_chunk_that_another_transaction_is_writing(
    storages: Storages, backend: str, ends: str, isolation: str
) -> None:
    """The second writer waits; whether the first commits or not, what the second wrote is whole."""
    url = storages.database(backend)
    storages.open_url(url, Report)
    engine = create_engine(url, isolation_level=isolation)
    first = SqlAlchemyEntityStorage(engine, [Report])
    second = SqlAlchemyEntityStorage(engine, [Report])
    kept, same = report(pages=[]), report(pages=[])
    done = threading.Event()

    def write() -> None:
        second.register(same)
        done.set()

    writer = threading.Thread(target=write)
    try:
        with first.transaction():
            first.register(kept)
            writer.start()
            assert not done.wait(0.3)
            if ends == "rollback":
                raise ZeroDivisionError  # noqa: TRY301
    except ZeroDivisionError:
        assert ends == "rollback"
    finally:
        writer.join(30)
    assert done.is_set()
    assert_same_graph(storages.open_url(url, Report).get(same.ecs_id), same)
    assert second.has_entity(kept.ecs_id) == (ends == "commit")
    engine.dispose()


def test_many_writers_of_the_same_values(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Report)
    bodies = [long_text(20_000 + 1_000 * number) for number in range(4)]
    kept = [report(body=body) for body in bodies for _ in range(4)]
    threads = [
        threading.Thread(target=storage.register_many, args=(part,))
        for part in (kept[::3], kept[1::3][::-1], kept[2::3])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = storage.get_many([entity.ecs_id for entity in kept])
    for entity, loaded in zip(kept, found, strict=True):
        assert_same_graph(loaded, entity)


# ---------------------------------------------------------------- damage


def _damaged(storage: SqlAlchemyEntityStorage, statement: str) -> None:
    with storage.engine.begin() as connection:
        connection.execute(text(statement))


DAMAGES = {
    "missing leaves": "DELETE FROM ecs_chunks WHERE data IS NOT NULL",
    "missing branches": "DELETE FROM ecs_chunks WHERE chunks IS NOT NULL",
    "changed branches": "UPDATE ecs_chunks SET chunks = '[]' WHERE chunks IS NOT NULL",
    "branches of another form": "UPDATE ecs_chunks SET chunks = '{\"a\": 1}' WHERE chunks IS NOT NULL",
    "leaves of another's data": "UPDATE ecs_chunks SET data = (SELECT data FROM"
    " (SELECT * FROM ecs_chunks WHERE data IS NOT NULL LIMIT 1) c) WHERE data IS NOT NULL",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_chunk_is_a_stored_value_error(
    make_sql_storage: MakeSqlStorage, reopen: Reopen, damage: str
) -> None:
    storage = make_sql_storage(Annex)
    kept = storage.register(Annex(body="unharmed", appendix=long_text()))
    _damaged(storage, DAMAGES[damage])
    other = reopen(storage)
    for read in (lambda: other.get(kept.ecs_id), lambda: other.list_by_type(Report)):
        with pytest.raises(errors.StoredValueError) as caught:
            read()
        assert caught.value.entity_class is Annex
        assert caught.value.ecs_id == kept.ecs_id
        assert caught.value.column == "appendix"
        assert "chunk" in caught.value.reason
    with Session(storage.engine) as session, pytest.raises(errors.StoredValueError) as caught:
        session.scalars(select(storage.mapping[Annex])).all()
    assert caught.value.ecs_id == kept.ecs_id
    assert caught.value.column == "appendix"


def test_damaged_ancestors_are_a_stored_value_error(
    make_sql_storage: MakeSqlStorage, reopen: Reopen
) -> None:
    storage = make_sql_storage(Page)
    ids = [uuid4() for _ in range(50)]
    kept = storage.register(Page(number=1, parent_id=ids[-1], old_ids=ids))
    _damaged(storage, DAMAGES["missing leaves"])
    with pytest.raises(errors.StoredValueError) as caught:
        reopen(storage).get(kept.ecs_id)
    assert (caught.value.entity_class, caught.value.ecs_id) == (Page, kept.ecs_id)
    assert caught.value.column == "old_ids"


# ---------------------------------------------------------------- plain SQLAlchemy


def test_rows_show_whole_values(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Annex)
    ids = [uuid4() for _ in range(50)]
    kept = report(old_ids=ids, parent_id=ids[-1])
    annex = Annex(body=long_text(), appendix=long_text(30_000))
    storage.register_many([kept, annex])
    row_class = storage.mapping[Report]
    with Session(storage.engine) as session:
        rows = session.scalars(select(row_class).order_by(row_class.id)).all()
    assert [row.body for row in rows] == [kept.body, annex.body]
    assert rows[0].pages == [page.ecs_id for page in kept.pages]
    assert rows[0].old_ids == ids
    assert (rows[0].note, rows[0].settings) == (kept.note, kept.settings)
    assert rows[0].picture == kept.picture
    assert rows[1].appendix == annex.appendix
    with Session(storage.engine) as session:
        row = session.scalars(select(row_class).where(row_class.ecs_id == kept.ecs_id)).one()
        session.expire(row)
        assert row.body == kept.body
        assert_same_graph(row.to_entity(), kept)


def test_selected_columns_are_whole(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Report)
    kept = storage.register(report())
    row = storage.mapping[Report]
    with Session(storage.engine) as session:
        assert session.scalars(select(row.body)).all() == [kept.body]
        assert session.execute(select(row.id, row.note, row.title)).one()[1:] == (kept.note, "r")
        assert session.query(row.settings).one() == (kept.settings,)
        assert session.execute(select(row, row.body)).one()[1] == kept.body


def test_a_streamed_result_stays_one(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Report)
    bodies = [f"{number}: " + long_text(5_000) for number in range(10)]
    storage.register_many([Report(body=body) for body in bodies])
    row = storage.mapping[Report]
    streamed = select(row.body, row.title).order_by(row.id).execution_options(yield_per=3)
    with Session(storage.engine) as session, count_statements(storage.engine) as statements:
        result = session.execute(streamed)
        assert result.fetchone() == (bodies[0], "r")
        assert len(statements) == 2  # the query, and the chunks of its first part
        assert [found.body for found in result] == bodies[1:]
        assert result.keys() == ["body", "title"]
        first = session.execute(streamed).first()
        assert first is not None
        assert first._mapping[row.body] == bodies[0]


def test_large_values_are_compared_whole(make_sql_storage: MakeSqlStorage) -> None:
    """Stored in chunks by the storage, whole by a Session: both are found."""
    storage = make_sql_storage(Report)
    kept = storage.register(report())
    other = report(body=long_text(30_000))
    row = storage.mapping[Report]
    with Session(storage.engine) as session:
        session.add(row.from_entity(other))
        for entity in (kept, other):
            for condition in (
                row.body == entity.body,
                row.body.in_([entity.body, "small"]),
                row.pages == entity.pages,
                row.ecs_id.not_in([]) & (row.body != (kept if entity is other else other).body),
            ):
                assert session.scalars(select(row.ecs_id).where(condition)).all() == [entity.ecs_id]
        assert (
            len(session.scalars(select(row.ecs_id).where(row.settings == kept.settings)).all()) == 2
        )
        assert session.scalars(select(row.ecs_id).where(row.note == None)).all() == []  # noqa: E711
        other_row = aliased(row)
        assert str(row.pages == other_row.pages)
        pairs = select(row.ecs_id, other_row.ecs_id).where(row.body == other_row.body)
        assert all(first == second for first, second in session.execute(pairs))
        with pytest.raises(StatementError):
            session.scalars(select(row.ecs_id).where(row.pages == 5)).all()


def test_rows_of_entities_can_be_added(make_sql_storage: MakeSqlStorage, reopen: Reopen) -> None:
    storage = make_sql_storage(Report)
    kept = report(pages=[])
    with Session(storage.engine) as session:
        row = storage.mapping[Report].from_entity(kept)
        session.add(row)
        session.commit()
        assert row.body == kept.body
    other = reopen(storage)
    assert_same_graph(other.get(kept.ecs_id), kept)
    other.register(kept)
    assert kept.old_ids == []


def test_a_joined_transaction_writes_chunks(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Report)
    kept = report()
    with Session(storage.engine) as session:
        with storage.transaction(session):
            storage.register(kept)
        row = storage.mapping[Report]
        assert session.scalars(select(row.body)).one() == kept.body
        session.rollback()
    assert not chunk_ids(storage)


def test_the_damaged_one_of_several_is_told(
    make_sql_storage: MakeSqlStorage, reopen: Reopen
) -> None:
    storage = make_sql_storage(Report)
    ids = [uuid4() for _ in range(50)]
    sound = [Report(body=long_text(), parent_id=ids[-1], old_ids=ids) for _ in range(3)]
    harmed = Report(body="another " + long_text(), parent_id=ids[-1], old_ids=ids)
    storage.register_many([*sound[:2], harmed, sound[2]])
    others = [*ids[:-1], uuid4()]
    other_ids = Report(parent_id=others[-1], old_ids=others)
    shared = chunk_ids(storage)
    storage.register(other_ids)
    own = chunk_ids(storage) - shared
    with storage.engine.begin() as connection:
        for chunk_id in own:
            connection.execute(text("DELETE FROM ecs_chunks WHERE id = :id"), {"id": chunk_id})
    with pytest.raises(errors.StoredValueError) as caught:
        reopen(storage).get_many([entity.ecs_id for entity in (*sound, other_ids)])
    assert (caught.value.ecs_id, caught.value.column) == (other_ids.ecs_id, "old_ids")
    assert_same_graph(reopen(storage).get(harmed.ecs_id), harmed)


def test_streamed_rows_have_whole_values(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Report)
    bodies = [f"{number}: " + long_text(5_000) for number in range(10)]
    storage.register_many([Report(body=body) for body in bodies])
    row = storage.mapping[Report]
    with Session(storage.engine) as session:
        for options in ({"yield_per": 3}, {"stream_results": True}):
            found = session.scalars(select(row).order_by(row.id).execution_options(**options))
            assert [report.body for report in found] == bodies
            session.expunge_all()
