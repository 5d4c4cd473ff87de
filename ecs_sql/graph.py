"""From an entity to all that is reachable from it, iteratively; nodes are told apart by `is`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from ecs_sql.entity_codec import EntityCodec, codec_of
from ecs_sql.errors import NotAnEntityError, UnregisteredClassError
from ecs_sql.identity import IdentifiedModel

CodecFor = Callable[[type[IdentifiedModel]], EntityCodec]


class Group(NamedTuple):
    """The nodes of exactly one class, in order, and the codec of that class."""

    codec: EntityCodec
    nodes: list[IdentifiedModel]


class Graph:
    """The entities reachable from some roots: each object once, before what it refers to, depth-first.

    Attributes:
        nodes: the entities in that order.
        children: per node, by position, the entities that it refers to.
        groups: the nodes of each exact class.
    """

    __slots__ = ("children", "groups", "nodes")

    def __init__(self, roots: Iterable[IdentifiedModel], codec_for: CodecFor = codec_of) -> None:
        nodes: list[IdentifiedModel] = []
        all_children: list[Sequence[IdentifiedModel]] = []
        groups: dict[type[IdentifiedModel], Group] = {}
        self.nodes, self.children, self.groups = nodes, all_children, groups
        visited: set[int] = set()
        pending = list(reversed(list(roots)))
        while pending:
            entity = pending.pop()
            number = id(entity)
            if number in visited:
                continue
            visited.add(number)
            group = groups.get(type(entity))
            if group is None:
                group = groups[type(entity)] = Group(_codec_of(entity, codec_for), [])
            codec, own = group
            own.append(entity)
            nodes.append(entity)
            children = codec.children(entity) if codec.may_have_children else ()
            all_children.append(children)
            if children:
                pending.extend(reversed(children))

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
