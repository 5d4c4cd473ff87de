"""Annotations with strategies for their values, hostile ones among them."""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, NamedTuple, NewType
from uuid import UUID

from hypothesis import strategies as st
from pydantic import AnyUrl, AwareDatetime, BaseModel, Field, HttpUrl, NaiveDatetime, RootModel
from typing_extensions import TypeAliasType, TypedDict

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=20),
    st.sampled_from(
        [
            "",
            " ",
            "trailing ",
            "tab\t",
            "'; DROP TABLE base_entities; --",
            "back\\slash \\u0000",
            "100% %s %(name)s {} :name ? $1",
            "null",
            "[]",
            "😀𝄞",
            "e\u0301",
            "\u202e",
            "\ufffe\uffff",
            "\U0010ffff",
        ]
    ),
)
REFUSED_TEXTS = st.builds(
    "{}{}{}".format, TEXTS, st.sampled_from(["\x00", "\ud800", "\udfff"]), TEXTS
)

INTS = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.sampled_from([0, 1, -1, 2**53 + 1, 2**63 - 1, -(2**63)])
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
DECIMALS = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        [Decimal(text) for text in ("1.00", "1", "1E+3", "-0", "0E-10", "1E-400", "9" * 60)]
    ),
)
ZONES = st.one_of(
    st.just(UTC),
    st.timezones(),
    st.integers(-86_399, 86_399).map(lambda seconds: timezone(timedelta(seconds=seconds))),
)
NAIVE = st.datetimes()
AWARE = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=ZONES)
FIXED_ZONES = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.one_of(st.times(), st.times(timezones=FIXED_ZONES))


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

    start: date
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


def _typed_dict(name: str | None, level: int | None) -> dict[str, Any]:
    return ({} if name is None else {"name": name}) | ({} if level is None else {"level": level})


POSITIONS = st.builds(Position, FLOATS, TEXTS)
WHEELBASES = st.builds(
    Wheelbase.model_construct, length=DECIMALS, spans=st.dictionaries(TEXTS, POSITIONS, max_size=2)
)
BIKES = st.builds(Bike.model_construct, gears=INTS)
BOATS = st.builds(Boat.model_construct, base=st.none() | WHEELBASES)
BRANCHES = st.recursive(
    st.builds(Branch.model_construct, name=TEXTS, branches=st.just([])),
    lambda inner: st.builds(
        Branch.model_construct, name=TEXTS, branches=st.lists(inner, max_size=2)
    ),
    max_leaves=4,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
URLS = [
    "https://a.example/",
    "http://u:p@b.example:81/x%20y?q=%s#f",
    "https://xn--bcher-kva.example/",
]
PATHS = TEXTS.map(Path)

Family = dict[str, tuple[Any, st.SearchStrategy[Any]]]

SCALARS: Family = {
    "bool": (bool, st.booleans()),
    "int": (int, INTS),
    "float": (float, FLOATS),
    "str": (str, TEXTS),
    "bytes": (bytes, st.binary(max_size=20)),
    "decimal": (Decimal, DECIMALS),
    "uuid": (UUID, st.uuids()),
    "positive": (Annotated[int, Field(gt=0, lt=100)], st.integers(1, 99)),
    "short": (
        Annotated[str, Field(max_length=3)],
        st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=3),
    ),
    "new_type": (Metres, FLOATS),
    "path": (Path, PATHS),
    "pure_path": (PurePosixPath, TEXTS.map(PurePosixPath)),
    "ip4": (IPv4Address, st.ip_addresses(v=4)),
    "ip6": (IPv6Address, st.ip_addresses(v=6)),
    "http_url": (HttpUrl, st.sampled_from(URLS).map(HttpUrl)),
    "any_url": (AnyUrl, st.sampled_from([*URLS, "mailto:x@y.example", "data:,%00"]).map(AnyUrl)),
}
TIME: Family = {
    "date": (date, st.dates()),
    "time": (time, TIMES),
    "datetime": (datetime, NAIVE | AWARE),
    "aware": (AwareDatetime, AWARE),
    "naive": (NaiveDatetime, NAIVE),
    "timedelta": (timedelta, st.timedeltas()),
}
CHOICES: Family = {
    "enum": (Suit, st.sampled_from(Suit)),
    "int_enum": (Size, st.sampled_from(Size)),
    "str_enum": (Word, st.sampled_from(Word)),
    "flag": (Right, st.sampled_from([Right(bits) for bits in range(8)])),
    "int_flag": (Bits, st.sampled_from([Bits(0), Bits.LOW, Bits.LOW | Bits.HIGH, Bits(64)])),
    "texts": (Literal["", " ", "a"], st.sampled_from(["", " ", "a"])),
    "mixed": (Literal["1", 1, True, b"1"], st.sampled_from(["1", 1, True, b"1"])),
    "enum_literal": (Literal[Suit.hearts], st.just(Suit.hearts)),
}
CONTAINERS: Family = {
    "list": (list[Decimal], st.lists(DECIMALS, max_size=4)),
    "tuple": (tuple[int, str, None], st.tuples(INTS, TEXTS, st.none())),
    "tuples": (tuple[datetime, ...], st.lists(NAIVE | AWARE, max_size=3).map(tuple)),
    "set": (set[bytes], st.sets(st.binary(max_size=3), max_size=4)),
    "frozenset": (frozenset[Suit], st.frozensets(st.sampled_from(Suit))),
    "set_of_sets": (set[frozenset[int]], st.sets(st.frozensets(INTS, max_size=3), max_size=3)),
    "coins": (set[Coin], st.sets(st.builds(Coin, INTS), max_size=3)),
    "dict": (dict[str, float], st.dictionaries(TEXTS, FLOATS, max_size=4)),
    "by_int": (dict[int, bool], st.dictionaries(INTS, st.booleans(), max_size=4)),
    "by_date": (dict[date, str], st.dictionaries(st.dates(), TEXTS, max_size=3)),
    "by_decimal": (dict[Decimal, int], st.dictionaries(DECIMALS, INTS, max_size=3)),
    "by_bytes": (dict[bytes, int], st.dictionaries(st.binary(max_size=3), INTS, max_size=3)),
    "by_enum": (dict[Suit, int], st.dictionaries(st.sampled_from(Suit), INTS)),
    "by_choice": (
        dict[Literal["a", 1, "1", True], str],
        st.dictionaries(st.sampled_from(["a", 1, "1"]), TEXTS),
    ),
    "deque": (deque[str], st.lists(TEXTS, max_size=4).map(deque)),
    "alias": (Rows, st.lists(st.dictionaries(TEXTS, st.integers(), max_size=2), max_size=3)),
    "nested": (
        dict[str, list[tuple[int | None, set[str]]]],
        st.dictionaries(
            TEXTS,
            st.lists(st.tuples(st.none() | INTS, st.sets(TEXTS, max_size=2)), max_size=2),
            max_size=2,
        ),
    ),
}
RECORDS: Family = {
    "namedtuple": (Position, POSITIONS),
    "dataclass": (Span, st.builds(Span, st.dates(), st.lists(TEXTS, max_size=2))),
    "typeddict": (
        Setting,
        st.builds(_typed_dict, st.none() | TEXTS, st.none() | INTS),
    ),
    "model": (Wheelbase, WHEELBASES),
    "models": (
        dict[str, list[Wheelbase]],
        st.dictionaries(TEXTS, st.lists(WHEELBASES, max_size=2), max_size=2),
    ),
    "root": (
        Titles,
        st.lists(TEXTS, max_size=3).map(Titles.model_construct),
    ),
    "discriminated": (Annotated[Bike | Boat, Field(discriminator="kind")], BIKES | BOATS),
    "recursive": (Branch, BRANCHES),
    "any": (Any, JSON),
}
UNIONS: Family = {
    "numbers": (bool | int | float | Decimal, st.booleans() | INTS | FLOATS | DECIMALS),
    "texts": (
        str | bytes | UUID | date | datetime | time,
        TEXTS | st.binary(max_size=3) | st.uuids() | st.dates() | NAIVE | AWARE | TIMES,
    ),
    "containers": (
        list[int] | dict[str, int] | set[int] | tuple[int, ...] | None,
        st.none()
        | st.lists(INTS, max_size=2)
        | st.sets(INTS, max_size=2)
        | st.lists(INTS, max_size=2).map(tuple)
        | st.dictionaries(TEXTS, INTS, max_size=2),
    ),
    "records": (Bike | Boat | Position | str, BIKES | BOATS | POSITIONS | TEXTS),
    "choices": (
        Suit | Size | int | str | None,
        st.none() | st.sampled_from([*Suit, *Size]) | INTS | TEXTS,
    ),
    "inside": (
        list[int | str | list[bool]],
        st.lists(INTS | TEXTS | st.lists(st.booleans(), max_size=2), max_size=3),
    ),
}
FAMILIES: dict[str, Family] = {
    "scalars": SCALARS,
    "time": TIME,
    "choices": CHOICES,
    "containers": CONTAINERS,
    "records": RECORDS,
    "unions": UNIONS,
}


@dataclass(frozen=True)
class Typed:
    """An annotation, values for it, and whether a set or a dict's key may be one."""

    annotation: Any
    values: st.SearchStrategy[Any]
    key: bool = False


_LEAVES = [
    *(
        Typed(annotation, values, key=True)
        for annotation, values in (*SCALARS.values(), *TIME.values())
    ),
    *(Typed(annotation, values) for annotation, values in (*CHOICES.values(), *RECORDS.values())),
]


def _around(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    keys = st.sampled_from([leaf for leaf in _LEAVES if leaf.key])
    return st.one_of(
        inner.map(lambda t: Typed(list[t.annotation], st.lists(t.values, max_size=3))),
        inner.map(lambda t: Typed(t.annotation | None, st.none() | t.values)),
        inner.map(
            lambda t: Typed(tuple[t.annotation, ...], st.lists(t.values, max_size=3).map(tuple))
        ),
        inner.map(lambda t: Typed(deque[t.annotation], st.lists(t.values, max_size=3).map(deque))),
        st.builds(
            lambda a, b: Typed(tuple[a.annotation, b.annotation], st.tuples(a.values, b.values)),
            inner,
            inner,
        ),
        st.builds(
            lambda k, t: Typed(
                dict[k.annotation, t.annotation], st.dictionaries(k.values, t.values, max_size=3)
            ),
            keys,
            inner,
        ),
        keys.map(lambda t: Typed(set[t.annotation], st.sets(t.values, max_size=3))),
    )


typed_annotations: st.SearchStrategy[Typed] = st.recursive(
    st.sampled_from(_LEAVES), _around, max_leaves=4
)
"""Annotations nested in each other, each with a strategy for its values."""
