"""How many entities of a class one value of a field may hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ecs_sql.fields import EntityClass
from ecs_sql.nodes import (
    CollectionNode,
    DictNode,
    Node,
    RecordNode,
    RecursionNode,
    ReferenceNode,
    TupleNode,
    UnionNode,
    all_nodes,
    inner_nodes,
)


class Multiplicity(NamedTuple):
    """From `least` to `most`; without an end where `most` is None."""

    least: int
    most: int | None

    def __str__(self) -> str:
        """As in UML: `1`, `0..1`, `*`."""
        if self.most is None:
            return "*" if self.least == 0 else f"{self.least}..*"
        return str(self.least) if self.least == self.most else f"{self.least}..{self.most}"


def multiplicity(node: Node, target: EntityClass) -> Multiplicity:
    """How many references to `target` a value of the node holds."""
    match node:
        case ReferenceNode(classes=classes):
            return Multiplicity(int(classes == (target,)), int(target in classes))
        case UnionNode():
            return _one_of(multiplicity(inner, target) for inner in inner_nodes(node))
        case CollectionNode() | DictNode():
            return _any_number_of(multiplicity(inner, target) for inner in inner_nodes(node))
        case TupleNode() | RecordNode():
            total = _all_of(multiplicity(inner, target) for inner in inner_nodes(node))
            return Multiplicity(total.least, None) if total.most and _recurs(node) else total
        case _:
            return Multiplicity(0, 0)


def _recurs(node: Node) -> bool:
    """Whether a record may stand inside itself."""
    return any(isinstance(inner, RecursionNode) for inner in all_nodes(node))


def _one_of(each: Iterable[Multiplicity]) -> Multiplicity:
    items = list(each)
    return Multiplicity(min(item.least for item in items), _most(items, max))


def _all_of(each: Iterable[Multiplicity]) -> Multiplicity:
    items = list(each)
    return Multiplicity(sum(item.least for item in items), _most(items, sum))


def _any_number_of(each: Iterable[Multiplicity]) -> Multiplicity:
    return Multiplicity(0, None if any(item.most != 0 for item in each) else 0)


def _most(items: list[Multiplicity], joined: Callable[[list[int]], int]) -> int | None:
    """The most of all items together; None where one has no end."""
    most = [item.most for item in items if item.most is not None]
    return joined(most) if len(most) == len(items) else None
