"""The memory backend: encoded rows in dicts, the reference for what every backend answers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from ecs_sql.entity_codec import Content, EntityCodec, codec_of
from ecs_sql.errors import TransactionError
from ecs_sql.fields import collect_specs
from ecs_sql.identity import IdentifiedModel, Identity
from ecs_sql.lineage import Head, Insert
from ecs_sql.processes import ForkSafeLock, call_in_child
from ecs_sql.storage.base import VersionedStorage
from ecs_sql.storage.rows import Found, Parent, RegistryStatus, Row, Rows, Savepoint, UnitOfWork
from ecs_sql.storage.verification.memory import verify_work
from ecs_sql.storage.verification.report import VerificationReport
from ecs_sql.storage.verification.run import VerificationRun


class _Row(NamedTuple):
    position: int
    codec: EntityCodec
    identity: Identity
    content: Content

    @property
    def flat(self) -> Row:
        """As the storage operations take it."""
        return (self.position, *self.identity, *self.content)


class _Tables:
    """All rows of one storage."""

    def __init__(self) -> None:
        self.rows: dict[UUID, _Row] = {}
        self.lineages: dict[UUID, list[UUID]] = {}

    def add(self, row: _Row) -> None:
        self.rows[row.identity.ecs_id] = row
        self.lineages.setdefault(row.identity.lineage_id, []).append(row.identity.ecs_id)

    def cut(self, length: int) -> None:
        """Remove the newest rows, down to this many."""
        while len(self.rows) > length:
            ecs_id, row = self.rows.popitem()
            lineage = self.lineages[row.identity.lineage_id]
            lineage.remove(ecs_id)
            if not lineage:
                del self.lineages[row.identity.lineage_id]

    def copy(self, length: int) -> _Tables:
        """Tables of the oldest rows, this many."""
        copy = _Tables()
        for row in list(self.rows.values())[:length]:
            copy.add(row)
        return copy


class _State:
    """One storage's present tables, the lock of whoever uses them, and where an open write began."""

    def __init__(self) -> None:
        self.tables = _Tables()
        self.lock = ForkSafeLock()
        self.written_from: _MemorySavepoint | None = None
        self.units = 0
        """How many units of work are open, all of one thread."""
        call_in_child(self._renew)

    def _renew(self) -> None:
        """In a forked child: what the parent had committed, and none of a write that the fork cut short."""
        if self.written_from is not None:
            self.tables = self.written_from.tables.copy(self.written_from.length)
            self.written_from = None
        self.units = 0


class InMemoryEntityStorage(VersionedStorage):
    """A storage in this process's memory; takes any entity class as it comes.

    It keeps encoded rows, not live objects, so that stored versions are as immutable as in a database.
    Threads may share it; a write transaction keeps the others waiting. A forked child has a copy of its own.
    """

    def __init__(self) -> None:
        super().__init__()
        self._state = _State()
        self._known: dict[str, type[IdentifiedModel]] = {}
        self._classes: set[type[IdentifiedModel]] = set()

    def _codec_for(self, entity_class: type[IdentifiedModel]) -> EntityCodec:
        if entity_class not in self._classes:
            with self._state.lock:
                specs = collect_specs([entity_class], self._known, {})
                self._known.update({spec.table_name: known for known, spec in specs.items()})
                self._classes.update(specs)
        return codec_of(entity_class)

    def _knows(self, entity_class: type[Any]) -> bool:
        return issubclass(entity_class, IdentifiedModel)

    def _begin(self, *, write: bool) -> UnitOfWork:
        state = self._state
        state.lock.acquire()
        # Of another task of this thread, which the lock lets in.
        if state.written_from is not None or (write and state.units):
            state.lock.release()
            raise TransactionError(
                "a transaction of another task of this thread is open; end it before the next one begins"
            )
        return _MemoryWork(state, write=write)

    def _begin_grouped_reads(self) -> UnitOfWork:
        return self._begin(write=False)

    def _verify(self, run: VerificationRun) -> VerificationReport:
        with self.transaction(read_only=True):
            ids = list(self._state.tables.rows)
            return self._read(lambda work: verify_work(work, ids, run))


class _MemoryWork(UnitOfWork):
    """A unit of work: holds the storage's lock; rows only ever grow at the end, so undoing is cutting."""

    def __init__(self, state: _State, *, write: bool) -> None:
        self._state = state
        self._start = _MemorySavepoint(state)
        self._write = write
        state.units += 1
        if write:
            state.written_from = self._start

    @property
    def _tables(self) -> _Tables:
        return self._state.tables

    def heads(self, ecs_ids: Collection[UUID]) -> dict[UUID, Head]:
        rows = self._tables.rows
        return {
            ecs_id: Head(
                row.codec.spec.entity_class,
                row.identity.lineage_id,
                row.identity.parent_id,
                row.identity.old_ids,
            )
            for ecs_id in ecs_ids
            if (row := rows.get(ecs_id)) is not None
        }

    def find(
        self, ecs_ids: Collection[UUID], referrers: Collection[EntityCodec] = (), ahead: int = 0
    ) -> list[Rows]:
        rows = self._tables.rows
        return _grouped([row for ecs_id in ecs_ids if (row := rows.get(ecs_id)) is not None])

    def find_one(self, ecs_id: UUID) -> Found | None:
        row = self._tables.rows.get(ecs_id)
        return None if row is None else (row.codec, row.flat)

    def of_class(self, entity_class: type[IdentifiedModel]) -> list[Rows]:
        return _grouped(
            [
                r
                for r in self._tables.rows.values()
                if issubclass(r.codec.spec.entity_class, entity_class)
            ]
        )

    def existing(self, ecs_ids: Collection[UUID]) -> set[UUID]:
        return set(ecs_ids) & self._tables.rows.keys()

    def lineage(self, lineage_id: UUID) -> list[UUID]:
        return list(self._tables.lineages.get(lineage_id, ()))

    def lock_forks(self, parents: Collection[Parent]) -> dict[Parent, set[UUID]]:
        # A unit of work that writes has the storage to itself.
        rows, lineages = self._tables.rows, self._tables.lineages
        forks = {
            parent: {
                ecs_id
                for ecs_id in lineages.get(parent.lineage_id, ())
                if rows[ecs_id].identity.parent_id == parent.ecs_id
            }
            for parent in parents
        }
        return {parent: found for parent, found in forks.items() if found}

    def newest(self, lineage_id: UUID) -> UUID:
        return self._tables.lineages[lineage_id][-1]

    def status(self) -> RegistryStatus:
        types = {row.codec for row in self._tables.rows.values()}
        return RegistryStatus(
            "memory", len(types), len(self._tables.rows), len(self._tables.lineages)
        )

    def insert(self, inserts: Sequence[Insert]) -> None:
        tables = self._tables
        position = next(reversed(tables.rows.values())).position if tables.rows else 0
        for number, insert in enumerate(inserts, position + 1):
            tables.add(_Row(number, insert.codec, insert.identity, insert.content))

    def clear(self) -> None:
        self._state.tables = _Tables()

    def savepoint(self) -> Savepoint:
        return _MemorySavepoint(self._state)

    def commit(self) -> None:
        pass

    def rollback(self) -> None:
        self._start.rollback()

    def close(self) -> None:
        if self._write:
            self._state.written_from = None
        self._state.units -= 1
        self._state.lock.release()


class _MemorySavepoint(Savepoint):
    """Which tables there were, and how long they were."""

    def __init__(self, state: _State) -> None:
        self._state = state
        self.tables = state.tables
        self.length = len(self.tables.rows)

    def release(self) -> None:
        pass

    def rollback(self) -> None:
        self._state.tables = self.tables
        self.tables.cut(self.length)


def _grouped(rows: list[_Row]) -> list[Rows]:
    groups: dict[EntityCodec, list[_Row]] = {}
    for row in rows:
        groups.setdefault(row.codec, []).append(row)
    return [Rows.of(codec, [row.flat for row in own]) for codec, own in groups.items()]
