"""Ctrl-C during the demonstration: one line, exit code 130, and a database that is whole."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ecs_sql import SqlAlchemyEntityStorage, verify_database
from ecs_sql.demo import scan
from ecs_sql.demo.inventory import Environment, all_entities, latest_inventory
from tests.cli.processes import interruptible

if TYPE_CHECKING:
    from pathlib import Path


def interrupted_at(line: str, url: str, directory: Path) -> tuple[int, str]:
    """Run the demonstration, and send SIGINT when it prints the line; its exit code and errors."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ecs_sql", "demo", "--url", url],
        cwd=directory,
        env=interruptible(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        for printed in process.stdout:
            if printed.startswith(line):
                process.send_signal(signal.SIGINT)
                break
        process.stdout.read()
        errors = process.stderr.read()
    return process.returncode, errors


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
@pytest.mark.parametrize("stage", ["1. Take", "2. Store", "The note"])
def test_an_interrupt_leaves_a_whole_database(
    database_url: str, tmp_path: Path, stage: str
) -> None:
    assert interrupted_at(stage, database_url, tmp_path) == (130, "Interrupted\n")
    report = verify_database(database_url, [Environment])
    assert report.ok, report
    storage = SqlAlchemyEntityStorage(database_url, [Environment])
    known = latest_inventory(storage, scan.environment_prefix())
    versions = storage.get_registry_status().versions
    storage.engine.dispose()
    if known is None:
        assert versions == 0
    else:
        assert versions >= len(all_entities(known))
    assert (known is None) <= (stage != "The note")
