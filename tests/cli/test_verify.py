"""`verify` tells whether a database is whole, by what it prints and by its exit code; it writes nothing."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from ecs_sql import SqlAlchemyEntityStorage, verify_database
from ecs_sql.cli.classes import load_classes
from ecs_sql.cli.findings import print_report
from tests.cli.processes import environment, run_module
from tests.damage import put, remove, run_sql

if TYPE_CHECKING:
    from pathlib import Path

    from tests.storages import Storages

MODULE = "from ecs_sql import Entity\nclass Cup(Entity):\n    name: str = ''\n    words: list[str] = []\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with a module of one class."""
    (tmp_path / "cups.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "cups", raising=False)
    return tmp_path


@pytest.fixture
def cups(place: Path, database_url: str, storages: Storages) -> SqlAlchemyEntityStorage:
    """A storage with three cups, on each SQL backend."""
    (cup,) = load_classes(["cups"])
    storage = storages.open_url(database_url, cup)
    storage.register_many([cup(name=name) for name in "abc"])
    return storage


def test_a_whole_database_exits_with_0(
    cups: SqlAlchemyEntityStorage, place: Path, database_url: str
) -> None:
    result = run_module("verify", database_url, "cups", cwd=place)
    assert (result.returncode, result.stderr) == (0, "")
    backend = cups.get_registry_status().backend
    assert result.stdout.splitlines()[-1] == f"Whole: 3 versions on {backend}, nothing is wrong"
    assert "\x1b" not in result.stdout


def test_findings_are_printed_whole_and_exit_with_3(
    cups: SqlAlchemyEntityStorage, place: Path, database_url: str
) -> None:
    first, second, third = cups.list_by_type(next(iter(cups.mapping)))
    put(cups, first, "words", "[7]")
    put(cups, second, "type", "\x1b[31mred", "base_entities")
    remove(cups, third, "cup")
    result = run_module("verify", database_url, "cups:Cup", cwd=place, COLUMNS="40")
    assert (result.returncode, result.stderr) == (3, "")
    lines = result.stdout.splitlines()
    for line in (
        "undecodable_value in cup.words, row 1",
        f"  cups.Cup {first.ecs_id}",
        "  holds '[7]'",
        "unknown_discriminator in base_entities.type, row 2",
        "missing_row in cup, row 3",
        f"  cups.Cup {third.ecs_id}",
    ):
        assert line in lines
    assert lines[-1].startswith("Damaged: 3 findings among 3 versions")
    assert "\x1b" not in result.stdout
    fewer = run_module("verify", database_url, "cups", "--keep", "1", cwd=place)
    assert fewer.returncode == 3
    assert "and 2 more" in fewer.stdout.splitlines()


def test_nothing_is_written(cups: SqlAlchemyEntityStorage, place: Path, database_url: str) -> None:
    run_sql(cups, "DROP TABLE ecs_meta", "DROP TABLE cup")
    for _ in range(2):
        result = run_module("verify", database_url, "cups", cwd=place)
        assert result.returncode == 3
        assert "missing_table in cup" in result.stdout.splitlines()
        assert "wrong_format in ecs_meta" in result.stdout.splitlines()


def test_a_check_that_cannot_be_made_exits_with_1(place: Path) -> None:
    for arguments in (
        ["sqlite:///missing.db", "cups"],
        ["nonsense", "cups"],
        ["postgresql://nobody:hunter2@127.0.0.1:1/x?connect_timeout=2", "cups"],
        ["sqlite://", "no_such_module"],
        ["sqlite://", "cups:Saucer"],
    ):
        result = run_module("verify", *arguments, cwd=place)
        assert result.returncode == 1
        assert result.stderr.startswith("Error: ")
        assert "Traceback" not in result.stderr
        assert "hunter2" not in result.stderr
        assert result.stdout == ""
    assert {file.name for file in place.iterdir()} <= {"cups.py", "__pycache__"}
    assert run_module("verify", "sqlite://", cwd=place).returncode == 2


@pytest.mark.parametrize("no_color", [False, True])
def test_a_terminal_gets_progress_and_colour(place: Path, no_color: bool) -> None:
    storage = SqlAlchemyEntityStorage("sqlite:///cups.db", load_classes(["cups"]))
    storage.engine.dispose()
    ours, theirs = pty.openpty()
    variables = environment(COLUMNS="100", TERM="xterm", **({"NO_COLOR": "1"} if no_color else {}))
    process = subprocess.Popen(
        [sys.executable, "-m", "ecs_sql", "verify", "sqlite:///cups.db", "cups"],
        cwd=place,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65_536):
            shown += part
    except OSError:  # the end, as Linux tells it
        pass
    os.close(ours)
    assert process.wait() == 0
    text = shown.decode()
    assert "base_entities" in text
    assert "Whole: " in text
    assert ("\x1b[1;32m" in text) is not no_color


@pytest.mark.parametrize("width", [30, 60, 120])
def test_no_line_is_wider_than_the_terminal(place: Path, width: int) -> None:
    classes = load_classes(["cups"])
    storage = SqlAlchemyEntityStorage("sqlite:///cups.db", classes)
    cup = classes[0]()
    storage.register(cup)
    put(storage, cup, "words", '["' + "x" * 300)
    storage.engine.dispose()
    text = io.StringIO()
    print_report(verify_database("sqlite:///cups.db", classes), Console(file=text, width=width))
    assert max(map(len, text.getvalue().splitlines())) <= width
    assert str(cup.ecs_id) in "".join(text.getvalue().split())
