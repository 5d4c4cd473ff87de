"""What a registration has to write: which entities are new, which fork, and under which ids. Pure.

A plan is made without touching the objects; ids enter them only after the rows are written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from ecs_sql.bookkeeping import checked_identities
from ecs_sql.codecs.references import pinned_id
from ecs_sql.entity_codec import Content, EntityCodec
from ecs_sql.errors import (
    CopyConflictError,
    IdentityConflictError,
    LineageError,
)
from ecs_sql.graph import Graph
from ecs_sql.identity import (
    IdentifiedModel,
    Identity,
    Memory,
    identities_of,
    identity_of,
    utc_now,
)
from ecs_sql.instances import named_tuples

MemoriesOf = Callable[[Sequence[IdentifiedModel]], Sequence[Memory | None]]
"""What a storage remembers of each of these objects."""


@dataclass(frozen=True, slots=True)
class Head:
    """What tells a stored version apart, without its content."""

    entity_class: type[IdentifiedModel]
    lineage_id: UUID
    parent_id: UUID | None
    old_ids: tuple[UUID, ...]

    @property
    def tells_ancestors(self) -> bool:
        """Whether `old_ids` names the parent, so that it can be taken to name all ancestors."""
        return self.parent_id is None or self.old_ids[-1:] == (self.parent_id,)


class Insert(NamedTuple):
    """One version to write, and the object that it is of."""

    entity: IdentifiedModel
    codec: EntityCodec
    identity: Identity
    content: Content


_content_of = attrgetter("content")
_number_of = attrgetter("identity.ecs_id.int")  # a UUID's hash is Python code, a number's is not
_parent_of_insert = attrgetter("identity.parent_id")


class Survey:
    """A graph encoded as it is, against what a storage remembers of its objects.

    Attributes:
        changed: nodes that are known to differ from their stored version.
        unknown: nodes of which the storage remembers nothing; it has to look them up.
        identities: the checked bookkeeping of the unknown nodes, by their `id()`.
    """

    def __init__(self, graph: Graph, memories_of: MemoriesOf) -> None:
        self.graph = graph
        self._encoded: list[tuple[Sequence[IdentifiedModel], Sequence[Content]]] = []
        self.changed: list[IdentifiedModel] = []
        self.unknown: list[IdentifiedModel] = []
        for codec, nodes in graph.groups.values():
            memories = memories_of(nodes)
            known = list(map(_content_of, memories)) if all(memories) else []
            contents = codec.encode(nodes, pinned_id, known)
            self._encoded.append((nodes, contents))
            if known != contents:
                self._compare(codec, nodes, contents, memories)
        identities = checked_identities(self.unknown, identities_of(self.unknown))
        self.identities = dict(zip(map(id, self.unknown), identities, strict=True))

    @cached_property
    def contents(self) -> dict[int, Content]:
        """Per node, by its `id()`, its content under the present ids; made where something is to be written."""
        found: dict[int, Content] = {}
        for nodes, contents in self._encoded:
            found.update(zip(map(id, nodes), contents, strict=True))
        return found

    def _compare(
        self,
        codec: EntityCodec,
        nodes: Sequence[IdentifiedModel],
        contents: Sequence[Content],
        memories: Sequence[Memory | None],
    ) -> None:
        if not any(memories):
            self.unknown.extend(nodes)
            return
        for node, content, memory in zip(nodes, contents, memories, strict=True):
            if memory is None:
                self.unknown.append(node)
            elif content != memory.content and not codec.same_content(content, memory.content):
                self.changed.append(node)

    @property
    def is_settled(self) -> bool:
        """Whether every node is known to be stored as it is."""
        return not self.changed and not self.unknown


def sort_unknown(
    survey: Survey, heads: Mapping[UUID, Head], stored: Mapping[UUID, Content]
) -> tuple[list[IdentifiedModel], list[IdentifiedModel]]:
    """Divide the survey's unknown nodes into new ones and ones that differ from their stored version.

    Raises:
        IdentityConflictError: when an id is stored as a version of another lineage or class.
    """
    if not heads:
        return survey.unknown, []
    new: list[IdentifiedModel] = []
    changed: list[IdentifiedModel] = []
    for node in survey.unknown:
        ecs_id = pinned_id(node)
        head = heads.get(ecs_id)
        if head is None:
            new.append(node)
            continue
        if head.entity_class is not type(node):
            reason = f"that id is stored as a {head.entity_class.__qualname__}"
            raise IdentityConflictError(type(node), ecs_id, reason)
        if head.lineage_id != node.__dict__["lineage_id"]:
            reason = f"that id is stored as a version of lineage {head.lineage_id}"
            raise IdentityConflictError(type(node), ecs_id, reason)
        codec = survey.graph.groups[type(node)].codec
        if not codec.same_content(survey.contents[id(node)], stored[ecs_id]):
            changed.append(node)
    return new, changed


def plan_inserts(
    survey: Survey, new: Sequence[IdentifiedModel], changed: Iterable[IdentifiedModel]
) -> list[Insert]:
    """The versions to write, in stored order, parents before their forks.

    Everything stored from which a changed entity can be reached forks with it.

    Raises:
        CopyConflictError: when two differing objects share an unstored id.
        LineageError: when versions of the plan would be each other's ancestors.
    """
    new_objects = set(map(id, new))
    forked = _forked(survey.graph, list(changed), new_objects)
    now = utc_now()
    identities = {key: identity_of(node).forked(now) for key, node in forked.items()}

    def id_of(entity: IdentifiedModel) -> UUID:
        identity = identities.get(id(entity))
        return pinned_id(entity) if identity is None else identity.ecs_id

    contents = _final_contents(survey, forked, id_of)
    forks = checked_identities(list(forked.values()), list(identities.values()))
    planned = {**survey.identities, **dict(zip(forked, forks, strict=True))}
    nodes = survey.graph.nodes
    if len(new_objects) + len(forked) < len(nodes):
        nodes = [node for node in nodes if id(node) in new_objects or id(node) in forked]
    keys = list(map(id, nodes))
    codecs = {entity_class: group.codec for entity_class, group in survey.graph.groups.items()}
    columns = (
        nodes,
        map(codecs.__getitem__, map(type, nodes)),
        map(planned.__getitem__, keys),
        map(contents.__getitem__, keys),
    )
    return _parents_first(_without_twins(list(named_tuples(Insert, *columns))))


def _without_twins(inserts: list[Insert]) -> list[Insert]:
    """The inserts, each id once: equal copies of one version are written once."""
    if len(set(map(_number_of, inserts))) == len(inserts):
        return inserts
    found: dict[UUID, Insert] = {}
    for insert in inserts:
        twin = found.setdefault(insert.identity.ecs_id, insert)
        if twin is not insert and not _is_twin(insert, twin):
            raise CopyConflictError(type(insert.entity), insert.identity.ecs_id)
    return list(found.values())


def _is_twin(insert: Insert, twin: Insert) -> bool:
    return (
        type(insert.entity) is type(twin.entity)
        and insert.content == twin.content
        and insert.identity.lineage_id == twin.identity.lineage_id
    )


def _forked(
    graph: Graph, changed: list[IdentifiedModel], new_objects: set[int]
) -> dict[int, IdentifiedModel]:
    """The changed nodes and the stored ones that reach them, against the references."""
    forked = {id(node): node for node in changed}
    if not forked:
        return forked
    referrers = graph.referrers()
    pending = list(changed)
    while pending:
        for referrer in referrers.get(id(pending.pop()), ()):
            if id(referrer) not in forked and id(referrer) not in new_objects:
                forked[id(referrer)] = referrer
                pending.append(referrer)
    return forked


def _final_contents(
    survey: Survey, forked: Mapping[int, IdentifiedModel], id_of: Any
) -> dict[int, Content]:
    """The contents under the planned ids; only who refers to a forked entity is encoded anew."""
    if not forked:
        return survey.contents
    contents = dict(survey.contents)
    again: dict[type[IdentifiedModel], list[IdentifiedModel]] = {}
    for node, children in zip(survey.graph.nodes, survey.graph.children, strict=True):
        if any(id(child) in forked for child in children):
            again.setdefault(type(node), []).append(node)
    for entity_class, nodes in again.items():
        encoded = survey.graph.groups[entity_class].codec.encode(nodes, id_of)
        contents.update(zip(map(id, nodes), encoded, strict=True))
    return contents


def _parents_first(inserts: list[Insert]) -> list[Insert]:
    if not any(map(_parent_of_insert, inserts)):
        return inserts
    by_id = {insert.identity.ecs_id: insert for insert in inserts}
    ordered: list[Insert] = []
    emitted: set[UUID] = set()
    for insert in inserts:
        chain: list[Insert] = []
        current: Insert | None = insert
        while current is not None and current.identity.ecs_id not in emitted:
            emitted.add(current.identity.ecs_id)
            chain.append(current)
            parent_id = current.identity.parent_id
            current = by_id.get(parent_id) if parent_id is not None else None
            if current is not None and any(current is earlier for earlier in chain):
                identity = insert.identity
                raise LineageError(
                    type(insert.entity),
                    identity.ecs_id,
                    identity.parent_id,
                    "they are each other's ancestors",
                )
        ordered += reversed(chain)
    return ordered


def present_heads(inserts: Iterable[Insert]) -> dict[UUID, Head]:
    """The versions from which the plan forks, as their objects still tell them."""
    forked = [insert.entity for insert in inserts if insert.entity.ecs_id != insert.identity.ecs_id]
    return {
        identity.ecs_id: Head(
            type(entity), identity.lineage_id, identity.parent_id, identity.old_ids
        )
        for entity, identity in zip(forked, identities_of(forked), strict=True)
    }


def planned_heads(inserts: Iterable[Insert]) -> dict[UUID, Head]:
    """The versions of a plan as if they were stored."""
    return {
        identity.ecs_id: Head(
            type(insert.entity), identity.lineage_id, identity.parent_id, identity.old_ids
        )
        for insert in inserts
        for identity in (insert.identity,)
    }


def check_parents(inserts: Iterable[Insert], heads: Mapping[UUID, Head]) -> None:
    """Check that every version that follows one of `heads` stays within its lineage, and does not circle.

    Raises:
        LineageError: when it does not.
    """
    if not heads:
        return
    for insert in inserts:
        identity = insert.identity
        parent = heads.get(identity.parent_id) if identity.parent_id is not None else None
        if parent is None:
            continue
        if parent.lineage_id != identity.lineage_id:
            reason = f"that version is of lineage {parent.lineage_id}, not {identity.lineage_id}"
            raise LineageError(type(insert.entity), identity.ecs_id, identity.parent_id, reason)
        if identity.old_ids and identity.old_ids != (*parent.old_ids, identity.parent_id):
            raise LineageError(
                type(insert.entity),
                identity.ecs_id,
                identity.parent_id,
                "old_ids does not continue that version's",
            )
        if identity.ecs_id in _ancestors(parent, heads):
            raise LineageError(
                type(insert.entity),
                identity.ecs_id,
                identity.parent_id,
                "that version descends from it",
            )


def _ancestors(head: Head, heads: Mapping[UUID, Head]) -> set[UUID]:
    """The ids that a version's `old_ids` tells, and those that its parents tell where it does not."""
    found: set[UUID] = set()
    current: Head | None = head
    while current is not None:
        found.update(current.old_ids)
        parent_id = current.parent_id
        if parent_id is None or current.tells_ancestors or parent_id in found:
            break
        found.add(parent_id)
        current = heads.get(parent_id)
    return found
