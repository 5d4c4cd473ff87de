"""The README's code runs as it stands, and its commands are run by the project's tasks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ecs_sql

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")

# A block after this comment goes on where the last one of the first example ended.
CONTINUES = "<!-- continues the first example -->"


def _python_blocks() -> list[str]:
    """Each as a whole program: one that continues the first example has all before it in front."""
    pattern = rf"({re.escape(CONTINUES)}\n+)?^```python\n(.*?)^```$"
    found = re.findall(pattern, README, flags=re.DOTALL | re.MULTILINE)
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
