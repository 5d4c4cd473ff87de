"""The transactions of a storage: its own, those inside others, and single operations in one of these.

A backend supplies units of work; that each ends, with the objects as the database has it, is seen to here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from ecs_sql.storage.journal import Journal
from ecs_sql.storage.rows import UnitOfWork
from ecs_sql.storage.transactions import CurrentTransaction, Transaction, current_transaction

T = TypeVar("T")


class TransactionalStorage(ABC):
    """Runs reads and writes in a transaction: the current one of this thread or task, or one for them alone."""

    def __init__(self) -> None:
        self._token = object()
        """Marks what is remembered of objects; another one whenever versions may have been removed."""

    def _renew_token(self) -> object:
        self._token = object()
        return self._token

    def _present_token(self) -> object:
        """What memories of a read that begins now are marked with."""
        current = current_transaction(self)
        return self._token if current is None else current.token

    @abstractmethod
    def _begin(self, *, write: bool) -> UnitOfWork:
        """Begin a unit of work of the storage's own."""

    @abstractmethod
    def _begin_grouped_reads(self) -> UnitOfWork:
        """Begin a unit of work that sees one state of the database throughout."""

    def _begin_write(self) -> UnitOfWork:
        return self._begin(write=True)

    def _attempt(self, operation: Callable[[], T]) -> T:
        """Run an operation of its own transaction, repeating it where the backend says so."""
        return operation()

    # Blocks of the application's

    @contextmanager
    def transaction(self, *, read_only: bool = False) -> Iterator[Any]:
        """See `EntityStorage.transaction`."""
        current = current_transaction(self)
        if current is not None:
            with self._nested(current, read_only=read_only):
                yield
        elif read_only:
            with self._reading():
                yield
        else:
            with self._writing():
                yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with (
            self._own_transaction(self._begin_write, repeatable=False) as transaction,
            CurrentTransaction(self, transaction),
        ):
            yield

    @contextmanager
    def _reading(self) -> Iterator[None]:
        token = self._token
        work = self._begin_grouped_reads()
        transaction = Transaction(work, Journal(), read_only=True, joined=False, token=token)
        try:
            with CurrentTransaction(self, transaction):
                yield
            transaction.journal.settle()
        finally:
            if transaction.is_of_this_process:
                work.rollback()
                work.close()

    @contextmanager
    def _nested(self, current: Transaction, *, read_only: bool) -> Iterator[None]:
        """A block inside a block: it can fail alone."""
        if current.read_only:
            with CurrentTransaction(self, current.inner(read_only=True)):
                yield
            return
        inner = current.inner(read_only=read_only)
        with self._savepoint(current), CurrentTransaction(self, inner):
            yield

    # Operations

    def _write(self, operation: Callable[[Transaction], None]) -> None:
        """Run a write: in the current transaction behind a savepoint, or in one of its own."""
        current = current_transaction(self)
        if current is None:
            self._attempt(lambda: self._write_alone(operation))
        else:
            self._write_inside(current, operation)

    def _write_alone(self, operation: Callable[[Transaction], None]) -> None:
        with self._own_transaction(self._begin_write, repeatable=True) as transaction:
            operation(transaction)

    def _write_inside(self, current: Transaction, operation: Callable[[Transaction], None]) -> None:
        with self._savepoint(current):
            operation(current)

    @contextmanager
    def _own_transaction(
        self, begin: Callable[[], UnitOfWork], *, repeatable: bool
    ) -> Iterator[Transaction]:
        """A transaction that commits at the end; on any error the database and the objects are as before.

        Args:
            begin: begins its unit of work.
            repeatable: whether what it does is repeated when that may help.
        """
        token = self._token
        work = begin()
        transaction = Transaction(work, Journal(), read_only=False, joined=False, token=token)
        try:
            try:
                yield transaction
                transaction.check_process()
                self._commit(transaction, repeatable=repeatable)
            except BaseException:
                transaction.journal.undo()
                if transaction.is_of_this_process:
                    work.rollback()
                raise
            transaction.journal.settle()
        finally:
            if transaction.is_of_this_process:
                work.close()

    def _commit(self, transaction: Transaction, *, repeatable: bool) -> None:
        """Make what the transaction wrote last."""
        transaction.work.commit()

    @contextmanager
    def _savepoint(self, current: Transaction) -> Iterator[None]:
        """A part of a transaction that can fail alone."""
        mark = current.journal.mark
        savepoint = current.work.savepoint()
        try:
            yield
            current.check_process()
            savepoint.release()
        except BaseException:
            current.journal.undo(mark)
            if current.is_of_this_process:
                savepoint.rollback()
            raise

    def _read(self, operation: Callable[[UnitOfWork], T]) -> T:
        """Run a read in the current transaction, or in a unit of work of its own, which may be repeated."""
        current = current_transaction(self)
        if current is not None:
            return operation(current.work)
        return self._attempt(lambda: self._read_alone(operation))

    def _read_alone(self, operation: Callable[[UnitOfWork], T]) -> T:
        work = self._begin(write=False)
        try:
            return operation(work)
        finally:
            work.close()
