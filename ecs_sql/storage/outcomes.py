"""A commit during which the connection was lost: whether it lasted is found out from the versions that it wrote.

A version's id is made up by whoever writes it, so that the id is stored exactly when the transaction was
committed. The server may still be at it when we ask. So an id that is not there yet is inserted once more,
in a transaction that is rolled back: the unique index lets that wait for the one that was lost.
"""

from __future__ import annotations

from collections.abc import Callable

from ecs_sql.errors import ConnectionLostError, StorageError, UnknownOutcomeError
from ecs_sql.lineage import Insert
from ecs_sql.storage.journal import Journal
from ecs_sql.storage.rows import UnitOfWork


def settle_commit(
    journal: Journal,
    lost: ConnectionLostError,
    begin: Callable[[], UnitOfWork],
    attempt: Callable[[Callable[[], bool]], bool],
    *,
    repeatable: bool,
) -> None:
    """Return when the transaction of the journal was committed.

    Args:
        journal: what the transaction did.
        lost: what its commit raised.
        begin: begins another unit of work that writes, and does not wait for ever.
        attempt: runs an operation, and repeats it where that may help.
        repeatable: whether the caller repeats the operation.

    Raises:
        ConnectionLostError: when it was not committed, or when repeating the operation will tell.
        UnknownOutcomeError: when neither could be found out.
    """
    forks, others = journal.written_forks, journal.written_as_they_were
    if repeatable and not forks:
        # What was written under the objects' own ids is compared with what is stored when it is repeated.
        raise lost
    if journal.has_cleared:  # perhaps what it wrote, too
        raise UnknownOutcomeError(()) from lost
    witnesses = forks or others
    if not witnesses:  # it has only read
        return
    try:
        is_stored = attempt(lambda: _is_stored(witnesses[-1], begin()))
    except StorageError:
        ids = tuple(insert.identity.ecs_id for insert in (*forks, *others))
        raise UnknownOutcomeError(ids) from lost
    if not is_stored:
        raise lost


def _is_stored(insert: Insert, work: UnitOfWork) -> bool:
    """Whether a version is stored; waits for a transaction that writes it.

    Raises:
        WriteConflictError: when that one was committed while this waited.
    """
    try:
        if work.existing([insert.identity.ecs_id]):
            return True
        work.insert([insert])
        return False
    finally:
        work.rollback()
        work.close()
