"""From an entity to all that is reachable from it, iteratively; nodes are told apart by `is`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import NamedTuple

from ecs_sql.entity_codec import EntityCodec, codec_of
from ecs_sql.errors import NotAnEntityError, UnregisteredClassError
from ecs_sql.identity import IdentifiedModel

CodecFor = Callable[[type[IdentifiedModel]], EntityCodec]


class Group(NamedTuple):
    """The nodes of exactly one class, in order, and the codec of that class."""

    codec: EntityCodec
    nodes: list[IdentifiedModel]


_MANY = 8
"""Fewer are added as quickly one by one."""


class Graph:
    """The entities reachable from some roots: each object once, before what it refers to, depth-first.

    Attributes:
        nodes: the entities in that order.
        children: per node, by position, the entities that it refers to.
        groups: the nodes of each exact class.
    """

    __slots__ = ("_codec_for", "_visited", "children", "groups", "nodes")

    def __init__(self, roots: Iterable[IdentifiedModel], codec_for: CodecFor = codec_of) -> None:
        self._codec_for = codec_for
        self._visited: set[int] = set()
        self.nodes: list[IdentifiedModel] = []
        self.children: list[Sequence[IdentifiedModel]] = []
        self.groups: dict[type[IdentifiedModel], Group] = {}
        first = list(roots)
        if not self._add_leaves(first):
            self._add_reachable(first)

    def _add_reachable(self, roots: list[IdentifiedModel]) -> None:
        nodes, all_children, groups, visited = self.nodes, self.children, self.groups, self._visited
        pending = roots[::-1]
        while pending:
            entity = pending.pop()
            number = id(entity)
            if number in visited:
                continue
            visited.add(number)
            codec, own = groups.get(type(entity)) or self._group(entity)
            own.append(entity)
            nodes.append(entity)
            children = codec.children(entity) if codec.may_have_children else ()
            all_children.append(children)
            if children and not self._add_leaves(children):
                pending.extend(reversed(children))

    def _add_leaves(self, entities: Sequence[IdentifiedModel]) -> bool:
        """Add these at once; False, and nothing is added, unless all are new, of one class, and refer to nothing."""
        if len(entities) < _MANY or len(set(map(type, entities))) > 1:
            return False
        first = entities[0]
        codec, own = self.groups.get(type(first)) or self._group(first)
        numbers = set(map(id, entities))
        if (
            codec.may_have_children
            or len(numbers) < len(entities)
            or not self._visited.isdisjoint(numbers)
        ):
            return False
        self._visited |= numbers
        own.extend(entities)
        self.nodes.extend(entities)
        self.children.extend(repeat((), len(entities)))
        return True

    def _group(self, entity: IdentifiedModel) -> Group:
        """The group of an entity's class, which is made."""
        group = self.groups[type(entity)] = Group(_codec_of(entity, self._codec_for), [])
        return group

    def referrers(self) -> dict[int, list[IdentifiedModel]]:
        """The nodes that refer to each node, by the `id()` of the latter."""
        found: dict[int, list[IdentifiedModel]] = {}
        for node, children in zip(self.nodes, self.children, strict=True):
            for child in children:
                found.setdefault(id(child), []).append(node)
        return found


def _codec_of(entity: IdentifiedModel, codec_for: CodecFor) -> EntityCodec:
    if not issubclass(type(entity), IdentifiedModel):
        raise NotAnEntityError(entity)
    try:
        return codec_for(type(entity))
    except UnregisteredClassError as error:
        raise UnregisteredClassError(error.entity_class, entity.ecs_id) from None
