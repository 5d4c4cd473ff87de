"""The pytest plugin, in runs of pytest of its own."""

from __future__ import annotations

import asyncio
import inspect
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import ecs_sql
from ecs_sql import pytest_plugin

if TYPE_CHECKING:
    from collections.abc import Callable

# pytest loads what is installed by itself; a checkout alone has no entry point.
INSTALLED = any(point.value == "ecs_sql.pytest_plugin" for point in entry_points(group="pytest11"))
LOADED = [] if INSTALLED else ["-p", "ecs_sql.pytest_plugin"]

MODELS = """
    from ecs_sql import Entity

    class ChatMessage(Entity):
        content: str

    class ChatThread(Entity):
        title: str
        messages: list[ChatMessage] = []
"""


def written(path: Path, text: str) -> None:
    lines = text.splitlines()
    path.write_text("\n".join(line.removeprefix("    ") for line in lines), encoding="utf-8")


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    """`run(text, *options)`: what pytest prints of a module with that text, and the classes to import."""

    def run_pytest(text: str, *options: str, expected: int = 0) -> str:
        written(tmp_path / "models.py", MODELS)
        written(tmp_path / "test_it.py", text)
        command = [sys.executable, "-m", "pytest", *LOADED, "-q", *options]
        root = str(Path(ecs_sql.__file__).parent.parent)
        environment = {"PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
        done = subprocess.run(
            [*command, "-p", "no:cacheprovider", str(tmp_path)],
            check=False,
            capture_output=True,
            cwd=tmp_path,
            env=environment,
            text=True,
        )
        assert done.returncode == expected, done.stdout + done.stderr
        return done.stdout

    return run_pytest


CLEAN = """
    import pytest
    from hypothesis import given, settings
    from models import ChatMessage, ChatThread
    from ecs_sql.strategies import entities
    from ecs_sql.testing import assert_same_graph

    @pytest.fixture
    def thread(storage):
        return storage.register(ChatThread(title="Plans"))

    @pytest.mark.parametrize("n", range(3))
    def test_each_test_finds_it_empty(storage, n):
        assert storage.get_registry_status().versions == 0
        storage.register(ChatThread(title="Plans"))

    def test_fixtures_may_fill_it(storage, thread):
        assert storage.list_by_type(ChatThread)[0].title == "Plans"
        assert storage.get_registry_status().versions == 1

    @given(thread=entities(ChatThread))
    @settings(max_examples=20)
    def test_threads_come_back(storage, thread):
        assert storage.get_registry_status().versions == 0
        assert_same_graph(storage.get(storage.register(thread).ecs_id), thread)

    class TestMethods:
        @given(message=entities(ChatMessage))
        @settings(max_examples=5)
        def test_messages_come_back(self, storage, message):
            assert storage.get_registry_status().versions == 0
            storage.register(message)

    def test_the_backend(storage, request):
        print("opened", type(storage).__name__, getattr(storage, "engine", None))
"""


@pytest.mark.parametrize(
    ("options", "opened"),
    [
        ([], "opened SqlAlchemyEntityStorage Engine(sqlite://)"),
        (["--ecs-sql-url=memory"], "opened InMemoryEntityStorage None"),
        (["-o", "ecs_sql_url=memory"], "opened InMemoryEntityStorage None"),
        (["--ecs-sql-url=sqlite:///{worker}.db"], "Engine(sqlite:///main.db)"),
    ],
)
def test_the_storage_is_empty_for_each_test_and_example(
    run: Callable[..., str], options: list[str], opened: str
) -> None:
    shown = run(CLEAN, "-s", *options)
    assert "7 passed" in shown
    assert opened in shown


def test_it_works_on_every_database(run: Callable[..., str], database_url: str) -> None:
    assert "7 passed" in run(CLEAN, f"--ecs-sql-url={database_url}")
    storage = ecs_sql.SqlAlchemyEntityStorage(database_url, [])  # nothing is left of it
    assert set(storage.mapping.metadata.tables).isdisjoint({"chat_thread", "chat_message"})
    storage.engine.dispose()


def test_a_database_with_versions_is_left_alone(run: Callable[..., str], tmp_path: Path) -> None:
    class ChatThread(ecs_sql.Entity):
        title: str

    url = f"sqlite:///{tmp_path / 'kept.db'}"
    storage = ecs_sql.SqlAlchemyEntityStorage(url, [ChatThread])
    kept = storage.register(ChatThread(title="kept"))
    assert "empty database of their own" in run(
        """
    def test_it(storage):
        pass
""",
        f"--ecs-sql-url={url}",
        expected=1,
    )
    assert storage.has_entity(kept.ecs_id)
    storage.engine.dispose()


def test_a_fixture_says_which_classes_are_mapped(run: Callable[..., str]) -> None:
    run(
        """
    import models, pytest

    @pytest.fixture(scope="module")
    def ecs_sql_classes():
        return [models.ChatThread]

    def test_it(storage):
        assert set(storage.mapping) == {models.ChatThread, models.ChatMessage}
"""
    )


def test_a_fixture_of_that_name_of_the_users_own_wins(run: Callable[..., str]) -> None:
    run(
        """
    import pytest

    @pytest.fixture
    def storage():
        return []

    def test_it(storage):
        storage.append(1)

    def test_again(storage):
        assert storage == []
"""
    )


def test_a_coroutine_function_stays_one_for_the_plugin_that_runs_it() -> None:
    storage = ecs_sql.InMemoryEntityStorage()
    found: list[int] = []

    async def test() -> None:
        found.append(storage.get_registry_status().versions)
        storage.register(Note())

    clearing = pytest_plugin._clearing(storage, test)
    assert inspect.iscoroutinefunction(clearing)
    for _ in range(2):
        asyncio.run(clearing())
    assert found == [0, 0]


class Note(ecs_sql.Entity):
    pass


def test_unused_it_imports_nothing_else_of_the_package(run: Callable[..., str]) -> None:
    run(
        """
    import sys

    def test_it():
        ours = {name for name in sys.modules if name.partition(".")[0] == "ecs_sql"}
        assert ours <= {"ecs_sql", "ecs_sql.pytest_plugin"}
        assert not {"pydantic", "sqlalchemy"} & set(sys.modules)
""",
        "-p",
        "no:hypothesispytest",
    )


def test_workers_do_not_share_a_database(run: Callable[..., str]) -> None:
    module = """
    from models import ChatThread

    def test_it(storage):
        storage.register(ChatThread(title="Plans"))
"""
    assert "{worker}" in run(module, "-n", "2", "--ecs-sql-url=sqlite:///shared.db", expected=1)
    run(module, "-n", "2", "--ecs-sql-url=sqlite:///{worker}.db")
