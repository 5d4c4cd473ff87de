"""Transactions: what they did to objects, so that a rollback can put it back, and which one is current."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from itertools import repeat
from types import MappingProxyType

from ecs_sql.errors import TransactionError
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
from ecs_sql.storage.rows import UnitOfWork

Done = tuple[IdentifiedModel, Identity | None, Memory, Insert | None]
"""What was done to one object: what it was before if that changed, what to remember of it after the commit, and
what was written of it, if anything."""


class Journal:
    """What a transaction did to objects, in order."""

    def __init__(self) -> None:
        self._done: list[Done] = []
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
        return len(self._done)

    def written(self, insert: Insert, memory: Memory) -> None:
        """Note that a version of the object was written, and give the object that identity."""
        self.has_written = True
        entity, identity = insert.entity, insert.identity
        ecs_id = entity.__dict__["ecs_id"]
        if ecs_id is identity.ecs_id or ecs_id == identity.ecs_id:
            self._done.append((entity, None, memory, insert))
        else:
            self._done.append((entity, identity_of(entity), memory, insert))
            assign_identity(entity, identity)

    def cleared(self, when_committed: Callable[[], object]) -> None:
        """Note that versions were removed, and what to call as soon as that is committed."""
        self.has_cleared = True
        self._when_committed.append(when_committed)

    @property
    def written_forks(self) -> list[Insert]:
        """What was written under ids that the storage made up."""
        return [insert for _, before, _, insert in self._done if insert and before is not None]

    @property
    def written_as_they_were(self) -> list[Insert]:
        """What was written under the ids that the objects had."""
        return [insert for _, before, _, insert in self._done if insert and before is None]

    def read(self, entity: IdentifiedModel, memory: Memory) -> None:
        """Note that the object is as stored."""
        self._done.append((entity, None, memory, None))

    def read_one(self, entity: IdentifiedModel, memory: Memory) -> None:
        """Note that an object is as it was just read; what a transaction read before it wrote is committed."""
        if self.has_written or self.has_cleared:
            self.read(entity, memory)
        else:
            remember(entity, memory)

    def read_all(self, entities: Iterable[IdentifiedModel], known: Iterable[Memory]) -> None:
        """Note that these objects are as they were just read; see `read_one`."""
        if self.has_written or self.has_cleared:
            self._done.extend(zip(entities, repeat(None), known, repeat(None)))
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
        for entity, _, memory, _ in self._done[self._indexed :]:
            self._latest[id(entity)] = memory
        self._indexed = len(self._done)
        return self._latest

    def undo(self, mark: int = 0) -> None:
        """Put the objects back as they were at the mark."""
        while len(self._done) > mark:
            entity, before, _, _ = self._done.pop()
            if before is not None:
                assign_identity(entity, before)
        self._latest.clear()
        self._indexed = 0

    def settle(self) -> None:
        """Remember what the commit made certain."""
        for entity, _, memory, _ in self._done:
            remember(entity, memory)
        self.forget()

    def forget(self) -> None:
        """Remember nothing: the commit was not the storage's own."""
        self._done.clear()
        self._latest.clear()
        self._indexed = 0
        while self._when_committed:
            self._when_committed.pop()()


class Transaction:
    """One open transaction of one storage. It is used by the thread that began it, and in its process."""

    __slots__ = (
        "_process",
        "_thread",
        "has_ended",
        "joined",
        "journal",
        "read_only",
        "token",
        "work",
    )

    def __init__(
        self, work: UnitOfWork, journal: Journal, *, read_only: bool, joined: bool, token: object
    ) -> None:
        self.work = work
        self.journal = journal
        self.read_only = read_only
        self.joined = joined
        self.token = token
        """What memories of it are marked with: the storage's from before it began, which a later `clear` voids."""
        self.has_ended = False
        self._process = os.getpid()
        self._thread = threading.get_ident()

    def inner(self, *, read_only: bool) -> Transaction:
        """The same transaction, as a block inside its block has it."""
        return Transaction(
            self.work, self.journal, read_only=read_only, joined=self.joined, token=self.token
        )

    @property
    def is_of_this_process(self) -> bool:
        """Whether it was begun here, and not in the process from which this one was forked."""
        return self._process == os.getpid()

    @property
    def is_of_this_thread(self) -> bool:
        """Whether the thread that began it asks."""
        return self._thread == threading.get_ident()

    def check_process(self) -> None:
        """Check that it can be ended here.

        Raises:
            TransactionError: in a child that was forked inside the block.
        """
        if not self.is_of_this_process:
            raise TransactionError(
                "this process was forked inside the block, whose transaction is its parent's; leave the "
                "block to the parent, and end a forked child with os._exit"
            )


_current: ContextVar[Mapping[int, Transaction]] = ContextVar(
    "ecs_sql_transactions", default=MappingProxyType({})
)


def current_transaction(storage: object) -> Transaction | None:
    """The transaction that this thread or task has open with the storage.

    Raises:
        TransactionError: in a thread that was given the context of a block which another one has open.
    """
    found = _current.get().get(id(storage))
    # A task that was made inside the block may outlive it, with the block's context.
    if found is None or found.has_ended or not found.is_of_this_process:
        return None
    if not found.is_of_this_thread:
        raise TransactionError(
            "this thread runs in the context of a transaction that another thread has open, and cannot use "
            "its connection; call the storage in that thread, or after the block"
        )
    return found


class CurrentTransaction:
    """Makes a transaction the current one for a block."""

    def __init__(self, storage: object, transaction: Transaction) -> None:
        self._key = id(storage)
        self._transaction = transaction

    def __enter__(self) -> Transaction:
        current = _current.get()
        self._outer = current.get(self._key)
        _current.set({**current, self._key: self._transaction})
        return self._transaction

    def __exit__(self, *_error: object) -> None:
        self._transaction.has_ended = True
        current = dict(_current.get())  # blocks of other storages may have begun or ended since
        if current.pop(self._key, None) is self._transaction:
            if self._outer is not None:
                current[self._key] = self._outer
            _current.set(current)
