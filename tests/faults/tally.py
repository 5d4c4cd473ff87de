"""Counts the faults that tests inject, and shows the counts as a table."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pytest

FULL_VARIABLE = "ECS_SQL_TEST_FAULTS"
"""`full` in the environment injects as many faults as `python -m tests.faults --full` does."""
_PROPERTY = "fault injected"


def is_full() -> bool:
    """Whether this is the full run."""
    return os.environ.get(FULL_VARIABLE) == "full"


def number(ordinary: int, full: int) -> int:
    """How many to inject: so many with the ordinary tests, so many in the full run."""
    return full if is_full() else ordinary


class Tally:
    """One test's faults. They count as survived when the test passes."""

    def __init__(self, properties: list[tuple[str, object]]) -> None:
        self._properties = properties

    def add(self, kind: str, backend: str, count: int = 1) -> None:
        """Count faults that were injected."""
        self._properties.append((_PROPERTY, [kind, backend, count]))


def table(reports: Iterable[pytest.TestReport]) -> Iterator[str]:
    """The lines of a table: kind, backend, how many were injected and how many were survived."""
    injected: Counter[tuple[str, str]] = Counter()
    survived: Counter[tuple[str, str]] = Counter()
    for report in reports:
        for name, value in report.user_properties:
            if name == _PROPERTY and report.when == "call":
                kind, backend, count = cast("tuple[str, str, int]", value)  # as `add` made it
                injected[kind, backend] += count
                survived[kind, backend] += count if report.passed else 0
    if not injected:
        return
    width = max(len(kind) for kind, _ in injected)
    row = f"{{:{width}}}  {{:10}}  {{:>8}}  {{:>8}}"
    yield row.format("fault", "backend", "injected", "survived")
    for kind, backend in sorted(injected):
        yield row.format(kind, backend, injected[kind, backend], survived[kind, backend])
    yield row.format("all", "", injected.total(), survived.total())
