"""Annotations of every kind that a field may have, with classes for them to name."""

from __future__ import annotations

import datetime as dt
import enum
import ipaddress
import pathlib
from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, NewType
from uuid import UUID

from pydantic import (
    AnyUrl,
    AwareDatetime,
    BaseModel,
    ByteSize,
    Field,
    HttpUrl,
    NaiveDatetime,
    RootModel,
)
from sqlalchemy import DateTime, LargeBinary, Numeric, SmallInteger, String
from typing_extensions import TypeAliasType, TypedDict

from ecs_sql.codecs.columns import ColumnOptions


class Suit(enum.Enum):
    """Names and values that are not alike."""

    hearts = "SPADES"
    SPADES = "hearts"
    clubs = ("a", 1)


class Size(enum.IntEnum):
    """Members that are ints."""

    S = 1
    L = 2


class Word(enum.StrEnum):
    """Members that are texts."""

    EMPTY = ""
    SPACE = " "


class Right(enum.Flag):
    """Any combination is a value."""

    READ = 1
    WRITE = 2
    RUN = 4


class Bits(enum.IntFlag):
    """Combinations that are ints."""

    LOW = 1
    HIGH = 128


Metres = NewType("Metres", float)
Rows = TypeAliasType("Rows", list[dict[str, int]])


class Position(NamedTuple):
    """A named tuple."""

    x: float
    label: str = ""


@dataclass
class Span:
    """A dataclass."""

    start: dt.date
    tags: list[str]


@dataclass(frozen=True)
class Coin:
    """A frozen dataclass, which a set may hold."""

    value: int


class Setting(TypedDict, total=False):
    """A typed dict without required keys."""

    name: str
    level: int | None


class Wheelbase(BaseModel):
    """A nested model."""

    length: Decimal
    spans: dict[str, Position] = {}


class Bike(BaseModel):
    """One member of a discriminated union."""

    kind: Literal["bike"] = "bike"
    gears: int


class Boat(BaseModel):
    """The other member."""

    kind: Literal["boat"] = "boat"
    base: Wheelbase | None


class Titles(RootModel[list[str]]):
    """A root model."""


class Branch(BaseModel):
    """A model that contains its own kind."""

    name: str
    branches: list[Branch] = []


Family = dict[str, Any]
"""Annotations by a short name."""

SCALARS: Family = {
    "bool": bool,
    "int": int,
    "float": float,
    "str": str,
    "bytes": bytes,
    "decimal": Decimal,
    "uuid": UUID,
    "positive": Annotated[int, Field(gt=0, lt=100)],
    "even": Annotated[int, Field(multiple_of=2)],
    "share": Annotated[float, Field(ge=0, le=1)],
    "price": Annotated[Decimal, Field(max_digits=8, decimal_places=2)],
    "short": Annotated[str, Field(max_length=3)],
    "code": Annotated[str, Field(pattern=r"^[A-Z]{2}-\d{1,3}$")],
    "new_type": Metres,
    "path": pathlib.Path,
    "pure_path": pathlib.PurePosixPath,
    "ip4": ipaddress.IPv4Address,
    "ip6": ipaddress.IPv6Address,
    "interface": ipaddress.IPv4Interface,
    "http_url": HttpUrl,
    "any_url": AnyUrl,
    "byte_size": ByteSize,
}
TIME: Family = {
    "date": dt.date,
    "time": dt.time,
    "datetime": dt.datetime,
    "aware": AwareDatetime,
    "naive": NaiveDatetime,
    "timedelta": dt.timedelta,
}
CHOICES: Family = {
    "enum": Suit,
    "int_enum": Size,
    "str_enum": Word,
    "flag": Right,
    "int_flag": Bits,
    "texts": Literal["", " ", "a"],
    "mixed": Literal["1", 1, b"1"],
    "enum_literal": Literal[Suit.hearts],
}
CONTAINERS: Family = {
    "list": list[Decimal],
    "some": Annotated[list[int], Field(min_length=1, max_length=3)],
    "tuple": tuple[int, str, None],
    "tuples": tuple[dt.datetime, ...],
    "set": set[bytes],
    "frozenset": frozenset[Suit],
    "set_of_sets": set[frozenset[int]],
    "coins": set[Coin],
    "dict": dict[str, float],
    "by_int": dict[int, bool],
    "by_date": dict[dt.date, str],
    "by_decimal": dict[Decimal, int],
    "by_bytes": dict[bytes, int],
    "by_enum": dict[Suit, int],
    "by_choice": dict[Literal["a", 1, "1"], str],
    "deque": deque[str],
    "alias": Rows,
    "nested": dict[str, list[tuple[int | None, set[str]]]],
}
RECORDS: Family = {
    "namedtuple": Position,
    "dataclass": Span,
    "typeddict": Setting,
    "model": Wheelbase,
    "models": dict[str, list[Wheelbase]],
    "root": Titles,
    "discriminated": Annotated[Bike | Boat, Field(discriminator="kind")],
    "recursive": Branch,
    "any": Any,
}
UNIONS: Family = {
    "numbers": bool | int | float | Decimal,
    "texts": str | bytes | UUID | dt.date | dt.datetime | dt.time,
    "containers": list[int] | dict[str, int] | set[int] | tuple[int, ...] | None,
    "records": Bike | Boat | Position | str,
    "choices": Suit | Size | int | str | None,
    "inside": list[int | str | list[bool]],
}
WISHES: Family = {
    "varchar": Annotated[str, String(20)],
    "small": Annotated[int, SmallInteger()],
    "numeric": Annotated[Decimal, Numeric(12, 2)],
    "binary": Annotated[bytes, LargeBinary(5)],
    "zoned": Annotated[dt.datetime, DateTime(timezone=True)],
    "indexed": Annotated[str, ColumnOptions(index=True)],
    "indexed_number": Annotated[int | None, ColumnOptions(index=True)],
}
FAMILIES: dict[str, Family] = {
    "scalars": SCALARS,
    "time": TIME,
    "choices": CHOICES,
    "containers": CONTAINERS,
    "records": RECORDS,
    "unions": UNIONS,
    "wishes": WISHES,
}
