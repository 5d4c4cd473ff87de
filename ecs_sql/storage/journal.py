"""What a transaction did to objects, so that a rollback can put it back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import compress, count
from operator import attrgetter
from typing import NamedTuple

from ecs_sql.identity import (
    IdentifiedModel,
    Identity,
    Memory,
    assign_identity,
    identity_of,
    memories_of,
    remember,
    remember_all,
)
from ecs_sql.lineage import Insert


class Step(NamedTuple):
    """What was done to some objects at once, in parallel lists.

    Attributes:
        entities: the objects.
        known: what to remember of them after the commit.
        inserts: what was written of them; nothing where they were read.
        before: what they were, where that changed; None of all if nothing did.
    """

    entities: Sequence[IdentifiedModel]
    known: Sequence[Memory]
    inserts: Sequence[Insert] = ()
    before: Sequence[Identity | None] | None = None


class Journal:
    """What a transaction did to objects, in order."""

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._latest: dict[int, Memory] = {}
        self._indexed = 0
        self.has_written = False
        """Whether the transaction wrote versions, so that it may read what is not committed."""
        self.has_cleared = False
        """Whether the transaction removed versions, perhaps also some of its own."""
        self._when_committed: list[Callable[[], object]] = []

    @property
    def mark(self) -> int:
        """The present end of the journal."""
        return len(self._steps)

    def written(self, inserts: Sequence[Insert], known: Sequence[Memory]) -> None:
        """Note that versions of objects were written, and give the objects those identities."""
        if not inserts:
            return
        self.has_written = True
        entities = list(map(_entity_of, inserts))
        before = [
            None
            if (present := entity.__dict__["ecs_id"]) is memory.ecs_id or present == memory.ecs_id
            else identity_of(entity)
            for entity, memory in zip(entities, known, strict=True)
        ]
        changed = list(compress(count(), before))
        self._steps.append(Step(entities, known, inserts, before if changed else None))
        for index in changed:
            assign_identity(entities[index], inserts[index].identity)

    def cleared(self, when_committed: Callable[[], object]) -> None:
        """Note that versions were removed, and what to call as soon as that is committed."""
        self.has_cleared = True
        self._when_committed.append(when_committed)

    @property
    def written_forks(self) -> list[Insert]:
        """What was written under ids that the storage made up."""
        return [
            insert for step in self._steps for insert in compress(step.inserts, step.before or ())
        ]

    @property
    def written_as_they_were(self) -> list[Insert]:
        """What was written under the ids that the objects had."""
        return [
            insert
            for step in self._steps
            for insert, before in zip(
                step.inserts, step.before or [None] * len(step.inserts), strict=True
            )
            if before is None
        ]

    def read(self, entities: Sequence[IdentifiedModel], known: Sequence[Memory]) -> None:
        """Note that these objects are as stored."""
        self._steps.append(Step(entities, known))

    def read_one(self, entity: IdentifiedModel, memory: Memory) -> None:
        """Note that an object is as it was just read; what a transaction read before it wrote is committed."""
        if self.has_written or self.has_cleared:
            self.read([entity], [memory])
        else:
            remember(entity, memory)

    def read_all(self, entities: Sequence[IdentifiedModel], known: Iterable[Memory]) -> None:
        """Note that these objects are as they were just read; see `read_one`."""
        if self.has_written or self.has_cleared:
            self.read(entities, list(known))
        else:
            remember_all(entities, known)

    def memories_of(self, entities: Sequence[IdentifiedModel]) -> list[Memory | None]:
        """What is known of the objects inside the transaction."""
        latest = self._latest_memories()
        known = memories_of(entities)
        return [
            latest.get(id(entity), memory) for entity, memory in zip(entities, known, strict=True)
        ]

    def _latest_memories(self) -> dict[int, Memory]:
        for step in self._steps[self._indexed :]:
            self._latest.update(zip(map(id, step.entities), step.known, strict=True))
        self._indexed = len(self._steps)
        return self._latest

    def undo(self, mark: int = 0) -> None:
        """Put the objects back as they were at the mark."""
        while len(self._steps) > mark:
            step = self._steps.pop()
            for entity, before in zip(step.entities, step.before or (), strict=False):
                if before is not None:
                    assign_identity(entity, before)
        self._latest.clear()
        self._indexed = 0

    def settle(self) -> None:
        """Remember what the commit made certain."""
        for step in self._steps:
            remember_all(step.entities, step.known)
        self.forget()

    def forget(self) -> None:
        """Remember nothing: the commit was not the storage's own."""
        self._steps.clear()
        self._latest.clear()
        self._indexed = 0
        while self._when_committed:
            self._when_committed.pop()()


_entity_of = attrgetter("entity")
