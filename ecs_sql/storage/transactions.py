"""Transactions: what they did to objects, so that a rollback can put it back, and which one is current."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType

from ecs_sql import processes
from ecs_sql.errors import TransactionError
from ecs_sql.storage.journal import Journal
from ecs_sql.storage.rows import UnitOfWork


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
        self._process = processes.present
        self._thread = threading.get_ident()

    def inner(self, *, read_only: bool) -> Transaction:
        """The same transaction, as a block inside its block has it."""
        return Transaction(
            self.work, self.journal, read_only=read_only, joined=self.joined, token=self.token
        )

    @property
    def is_of_this_process(self) -> bool:
        """Whether it was begun here, and not in the process from which this one was forked."""
        return self._process is processes.present

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
