"""From an entity to all that is reachable from it, iteratively; nodes are told apart by `is`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ecs_sql.entity_codec import EntityCodec, codec_of
from ecs_sql.errors import UnregisteredClassError
from ecs_sql.identity import IdentifiedModel

CodecFor = Callable[[type[IdentifiedModel]], EntityCodec]


class Graph:
    """The entities reachable from some roots: each object once, before what it refers to, depth-first.

    Attributes:
        nodes: the entities in that order.
        children: per node, by position, the entities that it refers to.
    """

    __slots__ = ("children", "nodes")

    def __init__(self, roots: Iterable[IdentifiedModel], codec_for: CodecFor = codec_of) -> None:
        self.nodes: list[IdentifiedModel] = []
        self.children: list[Sequence[IdentifiedModel]] = []
        visited: set[int] = set()
        codecs: dict[type[IdentifiedModel], EntityCodec] = {}
        pending = list(reversed(list(roots)))
        while pending:
            entity = pending.pop()
            if id(entity) in visited:
                continue
            visited.add(id(entity))
            codec = codecs.get(type(entity))
            if codec is None:
                codec = codecs[type(entity)] = _codec_of(entity, codec_for)
            children = codec.children(entity)
            self.nodes.append(entity)
            self.children.append(children)
            pending.extend(reversed(children))

    def by_class(self) -> dict[type[IdentifiedModel], list[IdentifiedModel]]:
        """The nodes by their exact class, in order."""
        groups: dict[type[IdentifiedModel], list[IdentifiedModel]] = {}
        for node in self.nodes:
            groups.setdefault(type(node), []).append(node)
        return groups

    def referrers(self) -> dict[int, list[IdentifiedModel]]:
        """The nodes that refer to each node, by the `id()` of the latter."""
        found: dict[int, list[IdentifiedModel]] = {}
        for node, children in zip(self.nodes, self.children, strict=True):
            for child in children:
                found.setdefault(id(child), []).append(node)
        return found


def _codec_of(entity: IdentifiedModel, codec_for: CodecFor) -> EntityCodec:
    try:
        return codec_for(type(entity))
    except UnregisteredClassError as error:
        raise UnregisteredClassError(error.entity_class, entity.ecs_id) from None
