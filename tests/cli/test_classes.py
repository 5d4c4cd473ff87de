"""Class arguments: the forms that lead to classes, and a clear error for each that does not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

import pytest

from ecs_sql.cli.classes import ClassArgumentError, load_classes
from ecs_sql.errors import MappingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHOP = """
from typing import Generic, TypeVar
from ecs_sql import Entity
T = TypeVar("T")
class Order(Entity):
    class Line(Entity):
        amount: int
    lines: list[Line]
class Base(Entity):
    __abstract__ = True
class Box(Entity, Generic[T]):
    content: T
IntBox = Box[int]
print("imported")
LIMIT = 3
class Plain: ...
"""


class Write(Protocol):
    """Writes a module into the current directory."""

    def __call__(self, path: str, source: str) -> None: ...


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """An empty current directory; what is imported from it is forgotten at the end."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [item for item in sys.path if item])
    before = set(sys.modules)

    def write_module(path: str, source: str) -> None:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(source, encoding="utf-8")

    yield write_module
    for name in set(sys.modules) - before:
        del sys.modules[name]


def names(*arguments: str) -> list[str]:
    return [item.__qualname__ for item in load_classes(arguments)]


def failure(*arguments: str) -> str:
    with pytest.raises(ClassArgumentError) as raised:
        load_classes(arguments)
    assert raised.value.argument
    return str(raised.value)


def test_a_class_by_module_and_name(write: Write) -> None:
    write("shop_a.py", SHOP)
    assert names("shop_a:Order") == ["Order"]
    assert names("shop_a:Order.Line", "shop_a:Order", "shop_a:Order") == ["Order.Line", "Order"]
    assert names("shop_a:IntBox") == ["Box[int]"]


def test_a_module_alone_stands_for_all_that_it_defines(write: Write) -> None:
    write("shop_b.py", SHOP)
    write("more_b.py", "from shop_b import Order\nclass Extra(Order): ...")
    assert names("shop_b") == ["Order", "Box[int]"]
    assert names("more_b") == ["Extra"]


def test_a_package_stands_for_what_its_modules_define(write: Write) -> None:
    write("pack_c/__init__.py", "from pack_c.sub.models import Order")
    write("pack_c/sub/models.py", SHOP)
    assert names("pack_c") == ["Order"]
    assert names("pack_c.sub.models:Order") == ["Order"]


@pytest.mark.parametrize("path", ["pack_d/models_d.py", "./pack_d/models_d.py"])
@pytest.mark.parametrize("is_package", [True, False])
def test_a_path_stands_for_its_module(
    write: Write, tmp_path: Path, path: str, is_package: bool
) -> None:
    if is_package:
        write("pack_d/__init__.py", "")
        write("pack_d/near.py", "from ecs_sql import Entity")
    write("pack_d/models_d.py", SHOP + ("from .near import Entity" if is_package else ""))
    assert names(f"{path}:Order") == ["Order"]
    assert names(str(tmp_path / path)) == ["Order", "Box[int]"]
    assert ("pack_d.models_d" if is_package else "models_d") in sys.modules


def test_what_a_module_prints_goes_to_stderr(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write("shop_e.py", SHOP)
    load_classes(["shop_e"])
    assert capsys.readouterr() == ("", "imported\n")


def test_no_such_module(write: Write) -> None:
    write("orders_f.py", SHOP)
    assert failure("nowhere").startswith("nowhere: there is no module nowhere in /")
    assert "did you mean orders_f?" in failure("order_f:Order")
    assert "there is no module orders_f.Order" in failure("orders_f.Order")
    assert "there is no file missing.py" in failure("missing.py:Order")


def test_a_class_after_a_dot(write: Write) -> None:
    write("shop_g.py", SHOP)
    assert "as in shop_g:Order" in failure("shop_g.Order")


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("import sys\n\nx = y", "NameError: name 'y' is not defined (fails.py, line 3)"),
        ("def f(:", "SyntaxError: invalid syntax (fails.py, line 1);"),
        ("import no_such", "ModuleNotFoundError: No module named 'no_such' (fails.py, line 1)"),
        ("import sys\nsys.exit(3)", "SystemExit: 3 (fails.py, line 2)"),
        (
            "from ecs_sql import Entity\nclass A(Entity):\n    ecs_id: int\n",
            "fails.A redefines 'ecs_id'",
        ),
        ("raise ValueError('one\\ntwo')", "ValueError: one two (fails.py, line 1)"),
        ("import json\njson.loads('x')", "(char 0) (fails.py, line 2)"),
        ("raise ValueError", "ValueError (fails.py, line 1)"),
    ],
)
def test_the_modules_own_exception_is_shown_in_short(write: Write, source: str, shown: str) -> None:
    write("fails.py", source)
    message = failure("fails:Order")
    assert shown in message
    assert "Traceback" not in message
    assert "\n" not in message


def test_faults_of_a_mapping_of_the_modules_own_are_the_mappings(write: Write) -> None:
    write(
        "maps_h.py",
        "from ecs_sql import Entity, InMemoryEntityStorage, EntityMapping\n"
        "class A(Entity):\n    f: type\nEntityMapping().register(A)\n",
    )
    with pytest.raises(MappingError):
        load_classes(["maps_h"])


def test_no_such_name(write: Write) -> None:
    write("shop_i.py", SHOP)
    assert "shop_i has no Ordr; did you mean Order?" in failure("shop_i:Ordr")
    assert "Order has no Lines; did you mean Line?" in failure("shop_i:Order.Lines")
    assert "its entity classes are Order, Base, Box, Box[int]" in failure("shop_i:Zzz")


def test_no_entity_class(write: Write) -> None:
    write("shop_j.py", SHOP)
    assert "LIMIT is of type int; its entity classes are Order" in failure("shop_j:LIMIT")
    assert "Plain is a class, but no entity class; derive it" in failure("shop_j:Plain")
    write("empty_j.py", "")
    assert "it defines no entity class; derive" in failure("empty_j")
    write("imports_j.py", "from shop_j import Order")
    assert "it only imports some; name them, as in shop_j:Order" in failure("imports_j")
    write("abstract_j.py", "from ecs_sql import Entity\nclass A(Entity):\n    __abstract__ = True")
    assert "are abstract" in failure("abstract_j")


@pytest.mark.parametrize("argument", ["shop:", ":Order", ":", ""])
def test_half_an_argument(write: Write, argument: str) -> None:
    assert "write MODULE:NAME" in failure(argument or ":")


def test_a_file_whose_name_is_taken(write: Write) -> None:
    write("json.py", SHOP)
    assert "the name json belongs to another module" in failure("json.py")
