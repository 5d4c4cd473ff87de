"""What is exported is documented, and the examples in docstrings run."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING, Any

import pytest

import ecs_sql

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(ecs_sql.__path__, "ecs_sql.")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__, "a module says what it is for"
    assert doctest.testmod(module).failed == 0


def _public() -> Iterator[tuple[str, Any]]:
    """Every exported class and function, and the methods that the classes bring along."""
    for name in ecs_sql.__all__:
        value = getattr(ecs_sql, name)
        if not inspect.isclass(value) and not inspect.isfunction(value):
            continue
        yield name, value
        for method, function in vars(value).items():
            if not method.startswith("_") and inspect.isfunction(function):
                yield f"{name}.{method}", function


@pytest.mark.parametrize(("name", "value"), list(_public()))
def test_what_is_exported_is_documented(name: str, value: Any) -> None:
    assert inspect.getdoc(value), name


def test_examples_are_found() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    examples = [
        test
        for name in MODULES
        for test in finder.find(importlib.import_module(name))
        if test.examples
    ]
    assert examples
