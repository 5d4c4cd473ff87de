"""Values of their annotations on every backend: the forms that take care, and what is refused."""

from __future__ import annotations

import dataclasses
import enum
from collections import deque
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, NotRequired
from uuid import UUID

import pytest
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    NaiveDatetime,
    RootModel,
    create_model,
)
from sqlalchemy import Integer, Numeric, SmallInteger, String
from typing_extensions import TypedDict

from ecs_sql import Entity, InMemoryEntityStorage, errors
from ecs_sql.testing import assert_same_graph, assert_same_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conftest import MakeSqlStorage, MakeStorage, Reopen


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Access(enum.Flag):
    READ = 1
    WRITE = 2


def entity_of(annotation: Any) -> type[Any]:
    return create_model("Sample", __base__=Entity, __module__=__name__, value=(annotation, ...))


def stored(make_storage: MakeStorage, annotation: Any, *values: Any) -> None:
    """Each value comes back as it was, and is no change when it is registered again."""
    all_stored(make_storage, [(annotation, list(values))])


def all_stored(make_storage: MakeStorage, table: Sequence[tuple[Any, list[Any]]]) -> None:
    """The same for a table of annotations and values, as fields of one class."""
    fields: dict[str, Any] = {f"value_{i}": (item, None) for i, (item, _) in enumerate(table)}
    entity_class: Any = create_model("Sample", __base__=Entity, __module__=__name__, **fields)
    storage = make_storage(entity_class)
    entities = []
    for i in range(max(len(values) for _, values in table)):
        entity = entity_class()
        for name, (_, values) in zip(fields, table, strict=True):
            setattr(entity, name, values[i % len(values)])
        entities.append(entity)
    storage.register_many(entities)
    loaded = storage.get_many([entity.ecs_id for entity in entities])
    for entity, back in zip(entities, loaded, strict=True):
        assert_same_graph(back, entity)
    storage.register_many([entity for entity in loaded if entity is not None])
    assert storage.get_registry_status().versions == len(entities)


def refused(annotation: Any, *values: Any) -> None:
    """Each value is refused by the field's name."""
    storage, entity_class = InMemoryEntityStorage(), entity_of(annotation)
    for value in values:
        with pytest.raises(errors.UnstorableValueError, match="value") as caught:
            storage.register(entity_class.model_construct(value=value))
        assert caught.value.field == "value"
    assert storage.get_registry_status().versions == 0


# ---------------------------------------------------------------- containers


def test_a_set_is_stored_sorted(make_sql_storage: MakeSqlStorage) -> None:
    entity_class = entity_of(set[int])
    storage = make_sql_storage(entity_class)
    entity = entity_class(value={10, 9, 2, -1})
    storage.register(entity)
    with storage.engine.connect() as connection:
        table = storage.mapping.table(entity_class)
        form = connection.exec_driver_sql(f"SELECT value FROM {table.name}").scalar_one()
    texts = str(form).strip("[]").replace(" ", "").split(",")
    assert texts == sorted(texts)
    before = entity.ecs_id
    entity.value = {-1, 2, 9, 10}
    storage.register(entity)
    assert entity.ecs_id == before


KEYS: list[tuple[Any, list[Any]]] = [
    (str, ["", "a", "null", "1", "größe"]),
    (int, [0, -1, 2**70]),
    (bool, [True, False]),
    (float, [0.5, -1e300, 1.0]),
    (bytes, [b"", b"\x00\xff"]),
    (Decimal, [Decimal("1.5"), Decimal("1E+3")]),
    (UUID, [UUID(int=0), UUID(int=2**128 - 1)]),
    (date, [date(1, 1, 1), date(9999, 12, 31)]),
    (time, [time(0), time(23, 59, 59, 999999)]),
    (datetime, [datetime(2024, 1, 1), datetime(2024, 1, 1, tzinfo=UTC)]),
    (AwareDatetime, [datetime(2024, 1, 1, tzinfo=UTC)]),
    (timedelta, [timedelta(0), timedelta(days=-1)]),
    (Color, [Color.RED, Color.BLUE]),
    (Access, [Access.READ, Access.READ | Access.WRITE, Access(0)]),
    (Literal[2, 10], [10, 2]),
    (Literal["a", "1"], ["a", "1"]),
    (Path, [Path("a/b"), Path()]),
    (IPv4Address, [IPv4Address("10.0.0.1")]),
]


def test_a_dict_takes_keys_of_every_scalar_in_their_order(make_storage: MakeStorage) -> None:
    table: list[tuple[Any, list[Any]]] = []
    for key, values in KEYS:
        forwards = {value: index for index, value in enumerate(values)}
        table.append((dict[key, int], [{}, forwards, dict(reversed(forwards.items()))]))
    all_stored(make_storage, table)


@pytest.mark.parametrize("annotation", [datetime, NaiveDatetime])
def test_which_of_two_equal_local_times_was_meant_is_kept_nowhere(
    make_storage: MakeStorage, annotation: Any
) -> None:
    sample = entity_of(annotation)(value=datetime(2025, 10, 26, 2, 30, fold=1))
    storage = make_storage(type(sample))
    storage.register(sample)
    loaded: Any = storage.get(sample.ecs_id)
    assert (loaded.value, loaded.value.fold) == (sample.value, 0)


def test_a_deque_keeps_its_maxlen(make_storage: MakeStorage) -> None:
    values = [deque(), deque([1, 2]), deque([1, 2], maxlen=2), deque(maxlen=0)]
    stored(make_storage, deque[int], *values)
    entity_class = entity_of(deque[int])
    storage = make_storage(entity_class)
    entity = entity_class.model_construct(value=deque([1, 2], maxlen=5))
    storage.register(entity)
    loaded: Any = storage.get(entity.ecs_id)
    assert loaded.value.maxlen == 5
    before = entity.ecs_id
    entity.value = deque([1, 2])
    storage.register(entity)
    assert entity.ecs_id != before


def test_a_deque_of_references_keeps_its_maxlen(make_storage: MakeStorage) -> None:
    class Job(Entity):
        name: str = ""

    class Queue(Entity):
        jobs: deque[Job] = deque(maxlen=3)

    storage = make_storage(Queue)
    queue = Queue(jobs=deque([Job(name="a"), Job(name="b")], maxlen=3))
    storage.register(queue)
    loaded = storage.get(queue.ecs_id, Queue)
    assert_same_graph(loaded, queue)
    assert loaded is not None
    assert loaded.jobs.maxlen == queue.jobs.maxlen


# ---------------------------------------------------------------- unions


class Circle(BaseModel):
    kind: Literal["circle"] = "circle"
    size: float = 0.0


class Square(BaseModel):
    kind: Literal["square"] = "square"
    size: float = 0.0


class Plain(BaseModel):
    size: float = 0.0


class Other(BaseModel):
    size: float = 0.0


UNIONS: list[tuple[Any, list[Any]]] = [
    (int | str, [1, "1"]),
    (bool | int | float, [True, 1, 1.0, False, 0, 0.0]),
    (float | int, [1, 1.0]),
    (str | bytes | UUID, ["a", b"a", UUID(int=1), str(UUID(int=1))]),
    (date | datetime | str, [date(2024, 1, 1), datetime(2024, 1, 1), "2024-01-01"]),
    (list[int] | tuple[int, ...] | set[int], [[1], (1,), {1}]),
    (list[int] | list[str], [[1], ["1"], []]),
    (dict[str, int] | Plain, [{"size": 1}, Plain(size=1.0)]),
    (Plain | Other, [Plain(size=1.0), Other(size=1.0)]),
    (Annotated[Circle | Square, Field(discriminator="kind")], [Circle(size=1.0), Square(size=1.0)]),
    (int | str | None, [1, "1", None]),
    (list[int | None], [[1, None, 2], []]),
    (Literal["a"] | int, ["a", 1]),
    (Literal[1, None], [1, None]),  # noqa: PYI061 - this spelling is tested
    (Color | str, [Color.RED, "RED"]),
    (Decimal | float, [Decimal("1.0"), 1.0]),
]


def test_a_union_keeps_the_type_of_its_value(make_storage: MakeStorage) -> None:
    all_stored(make_storage, UNIONS)
    all_stored(make_storage, [(list[union], [values]) for union, values in UNIONS])


def test_the_form_of_a_union_does_not_depend_on_the_order_of_its_members(
    make_sql_storage: MakeSqlStorage, reopen: Reopen
) -> None:
    first, other = entity_of(int | str | Decimal), entity_of(Decimal | str | int)
    storage = make_sql_storage(first)
    entity = first(value="1")
    storage.register(entity)
    loaded: Any = reopen(storage, other).get(entity.ecs_id)
    assert_same_value(loaded.value, "1")


# ---------------------------------------------------------------- records


class Tree(BaseModel):
    name: str = ""
    children: list[Tree] = []
    left: Tree | None = None


@dataclasses.dataclass
class Link:
    next: Link | None = None


def chain(levels: int) -> Link:
    """A dataclass that contains itself that many times."""
    link = Link()
    for _ in range(levels - 1):
        link = Link(link)
    return link


def nested(levels: int) -> Any:
    """A list inside a list, that many in all."""
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def test_a_hundred_levels_are_accepted(make_storage: MakeStorage) -> None:
    stored(make_storage, Any, nested(100), {"a": nested(99)})
    stored(make_storage, Link, chain(100))


def test_more_than_a_hundred_levels_are_refused() -> None:
    refused(Any, nested(101), {"a": nested(100)})
    refused(Link, chain(102))


def test_a_value_that_contains_itself_is_refused() -> None:
    free: list[Any] = [1]
    free.append(free)
    table: dict[str, Any] = {}
    table["self"] = table
    refused(Any, free, [[table]])
    tree = Tree()
    tree.children.append(tree)
    link = Link()
    link.next = Link(link)
    refused(Tree, tree)
    refused(list[Link], [link])
    loop: list[Any] = []
    loop.append(loop)
    refused(list[list[int]], loop)


def test_a_shared_value_is_no_value_that_contains_itself(make_storage: MakeStorage) -> None:
    leaf = Tree(name="leaf")
    inner = [1]
    stored(make_storage, Any, [inner, inner])
    stored(make_storage, Tree, Tree(children=[leaf, leaf], left=leaf))


class Maybe(RootModel[int | None]):
    pass


class Words(RootModel[dict[str, list[str]]]):
    pass


def test_a_root_model_may_hold_null(make_storage: MakeStorage) -> None:
    stored(make_storage, Maybe, Maybe(None), Maybe(1))
    stored(make_storage, Maybe | None, Maybe(None), None, Maybe(1))
    stored(make_storage, list[Maybe | None], [Maybe(None), None, Maybe(1)])
    stored(make_storage, Words, Words({}), Words({"a": ["b"]}))


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")

    name: str = ""


def test_extra_values_of_a_nested_model_are_plain_data(make_storage: MakeStorage) -> None:
    stored(make_storage, Open, Open(), Open(name="a", more=[1, {"b": None}], other=1.5))
    refused(Open, Open(more=Decimal(1)), Open(more=(1,)), Open(more=Open()))


class Options(TypedDict):
    name: str
    size: NotRequired[int | None]


class Point(NamedTuple):
    x: int
    label: str = "none"


def test_a_typed_dict_keeps_which_keys_it_has_in_their_order(make_storage: MakeStorage) -> None:
    values = [{"name": "a"}, {"name": "a", "size": None}, {"size": 1, "name": "a"}]
    stored(make_storage, Options, *values)
    refused(Options, {}, {"size": 1}, {"name": "a", "colour": "red"}, {"name": 1})


def test_records_of_every_kind_are_of_their_exact_class(make_storage: MakeStorage) -> None:
    class Named(Plain):
        name: str = ""

    class Place(Point):
        pass

    stored(make_storage, Point, Point(1), Point(1, "a"))
    refused(Point, (1, "a"), Place(1))
    refused(Plain, Named(), {"size": 1.0}, None)
    refused(list[Plain], [Plain(), Named()])


class Old(BaseModel):
    name: str


class New(BaseModel):
    name: str
    size: int = 7
    words: list[str] = Field(default_factory=lambda: ["made"])


def test_an_older_form_of_a_nested_model_takes_the_defaults_of_what_is_new(
    make_sql_storage: MakeSqlStorage, reopen: Reopen
) -> None:
    old = entity_of(Old)(value=Old(name="a"))
    storage = make_sql_storage(type(old))
    storage.register(old)
    newer = reopen(storage, entity_of(New))
    loaded: Any = newer.get(old.ecs_id)
    assert_same_value(loaded.value, New(name="a", size=7, words=["made"]))
    newer.register(loaded)
    assert loaded.ecs_id == old.ecs_id
    assert storage.get_registry_status().versions == 1
    loaded.value.words.append("changed")
    newer.register(loaded)
    assert loaded.parent_id == old.ecs_id
    again: Any = newer.get(old.ecs_id)
    assert again.value.words == ["made"]


def test_an_older_form_without_a_value_for_a_required_field_is_an_error(
    make_sql_storage: MakeSqlStorage, reopen: Reopen
) -> None:
    class Stricter(BaseModel):
        name: str
        size: int

    old = entity_of(Old)(value=Old(name="a"))
    storage = make_sql_storage(type(old))
    storage.register(old)
    with pytest.raises(errors.StoredValueError, match="size"):
        reopen(storage, entity_of(Stricter)).get(old.ecs_id)


# ---------------------------------------------------------------- a column's own wish

Price = Annotated[Decimal, Numeric(6, 2)]


def test_numeric_keeps_what_fits_and_refuses_the_rest(make_storage: MakeStorage) -> None:
    values = [Decimal(text) for text in ("0.00", "9999.99", "-9999.99", "0.01")]
    stored(make_storage, Price, *values)
    stored(make_storage, Price | None, None, Decimal("1.50"))
    refused(
        Price, *map(Decimal, ("10000.00", "0.001", "NaN", "Infinity", "1E+4", "1e-400")), 1, 1.0
    )


def test_numeric_makes_one_content_of_equal_numbers(make_storage: MakeStorage) -> None:
    entity_class = entity_of(Price)
    storage = make_storage(entity_class)
    entity = entity_class(value=Decimal("1.5"))
    storage.register(entity)
    loaded: Any = storage.get(entity.ecs_id)
    assert_same_value(loaded.value, Decimal("1.50"))
    for text in ("1.50", "15E-1", "1.5000"):
        entity.value = Decimal(text)
        storage.register(entity)
    assert storage.get_registry_status().versions == 1


LIMITS: list[tuple[Any, list[Any], list[Any]]] = [
    (Annotated[str, String(3)], ["", "äöü", "😀😀😀", "a  "], ["abcd", "😀😀😀 "]),
    (Annotated[int, SmallInteger], [32767, -32768], [32768, -32769]),
    (Annotated[int, Integer], [2**31 - 1, -(2**31)], [2**31, -(2**31) - 1]),
    (int, [2**63 - 1, -(2**63)], [2**63, -(2**63) - 1]),
    (list[int], [[2**63, -(2**200)]], [[1.5]]),
]


def test_a_column_takes_what_fits(make_storage: MakeStorage) -> None:
    all_stored(make_storage, [(annotation, fitting) for annotation, fitting, _ in LIMITS])


@pytest.mark.parametrize(("annotation", "fitting", "too_large"), LIMITS, ids=str)
def test_a_column_refuses_what_does_not_fit(
    annotation: Any, fitting: list[Any], too_large: list[Any]
) -> None:
    refused(annotation, *too_large)
