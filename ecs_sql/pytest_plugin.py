"""pytest plugin of ecs_sql: a `storage` fixture that is empty for each test, and for each hypothesis example.

It imports nothing else of the package before a test asks for a storage: pytest loads its plugins before tools
that measure coverage begin.

The database is `--ecs-sql-url`, or `ecs_sql_url` in the ini file, or else SQLite in memory; `memory` means
`InMemoryEntityStorage`. `{worker}` in it becomes the name of pytest-xdist's worker. The mapped classes are those
that the test module defines or imports, and all that they refer to; a fixture `ecs_sql_classes` of module or
session scope says others.

A storage is opened once for each module, and its tables are dropped at the end. What fixtures of module or
session scope register is cleared like everything else; let fixtures of function scope fill the storage.
"""

from __future__ import annotations

import functools
import inspect
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from ecs_sql.entity import Entity
    from ecs_sql.storage.protocol import EntityStorage
    from ecs_sql.storage.sql import SqlAlchemyEntityStorage

MEMORY = "memory"
"""The URL that means no database."""

_OPEN: pytest.StashKey[list[EntityStorage]] = pytest.StashKey()
_WORKER = "{worker}"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the command line and the ini file name the database."""
    text = f"database of the storage fixture: a SQLAlchemy URL, or '{MEMORY}' (default: sqlite://)"
    parser.getgroup("ecs_sql").addoption("--ecs-sql-url", metavar="URL", help=text)
    parser.addini("ecs_sql_url", text, default="sqlite://")


@pytest.fixture(scope="session")
def ecs_sql_url(pytestconfig: pytest.Config) -> str:
    """The database in which `storage` keeps its entities; its versions are deleted again and again."""
    url: str = pytestconfig.getoption("--ecs-sql-url") or pytestconfig.getini("ecs_sql_url")
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker and _WORKER not in url and url not in (MEMORY, "sqlite://"):
        pytest.fail(f"several workers would share {url!r}; put {_WORKER} in it", pytrace=False)
    return url.replace(_WORKER, worker or "main")


@pytest.fixture(scope="module")
def ecs_sql_classes(request: pytest.FixtureRequest) -> list[type[Entity]]:
    """The entity classes that the test module defines or imports; override it to say others."""
    from ecs_sql.entity import Entity  # noqa: PLC0415 - not before a test asks for it
    from ecs_sql.fields import is_abstract  # noqa: PLC0415

    found = [value for value in vars(request.module).values() if isinstance(value, type)]
    return [item for item in found if issubclass(item, Entity) and not is_abstract(item)]


@pytest.fixture(scope="module")
def storage(
    pytestconfig: pytest.Config, ecs_sql_url: str, ecs_sql_classes: list[type[Entity]]
) -> Iterator[EntityStorage]:
    """A storage without a version in it, at the start of each test and of each hypothesis example."""
    opened = pytestconfig.stash.setdefault(_OPEN, [])
    with _storage(ecs_sql_url, ecs_sql_classes) as found:
        opened.append(found)
        yield found
        opened.remove(found)


@contextmanager
def _storage(url: str, classes: list[type[Entity]]) -> Iterator[EntityStorage]:
    """A storage on a database that has no version; the database is as it was at the end."""
    from ecs_sql.storage.memory import InMemoryEntityStorage  # noqa: PLC0415
    from ecs_sql.storage.sql import SqlAlchemyEntityStorage  # noqa: PLC0415

    if url == MEMORY:
        yield InMemoryEntityStorage()
        return
    kept = _tables(url)
    opened = SqlAlchemyEntityStorage(url, classes)
    try:
        if opened.get_registry_status().versions:
            pytest.fail(
                f"{opened.engine.url!r} holds versions, which the tests would delete; "
                "give them an empty database of their own",
                pytrace=False,
            )
        yield opened
        _drop_tables(opened, kept)
    finally:
        opened.engine.dispose()


def _tables(url: str) -> set[str]:
    """The names of the tables that the database has."""
    import sqlalchemy  # noqa: PLC0415

    from ecs_sql.storage.connecting import open_engine  # noqa: PLC0415

    engine, _, _ = open_engine(url, set_up=False)
    try:
        return set(sqlalchemy.inspect(engine).get_table_names())
    finally:
        engine.dispose()


def _drop_tables(opened: SqlAlchemyEntityStorage, kept: set[str]) -> None:
    """Empty the database, and leave it with the tables that it had."""
    opened.clear()
    metadata = opened.mapping.metadata
    made = [table for name, table in metadata.tables.items() if name not in kept]
    metadata.drop_all(opened.engine, tables=made)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Empty the storage before any fixture of the test fills it."""
    if "storage" in getattr(item, "fixturenames", ()):
        for opened in item.config.stash.get(_OPEN, []):
            opened.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Empty the storage before each example of a hypothesis test."""
    handle = getattr(getattr(item, "obj", None), "hypothesis", None)
    given = getattr(item, "funcargs", {}).get("storage")
    used = next((one for one in item.config.stash.get(_OPEN, []) if one is given), None)
    if handle is None or used is None:
        return (yield)
    test = handle.inner_test
    handle.inner_test = _clearing(used, test)
    try:
        return (yield)
    finally:
        handle.inner_test = test


def _clearing(opened: EntityStorage, test: Callable[..., Any]) -> Callable[..., Any]:
    """The test, which finds the storage empty; a coroutine function stays one, for the plugins that run it."""
    if inspect.iscoroutinefunction(test):

        @functools.wraps(test)
        async def run_later(*args: Any, **kwargs: Any) -> Any:
            opened.clear()
            return await test(*args, **kwargs)

        return run_later

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> Any:
        opened.clear()
        return test(*args, **kwargs)

    return run
