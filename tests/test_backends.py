"""What the other tests stand on: private databases that go away, and statements that are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, inspect, text

from tests.statements import count_statements

if TYPE_CHECKING:
    from tests.backends import Backends
    from tests.storages import Storages


def test_databases_are_private(sql_backend_name: str, storages: Storages) -> None:
    one = create_engine(storages.database(sql_backend_name))
    other = create_engine(storages.database(sql_backend_name))
    with one.begin() as connection:
        connection.execute(text("CREATE TABLE thing (id INTEGER)"))
    assert inspect(one).get_table_names() == ["thing"]
    assert inspect(other).get_table_names() == []
    one.dispose()
    other.dispose()


def test_a_database_goes_away_under_an_open_transaction(
    sql_backend_name: str, backends: Backends
) -> None:
    with backends.database(sql_backend_name) as url:
        engine = create_engine(url)
        connection = engine.connect()
        connection.execute(text("CREATE TABLE thing (id INTEGER)"))
        connection.execute(text("INSERT INTO thing VALUES (1)"))
    connection.invalidate()
    connection.close()
    engine.dispose()


def test_statements_are_counted(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection, count_statements(engine) as statements:
        connection.execute(text("CREATE TABLE thing (id INTEGER)"))
        connection.execute(text("INSERT INTO thing VALUES (:id)"), [{"id": 1}, {"id": 2}])
        connection.execute(text(" SELECT id FROM thing"))
    assert statements.verbs == {"CREATE": 1, "INSERT": 1, "SELECT": 1}
    assert len(statements.writes) == len(statements.reads) == 1
    with engine.begin() as connection:
        connection.execute(text("SELECT 1"))
    assert len(statements) == 3
    engine.dispose()


def test_a_missing_server_is_a_reason(backends: Backends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECS_SQL_TEST_MARIADB_URL", "mariadb+pymysql://nobody@127.0.0.1:1/")
    elsewhere = type(backends)(backends._directory)
    with pytest.raises(Exception, match=r"no mariadb server answers .*refused"):
        elsewhere.label("mariadb")
