"""What each annotation means: the node that stands for it, or why it is refused."""

# ruff: noqa: UP006, UP007, UP045 - old spellings of annotations are tested too
from __future__ import annotations

import collections
import dataclasses
import enum
import queue
import typing
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Optional,
    TypeVar,
    Union,
)
from uuid import UUID

import pydantic
import pytest
from annotated_types import Ge
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    JsonValue,
    RootModel,
    SecretStr,
    create_model,
)
from typing_extensions import TypeAliasType, TypedDict

from ecs_sql import Entity, EntityMapping, InMemoryEntityStorage, errors
from ecs_sql.annotations import parse_field
from ecs_sql.nodes import (
    AnyNode,
    CollectionNode,
    DatetimeNode,
    DictNode,
    EnumNode,
    LiteralNode,
    Node,
    NoneNode,
    RecordNode,
    RecursionNode,
    ReferenceNode,
    ScalarNode,
    SecretNode,
    TupleNode,
    UnionNode,
    all_nodes,
)
from ecs_sql.resolution import model_fields

T = TypeVar("T")


class Color(enum.Enum):
    RED = 1


class Person(Entity):
    name: str = ""


class Tag(Entity):
    label: str = ""


class Point(NamedTuple):
    x: int
    y: int = 0


class Options(TypedDict):
    name: str
    size: NotRequired[int]


@dataclasses.dataclass
class Side:
    length: float


class Tree(BaseModel):
    value: int = 0
    children: list[Tree] = []


class Pair(BaseModel, Generic[T]):
    left: T
    right: T


class Names(RootModel[list[str]]):
    pass


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


Celsius = NewType("Celsius", float)
Labels = TypeAliasType("Labels", list[str])
Many = TypeAliasType("Many", list[T], type_params=(T,))

STR, INT, NONE = ScalarNode(str), ScalarNode(int), NoneNode()
PERSON, TAG = ReferenceNode((Person,)), ReferenceNode((Tag,))


def node_of(annotation: Any) -> Node:
    model = create_model("Sample", value=(annotation, ...))
    return parse_field(model_fields(model, {})["value"])


NODES: list[tuple[Any, Node]] = [
    *[(scalar, ScalarNode(scalar)) for scalar in (bool, int, float, str, bytes, Decimal, UUID)],
    (date, ScalarNode(date)),
    (Path, ScalarNode(Path)),
    (HttpUrl, ScalarNode(HttpUrl)),
    (datetime, DatetimeNode("any")),
    (pydantic.AwareDatetime, DatetimeNode("aware")),
    (pydantic.NaiveDatetime, DatetimeNode("naive")),
    (pydantic.PastDate, ScalarNode(date)),
    (Color, EnumNode(Color)),
    (Literal["a", 1, True], LiteralNode(("a", 1, True))),
    (Literal["a", Literal["b"]], LiteralNode(("a", "b"))),  # noqa: RUF041 - nested is tested too
    (None, NONE),
    (Any, AnyNode()),
    (JsonValue, AnyNode()),
    (SecretStr, SecretNode(SecretStr)),
    # What stands around a type
    (Optional[int], UnionNode((INT, NONE))),
    (int | None, UnionNode((INT, NONE))),
    (Union[int, Optional[str]], UnionNode((INT, STR, NONE))),
    (Annotated[int, Ge(0)], INT),
    (Annotated[Annotated[int, "inner"], "outer"], INT),
    (pydantic.PositiveInt, INT),
    (Celsius, ScalarNode(float)),
    (Labels, CollectionNode(list, STR)),
    (Many[int], CollectionNode(list, INT)),
    (Optional[Labels], UnionNode((CollectionNode(list, STR), NONE))),
    # Containers
    (list[int], CollectionNode(list, INT)),
    (typing.List[int], CollectionNode(list, INT)),
    (list, CollectionNode(list, AnyNode())),
    (set[str], CollectionNode(set, STR)),
    (typing.FrozenSet[str], CollectionNode(frozenset, STR)),
    (deque[int], CollectionNode(deque, INT)),
    (tuple[int, ...], CollectionNode(tuple, INT)),
    (tuple, CollectionNode(tuple, AnyNode())),
    (tuple[()], TupleNode(())),
    (tuple[int, str], TupleNode((INT, STR))),
    (dict[int, list[str]], DictNode(INT, CollectionNode(list, STR))),
    (dict, DictNode(STR, AnyNode())),
    (dict[Any, int], DictNode(STR, INT)),
    # References
    (Person, PERSON),
    (Person | None, UnionNode((PERSON, NONE))),
    (Person | Tag, ReferenceNode((Person, Tag))),
    (Person | str | Tag, UnionNode((ReferenceNode((Person, Tag)), STR))),
    (dict[str, list[Person]], DictNode(STR, CollectionNode(list, PERSON))),
    (tuple[Person, int], TupleNode((PERSON, INT))),
]


@pytest.mark.parametrize(("annotation", "node"), NODES, ids=lambda item: str(item)[:60])
def test_an_annotation_has_its_node(annotation: Any, node: Node) -> None:
    assert node_of(annotation) == node


def test_nodes_are_values() -> None:
    assert len({node for _, node in NODES}) < len(NODES)
    assert node_of(list[int]) == node_of(typing.List[int])
    assert hash(node_of(dict[str, Person])) == hash(node_of(dict[str, Person]))


def test_metadata_of_annotated_stands_beside_the_node() -> None:
    assert node_of(Annotated[Annotated[int, "inner"], "outer"]).metadata == ("inner", "outer")
    inner = node_of(list[Annotated[int, "item"]])
    assert isinstance(inner, CollectionNode)
    assert inner.item.metadata == ("item",)


@pytest.mark.parametrize(
    ("annotation", "kind", "names"),
    [
        (Tree, "model", ["value", "children"]),
        (Names, "root", ["root"]),
        (Side, "dataclass", ["length"]),
        (Options, "typeddict", ["name", "size"]),
        (Point, "namedtuple", ["x", "y"]),
    ],
)
def test_a_class_of_named_fields_is_a_record(annotation: Any, kind: str, names: list[str]) -> None:
    node = node_of(annotation)
    assert isinstance(node, RecordNode)
    assert (node.type, node.kind) == (annotation, kind)
    assert [field.name for field in node.fields] == names


def test_a_record_inside_itself_stands_for_the_enclosing_one() -> None:
    assert RecursionNode(Tree) in all_nodes(node_of(Tree))


def test_records_of_a_generic_class_differ_by_their_arguments() -> None:
    assert node_of(Pair[int]) != node_of(Pair[str])
    fields = {field.name: field.node for field in _record(Pair[int]).fields}
    assert fields == {"left": INT, "right": INT}


def test_extra_values_belong_to_a_record_whose_class_allows_them() -> None:
    assert _record(Open).extra
    assert not _record(Tree).extra


def _record(annotation: Any) -> RecordNode:
    node = node_of(annotation)
    assert isinstance(node, RecordNode)
    return node


# ---------------------------------------------------------------- refused

REFUSED: list[tuple[Any, str]] = [
    (object, "Any"),
    (complex, "exclude"),
    (type, "exclude"),
    (type[int], "exclude"),
    (Callable[[], int], "exclude"),
    (queue.Queue, "exclude"),
    (typing.Pattern[str], "exclude"),
    (SimpleNamespace, "exclude"),
    (Sequence[int], "list[...]"),
    (Iterable[int], "list[...]"),
    (Mapping[str, int], "dict[..., ...]"),
    (typing.OrderedDict[str, int], "dict[..., ...]"),
    (collections.defaultdict[str, int], "dict[..., ...]"),
    (collections.Counter[str], "dict[..., int]"),
    (dict[tuple[int, int], str], "scalar"),
    (dict[int | str, str], "scalar"),
    (dict[Person, str], "scalar"),
    (dict[frozenset[str], str], "scalar"),
    (list[dict[str, complex]], "exclude"),
    (enum.Enum("Empty", {}), "members"),
    (Literal["nul \0"], "characters"),
    (Literal[2**63], "text"),
    (T, "Box[int]"),
    (list[T], "Box[int]"),  # type: ignore[valid-type]
    (SecretStr, "encrypting"),
    (dict[str, SecretStr], "encrypting"),
]


class Loose(Entity):
    """Lets pydantic itself accept whatever class a field is annotated with."""

    __abstract__ = True
    model_config = ConfigDict(arbitrary_types_allowed=True)


@pytest.mark.parametrize(("annotation", "remedy"), REFUSED, ids=lambda item: str(item)[:60])
def test_a_refused_annotation_is_named_with_a_remedy(annotation: Any, remedy: str) -> None:
    refused = create_model(
        "Refused", __base__=Loose, __module__=__name__, fine=(int, 0), value=(annotation, None)
    )
    with pytest.raises(errors.MappingError) as caught:
        EntityMapping().register(refused)
    (fault,) = caught.value.faults
    assert (fault.entity_class, fault.field) == (refused, "value")
    assert fault.reason
    assert remedy in fault.remedy
    assert "Refused.value" in str(caught.value)


def test_memory_refuses_at_register_what_a_mapping_refuses_at_registration() -> None:
    refused = create_model(
        "Refused", __base__=Loose, __module__=__name__, value=(complex | None, None)
    )
    with pytest.raises(errors.MappingError, match="complex"):
        InMemoryEntityStorage().register(refused())


def test_an_excluded_field_may_be_of_any_type() -> None:
    class Cached(Loose):
        hook: Callable[[], int] | None = Field(default=None, exclude=True)
        lookup: dict[tuple[int, int], complex] = Field(default_factory=dict, exclude=True)

    mapping = EntityMapping()
    mapping.register(Cached)
    assert list(mapping.table(Cached).c.keys()) == ["id"]


def test_a_required_excluded_field_is_refused() -> None:
    class Needy(Entity):
        cache: int = Field(exclude=True)

    with pytest.raises(errors.MappingError) as caught:
        EntityMapping().register(Needy)
    (fault,) = caught.value.faults
    assert fault.field == "cache"
    assert "default" in fault.remedy


Forest = TypeAliasType("Forest", "list[Forest]")


class Wood(Entity):
    trees: Forest | None = None


Leaves = TypeAliasType("Leaves", Union[list["Leaves"], None])  # type: ignore[misc]


class Hedge(Entity):
    branches: Leaves = None


def test_an_alias_that_contains_itself_is_refused() -> None:
    with pytest.raises(errors.MappingError, match=r"Wood\.trees"):
        EntityMapping().register(Wood)


def test_an_alias_that_names_itself_is_told_apart_from_a_name_that_is_missing() -> None:
    with pytest.raises(errors.MappingError, match=r"Hedge\.branches.* contains itself; use Any"):
        EntityMapping().register(Hedge)
