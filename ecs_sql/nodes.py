"""Annotations as plain frozen values, which codecs, strategies and reports read.

A node says what values a field may hold, nothing of how they are stored. `metadata` is whatever stood
beside the type inside `Annotated`, outermost last; it takes no part in comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

RecordKind = Literal["model", "root", "dataclass", "typeddict", "namedtuple"]


class _Missing(Enum):
    MISSING = "missing"


MISSING = _Missing.MISSING
"""Stands where a record's field has no default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What an annotation may be."""

    metadata: tuple[Any, ...] = field(default=(), compare=False)

    @property
    def name(self) -> str:
        """A readable name of the type, stable over processes; unions are tagged by it."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class ScalarNode(Node):
    """One of the scalar types that need nothing but their class: int, str, UUID, Path, AnyUrl, ..."""

    type: type

    @property
    def name(self) -> str:
        return self.type.__name__


@dataclass(frozen=True, slots=True)
class DatetimeNode(Node):
    """A datetime: of either kind, only aware, or only naive."""

    kind: Literal["any", "aware", "naive"]

    @property
    def name(self) -> str:
        return {"any": "datetime", "aware": "AwareDatetime", "naive": "NaiveDatetime"}[self.kind]


@dataclass(frozen=True, slots=True)
class EnumNode(Node):
    """An Enum or Flag class."""

    type: type[Enum]

    @property
    def name(self) -> str:
        return self.type.__qualname__


@dataclass(frozen=True, slots=True)
class LiteralNode(Node):
    """`Literal[...]`; values are told apart by type as well."""

    values: tuple[Any, ...]

    @property
    def name(self) -> str:
        return f"Literal[{', '.join(map(repr, self.values))}]"


@dataclass(frozen=True, slots=True)
class NoneNode(Node):
    """`None`."""

    @property
    def name(self) -> str:
        return "None"


@dataclass(frozen=True, slots=True)
class AnyNode(Node):
    """`Any`: JSON-native values of exact types."""

    @property
    def name(self) -> str:
        return "Any"


@dataclass(frozen=True, slots=True)
class SecretNode(Node):
    """`SecretStr`, `SecretBytes`: storable only through a column type of the field's own."""

    type: type

    @property
    def name(self) -> str:
        return self.type.__name__


@dataclass(frozen=True, slots=True)
class ReferenceNode(Node):
    """One entity of one of these classes or of a subclass."""

    classes: tuple[type, ...]

    @property
    def name(self) -> str:
        return " | ".join(entity_class.__name__ for entity_class in self.classes)


@dataclass(frozen=True, slots=True)
class UnionNode(Node):
    """One of several alternatives, flat; `None` is a member like any other."""

    members: tuple[Node, ...]

    @property
    def name(self) -> str:
        return " | ".join(member.name for member in self.members)


@dataclass(frozen=True, slots=True)
class CollectionNode(Node):
    """list, set, frozenset, deque or a tuple of any length."""

    type: type
    item: Node

    @property
    def name(self) -> str:
        dots = ", ..." if self.type is tuple else ""
        return f"{self.type.__name__}[{self.item.name}{dots}]"


@dataclass(frozen=True, slots=True)
class TupleNode(Node):
    """A tuple of fixed length."""

    items: tuple[Node, ...]

    @property
    def name(self) -> str:
        return f"tuple[{', '.join(item.name for item in self.items)}]"


@dataclass(frozen=True, slots=True)
class DictNode(Node):
    """A dict; its key is a scalar."""

    key: Node
    value: Node

    @property
    def name(self) -> str:
        return f"dict[{self.key.name}, {self.value.name}]"


@dataclass(frozen=True, slots=True)
class RecordField:
    """One named field of a record.

    `default` makes the value of a field that an older stored form lacks, given the fields before it; it is
    MISSING where the class has no default. An excluded field is never stored and takes its default on load.
    """

    name: str
    node: Node | None
    default: Callable[[dict[str, Any]], Any] | _Missing = field(default=MISSING, compare=False)
    excluded: bool = False
    optional_key: bool = False


@dataclass(frozen=True, slots=True)
class RecordNode(Node):
    """A class of named fields: nested model, root model, dataclass, TypedDict or NamedTuple."""

    type: type
    kind: RecordKind
    fields: tuple[RecordField, ...] = field(compare=False)
    extra: bool = False
    arguments: tuple[Node, ...] = ()

    @property
    def name(self) -> str:
        if not self.arguments:
            return self.type.__qualname__
        return f"{self.type.__qualname__}[{', '.join(node.name for node in self.arguments)}]"


@dataclass(frozen=True, slots=True)
class RecursionNode(Node):
    """A record inside itself; stands for the enclosing RecordNode of the same class and arguments."""

    type: type
    arguments: tuple[Node, ...] = ()

    @property
    def name(self) -> str:
        return self.type.__qualname__


def inner_nodes(node: Node) -> tuple[Node, ...]:
    """The nodes that a node is directly made of."""
    match node:
        case UnionNode():
            return node.members
        case CollectionNode():
            return (node.item,)
        case TupleNode():
            return node.items
        case DictNode():
            return (node.key, node.value)
        case RecordNode():
            return tuple(item.node for item in node.fields if item.node is not None)
        case _:
            return ()


def all_nodes(node: Node) -> Iterator[Node]:
    """The node and everything inside it, outermost first."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        pending += reversed(inner_nodes(current))


def without_none(node: Node) -> Node:
    """What is left of an optional annotation besides None."""
    if not isinstance(node, UnionNode):
        return node
    members = tuple(member for member in node.members if not isinstance(member, NoneNode))
    return members[0] if len(members) == 1 else UnionNode(members)
