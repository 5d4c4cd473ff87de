"""The README's table of annotations tells the columns that the databases really get."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import re
from collections import deque
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import pydantic
import pytest
from sqlalchemy import Dialect, Numeric, String, create_mock_engine
from typing_extensions import TypedDict

from ecs_sql import Entity, EntityMapping

README = Path(__file__).parent.parent / "README.md"
DIALECTS: dict[str, Dialect] = {
    name: create_mock_engine(url, lambda *_: None).dialect
    for name, url in {
        "SQLite": "sqlite://",
        "PostgreSQL": "postgresql+psycopg://",
        "MariaDB": "mariadb+pymysql://",
    }.items()
}


class Color(enum.Enum):
    RED = "r"


class Permission(enum.Flag):
    READ = 1


class Message(Entity):
    content: str


class Thread(Entity):
    title: str


class Settings(pydantic.BaseModel):
    model: str


@dataclasses.dataclass
class Point:
    x: int


class Pair(NamedTuple):
    left: int


class Options(TypedDict):
    deep: bool


NAMES: dict[str, Any] = {
    **{name: getattr(dt, name) for name in ("date", "datetime", "time", "timedelta")},
    **{name: getattr(pydantic, name) for name in ("AnyUrl", "ByteSize", "JsonValue")},
    **{name: getattr(pydantic, name) for name in ("AwareDatetime", "NaiveDatetime")},
    **{kind.__name__: kind for kind in (Color, Permission, Message, Thread, Settings, Point)},
    **{kind.__name__: kind for kind in (Pair, deque, Decimal, IPv4Address, Path, UUID)},
    **{kind.__name__: kind for kind in (String, Numeric)},
    "Options": Options,
    "Annotated": Annotated,
    "Any": Any,
    "Literal": Literal,
}


def _rows() -> list[tuple[str, list[str]]]:
    """Each annotation of the table with the columns of its row."""
    text = README.read_text(encoding="utf-8")
    _, _, table = text.partition(
        "| annotation | SQLite | PostgreSQL | MariaDB |\n|---|---|---|---|\n"
    )
    table, _, _ = table.partition("\n\n")
    rows: list[tuple[str, list[str]]] = []
    for line in table.splitlines():
        first, *columns = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
        annotations = [code.replace("\\|", "|") for code in re.findall(r"`(.+?)`", first)]
        rows += [(code, columns) for code in annotations if not code.startswith(("<", "extra"))]
    return rows


@pytest.mark.parametrize(("annotation", "columns"), _rows())
def test_columns_are_those_of_the_table(annotation: str, columns: list[str]) -> None:
    kind = eval(annotation, NAMES)
    namespace = {"__annotations__": {"field": kind}, "__module__": __name__}
    mapping = EntityMapping()
    mapping.register(type("Shown", (Entity,), namespace))
    (column,) = (c for c in mapping.metadata.tables["shown"].columns if c.name != "id")
    found = {name: column.type.compile(dialect=dialect) for name, dialect in DIALECTS.items()}
    told = [re.sub(r" \(.*\)$", "", cell) for cell in columns]
    assert list(found.values()) == told


def test_the_table_is_found() -> None:
    assert len(_rows()) > 40
