"""Fixtures of the property tests, and the count of the examples that each law has held for."""

from __future__ import annotations

import functools
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from tests.backends import BACKENDS
from tests.property.fresh import Fresh
from tests.property.models import PARTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ecs_sql import EntityStorage
    from tests.conftest import MakeStorage
    from tests.storages import Storages

_EXAMPLES = "examples of law"


@pytest.fixture
def storage(make_storage: MakeStorage) -> EntityStorage:
    """Keeps parts, on each backend in turn; all examples of a test share it."""
    return make_storage(*PARTS)


@pytest.fixture
def fresh(backend_name: str, storages: Storages) -> Fresh:
    """Opens storages for generated classes, on each backend in turn."""
    return _fresh(backend_name, storages)


@pytest.fixture
def sql_fresh(sql_backend_name: str, storages: Storages) -> Fresh:
    """The same on the SQL backends."""
    return _fresh(sql_backend_name, storages)


def _fresh(backend_name: str, storages: Storages) -> Fresh:
    if backend_name == "memory":
        return Fresh(None)
    if backend_name == "sqlite":
        return Fresh(storages.open_url("sqlite://").engine)
    return Fresh(storages.open_url(storages.database(backend_name)).engine)


def pytest_configure(config: pytest.Config) -> None:
    """Tell of the marker."""
    config.addinivalue_line(
        "markers", "law(name): the law of the design that a property test states"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Count the examples that a law holds for."""
    law, handle = (
        item.get_closest_marker("law"),
        getattr(getattr(item, "obj", None), "hypothesis", None),
    )
    if law is None or handle is None:
        yield
        return
    counted = [0]
    inner = handle.inner_test
    handle.inner_test = _counting(inner, counted)
    try:
        yield
    finally:
        handle.inner_test = inner
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        backend = parameters.get("backend_name") or parameters.get("sql_backend_name", "")
        item.user_properties.append((_EXAMPLES, (law.args[0], backend, counted[0])))


def _counting(test: Callable[..., None], counted: list[int]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        test(*args, **kwargs)
        counted[0] += 1

    return run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell how many examples each law has held for on each backend."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, value in getattr(report, "user_properties", ()):
                if name == _EXAMPLES:
                    law, backend, count = value
                    counts[law][backend] += count
    if counts:
        terminalreporter.section("examples of each law")
        width = max(map(len, counts)) + 2
        rows = {law: [f"{counts[law][name]:,}" for name in BACKENDS] for law in sorted(counts)}
        for law, cells in {"law": BACKENDS, **rows}.items():
            line = f"{law:<{width}}" + "".join(f"{cell:>12}" for cell in cells)
            terminalreporter.write_line(line)
