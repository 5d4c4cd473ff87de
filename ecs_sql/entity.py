"""Entity: what an application's classes derive from. Imported by nothing below it."""

from __future__ import annotations

from typing import ClassVar, Self, cast

from ecs_sql.diff import EntityDiff, diff_graphs, has_modifications
from ecs_sql.graph import Graph
from ecs_sql.identity import IdentifiedModel, fork_in_place


class Entity(IdentifiedModel):
    """The base of entity classes: a pydantic model whose states a storage keeps as immutable versions.

    A field whose value is an entity, alone or inside containers, is a reference. Equality is that of the
    object; compare contents with `has_modifications`.

    Example:
        >>> class Note(Entity):
        ...     text: str
        >>> note = Note(text="first")
        >>> old = note.ecs_id
        >>> note.fork().parent_id == old
        True

    Raises:
        ReservedFieldError: when a subclass redefines a bookkeeping field, `live_id` or `from_storage`.
    """

    __abstract__: ClassVar[bool] = True

    def fork(self) -> Self:
        """Make this object a new version of its lineage, in place; returns itself."""
        fork_in_place(self)
        return self

    def has_modifications(self, other: IdentifiedModel) -> bool:
        """Whether another graph differs from this one.

        The roots are compared by content, whatever their ids; below them a difference is a reference that
        pins another version, or one id with other content.

        Raises:
            MappingError: when a class cannot be mapped.
            UnstorableValueError: when a value could not be stored.
        """
        return has_modifications(self, other)

    def diff(self, other: IdentifiedModel) -> EntityDiff:
        """What leads from this graph to another.

        Raises:
            NotAnEntityError: when the other is no entity.
            MappingError: when a class cannot be mapped.
            UnstorableValueError: when a value could not be stored.
        """
        return diff_graphs(self, other)

    def get_sub_entities(self) -> list[Entity]:
        """All entities reachable from this one but itself, each once, before what they refer to."""
        return cast("list[Entity]", Graph([self]).nodes[1:])
