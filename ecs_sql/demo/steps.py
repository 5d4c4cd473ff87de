"""One step in a lineage: what changed by itself, and what became a new version only because of that."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from ecs_sql.demo.inventory import Environment, all_entities
from ecs_sql.demo.wording import name_of
from ecs_sql.diff import EntityChange, EntityDiff, FieldChange
from ecs_sql.entity import Entity
from ecs_sql.graph import Graph


class Fork(NamedTuple):
    """An entity that became a new version.

    Attributes:
        own: what changed in it by itself; nothing where it only refers to other versions now.
        fields: the fields that refer to other versions of the same now.
    """

    entity: Entity
    own: tuple[FieldChange, ...]
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """From one version of an inventory to the next."""

    before: Environment
    after: Environment
    diff: EntityDiff

    @classmethod
    def between(cls, before: Environment, after: Environment) -> Step:
        """The step from one version to another."""
        return cls(before, after, before.diff(after))

    @cached_property
    def names(self) -> dict[str, str]:
        """What to call each version, by its id as text."""
        return {str(item.ecs_id): name_of(item) for item in self._entities}

    @cached_property
    def forks(self) -> dict[UUID, Fork]:
        """What became a new version, by the new id."""
        after = {entity.ecs_id: entity for entity in all_entities(self.after)}
        return {
            change.after_id: self._fork(after[change.after_id], change)
            for change in self.diff.changes
            if change.kind == "changed" and change.after_id is not None
        }

    @cached_property
    def followers(self) -> dict[UUID, list[UUID]]:
        """For each new version, those that exist because of it.

        Each stands once, below the nearest version that changed by itself, by the shortest way.
        """
        referrers = Graph([self.after]).referrers()
        found: dict[UUID, list[UUID]] = {}
        pending = deque(key for key, fork in self.forks.items() if fork.own)
        reached = set(pending)
        while pending:
            key = pending.popleft()
            for referrer in referrers.get(id(self.forks[key].entity), ()):
                if referrer.ecs_id in self.forks and referrer.ecs_id not in reached:
                    reached.add(referrer.ecs_id)
                    found.setdefault(key, []).append(referrer.ecs_id)
                    pending.append(referrer.ecs_id)
        return found

    @cached_property
    def _entities(self) -> list[Entity]:
        return [*all_entities(self.before), *all_entities(self.after)]

    @cached_property
    def _lineages(self) -> dict[str, UUID]:
        return {str(entity.ecs_id): entity.lineage_id for entity in self._entities}

    def _fork(self, entity: Entity, change: EntityChange) -> Fork:
        own = tuple(item for item in change.fields if not self._only_pins(item))
        fields = tuple(item.name for item in change.fields if item not in own)
        return Fork(entity, own, fields)

    def _only_pins(self, field: FieldChange) -> bool:
        """Whether a field refers to the same things as before, in other versions."""
        before, after = (
            _by_lineage(value, self._lineages) for value in (field.before, field.after)
        )
        return bool(before == after)


def _by_lineage(value: Any, lineages: Mapping[str, UUID]) -> Any:
    """A value with lineages in place of versions: equal ones differ in the versions they pin alone."""
    match value:
        case list():
            return [_by_lineage(item, lineages) for item in value]
        case dict():
            return {key: _by_lineage(item, lineages) for key, item in value.items()}
        case _:
            return lineages.get(str(value), value)
