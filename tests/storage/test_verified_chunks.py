"""`verify` finds chunks that are missing, damaged or of no use, and whose values they spoil."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from sqlalchemy import select, text

from ecs_sql import Entity, SqlAlchemyEntityStorage, verify_database
from ecs_sql.codecs.chunks import Chunk
from ecs_sql.storage.verification import chunks as chunk_checks
from tests.damage import put, run_sql

if TYPE_CHECKING:
    from tests.conftest import MakeSqlStorage
    from tests.storages import Storages


class Leaf(Entity):
    number: int = 0


class Album(Entity):
    leaves: list[Leaf] = []
    words: str = ""
    numbers: list[int] = []
    picture: bytes | None = None
    looks: str = '{"chunks": ["AAAAAAAAAAAAAAAAAAAAAA"]}'


def large() -> Album:
    """One whose every value is cut into chunks, all of them its own."""
    return Album(
        leaves=[Leaf(number=number) for number in range(200)],
        words=" ".join(f"word{number}" for number in range(5_000)),
        numbers=list(range(5_000)),
        picture=bytes(number % 251 for number in range(20_000)),
    )


@pytest.fixture
def album(make_sql_storage: MakeSqlStorage) -> tuple[SqlAlchemyEntityStorage, Album]:
    """A storage with a large album and a small one."""
    storage = make_sql_storage(Album)
    stored = storage.register(large())
    storage.register(Album(words="small"))
    return storage, stored


def chunk_ids(storage: SqlAlchemyEntityStorage, of: str = "TRUE") -> list[str]:
    """The ids of all chunks, or of those for which a condition holds."""
    with storage.engine.connect() as connection:
        return list(connection.scalars(text(f"SELECT id FROM ecs_chunks WHERE {of} ORDER BY id")))


def pointer(storage: SqlAlchemyEntityStorage, entity: Album, column: str) -> str:
    """What stands in the entity's column."""
    table = storage.mapping.metadata.tables["base_entities"]
    with storage.engine.connect() as connection:
        row_id = connection.scalar(select(table.c.id).where(table.c.ecs_id == entity.ecs_id))
        found = connection.scalar(text(f"SELECT {column} FROM album WHERE id = {row_id}"))
    if isinstance(found, dict):  # as the driver reads PostgreSQL's JSON
        return json.dumps(found)
    return found.decode() if isinstance(found, bytes) else str(found)


def first_root(storage: SqlAlchemyEntityStorage, entity: Album, column: str) -> str:
    """The first chunk of the value in a column."""
    return pointer(storage, entity, column).split('"')[3]


def found(storage: SqlAlchemyEntityStorage, kind: str) -> list[tuple[str, str | None, UUID | None]]:
    """Where findings of a kind are."""
    return [(f.table, f.column, f.ecs_id) for f in storage.verify().findings if f.kind == kind]


@pytest.mark.parametrize(("batch_rows", "marked"), [(1, 7), (2_000, 100_000)])
def test_whole_values_and_versions_that_share_chunks_are_sound(
    album: tuple[SqlAlchemyEntityStorage, Album],
    monkeypatch: pytest.MonkeyPatch,
    batch_rows: int,
    marked: int,
) -> None:
    storage, stored = album
    monkeypatch.setattr(chunk_checks, "_MARKED", marked)
    for number in range(3):
        stored.numbers[number] = -1
        stored.leaves.append(Leaf(number=-number))
        storage.register(stored)
    report = storage.verify(batch_rows=batch_rows)
    assert report.ok, "\n".join(map(str, report.findings))
    assert report.rows["ecs_chunks"] == len(chunk_ids(storage)) > 100


def test_long_histories_are_sound(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Leaf)
    leaf = Leaf()
    for number in range(60):
        leaf.number = number
        storage.register(leaf)
    report = storage.verify(batch_rows=16)
    assert report.ok, "\n".join(map(str, report.findings))
    assert report.rows["ecs_chunks"] > 0


@pytest.mark.parametrize("column", ["leaves_ids", "words", "numbers", "picture"])
def test_a_missing_chunk_is_found_with_the_value_that_it_spoils(
    album: tuple[SqlAlchemyEntityStorage, Album], column: str
) -> None:
    storage, stored = album
    missing = first_root(storage, stored, column)
    run_sql(storage, f"DELETE FROM ecs_chunks WHERE id = '{missing}'")
    assert found(storage, "missing_chunk") == [("album", column, stored.ecs_id)]
    (finding,) = [f for f in storage.verify().findings if f.kind == "missing_chunk"]
    assert missing in finding.reason
    assert found(storage, "damaged_chunk") == found(storage, "undecodable_value") == []


def test_a_missing_leaf_is_found_below_its_branches(
    album: tuple[SqlAlchemyEntityStorage, Album],
) -> None:
    storage, stored = album
    leaves = chunk_ids(storage, "data IS NOT NULL")
    run_sql(storage, f"DELETE FROM ecs_chunks WHERE id = '{leaves[0]}'")
    ((table, column, ecs_id),) = found(storage, "missing_chunk")
    assert (table, ecs_id) == ("album", stored.ecs_id)
    assert column in ("leaves_ids", "words", "numbers", "picture")
    assert found(storage, "orphaned_chunk") == []


@pytest.mark.parametrize("what", ["data", "chunks", "neither"])
def test_a_damaged_chunk_is_found(album: tuple[SqlAlchemyEntityStorage, Album], what: str) -> None:
    storage, stored = album
    damaged = chunk_ids(storage, "chunks IS NOT NULL" if what == "chunks" else "data IS NOT NULL")[
        0
    ]
    with storage.engine.begin() as connection:
        values = {"data": b"r\x80damaged", "chunks": '["x"]', "neither": None}
        column = "data" if what == "neither" else what
        connection.execute(
            text(f"UPDATE ecs_chunks SET {column} = :value WHERE id = :id"),
            {"value": values[what], "id": damaged},
        )
    report = storage.verify()
    (finding,) = [f for f in report.findings if f.kind == "damaged_chunk"]
    assert (finding.table, finding.column, finding.value) == ("ecs_chunks", "id", repr(damaged))
    assert [ecs_id for _, _, ecs_id in found(storage, "missing_chunk")] == [stored.ecs_id]


def test_a_chunk_that_nothing_refers_to_is_found(
    album: tuple[SqlAlchemyEntityStorage, Album], monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, stored = album
    leaf = Chunk(None, b"rof nobody")
    branch = Chunk(f'["{leaf.id}"]', None)
    with storage.engine.begin() as connection:
        insert = text("INSERT INTO ecs_chunks (id, chunks, data) VALUES (:id, :chunks, :data)")
        for chunk in (leaf, branch):
            connection.execute(insert, {"id": chunk.id, **chunk._asdict()})
    for marked in (5, 100_000):
        monkeypatch.setattr(chunk_checks, "_MARKED", marked)
        (finding,) = storage.verify().findings
        assert (finding.kind, finding.value) == ("orphaned_chunk", repr(branch.id))
    used = len(chunk_ids(storage))
    put(storage, stored, "picture", None)
    left = storage.verify(keep=used)
    assert set(left.counts) == {"orphaned_chunk"}
    assert 1 < left.total < used


def test_where_a_table_is_unknown_no_chunk_is_called_an_orphan(
    album: tuple[SqlAlchemyEntityStorage, Album], storages: Storages
) -> None:
    storage, _ = album
    report = verify_database(storages.url(storage), [Leaf])
    assert set(report.counts) == {"additional_table", "unknown_discriminator"}


def test_a_database_without_its_chunk_table_is_reported(
    album: tuple[SqlAlchemyEntityStorage, Album],
) -> None:
    storage, stored = album
    run_sql(storage, "DROP TABLE ecs_chunks")
    report = storage.verify()
    assert report.counts == {"missing_chunk": 4, "missing_table": 1}
    assert {f.ecs_id for f in report.findings if f.kind == "missing_chunk"} == {stored.ecs_id}
