"""Graph against graph: what changed, as operations that can be applied, inverted and shown.

Both graphs become snapshots: one encoded node per object, its references by the key of the node that they
lead to. A node's key is its `ecs_id`; a further object of the same id in the same graph gets one derived
from it. Nodes are matched by key, then by a `lineage_id` that is unique in each graph.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, cast
from uuid import UUID, uuid5

from ecs_sql.codecs.base import Decoding, load_json
from ecs_sql.codecs.records import finish_model
from ecs_sql.codecs.references import AllPinned, pinned_id
from ecs_sql.entity_codec import Content, codec_of
from ecs_sql.errors import DiffMismatchError
from ecs_sql.fields import FieldSpec
from ecs_sql.graph import Graph
from ecs_sql.identity import IdentifiedModel, Identity, identity_of

ChangeKind = Literal["added", "removed", "changed"]
E = TypeVar("E", bound=IdentifiedModel)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field's value before and after; None where there was or is no entity.

    References are shown as ids, other values as what they are.
    """

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class EntityChange:
    """What happened to one entity."""

    kind: ChangeKind
    entity_type: type[IdentifiedModel]
    before_id: UUID | None
    after_id: UUID | None
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class _Node:
    """One object of a graph as an immutable value."""

    entity_class: type[IdentifiedModel]
    identity: Identity
    content: Content


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """A whole graph as immutable values, by key; the root first."""

    root: UUID
    nodes: Mapping[UUID, _Node]

    @classmethod
    def of(cls, entity: IdentifiedModel) -> _Snapshot:
        graph = Graph([entity])
        keys = _keys(graph.nodes)

        def key_of(node: IdentifiedModel) -> UUID:
            return keys[id(node)]

        contents: dict[int, Content] = {}
        for group in graph.groups.values():
            encoded = group.codec.encode(group.nodes, key_of)
            contents.update(zip(map(id, group.nodes), encoded, strict=True))
        nodes = {
            key_of(node): _Node(type(node), identity_of(node), contents[id(node)])
            for node in graph.nodes
        }
        return cls(key_of(entity), nodes)

    def entity(self) -> IdentifiedModel:
        """A new object graph of the snapshot."""
        made: dict[UUID, Any] = {
            key: object.__new__(node.entity_class) for key, node in self.nodes.items()
        }
        run = Decoding({key.int: entity for key, entity in made.items()})
        for key, node in self.nodes.items():
            codec = codec_of(node.entity_class)
            columns: list[Sequence[Any]] = [[value] for value in node.content]
            codec.parse(columns)
            bookkeeping = [[value] for value in node.identity]
            codec.fill([made[key]], bookkeeping, codec.decode(columns, run))
        for model in (*run.models, *made.values()):
            if type(model).__pydantic_post_init__:
                finish_model(model)
        root: IdentifiedModel = made[self.root]
        return root


def _keys(nodes: Sequence[IdentifiedModel]) -> dict[int, UUID]:
    keys: dict[int, UUID] = {}
    seen: Counter[UUID] = Counter()
    for node in nodes:
        ecs_id = node.ecs_id
        keys[id(node)] = uuid5(ecs_id, str(seen[ecs_id])) if seen[ecs_id] else ecs_id
        seen[ecs_id] += 1
    return keys


@dataclass(frozen=True, slots=True)
class EntityDiff:
    """The difference of two graphs; falsy when there is none.

    Attributes:
        changes: per entity added, removed or changed, what happened to it.
    """

    changes: tuple[EntityChange, ...]
    _before: _Snapshot = field(repr=False)
    _after: _Snapshot = field(repr=False)

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.changes)

    def apply(self, entity: E) -> E:
        """New objects: the graph as the second one is.

        The root is of the second root's class, which is the first one's unless two classes were compared.

        Raises:
            DiffMismatchError: when the graph is not as the first one was, where that matters.
        """
        snapshot = _Snapshot.of(entity)
        if snapshot.root != self._before.root:
            raise DiffMismatchError(entity.ecs_id)
        for key, node in self._before.nodes.items():
            found = snapshot.nodes.get(key)
            if (
                found is None
                or found.entity_class is not node.entity_class
                or found.content != node.content
            ):
                raise DiffMismatchError(node.identity.ecs_id)
        return cast("E", self._after.entity())

    def inverse(self) -> EntityDiff:
        """The difference the other way round: applying it undoes this one."""
        flipped: dict[ChangeKind, ChangeKind] = {
            "added": "removed",
            "removed": "added",
            "changed": "changed",
        }
        changes = tuple(
            EntityChange(
                flipped[change.kind],
                change.entity_type,
                change.after_id,
                change.before_id,
                tuple(FieldChange(item.name, item.after, item.before) for item in change.fields),
            )
            for change in self.changes
        )
        return EntityDiff(changes, self._after, self._before)


def diff_graphs(before: IdentifiedModel, after: IdentifiedModel) -> EntityDiff:
    """What leads from one graph to another."""
    first, second = _Snapshot.of(before), _Snapshot.of(after)
    pairs = _matched(first, second)
    partner = dict(pairs)
    changes = [
        change
        for key, node in first.nodes.items()
        if (change := _change(key, node, partner, second)) is not None
    ]
    matched = set(partner.values())
    changes += [
        EntityChange(
            "added", node.entity_class, None, node.identity.ecs_id, _all_fields(node, added=True)
        )
        for key, node in second.nodes.items()
        if key not in matched
    ]
    return EntityDiff(tuple(changes), first, second)


def _matched(first: _Snapshot, second: _Snapshot) -> list[tuple[UUID, UUID]]:
    """Pairs of keys: of one id, else of one lineage that is unique in each; always of one class."""
    pairs = [
        (key, key) for key, node in first.nodes.items() if _same_class(node, second.nodes.get(key))
    ]
    taken = {key for key, _ in pairs}
    before, after = _unique_lineages(first, taken), _unique_lineages(second, taken)
    for lineage_id, key in before.items():
        other = after.get(lineage_id)
        if other is not None and _same_class(first.nodes[key], second.nodes[other]):
            pairs.append((key, other))
    return pairs


def _same_class(node: _Node, other: _Node | None) -> bool:
    return other is not None and node.entity_class is other.entity_class


def _unique_lineages(snapshot: _Snapshot, taken: set[UUID]) -> dict[UUID, UUID]:
    counts = Counter(node.identity.lineage_id for node in snapshot.nodes.values())
    return {
        node.identity.lineage_id: key
        for key, node in snapshot.nodes.items()
        if key not in taken and counts[node.identity.lineage_id] == 1
    }


def _change(
    key: UUID, node: _Node, partner: Mapping[UUID, UUID], second: _Snapshot
) -> EntityChange | None:
    if key not in partner:
        return EntityChange(
            "removed", node.entity_class, node.identity.ecs_id, None, _all_fields(node, added=False)
        )
    other = second.nodes[partner[key]]
    if node.content == other.content:
        return None
    fields = codec_of(node.entity_class).spec.fields
    changed = tuple(
        FieldChange(item.name, _shown(item, old), _shown(item, new))
        for item, old, new in zip(fields, node.content, other.content, strict=True)
        if old != new
    )
    return EntityChange(
        "changed", node.entity_class, node.identity.ecs_id, other.identity.ecs_id, changed
    )


def _all_fields(node: _Node, *, added: bool) -> tuple[FieldChange, ...]:
    fields = codec_of(node.entity_class).spec.fields
    shown = [
        (item.name, _shown(item, value)) for item, value in zip(fields, node.content, strict=True)
    ]
    return tuple(
        FieldChange(name, None, value) if added else FieldChange(name, value, None)
        for name, value in shown
    )


def _shown(item: FieldSpec, canonical: Any) -> Any:
    """A canonical value as a reader understands it."""
    form = item.column.form
    if canonical is None:
        return None
    if item.column.kind == "plain":
        return (
            load_json(canonical)
            if item.holds_references
            else form.decode([canonical], Decoding(AllPinned()))[0]
        )
    return form.parse([canonical])[0] if form.parse is not None else canonical


def has_modifications(entity: IdentifiedModel, other: IdentifiedModel) -> bool:
    """Whether the roots differ in content, or, below them, a pinned version or the content of one id."""
    if type(entity) is not type(other):
        return True
    if _contents([entity])[0] != _contents([other])[0]:
        return True
    first, second = Graph([entity]).nodes[1:], Graph([other]).nodes[1:]
    theirs: dict[UUID, set[tuple[type, Content]]] = {}
    for node, content in zip(second, _contents(second), strict=True):
        theirs.setdefault(node.ecs_id, set()).add((type(node), content))
    ours: dict[UUID, set[tuple[type, Content]]] = {}
    for node, content in zip(first, _contents(first), strict=True):
        ours.setdefault(node.ecs_id, set()).add((type(node), content))
    return ours != theirs


def _contents(entities: Sequence[IdentifiedModel]) -> list[Content]:
    return [codec_of(type(entity)).encode([entity], pinned_id)[0] for entity in entities]
