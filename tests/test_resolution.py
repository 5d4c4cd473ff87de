"""Names in annotations mean what they mean where the class stands, and generic classes may mean themselves."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Generic, Self, TypeVar

import pytest

from ecs_sql import Entity, EntityMapping, InMemoryEntityStorage, errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

T = TypeVar("T")

MODULE = """
from __future__ import annotations
from typing import TYPE_CHECKING
from ecs_sql import Entity
from {package}.shared import mapping
if TYPE_CHECKING:
    from {package}.{other} import {theirs}

class Tag(Entity):
    {name}: str = ""

@mapping.register
class {mine}(Entity):
    tag: Tag | None = None
    other: {theirs} | None = None
"""


class Tree(Entity, Generic[T]):
    value: T
    parent: Self | None = None
    children: list["Tree[T]"] = []  # noqa: UP037  (pydantic resolves it when the class is parametrised)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Two modules that need each other, each with a `Tag` of its own."""
    name = "circular_modules"
    directory = tmp_path / name
    directory.mkdir()
    (directory / "__init__.py").write_text("")
    (directory / "shared.py").write_text(
        "from ecs_sql import EntityMapping\nmapping = EntityMapping()\n"
    )
    for module, mine, other, theirs in (
        ("a", "Message", "b", "Thread"),
        ("b", "Thread", "a", "Message"),
    ):
        text = MODULE.format(package=name, name=module, mine=mine, other=other, theirs=theirs)
        (directory / f"{module}.py").write_text(
            text.replace("Tag(Entity):", f'Tag(Entity):\n    __tablename__ = "tag_{module}"')
        )
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    for module in [module for module in sys.modules if module.split(".")[0] == name]:
        del sys.modules[module]


def test_a_module_s_own_names_win_over_those_of_other_modules(package: str) -> None:
    a, b = importlib.import_module(f"{package}.a"), importlib.import_module(f"{package}.b")
    mapping = importlib.import_module(f"{package}.shared").mapping
    assert set(mapping) == {a.Message, a.Tag, b.Thread, b.Tag}
    assert mapping.spec(a.Message).references == {a.Tag, b.Thread}
    assert mapping.spec(b.Thread).references == {b.Tag, a.Message}


def test_a_generic_class_may_refer_to_itself() -> None:
    storage = InMemoryEntityStorage()
    root = Tree[int](value=1, children=[Tree[int](value=2)])
    root.children[0].parent = root
    storage.register(root)
    loaded = storage.get(root.ecs_id, Tree[int])
    assert loaded is not None
    assert loaded.children[0].parent is loaded


def test_only_a_class_statement_is_noted_for_later() -> None:
    class Broken(Entity):
        value: complex

    with pytest.raises(errors.MappingError):
        EntityMapping().register(Broken)

    mapping = EntityMapping()

    @mapping.register
    class Decorated(Entity):
        value: complex

    with pytest.raises(errors.MappingError, match="complex"):
        list(mapping)


def test_a_report_follows_what_faulty_classes_refer_to() -> None:
    class Target(Entity):
        inner: object

    class Base(Entity):
        target: Target
        number: complex

    class Derived(Base):
        own: type[int]

    with pytest.raises(errors.MappingError) as caught:
        EntityMapping().register(Derived)
    told = {(fault.entity_class, fault.field) for fault in caught.value.faults}
    assert told == {(Target, "inner"), (Base, "number"), (Derived, "own")}
