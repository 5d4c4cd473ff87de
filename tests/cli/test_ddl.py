"""The printed SQL is what a storage runs, runs as one script, and needs no driver."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, event, make_url
from typer.testing import CliRunner

from ecs_sql import SqlAlchemyEntityStorage
from ecs_sql.cli.app import app
from ecs_sql.cli.classes import load_classes
from ecs_sql.mapping import EntityMapping
from ecs_sql.reports.databases import Database
from ecs_sql.reports.ddl import ddl_script
from tests.cli.processes import environment, run_module

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine


def example_mapping(*more: str) -> EntityMapping:
    mapping = EntityMapping()
    mapping.register(*load_classes(["example_shop", *more]))
    return mapping


def run_script(url: str, script: str) -> None:
    """Run a whole script at once, as the database's own client would."""
    options = {}
    if url.startswith("sqlite"):
        with sqlite3.connect(str(make_url(url).database)) as file:
            file.executescript(script)
        file.close()
        return
    if url.startswith("mariadb"):
        from pymysql.constants import CLIENT  # noqa: PLC0415

        options = {"client_flag": CLIENT.MULTI_STATEMENTS}
    engine = create_engine(url, isolation_level="AUTOCOMMIT", connect_args=options)
    with engine.connect() as connection:
        cursor = connection.connection.cursor()
        cursor.execute(script)
        while cursor.nextset():
            pass
    engine.dispose()


def creations(engine: Engine) -> list[str]:
    """What a storage makes when it is opened: filled while the engine is used."""
    statements: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.lstrip().startswith(("CREATE", "INSERT")):
            statements.append(statement)

    return statements


def plain(statement: str) -> str:
    """Without what differs between a statement with a parameter and one without, blanks, and order of options."""
    text = re.sub(r"VALUES \(.*\)", "VALUES", statement)
    text = text.replace(")CHARSET=utf8mb4 ENGINE=InnoDB ", ")ENGINE=InnoDB CHARSET=utf8mb4 ")
    return " ".join(text.split())


def test_the_script_makes_all_that_a_storage_needs(examples: Path, database_url: str) -> None:
    mapping = example_mapping()
    run_script(
        database_url, ddl_script(mapping, Database(make_url(database_url).get_backend_name()))
    )
    engine = create_engine(database_url)
    made = creations(engine)
    storage = SqlAlchemyEntityStorage(engine, mapping)
    assert made == []
    import example_shop as shop  # noqa: PLC0415

    item = shop.Item(sku="A", price=Decimal("1.50"), shade="dark")
    order = shop.Order(
        customer=shop.Company(name="Ada", email="a@b"),
        lines=[(1, item)],
        placed=datetime.now(UTC),
        color="red",
    )
    storage.register(order)
    again = storage.get(order.ecs_id, shop.Order)
    assert again is not None
    assert not again.has_modifications(order)
    engine.dispose()


def test_the_script_is_what_a_storage_runs(examples: Path, database_url: str) -> None:
    mapping = example_mapping("ecs_sql.testing.models")
    engine = create_engine(database_url)
    made = creations(engine)
    SqlAlchemyEntityStorage(engine, mapping)
    engine.dispose()
    script = ddl_script(mapping, Database(make_url(database_url).get_backend_name()))
    statements = [plain(text) for text in script.split(";\n")]
    told = [text for text in statements if text.startswith(("CREATE", "INSERT"))]
    run = [plain(text) for text in made]
    assert sorted(told) == sorted(run)
    assert [text for text in told if " INDEX " not in text] == [
        text for text in run if " INDEX " not in text
    ]


def test_indexes_stand_in_one_order_in_every_process(examples: Path) -> None:
    statements = ddl_script(example_mapping(), Database.SQLITE).split(";\n\n")
    of_base = [text for text in statements if " INDEX " in text and "base_entities" in text]
    assert [text.split(" ON ")[0] for text in of_base] == [
        "CREATE INDEX ix_base_lineage_id",
        "CREATE INDEX ix_base_parent_id",
        "CREATE UNIQUE INDEX ux_base_ecs_id",
    ]


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "mariadb"])
def test_no_driver_is_needed(examples: Path, dialect: str) -> None:
    program = (
        "import sys; sys.modules.update(dict.fromkeys(['psycopg', 'psycopg2', 'pymysql']));"
        "from ecs_sql.cli import main; main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, "ddl", "-d", dialect, "example_shop"],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == ddl_script(example_mapping(), Database(dialect))
    assert result.stderr == ""


def test_faults_leave_stdout_empty(examples: Path) -> None:
    result = run_module("ddl", "-d", "sqlite", "example_faults", cwd=examples)
    assert result.returncode == 1
    assert result.stdout == ""
    assert "the classes cannot be mapped" in result.stderr


def test_the_dialect_has_to_be_said() -> None:
    result = CliRunner().invoke(app, ["ddl", "example_shop"])
    assert result.exit_code == 2
    assert all(name in result.output for name in ("sqlite", "postgresql", "mariadb"))
