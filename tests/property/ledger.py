"""What a storage must answer, kept by other means than the library's: plain dicts and a closure by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecs_sql.testing import (
    Picture,
    assert_one_object_per_version,
    assert_same_picture,
    content,
    picture,
)
from tests.property.models import Part
from tests.property.walking import reachable, set_sizes, targets

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence
    from uuid import UUID

    from ecs_sql import Entity, EntityStorage


class Ledger:
    """Registers graphs with a storage and checks each time that exactly the right versions were made.

    `types` are what the storage is asked to list; together they take in all versions.
    """

    def __init__(self, storage: EntityStorage, types: Sequence[type[Entity]] = (Part,)) -> None:
        self.storage = storage
        self.types = types
        self.pictures: Picture = {}
        """Every version that is stored, as it was when it was stored."""
        self.orders: dict[type[Entity], list[UUID]] = {}
        self._contents: dict[UUID, dict[str, Hashable]] = {}

    def register(self, *roots: Entity) -> set[UUID]:
        """Register the graphs; returns the ids of the new versions."""
        parts = reachable(*roots)
        forking = self.must_fork(parts)
        new = [part for part in parts if part.ecs_id not in self._contents]
        before = {id(part): _bookkeeping(part) for part in parts}
        self.storage.register_many(list(roots))
        for part in parts:
            old = before[id(part)]
            if id(part) in forking:
                assert part.ecs_id not in self._contents
                assert part.parent_id == old[0]
                assert part.old_ids == [*old[3], old[0]]
                assert part.lineage_id == old[1]
            else:
                assert _bookkeeping(part) == old, f"{part!r} forked without need"
        made = {part.ecs_id for part in new} | {
            part.ecs_id for part in parts if id(part) in forking
        }
        self._note(parts, made)
        self.check_order(parts, made)
        return made

    def must_fork(self, parts: Sequence[Entity]) -> set[int]:
        """The `id()` of each stored part that differs from its version, or leads to one that does."""
        forking = {
            id(part)
            for part in parts
            if part.ecs_id in self._contents and content(part) != self._contents[part.ecs_id]
        }
        while True:
            more = {
                id(part)
                for part in parts
                if part.ecs_id in self._contents
                and id(part) not in forking
                and any(id(target) in forking for target in targets(part))
            }
            if not more:
                return forking
            forking |= more

    def check_order(self, parts: Sequence[Entity], made: set[UUID]) -> None:
        """Earlier versions stay in front; new ones follow depth-first, where no set leaves that open."""
        for entity_type in self.types:
            listed = [part.ecs_id for part in self.storage.list_by_type(entity_type)]
            before = self.orders.get(entity_type, [])
            new = [
                part.ecs_id
                for part in parts
                if part.ecs_id in made and isinstance(part, entity_type)
            ]
            assert listed[: len(before)] == before
            assert set(listed[len(before) :]) == set(new)
            if max(map(set_sizes, parts)) < 2:
                assert listed[len(before) :] == list(dict.fromkeys(new))
            self.orders[entity_type] = listed

    def check(self) -> None:
        """Every version reads as it was when it was stored; every lineage is a tree of its own."""
        ids = list(self.pictures)
        loaded = [part for part in self.storage.get_many(ids) if part is not None]
        assert [part.ecs_id for part in loaded] == ids
        assert_one_object_per_version(*loaded)
        assert_same_picture(picture(*loaded), self.pictures)
        assert self.storage.get_registry_status().versions == len(ids)
        self._check_lineages(loaded)

    def _check_lineages(self, versions: Sequence[Entity]) -> None:
        by_id = {version.ecs_id: version for version in versions}
        for lineage_id in {version.lineage_id for version in versions}:
            listed = list(self.storage.get_lineage_ids(lineage_id))
            assert set(listed) == {i for i in by_id if by_id[i].lineage_id == lineage_id}
            for order in self.orders.values():
                in_order = [i for i in order if by_id[i].lineage_id == lineage_id]
                assert in_order in ([], listed)
            for position, ecs_id in enumerate(listed):
                parent = by_id[ecs_id].parent_id
                assert parent is None or parent not in by_id or parent in listed[:position]
                assert by_id[ecs_id].old_ids[-1:] == ([] if parent is None else [parent])

    def _note(self, parts: Sequence[Entity], made: set[UUID]) -> None:
        now = picture(*parts)
        for part in parts:
            if part.ecs_id in made:
                self.pictures[part.ecs_id] = now[part.ecs_id]
                self._contents[part.ecs_id] = content(part)


def _bookkeeping(part: Entity) -> tuple[UUID, UUID, UUID | None, tuple[UUID, ...], object]:
    return (part.ecs_id, part.lineage_id, part.parent_id, tuple(part.old_ids), part.created_at)
