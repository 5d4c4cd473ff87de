"""An engine that threads share, and that forked children open anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import RLock, get_ident
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.pool import (
    NullPool,
    Pool,
    PoolProxiedConnection,
    QueuePool,
    SingletonThreadPool,
    StaticPool,
)

from ecs_sql.errors import StorageError, TransactionError
from ecs_sql.processes import call_before_fork, call_in_child, leave_behind
from ecs_sql.storage.dialects import DatabaseDialect
from ecs_sql.storage.dialects.sqlite import is_memory

_no_turns = nullcontext()


class SharedEngine:
    """The connections of one storage's engine.

    Each connection is one thread's while it is out. A pool of one connection is used by one thread at a
    time. A forked child gets connections of its own:

    - SQLite knows of a file, once for the whole process, which locks it holds, and a child would inherit
      that knowledge without the locks. So the idle connections are closed before a fork, and a child that
      was forked while others were in use may not open the file.
    - SQLite's databases in memory are copied by the fork; that copy, as it was at the last commit, is the
      child's own.
    """

    def __init__(self, engine: Engine, dialect: DatabaseDialect) -> None:
        self.engine = engine
        self._dialect = dialect
        self._is_single = isinstance(engine.pool, StaticPool)
        self._single_user = RLock()
        self._is_in_memory = dialect.name == "sqlite" and is_memory(engine.url)
        self._is_file = dialect.name == "sqlite" and not self._is_in_memory
        self._out: set[HeldConnection | HeldDriver] = set()
        self._writers: set[int] = set()
        self._was_busy = False
        self._cannot_follow = False
        call_before_fork(self._before_fork)
        call_in_child(self._in_child)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A block in which no other thread uses the one connection, where there is but one.

        Raises:
            TransactionError: when a transaction is open on it elsewhere in this thread.
        """
        with self.turn:
            self.check_unused()
            yield

    def connect(self, *, write: bool) -> HeldConnection:
        """A connection for a block.

        Args:
            write: whether it will write.

        Raises:
            StorageError: in a forked child that cannot use the SQLite database of its parent.
        """
        if self._cannot_follow:
            raise StorageError(
                "the SQLite database was in use when this process was forked, so it cannot be used here; "
                "fork while no thread uses the storage, or start the process without fork (spawn)"
            )
        writers = self._writers if write and self._is_file else None
        return HeldConnection(self, self._out, writers)

    def driver(self) -> HeldDriver | None:
        """A connection of the driver's own for a read of one statement; None where a pool alone cannot give it."""
        pool = self.engine.pool
        if self._is_file and not self._cannot_follow and type(pool) is QueuePool:
            return HeldDriver(self.engine, pool, self._out)
        return None

    @property
    def turn(self) -> RLock | nullcontext[None]:
        """What lets one thread at a time use the one connection, where there is but one."""
        return self._single_user if self._is_single else _no_turns

    def check_unused(self) -> None:
        """Check that nobody is in a transaction on the one connection, where this thread has but one.

        Raises:
            TransactionError: when somebody is.
        """
        driver = self._only_driver_connection()
        if driver is not None and self._dialect.in_transaction(driver):
            raise TransactionError(
                "the database in memory has one connection, and a transaction is open on it elsewhere; "
                "join that with transaction(session), or use a file"
            )

    def _only_driver_connection(self) -> Any:
        """The driver's connection that everybody in this thread uses; None where each has another one."""
        pool = self.engine.pool
        if isinstance(pool, StaticPool):
            # To take it from the pool and give it back would roll back what others do on it.
            return pool.connection.dbapi_connection
        if isinstance(pool, SingletonThreadPool):
            pooled = pool.connect()
            try:
                return pooled.dbapi_connection
            finally:
                pooled.close()
        return None

    # Forks

    def _before_fork(self) -> None:
        pool = self.engine.pool
        if self._is_file and isinstance(pool, QueuePool):
            self._was_busy = pool.checkedout() > 0
            self.engine.dispose()

    def _in_child(self) -> None:
        pool, out, self._out = self.engine.pool, self._out, set()
        leave_behind(pool, out)
        self._writers = set()
        if self._is_in_memory:
            self._keep_copy()
            return
        if self._is_file:
            self._cannot_follow = self._was_busy or bool(out) or _has_connections(pool)
        self.engine.dispose(close=False)

    def _keep_copy(self) -> None:
        """Go on with the copy of the database in memory, without a transaction that the fork cut short."""
        if not self._is_single:  # each thread has a database of its own
            return
        self._cannot_follow = not self._single_user.acquire(blocking=False)
        self._single_user = RLock()
        if not self._cannot_follow:
            driver = self._only_driver_connection()
            if driver is not None and self._dialect.in_transaction(driver):
                driver.rollback()


class HeldConnection:
    """A connection for a block. What is left of it in a forked child does not close it."""

    def __init__(
        self,
        shared: SharedEngine,
        out: set[HeldConnection | HeldDriver],
        writers: set[int] | None,
    ) -> None:
        self._shared = shared
        self._out = out
        self._writers = writers
        self._thread = get_ident()
        self._turn = shared.turn
        self._pool = shared.engine.pool
        self._connection: Connection | None = None

    def __enter__(self) -> Connection:
        """Wait for a connection.

        Raises:
            TransactionError: when there is but one, and a transaction is open on it elsewhere; when
                another task of this thread has the only write transaction that there can be.
        """
        if self._writers is not None:
            if self._thread in self._writers:  # to wait for it here would be for ever
                raise TransactionError(
                    "another task of this thread has a transaction open, and a SQLite file has one writer "
                    "at a time; end it before the next one begins"
                )
            self._writers.add(self._thread)
        self._out.add(self)  # from before it is out until after it is back
        self._turn.__enter__()
        try:
            self._shared.check_unused()
            self._pool = self._shared.engine.pool
            self._connection = self._shared.engine.connect()
        except BaseException:
            self._give_back()
            raise
        return self._connection

    def __exit__(self, *_error: object) -> None:
        self._give_back()

    def _give_back(self) -> None:
        try:
            if self._connection is not None:
                self._connection.close()
                _close_idle(self._pool, self._shared.engine)
        finally:
            self._turn.__exit__(None, None, None)
            self._out.discard(self)
            if self._writers is not None:
                self._writers.discard(self._thread)


class HeldDriver:
    """A connection of the driver's own for a block, straight from the pool; as `HeldConnection` is in a fork."""

    __slots__ = ("_engine", "_out", "_pool", "_pooled")

    def __init__(
        self, engine: Engine, pool: QueuePool, out: set[HeldConnection | HeldDriver]
    ) -> None:
        self._engine = engine
        self._pool = pool
        self._out = out
        self._pooled: PoolProxiedConnection | None = None

    def __enter__(self) -> Any:
        self._out.add(self)  # from before it is out until after it is back
        try:
            self._pooled = self._pool.connect()
            return self._pooled.dbapi_connection
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_error: object) -> None:
        try:
            if self._pooled is not None:
                self._pooled.close()
                _close_idle(self._pool, self._engine)
        finally:
            self._out.discard(self)


def _close_idle(pool: Pool, engine: Engine) -> None:
    """Close what came back to a pool that the engine has parted with, as it does before a fork."""
    if pool is not engine.pool:
        pool.dispose()


def _has_connections(pool: object) -> bool:
    """Whether a pool has open connections, or cannot tell."""
    if isinstance(pool, QueuePool):
        return pool.checkedin() + pool.checkedout() > 0
    return not isinstance(pool, NullPool)
