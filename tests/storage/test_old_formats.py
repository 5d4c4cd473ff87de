"""Databases of storage format 1, which had no chunks: they read as they are, and go on."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from sqlalchemy import inspect, text

from ecs_sql import Entity
from ecs_sql.testing import assert_same_graph

if TYPE_CHECKING:
    from ecs_sql import SqlAlchemyEntityStorage
    from tests.conftest import MakeSqlStorage
    from tests.storages import Storages

LOOKS = '{"chunks": ["AAAAAAAAAAAAAAAAAAAAAA"]}'


class Note(Entity):
    text: str


class Notebook(Entity):
    title: str
    notes: list[Note] = []
    body: str = ""
    numbers: list[int] = []
    data: bytes = b""


WRITTEN = Path(__file__).with_name("format_1.sql")
"""What the release before chunks wrote of one notebook, as SQLite's shell dumps it."""


@pytest.fixture
def old_url(tmp_path: Path) -> str:
    """A database of format 1 with the notebook."""
    file = tmp_path / "old.db"
    connection = sqlite3.connect(file)
    connection.executescript(WRITTEN.read_text(encoding="utf-8"))
    connection.close()
    return f"sqlite:///{file}"


def check_notebook(storage: SqlAlchemyEntityStorage) -> Notebook:
    """It reads as it was written."""
    book = storage.get(UUID(int=1), Notebook)
    assert book is not None
    assert [note.text for note in book.notes] == [f"note {number}" for number in range(20)]
    assert book.body == "".join(f"line {number}\n" for number in range(500))
    assert book.numbers == list(range(600))
    assert book.data == bytes(range(256)) * 9
    assert book.old_ids == [UUID(int=2**64 + number) for number in range(19, -1, -1)]
    return book


def stored_format(storage: SqlAlchemyEntityStorage) -> int:
    with storage.engine.connect() as connection:
        return int(connection.execute(text("SELECT format FROM ecs_meta")).scalar_one())


def test_what_the_release_before_chunks_wrote_is_read(storages: Storages, old_url: str) -> None:
    for _ in range(2):
        storage = storages.open_url(old_url, Notebook)
        check_notebook(storage)
        assert stored_format(storage) == 2


def test_it_goes_on_with_chunks(storages: Storages, old_url: str) -> None:
    storage = storages.open_url(old_url, Notebook)
    book = check_notebook(storage)
    storage.register(book)  # unmodified, though it would be written in another form today
    assert book.ecs_id == UUID(int=1)
    book.title = "second"
    storage.register(book)
    with storage.engine.connect() as connection:
        bodies = connection.scalars(text("SELECT body FROM notebook ORDER BY id")).all()
    assert len(bodies) == 2
    assert bodies[0] == book.body
    assert bodies[1].startswith('{"chunks": [')
    check_notebook(storage)
    assert_same_graph(storages.open_url(old_url, Notebook).get(book.ecs_id), book)


def make_old(storage: SqlAlchemyEntityStorage) -> None:
    """What a storage that wrote no chunks has made, as the release before them left it."""
    with storage.engine.begin() as connection:
        connection.execute(text("DROP TABLE ecs_chunks"))
        connection.execute(text("UPDATE ecs_meta SET format = 1"))


def test_opening_makes_the_table_and_raises_the_format(
    make_sql_storage: MakeSqlStorage, storages: Storages
) -> None:
    storage = make_sql_storage(Notebook)
    book = storage.register(Notebook(title="old", notes=[Note(text="n")]))
    make_old(storage)
    other = storages.reopen(storage)
    assert stored_format(other) == 2
    assert "ecs_chunks" in inspect(storage.engine).get_table_names()
    assert_same_graph(other.get(book.ecs_id), book)
    book.body = "a long body\n" * 1_000
    other.register(book)
    assert_same_graph(storages.reopen(storage).get(book.ecs_id), book)


def test_a_killed_upgrade_is_completed(
    make_sql_storage: MakeSqlStorage, storages: Storages
) -> None:
    """On MariaDB a process may end after the table was made and before the format was raised."""
    storage = make_sql_storage(Notebook)
    book = storage.register(Notebook(title="old"))
    with storage.engine.begin() as connection:
        connection.execute(text("UPDATE ecs_meta SET format = 1"))
    other = storages.reopen(storage)
    assert stored_format(other) == 2
    assert_same_graph(other.get(book.ecs_id), book)


def test_old_values_that_look_like_pointers_are_values(
    make_sql_storage: MakeSqlStorage, storages: Storages
) -> None:
    storage = make_sql_storage(Notebook)
    books = [Notebook(title="t", body="b", data=b"d"), Notebook(title="t" + LOOKS)]
    storage.register_many(books)
    make_old(storage)
    with storage.engine.begin() as connection:
        connection.execute(
            text("UPDATE notebook SET title = :looks, data = :data WHERE title = 't'"),
            {"looks": LOOKS, "data": LOOKS.encode()},
        )
    other = storages.reopen(storage)
    found = other.get_many([book.ecs_id for book in books], Notebook)
    assert [book and book.title for book in found] == [LOOKS, "t" + LOOKS]
    assert found[0] is not None
    assert found[0].data == LOOKS.encode()
