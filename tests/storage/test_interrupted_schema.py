"""Tables that were being made when their process died are completed by the next one; whole ones are just opened."""

from __future__ import annotations

import multiprocessing
import os
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, event, inspect

from ecs_sql import Entity, SqlAlchemyEntityStorage, errors

if TYPE_CHECKING:
    from pathlib import Path


class Plate(Entity):
    name: str = ""


def _die_at_statement(url: str, number: int) -> None:
    """Open a storage, and end the process without a word at the statement of this number that makes something."""
    engine = create_engine(url)
    made = 0

    def count(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        nonlocal made
        if statement.lstrip().startswith(("CREATE", "INSERT")):
            made += 1
            if made > number:
                os._exit(7)

    event.listen(engine, "before_cursor_execute", count)
    SqlAlchemyEntityStorage(engine, [Plate])
    os._exit(0)


@pytest.mark.parametrize("number", [0, 1, 2, 4, 20])
def test_a_database_whose_maker_died_still_opens(database_url: str, number: int) -> None:
    process = multiprocessing.get_context("spawn").Process(
        target=_die_at_statement, args=(database_url, number)
    )
    process.start()
    process.join()
    assert process.exitcode in (0, 7)
    storage = SqlAlchemyEntityStorage(database_url, [Plate])
    plate = storage.register(Plate(name="whole"))
    assert storage.has_entity(plate.ecs_id)
    assert "plate" in inspect(storage.engine).get_table_names()
    storage.engine.dispose()


def test_a_database_of_another_program_is_not_touched(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'foreign.db'}"
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE base_entities (id INTEGER)")
    with pytest.raises(errors.StorageFormatError):
        SqlAlchemyEntityStorage(url, [Plate])
    assert inspect(engine).get_table_names() == ["base_entities"]
    engine.dispose()


def test_a_database_with_an_open_write_opens_once_its_tables_are_there(database_url: str) -> None:
    first = SqlAlchemyEntityStorage(database_url, [Plate])
    kept = first.register(Plate(name="kept"))
    with first.transaction():
        first.register(Plate(name="not committed yet"))
        second = SqlAlchemyEntityStorage(database_url, [Plate])
        assert [plate.ecs_id for plate in second.list_by_type(Plate)] == [kept.ecs_id]
        second.engine.dispose()
    first.engine.dispose()
