"""Imports run one way: a module imports only from layers below its own, and none in a circle."""

from __future__ import annotations

import ast
import importlib.util
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = "ecs_sql"

# Lowest first. A name stands for a module, or for a package with all in it; a package's modules may
# import each other. A class flows from annotations to mapping, an instance from graph to storage.
LAYERS = (
    "errors",
    "processes",
    "instances",
    "identity",
    "names",
    "nodes",
    "defaults",
    "dispatch",
    "resolution",
    "annotations",
    "codecs",
    "fields",
    "bookkeeping",
    "entity_codec",
    "graph",
    "diff",
    "lineage",
    "entity",
    "column_types",
    "tables",
    "row_chunks",
    "row_classes",
    "mapping",
    "storage",
    "registry",
    "tracer",
)

# Above the layers; nothing imports these but what is named beside them.
TOPS = {
    "strategies": set[str](),
    "testing": set[str](),
    "pytest_plugin": set[str](),
    "demo": {"cli"},
    "reports": {"cli"},
    "cli": {"__main__"},
    "__main__": set[str](),
    "exports": {""},
    "": set[str](),  # the package root, which re-exports
}


def _root() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0])


def _module(path: Path) -> str:
    """The dotted name below the root (`storage.sql`); a package's is its own, the root's is empty."""
    parts = path.relative_to(_root()).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


PATHS = {_module(path): path for path in sorted(_root().rglob("*.py"))}


def _imports(module: str) -> set[str]:
    """The modules of the package that this one imports, wherever in it the statement stands."""
    found = set()
    for node in ast.walk(ast.parse(PATHS[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node)
            for alias in node.names:
                name = f"{base}.{alias.name}"
                # `from ecs_sql import errors` imports the module, not the root.
                found.add(name if name.removeprefix(f"{PACKAGE}.") in PATHS else base)
    inside = {name for name in found if name == PACKAGE or name.startswith(f"{PACKAGE}.")}
    return {name.removeprefix(PACKAGE).removeprefix(".") for name in inside}


def _absolute(module: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = [PACKAGE, *module.split(".")] if module else [PACKAGE]
    is_package = PATHS[module].name == "__init__.py"
    package = package[: len(package) - node.level + (1 if is_package else 0)]
    return ".".join([*package, node.module] if node.module else package)


def _top(module: str) -> str:
    return module.partition(".")[0]


IMPORTS = {module: _imports(module) for module in PATHS}


@pytest.mark.parametrize("module", PATHS)
def test_a_module_has_a_place(module: str) -> None:
    assert _top(module) in {*LAYERS, *TOPS}, "add it to the table of layers"


@pytest.mark.parametrize("module", [name for name in PATHS if _top(name) in LAYERS])
def test_a_module_imports_from_lower_layers(module: str) -> None:
    own = LAYERS.index(_top(module))
    allowed = {*LAYERS[:own], _top(module)}
    assert {name for name in IMPORTS[module] if _top(name) not in allowed} == set()


@pytest.mark.parametrize("top", TOPS)
def test_nothing_imports_the_top(top: str) -> None:
    importers = {
        _top(module)
        for module, imported in IMPORTS.items()
        if top in {_top(name) for name in imported} and _top(module) != top
    }
    assert importers <= TOPS[top]


def test_no_imports_in_a_circle() -> None:
    try:
        TopologicalSorter(IMPORTS).prepare()
    except CycleError as error:
        pytest.fail(f"imports in a circle: {' -> '.join(error.args[1])}")
