"""Law 1 for values: what `register` accepted comes back equal and of the same type."""

# ruff: noqa: DTZ001, DTZ901 - naive moments are values like others
from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import HttpUrl

from ecs_sql.entity import Entity
from ecs_sql.testing.models import (
    Access,
    Aliased,
    Awkward,
    Box,
    Cat,
    Celsius,
    Color,
    Containers,
    Crate,
    Dog,
    Engine,
    IntCrate,
    LabelledReport,
    Letter,
    Level,
    Models,
    Names,
    Open,
    Person,
    Point,
    Scalars,
    Tag,
    Unions,
)
from ecs_sql.testing.pictures import assert_same_graph, assert_same_value
from ecs_sql.testing.support import StorageHooks

HOSTILE_TEXTS = [
    "",
    " ",
    "trailing ",
    "trailing",
    "\tTab\r\nline\n",
    'It\'s "quoted"; DROP TABLE base_entities; --',
    "back\\slash \\n \\u0041",
    "100% %s %(name)s :name ?",
    "[1, null]",
    "null",
    "é",
    "e\u0301",
    "𝄞 😀 漢字 \u202e\ufeff\ufffd",
    "ẞ ß SS ss İ i̇",
    "\x01\x1f\x7f\x85\u2028",
    "x" * 70_000,
]

INDIA = timezone(timedelta(hours=5, minutes=30))
ODD_ZONE = timezone(-timedelta(hours=3, minutes=17, seconds=11, microseconds=5))
BERLIN = ZoneInfo("Europe/Berlin")

NAIVE_MOMENTS = [
    datetime.min,
    datetime.max,
    datetime(1582, 10, 10, 1, 2, 3, 4),
    datetime(2024, 2, 29, 23, 59, 59, 999_999),
]
AWARE_MOMENTS = [
    datetime(1, 1, 2, tzinfo=UTC),
    datetime(9999, 12, 30, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=INDIA),
    datetime(2024, 7, 1, 12, tzinfo=ODD_ZONE),
    datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN),
    datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=1),
]

SCALARS: Mapping[str, Sequence[Any]] = {
    "flag": [True, False],
    "count": [0, 1, -1, 2**31, -(2**63), 2**63 - 1],
    "ratio": [
        0.0,
        -0.0,
        0.1,
        1.0,
        -1e-308,
        5e-324,
        1.7976931348623157e308,
        1e16,
        123456789.12345679,
    ],
    "text": HOSTILE_TEXTS,
    "data": [b"", b"\x00", bytes(range(256)), b"'", b"x" * 70_000],
    "price": [
        Decimal(text)
        for text in (
            "0",
            "-0",
            "0.00",
            "1",
            "1.0",
            "1.00",
            "1E+3",
            "1E-20",
            "-12345678901234567890.123456789",
        )
    ],
    "key": [
        UUID(int=0),
        UUID(int=2**128 - 1),
        UUID("12345678-1234-5678-1234-567812345678"),
        UUID("f10cc4f3-ae39-b89a-01cf-e9d7627bffe1"),
    ],
    "day": [date.min, date.max, date(2024, 2, 29)],
    "clock": [
        time.min,
        time.max,
        time(1, 2, 3, 4),
        time(12, 0, tzinfo=UTC),
        time(12, 0, tzinfo=INDIA),
    ],
    "moment": [*NAIVE_MOMENTS, *AWARE_MOMENTS],
    "aware": [None, *AWARE_MOMENTS],
    "naive": [None, *NAIVE_MOMENTS],
    "span": [
        timedelta(0),
        timedelta.min,
        timedelta.max,
        timedelta(microseconds=-1),
        timedelta(days=1, seconds=2),
    ],
    "color": list(Color),
    "level": list(Level),
    "access": [Access(0), Access.READ, Access.READ | Access.EXECUTE, ~Access(0)],
    "mode": ["r", "w", 1],
    "path": [Path(), Path("/"), Path("a b/ç/%s"), Path("../x.tar.gz")],
    "ip4": [IPv4Address("0.0.0.0"), IPv4Address("255.255.255.255")],  # noqa: S104 - values, no sockets
    "ip6": [IPv6Address("::"), IPv6Address("2001:db8::1")],
    "url": [
        None,
        HttpUrl("https://user@example.com:8080/a%20b?q=%s&r=1#f"),
        HttpUrl("http://bücher.example/"),
    ],
    "temperature": [Celsius(-273.15)],
    "percent": [0, 100],
}

UNIONS: Mapping[str, Sequence[Any]] = {
    "maybe": [None, "", "null", "None"],
    "number": [None, True, 1, 1.0, False, 0, 0.0, 2**62],
    "anything": [
        None,
        True,
        1,
        1.0,
        "1",
        b"1",
        Decimal(1),
        Decimal("1.0"),
        UUID(int=1),
        date(2024, 1, 1),
        datetime(2024, 1, 1),
        datetime(2024, 1, 1, tzinfo=UTC),
        "2024-01-01",
        str(UUID(int=1)),
    ],
    "color_or_level": [None, Color.RED, Level.LOW, Color.NONE],
    "one_or_many": [0, [], [0], [1, 1]],
    "optional_items": [[], [None], [0, None, 1]],
    "keyed": [{}, {"": None, "a": 1, "b": "1"}, {"b": "1", "a": 1}],
}

CONTAINERS: Mapping[str, Sequence[Any]] = {
    "numbers": [[], [1, 1, 0], [2**70, -(2**70)], list(range(1000))],
    "ratios": [[], [1.0, 0.5, 1e300, -0.0]],
    "pair": [(0, ""), (-1, "null")],
    "row": [(), (Decimal("1.0"), Decimal("1.00"))],
    "words": [set(), {"", "a", "A", "a "}],
    "keys": [frozenset(), frozenset({UUID(int=0), UUID(int=1)})],
    "table": [{}, {"b": 1, "a": 2, "": 3, "a b'\"\\%": 4}],
    "by_number": [{}, {2: "b", 1: "a", -1: ""}],
    "by_day": [{date.max: Decimal("1.10"), date.min: Decimal("1.1")}],
    "by_key": [{UUID(int=1): b"\x00", UUID(int=0): b""}],
    "by_color": [{Color.GREEN: True, Color.NONE: False}],
    "by_flag": [{True: "yes", False: "no"}],
    "by_moment": [dict.fromkeys([*NAIVE_MOMENTS, *AWARE_MOMENTS], 1)],
    "by_choice": [{"a": 1, 1: 2}],
    "queue": [deque(), deque([3, 1, 2]), deque([1, 2], maxlen=2)],
    "labels": [[], ["a", "a"]],
    "nested": [{}, {"k": [(1, {"x", "y"}), (0, set())], "": []}],
}

MODELS: Mapping[str, Sequence[Any]] = {
    "options": [{}, {"name": "n"}, {"price": Decimal("1.50")}, {"name": "", "price": Decimal(0)}],
    "point": [Point(1.0, -2.5)],
    "box": [None, Box(1, []), Box(-1, [Point(0.5), Point(0.5, 1.0)])],
    "engine": [
        None,
        Engine(power=Decimal("1.0")),
        Engine(power=Decimal(2), built=date(1999, 12, 31)),
    ],
    "engines": [{}, {"a": [], "b": [Engine(power=Decimal(1)), Engine(power=Decimal(1))]}],
    "pet": [None, Cat(lives=1), Dog(tricks=["sit", ""])],
    "pets": [[], [Dog(), Cat(), Dog(tricks=["x"])]],
    "names": [Names([]), Names(["a", ""])],
    "free": [
        None,
        0,
        1.0,
        True,
        "x",
        [],
        {},
        {"b": [1, 1.0, True, None, {"": "z"}], "a": ""},
        [[[[]]]],
    ],
}


class RoundTripContract(StorageHooks):
    """Every family of values comes back as it was; a table of hostile values for each field."""

    def test_scalars_come_back_as_they_were(self) -> None:
        self._check_fields(Scalars, SCALARS)

    def test_unions_keep_the_type_of_their_value(self) -> None:
        self._check_fields(Unions, UNIONS)

    def test_containers_keep_order_duplicates_and_types(self) -> None:
        self._check_fields(Containers, CONTAINERS)

    def test_structured_values_come_back_as_they_were(self) -> None:
        self._check_fields(Models, MODELS)

    def test_extra_fields_come_back_as_they_were(self) -> None:
        storage = self.make_storage([Open])
        contents: list[dict[str, Any]] = [
            {},
            {"name": "n", "x": 1, "y": [1.0, None]},
            {"odd name": {"a": True}, "é": "ü", "": 0},
        ]
        entities = [Open.model_validate(content) for content in contents]
        storage.register_many(entities)
        for entity in entities:
            assert_same_graph(storage.get(entity.ecs_id), entity)

    def test_aliased_fields_are_stored_by_their_own_names(self) -> None:
        storage = self.make_storage([Aliased])
        entity = Aliased.model_validate({"fullName": "Ada", "givenSize": 3})
        storage.register(entity)
        loaded = storage.get(entity.ecs_id, Aliased)
        assert_same_graph(loaded, entity)
        assert loaded is not None
        assert (loaded.name, loaded.size) == ("Ada", 3)

    def test_generic_classes_are_as_good_as_others(self) -> None:
        storage = self.make_storage([Crate[str], IntCrate])
        texts, numbers = Crate[str](item="1", more=["a"]), IntCrate(item=1, more=[2, 2])
        entities: list[Entity] = [texts, numbers]
        storage.register_many(entities)
        assert_same_graph(storage.get(texts.ecs_id, Crate[str]), texts)
        assert_same_graph(storage.get(numbers.ecs_id, IntCrate), numbers)

    def test_inherited_fields_come_back_whatever_they_are_inherited_from(self) -> None:
        storage = self.make_storage([LabelledReport])
        letter = Letter(stamp=2, text="dear", approved_by=Person(name="p"))
        report = LabelledReport(title="t", stamp=1, pages=3, label="l", appendix=letter)
        storage.register(report)
        assert_same_graph(storage.get(report.ecs_id, LabelledReport), report)

    def test_no_field_name_is_in_the_way(self) -> None:
        storage = self.make_storage([Awkward])
        tag = Tag(label="t")
        awkward = Awkward(
            id=7,
            type="entity",
            metadata={"a": 1},
            select="*",
            order=-1,
            group=["by"],
            user=tag,
            user_id=5,
        )
        awkward.users, awkward.users_ids, awkward.größe_in_metern, awkward.名前 = (
            [tag, tag],
            "1,2",
            1.5,
            "名",
        )
        storage.register(awkward)
        assert_same_graph(storage.get(awkward.ecs_id, Awkward), awkward)
        awkward.Name = "changed"
        storage.register(awkward)
        assert_same_graph(storage.get(awkward.ecs_id, Awkward), awkward)

    def test_an_int_in_a_float_field_is_the_float_that_it_equals(self) -> None:
        storage = self.make_storage([Scalars])
        entity = Scalars()
        entity.ratio = 3
        storage.register(entity)
        before = entity.ecs_id
        loaded = storage.get(before, Scalars)
        assert loaded is not None
        assert_same_value(loaded.ratio, 3.0)
        entity.ratio = 3.0
        storage.register(entity)
        assert entity.ecs_id == before

    def test_types_tell_contents_apart(self) -> None:
        for field, values in (("number", [1, True, 1.0, None, 0]), ("one_or_many", [1, [1]])):
            self._check_that_each_is_a_version(Unions, field, values)
        self._check_that_each_is_a_version(
            Scalars, "price", [Decimal("1.0"), Decimal("1.00"), Decimal(1)]
        )
        self._check_that_each_is_a_version(
            Containers, "table", [{"a": 1, "b": 2}, {"b": 2, "a": 1}]
        )
        self._check_that_each_is_a_version(Scalars, "text", ["a", "A", "a ", "á", "a\u0301"])

    def test_equal_contents_are_one_version(self) -> None:
        storage = self.make_storage([Scalars])
        noon = datetime(2024, 7, 1, 12, tzinfo=UTC)
        entity = Scalars(ratio=0.0, aware=noon, moment=noon)
        storage.register(entity)
        before = entity.ecs_id
        entity.ratio, entity.aware, entity.moment = (
            -0.0,
            noon.astimezone(INDIA),
            noon.astimezone(BERLIN),
        )
        storage.register(entity)
        assert entity.ecs_id == before

    def test_the_order_of_a_set_is_not_content(self) -> None:
        storage = self.make_storage([Containers])
        entity = Containers(words={f"word {n}" for n in range(50)})
        storage.register(entity)
        before = entity.ecs_id
        entity.words = {f"word {n}" for n in reversed(range(50))}
        storage.register(entity)
        assert entity.ecs_id == before

    def _check_fields(self, entity_class: type[Entity], table: Mapping[str, Sequence[Any]]) -> None:
        storage = self.make_storage([entity_class])
        entities = [
            _with(entity_class, field, value) for field, values in table.items() for value in values
        ]
        storage.register_many(entities)
        for loaded, entity in zip(
            storage.get_many([e.ecs_id for e in entities]), entities, strict=True
        ):
            assert_same_graph(loaded, entity)
        assert storage.get_registry_status().versions == len(entities)
        storage.register_many(list(storage.list_by_type(entity_class)))
        assert storage.get_registry_status().versions == len(entities), (
            "a reload looked like a change"
        )

    def _check_that_each_is_a_version(
        self, entity_class: type[Entity], field: str, values: Sequence[Any]
    ) -> None:
        storage = self.make_storage([entity_class])
        entity = entity_class()
        versions = set()
        for value in values:
            setattr(entity, field, value)
            storage.register(entity)
            versions.add(entity.ecs_id)
            assert_same_graph(storage.get(entity.ecs_id), entity)
        assert len(versions) == len(values)


def _with(entity_class: type[Entity], field: str, value: Any) -> Entity:
    entity = entity_class()
    setattr(entity, field, value)
    return entity
