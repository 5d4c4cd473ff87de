"""The README's code runs as it stands, and its commands are run by the project's tasks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import ecs_sql

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")

# A block after this comment goes on where the last one of the first example ended.
CONTINUES = "<!-- continues the first example -->"


# A block after such a comment is a file of that name, which the console blocks below it find.
FILE = re.compile(r"^<!-- (\w+\.py) -->\n+```python\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
CONSOLE = re.compile(r"^```console\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)


def _python_blocks() -> list[str]:
    """Each as a whole program: one that continues the first example has all before it in front."""
    pattern = rf"({re.escape(CONTINUES)}\n+)?^```python\n(.*?)^```$"
    programs = FILE.sub("", README)
    found = re.findall(pattern, programs, flags=re.DOTALL | re.MULTILINE)
    blocks: list[str] = []
    example = ""
    for number, (continues, code) in enumerate(found):
        is_example = continues or number == 0
        example = f"{example}\n{code}" if is_example else example
        blocks.append(example if is_example else code)
    return blocks


def _blocks_of_commands() -> list[list[str]]:
    blocks = re.findall(r"^```sh\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)
    return [[line for line in block.splitlines() if line.strip()] for block in blocks]


@pytest.mark.parametrize("code", _python_blocks())
def test_code_runs(code: str, tmp_path: Path) -> None:
    program = tmp_path / "example.py"
    program.write_text(code, encoding="utf-8")
    package_directory = Path(ecs_sql.__file__).parent.parent
    result = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(package_directory)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_commands_are_run_by_the_tasks() -> None:
    """Two blocks install, and run the main job or the tests: `.ci/noxfile.py` runs them as they stand."""
    assert {block[0] for block in _blocks_of_commands()} == {
        "pip install .",
        "pip install '.[test]'",
    }


def _console_sessions() -> list[tuple[str, str]]:
    """Each command of the console blocks, and what is shown below it."""
    sessions: list[tuple[str, str]] = []
    for block in CONSOLE.findall(README):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            sessions.append((command, shown))
    return sessions


def _lines(text: str) -> list[str]:
    """The lines without what only lays them out."""
    lines = (re.sub(r"\s+", " ", line).strip() for line in text.splitlines())
    return [line for line in lines if line]


def test_commands_print_what_is_shown(tmp_path: Path) -> None:
    """They run in their order, in one directory with the files that the README names."""
    for name, code in FILE.findall(README):
        (tmp_path / name).write_text(code, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(ecs_sql.__file__).parent.parent)}
    environment.pop("PYTEST_ADDOPTS", None)
    if not any(point.name == "ecs_sql" for point in entry_points(group="pytest11")):
        environment["PYTEST_PLUGINS"] = (
            "ecs_sql.pytest_plugin"  # a checkout alone has no entry point
        )
    environment |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    sessions = _console_sessions()
    for command, shown in sessions:
        result = subprocess.run(
            command,
            shell=True,
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        printed = _lines(result.stdout)
        expected = _lines(shown)
        if expected[-1:] == ["..."]:  # and so on
            expected.pop()
            printed = printed[: len(expected)]
        assert (result.returncode, printed) == (0, expected), f"{command}\n{result.stdout}"
    assert sessions
