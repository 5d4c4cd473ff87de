"""The fixtures that tests share: backends, empty databases, storages.

A test runs on every backend when it takes `backend_name` or `make_storage`, and on the SQL ones
when it takes `sql_backend_name`, `database_url` or `make_sql_storage`. `storages` is for a test
that has several of them side by side. A backend that is not there skips the test; those that
`ECS_SQL_REQUIRE_BACKENDS` lists, with commas between, fail it.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Protocol, cast

import pytest

from tests import profiles  # noqa: F401 - loads hypothesis's profile before any test module
from tests.backends import BACKENDS, SQL_BACKENDS, Backends, BackendUnavailableError
from tests.faults.tally import table
from tests.storages import Storages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecs_sql import Entity, EntityStorage, SqlAlchemyEntityStorage

_REQUIRED = frozenset(os.environ.get("ECS_SQL_REQUIRE_BACKENDS", "").replace(",", " ").split())
_TESTED = "backend tested"
_MISSING = "backend missing"


class MakeStorage(Protocol):
    """What `make_storage` is: each call opens a storage on another empty database."""

    def __call__(self, *classes: type[Entity]) -> EntityStorage: ...


class MakeSqlStorage(Protocol):
    """What `make_sql_storage` is."""

    def __call__(self, *classes: type[Entity]) -> SqlAlchemyEntityStorage: ...


class Reopen(Protocol):
    """What `reopen` is: see `Storages.reopen`."""

    def __call__(self, storage: EntityStorage, *classes: type[Entity]) -> EntityStorage: ...


@pytest.fixture(scope="session", autouse=True)
def _interrupts_reach_children() -> None:
    """Processes that a shell put into the background ignore SIGINT, and so would the children of tests."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backends]:
    """All backends; parallel workers share the directory, and so a server that one started."""
    directory = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        directory = directory.parent
    found = Backends(directory)
    yield found
    found.close()


@pytest.fixture
def storages(request: pytest.FixtureRequest, backends: Backends) -> Iterator[Storages]:
    """Opens storages and databases on backends by name, and cleans up at the end of the test.

    A name whose backend is not there skips the test at that point, or fails it.
    """

    def use(name: str) -> None:
        reason = None
        try:
            request.node.user_properties.append((_TESTED, backends.label(name)))
        except BackendUnavailableError as error:
            request.node.user_properties.append((_MISSING, name))
            reason = str(error)
        if reason and name in _REQUIRED:
            pytest.fail(f"{name} is required: {reason}", pytrace=False)
        if reason:
            pytest.skip(reason)

    with Storages(backends, use) as opened:
        yield opened


@pytest.fixture(params=BACKENDS)
def backend_name(request: pytest.FixtureRequest, storages: Storages) -> str:
    """Each backend's name in turn."""
    return storages.use(cast("str", request.param))


@pytest.fixture(params=SQL_BACKENDS)
def sql_backend_name(request: pytest.FixtureRequest, storages: Storages) -> str:
    """Each SQL backend's name in turn."""
    return storages.use(cast("str", request.param))


@pytest.fixture
def database_url(sql_backend_name: str, storages: Storages) -> str:
    """The URL of an empty database, private to the test; `storages.open_url` opens it."""
    return storages.database(sql_backend_name)


@pytest.fixture
def make_storage(backend_name: str, storages: Storages) -> MakeStorage:
    """`make_storage(*classes)`: a storage on an empty database, on each backend in turn."""
    return lambda *classes: storages.open(backend_name, *classes)


@pytest.fixture
def make_sql_storage(sql_backend_name: str, storages: Storages) -> MakeSqlStorage:
    """`make_sql_storage(*classes)`: the same on the SQL backends, with `engine` and `mapping`."""
    return lambda *classes: storages.open_url(storages.database(sql_backend_name), *classes)


@pytest.fixture
def reopen(storages: Storages) -> Reopen:
    """`reopen(storage, *classes)`: a second storage on the same database; memory's is the same."""
    return storages.reopen


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say on which backends a test has passed, and which were not there."""
    properties = [
        (outcome, name, str(value))
        for outcome in ("passed", "skipped", "failed", "error")
        for report in terminalreporter.getreports(outcome)
        if isinstance(report, pytest.TestReport)  # not of a module that fails to import
        for name, value in report.user_properties
    ]
    tested = {
        value for outcome, name, value in properties if (outcome, name) == ("passed", _TESTED)
    }
    missing = {value for _, name, value in properties if name == _MISSING}
    for title, values in (("tested", tested), ("not tested", missing)):
        if values:
            in_order = sorted(values, key=lambda value: BACKENDS.index(value.split()[0]))
            terminalreporter.write_line(f"backends {title}: {', '.join(in_order)}")
    ended = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if isinstance(report, pytest.TestReport)
    ]
    for line in table(ended):
        terminalreporter.write_line(line)
