"""What a driver or a pool raises, as errors of the library that say what to do."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy.exc import DBAPIError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ecs_sql.errors import (
    ConnectionLostError,
    DatabaseBusyError,
    StorageError,
    ValueTooLargeError,
    WriteConflictError,
)
from ecs_sql.storage.dialects import DatabaseDialect
from ecs_sql.storage.dialects.base import ErrorKind


class _Failure(NamedTuple):
    """How one kind of failure is told."""

    error: type[StorageError]
    what: str
    remedy: str


_CONFLICT = _Failure(
    WriteConflictError, "another transaction was in the way", "repeat the whole transaction"
)
_LOST = _Failure(
    ConnectionLostError,
    "the database ended the connection, or cannot be reached",
    "repeat the whole transaction",
)
_BUSY = _Failure(
    DatabaseBusyError,
    "the database is busy with others for longer than this may wait",
    "repeat later, or let it wait longer",
)
_FAILURES: dict[ErrorKind, _Failure] = {
    "conflict": _CONFLICT,
    "duplicate": _CONFLICT,
    "too_large": _Failure(
        ValueTooLargeError,
        "the server does not take a statement or value of that size",
        "store less in one value, or raise the server's limit",
    ),
    "lost": _LOST,
    "busy": _BUSY,
    "full": _Failure(StorageError, "the database's disk is full", "make room, and repeat"),
    "read_only": _Failure(
        StorageError,
        "the database takes no writes",
        "make it writable; for reads use transaction(read_only=True)",
    ),
    "denied": _Failure(
        StorageError, "the database denies access", "grant what the message names, and repeat"
    ),
    "no_table": _Failure(
        StorageError,
        "the database lacks a table",
        "open a storage on it, which makes the tables; a joined transaction makes none",
    ),
    "other": _Failure(StorageError, "the database failed", "see to the cause, and repeat"),
}


def storage_error(error: DBAPIError, dialect: DatabaseDialect) -> StorageError:
    """The library's error for a driver's."""
    return _told(_FAILURES[dialect.kind_of(error)], _reason_of(error))


def _reason_of(error: DBAPIError) -> str:
    """The driver's message; of PostgreSQL's without the detail, which may quote a whole row."""
    diagnosis = getattr(error.orig, "diag", None)
    return getattr(diagnosis, "message_primary", None) or str(error.orig)


def _told(failure: _Failure, reason: str) -> StorageError:
    return failure.error(f"{failure.what} ({reason.strip()}); {failure.remedy}")


class translated:  # noqa: N801  (used as a function is)
    """A block that raises a driver's errors, and those of SQLAlchemy that tell of its state, as the library's own.

    Args:
        dialect: of the database.
        driver_error: the base of all errors of the driver.
    """

    __slots__ = ("_dialect", "_driver_error")

    def __init__(self, dialect: DatabaseDialect, driver_error: type[Exception]) -> None:
        self._dialect = dialect
        self._driver_error = driver_error

    def __enter__(self) -> None:
        """Nothing: whatever the block raises comes to `__exit__`."""

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        """Raise the error's translation, if it has one."""
        told = None if error is None else self._translation(error)
        if told is not None:
            raise told from error

    def _translation(self, error: BaseException) -> StorageError | None:
        if isinstance(error, DBAPIError):
            return storage_error(error, self._dialect)
        if isinstance(error, PoolTimeout):
            return _told(_BUSY, str(error).partition(" (Background")[0])
        if isinstance(error, PendingRollbackError):
            return _told(_LOST, "the transaction has failed before")
        if isinstance(
            error, self._driver_error
        ):  # past SQLAlchemy, as when it sets an isolation level
            return storage_error(DBAPIError("", (), error), self._dialect)
        return None
