"""The command line: its options reach the demonstration, its failures are one readable line."""

from __future__ import annotations

import errno
import re
import subprocess
import sys
from importlib import metadata
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from ecs_sql.cli.app import app
from ecs_sql.demo import run
from ecs_sql.errors import EcsSqlError
from tests.cli.processes import environment, interruptible, run_module

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

runner = CliRunner()


def test_options_reach_the_demonstration(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, str]] = []
    monkeypatch.setattr(run, "run_demo", lambda url, note, _console: calls.append((url, note)))
    for arguments in (["demo"], ["demo", "--url", "sqlite:///x.db", "--note", "seen"]):
        assert runner.invoke(app, arguments).exit_code == 0
    assert calls == [("sqlite:///inventory.db", "reviewed"), ("sqlite:///x.db", "seen")]


def test_an_error_is_its_message_on_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_url: str, _note: str, _console: Console) -> None:
        raise EcsSqlError("[table] is missing; make it")

    monkeypatch.setattr(run, "run_demo", fail)
    result = runner.invoke(app, ["demo"])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == "Error: [table] is missing; make it\n"


def test_an_error_of_several_lines_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_url: str, _note: str, _console: Console) -> None:
        raise EcsSqlError("it failed:\n\tof  [1]\nmend it\n")

    monkeypatch.setattr(run, "run_demo", fail)
    assert runner.invoke(app, ["demo"]).stderr == "Error: it failed: of  [1] mend it\n"


def test_output_that_cannot_be_written_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_url: str, _note: str, _console: Console) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(run, "run_demo", fail)
    result = runner.invoke(app, ["demo"])
    assert (result.exit_code, result.stderr) == (1, "Error: [Errno 28] No space left on device\n")


INTERRUPTED = """
# At the command, a signal lands as Ctrl-C would.
import ecs_sql.demo.run, os, signal, sys
from ecs_sql.cli import main
def kill():
    os.kill(os.getpid(), signal.SIGINT)
class Finalized:
    def __del__(self):
        kill()
def interrupted(*_arguments):
    LANDING
ecs_sql.demo.run.run_demo = interrupted
sys.argv = ["ecs_sql", "demo"]
main()
"""

LANDINGS = {
    "in code": "kill()",
    "while a string is executed": 'exec("kill()")',
    "in a destructor": "Finalized(); import time; time.sleep(5)",
    "where it is swallowed": """
    try:
        kill()
    except KeyboardInterrupt:
        pass
""",
    "twice": """
    try:
        kill()
    finally:
        kill()
""",
}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
@pytest.mark.parametrize("landing", LANDINGS)
def test_an_interrupt_is_one_line_and_its_exit_code_130(landing: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", INTERRUPTED.replace("LANDING", LANDINGS[landing])],
        env=interruptible(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "Interrupted\n")


def test_names_that_the_encoding_lacks_are_spelled_out(tmp_path: Path) -> None:
    source = "from ecs_sql import Entity\nclass Größe(Entity):\n    länge: int\n"
    (tmp_path / "units.py").write_text(source, encoding="utf-8")
    result = run_module("types", "units", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert (result.returncode, result.stderr) == (0, "")
    assert "units.Gr\\xf6\\xdfe" in result.stdout
    assert "l\\xe4nge" in result.stdout


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
    assert "python -m ecs_sql" in result.stdout


def test_the_version_is_the_distributions(tmp_path: Path) -> None:
    result = run_module("--version", cwd=tmp_path)
    assert result.stdout == f"ecs_sql {metadata.version('ecs_sql')}\n"


@pytest.mark.parametrize("command", ["demo", "types", "ddl", "diagram"])
def test_every_command_teaches_by_examples(command: str, tmp_path: Path) -> None:
    result = run_module(command, "--help", cwd=tmp_path, NO_COLOR="1")
    assert f"$ python -m ecs_sql {command}" in result.stdout


def test_the_entry_point_of_the_script_is_the_same_command_line(tmp_path: Path) -> None:
    script = "import sys; from ecs_sql.cli import main; sys.argv = ['ecs_sql', '--help']; main()"
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Usage: ecs_sql" in result.stdout


@pytest.mark.slow
def test_this_environment_twice(tmp_path: Path) -> None:
    first = run_module("demo", cwd=tmp_path)
    second = run_module("demo", cwd=tmp_path, NO_COLOR="1", FORCE_COLOR="1")
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert (tmp_path / "inventory.db").exists()
    assert "Nothing was installed, upgraded or removed since the last run." in second.stdout
    assert second.stdout.count("versions written: 0") == 2
    assert re.search(r"\x1b\[(\d+;)*[349]\d[;m]", second.stdout) is None
