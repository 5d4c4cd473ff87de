"""The command line: its options reach the demonstration, its failures are one readable line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

import ecs_sql
from ecs_sql import cli
from ecs_sql.errors import EcsSqlError

if TYPE_CHECKING:
    from rich.console import Console

PACKAGE_DIRECTORY = Path(ecs_sql.__file__).parent.parent

runner = CliRunner()


def run_module(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m ecs_sql` in a process of its own, its output piped."""
    return subprocess.run(
        [sys.executable, "-m", "ecs_sql", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(PACKAGE_DIRECTORY), "COLUMNS": "120", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_options_reach_the_demonstration(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, str]] = []
    monkeypatch.setattr(cli, "run_demo", lambda url, note, _console: calls.append((url, note)))
    for arguments in (["demo"], ["demo", "--url", "sqlite:///x.db", "--note", "seen"]):
        assert runner.invoke(cli.app, arguments).exit_code == 0
    assert calls == [("sqlite:///inventory.db", "reviewed"), ("sqlite:///x.db", "seen")]


def test_an_error_is_its_message_on_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_url: str, _note: str, _console: Console) -> None:
        raise EcsSqlError("[table] is missing; make it")

    monkeypatch.setattr(cli, "run_demo", fail)
    result = runner.invoke(cli.app, ["demo"])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == "Error: [table] is missing; make it\n"


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////no/such/directory/x.db"])
def test_an_unusable_url_fails_without_a_traceback(url: str, tmp_path: Path) -> None:
    result = run_module("demo", "--url", url, cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_option_is_a_usage_error(tmp_path: Path) -> None:
    assert run_module("demo", "--nonsense", cwd=tmp_path).returncode == 2


def test_help_names_the_command(tmp_path: Path) -> None:
    result = run_module("--help", cwd=tmp_path, NO_COLOR="1")
    assert result.returncode == 0
    assert "demo" in result.stdout


@pytest.mark.slow
def test_this_environment_twice(tmp_path: Path) -> None:
    first = run_module("demo", cwd=tmp_path)
    second = run_module("demo", cwd=tmp_path, NO_COLOR="1", FORCE_COLOR="1")
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert (tmp_path / "inventory.db").exists()
    assert "Nothing was installed, upgraded or removed since the last run." in second.stdout
    assert second.stdout.count("versions written: 0") == 2
    assert re.search(r"\x1b\[(\d+;)*[349]\d[;m]", second.stdout) is None
