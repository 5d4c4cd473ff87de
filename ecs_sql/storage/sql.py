"""SqlAlchemyEntityStorage: versions in SQLite, PostgreSQL or MariaDB."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar, cast
from uuid import UUID

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, scoped_session

from ecs_sql.codecs.chunks import Chunk
from ecs_sql.entity_codec import EntityCodec, codec_of
from ecs_sql.errors import ArgumentError, ConnectionLostError, TransactionError
from ecs_sql.identity import IdentifiedModel
from ecs_sql.mapping import EntityMapping
from ecs_sql.processes import ForkSafeLock
from ecs_sql.row_chunks import set_chunk_reader
from ecs_sql.row_classes import MappedClasses, set_graph_reader
from ecs_sql.storage.base import VersionedStorage
from ecs_sql.storage.catalogue import Catalogue
from ecs_sql.storage.chunk_store import ChunkStore
from ecs_sql.storage.connecting import first_connection, open_engine
from ecs_sql.storage.dialects import dialect_for
from ecs_sql.storage.driver import Driver
from ecs_sql.storage.failures import translated
from ecs_sql.storage.joining import joined_journal
from ecs_sql.storage.journal import Journal
from ecs_sql.storage.loading import Load, find_one
from ecs_sql.storage.outcomes import settle_commit
from ecs_sql.storage.quick import NotQuick, QuickReader
from ecs_sql.storage.retrying import repeated
from ecs_sql.storage.rows import Found, UnitOfWork
from ecs_sql.storage.schema import prepare_tables
from ecs_sql.storage.sharing import HeldConnection, SharedEngine
from ecs_sql.storage.sql_work import SqlWork
from ecs_sql.storage.transactions import (
    CurrentTransaction,
    Transaction,
    current_transaction,
)
from ecs_sql.storage.verification.report import VerificationReport
from ecs_sql.storage.verification.run import VerificationRun
from ecs_sql.storage.verification.verifying import verify_connection

T = TypeVar("T")


class SqlAlchemyEntityStorage(VersionedStorage):
    """A storage in a SQL database; makes the tables that are missing.

    An engine of the application's own is left as it is set. With a URL, SQLite runs in WAL mode with
    foreign keys, a busy timeout and full synchronisation. Threads may share a storage, and a forked child
    may go on with it: it gets connections of its own.

    Args:
        target: a database URL, or an Engine.
        mapping: the mapping, or the entity classes to make one of.

    Raises:
        ArgumentError: when there is neither a mapping nor a list of classes.
        MappingError: when a class cannot be mapped.
        StorageUrlError: when the database cannot be opened.
        SchemaMismatchError: when existing tables lack columns.
        StorageFormatError: when the database is of another storage format.
    """

    def __init__(
        self, target: str | URL | Engine, mapping: EntityMapping | Iterable[type[IdentifiedModel]]
    ) -> None:
        super().__init__()
        if not isinstance(mapping, EntityMapping):
            mapping = _mapping_of(mapping)
        mapping.resolve()
        self._mapping = mapping
        self._engine, self._dialect, self._own_engine = open_engine(target)
        self._translation = translated(self._dialect, self._engine.dialect.loaded_dbapi.Error)
        self._shared = SharedEngine(self._engine, self._dialect)
        self._prepared = -1
        self._prepare_lock = ForkSafeLock()
        try:
            first_connection(self._engine, self._dialect)
            self._prepare()
        except BaseException:
            if self._own_engine:
                self._engine.dispose()
            raise
        self._catalogue = Catalogue(mapping, self._dialect, self._engine.dialect)
        self._quick = QuickReader(self._shared, self._catalogue)
        self._has_lone_writes = self._dialect.lone_writes

    @property
    def engine(self) -> Engine:
        """The engine that the storage reads and writes through."""
        return self._engine

    @property
    def mapping(self) -> EntityMapping:
        """The classes that the storage takes."""
        return self._mapping

    # What it takes

    def _codec_for(self, entity_class: type[IdentifiedModel]) -> EntityCodec:
        self._mapping.spec(entity_class)
        return codec_of(entity_class)

    def _knows(self, entity_class: type[Any]) -> bool:
        return any(issubclass(known, entity_class) for known in self._mapping.entity_classes)

    def _prepare(self) -> None:
        """Make the tables of classes that were registered since."""
        revision = self._mapping.revision
        if revision <= self._prepared:
            return
        with self._shared.alone(), self._prepare_lock, self._translated():
            if revision > self._prepared:  # no other thread has made them in the meantime
                prepare_tables(self._engine, self._dialect, self._mapping.metadata)
                self._prepared = revision

    # Units of work

    def _begin(self, *, write: bool) -> UnitOfWork:
        self._prepare()
        begin = self._dialect.begin_write if write else self._dialect.single_reads
        return self._work(begin, write=write)

    def _begin_lone(self) -> UnitOfWork:
        self._prepare()
        return self._work(self._dialect.begin_lone, write=True)

    def _begin_grouped_reads(self) -> UnitOfWork:
        self._prepare()
        return self._work(self._dialect.begin_reads, write=False)

    def _work(self, begin: Callable[[Connection], Any], *, write: bool) -> SqlWork:
        held = self._shared.connect(write=write)
        with self._translated():
            connection = held.__enter__()
            try:
                begin(connection)
            except BaseException:
                held.__exit__()
                raise
        return _OwnWork(connection, self._catalogue, held)

    def _attempt(self, operation: Callable[[], T]) -> T:
        def attempt() -> T:
            with self._translated():
                return operation()

        return repeated(attempt)

    def _translated(self) -> AbstractContextManager[None]:
        """A driver's errors as the library's own."""
        return self._translation

    def _commit(self, transaction: Transaction, *, repeatable: bool) -> None:
        work = transaction.work
        assert isinstance(work, SqlWork)  # noqa: S101  (this storage began it)
        work.check_alive()
        try:
            work.commit()
        except ConnectionLostError as lost:
            settle_commit(
                transaction.journal,
                lost,
                self._begin_patient,
                self._attempt,
                repeatable=repeatable,
            )

    def _begin_patient(self) -> UnitOfWork:
        """Begin a unit of work that writes, and waits for others only so long."""

        def begin(connection: Connection) -> None:
            self._dialect.begin_write(connection)
            self._dialect.limit_waiting(connection)

        return self._work(begin, write=True)

    def _write_inside(self, current: Transaction, operation: Callable[[Transaction], None]) -> None:
        with self._translated():
            if current.joined:
                self._ensure_begun(current)
            super()._write_inside(current, operation)

    def _ensure_begun(self, current: Transaction) -> None:
        work = current.work
        if isinstance(work, SqlWork):
            self._dialect.begin_write(work.connection)

    def _read(self, operation: Callable[..., T]) -> T:
        with self._translated():
            try:
                return super()._read(operation)
            except DBAPIError as error:
                self._note_failure(error)
                raise

    def _find_alone(self, ecs_id: UUID) -> tuple[Found | None, Load | None]:
        self._prepare()
        try:
            with self._translation:
                return self._quick.find_one(ecs_id), None
        except NotQuick:
            pass
        return super()._find_alone(ecs_id)

    def _find_inside(self, work: UnitOfWork, ecs_id: UUID) -> tuple[Found | None, Load | None]:
        try:
            return find_one(work, ecs_id)
        except Exception as error:
            if isinstance(error, DBAPIError):
                self._note_failure(error)
            with self._translation:
                raise

    # Verification

    def _verify(self, run: VerificationRun) -> VerificationReport:
        with self._translated(), self._reading_as_it_stands() as work:
            return verify_connection(work.connection, self._dialect, self._mapping, run)

    @contextmanager
    def _reading_as_it_stands(self) -> Iterator[SqlWork]:
        """The current transaction, or one that sees one state throughout; no table is made."""
        current = current_transaction(self)
        if current is not None:
            yield cast("SqlWork", current.work)
            return
        work = self._work(self._dialect.begin_reads, write=False)
        try:
            reading = Transaction(work, Journal(), read_only=True, joined=False, token=self._token)
            with CurrentTransaction(self, reading):
                yield work
        finally:
            work.rollback()
            work.close()

    def _note_failure(self, error: DBAPIError) -> None:
        """Let the current transaction, if any, remember that a read failed: no savepoint can heal it."""
        current = current_transaction(self)
        if current is not None and isinstance(current.work, SqlWork):
            current.work.failure = current.work.failure or error

    # Transactions

    @contextmanager
    def transaction(
        self,
        join: Session | scoped_session[Session] | Connection | None = None,
        *,
        read_only: bool = False,
    ) -> Iterator[Any]:
        """Group operations: all of them last, or none.

        Args:
            join: a Session or Connection of the application's own whose transaction to join; the
                application commits it, or rolls it back, and objects follow. Tables are not made.
            read_only: begin a deferred transaction that sees one state throughout, and refuse writes.

        Raises:
            TransactionError: when the connection commits each statement by itself.
            WriteConflictError: when another transaction was in the way; repeat the whole block.
        """
        if join is None:
            with super().transaction(read_only=read_only):
                yield
        else:
            with self._joined(join, read_only=read_only):
                yield

    @contextmanager
    def _joined(
        self, join: Session | scoped_session[Session] | Connection, *, read_only: bool
    ) -> Iterator[None]:
        if isinstance(join, scoped_session):
            join = join()
        connection = join.connection() if isinstance(join, Session) else join
        if not isinstance(connection, Connection):
            raise TransactionError(f"{join!r} is no Session or Connection; join one of these")
        if connection.dialect.name != self._engine.dialect.name:
            raise TransactionError(
                f"the connection is to {connection.dialect.name}, the storage's database is "
                f"{self._engine.dialect.name}; join a connection to the same database"
            )
        if self._dialect.in_autocommit(connection):
            raise TransactionError(
                "the connection commits each statement by itself, so there is no transaction to join; "
                "use one that is not in AUTOCOMMIT"
            )
        work = SqlWork(connection, self._catalogue)
        journal = joined_journal(connection)
        transaction = Transaction(
            work, journal, read_only=read_only, joined=True, token=self._token
        )
        if read_only:
            with CurrentTransaction(self, transaction):
                yield
            return
        with self._translated():
            self._dialect.begin_write(connection)
        with self._nested(transaction, read_only=False):
            yield


def _mapping_of(classes: Iterable[type[IdentifiedModel]]) -> EntityMapping:
    if isinstance(classes, (type, str)):
        reason = "it is no list of entity classes"
        raise ArgumentError("mapping", classes, reason, "give a list, or an EntityMapping")
    mapping = EntityMapping()
    mapping.register(*classes)
    return mapping


class _OwnWork(SqlWork):
    """A unit of work on a connection of the storage's own."""

    def __init__(self, connection: Connection, catalogue: Catalogue, held: HeldConnection) -> None:
        super().__init__(connection, catalogue)
        self._held = held

    def close(self) -> None:
        if self.connection.in_transaction():
            self.rollback()  # what was read is read, even if the connection is lost by now
        self._held.__exit__()


def _read_graph(
    mapping: MappedClasses, connection: Connection, ecs_id: UUID
) -> IdentifiedModel | None:
    """A graph through a connection of the application's own, as `to_entity` gives it."""
    dialect = dialect_for(connection.dialect)
    dialect.inspect(connection)
    load = Load(SqlWork(connection, Catalogue(mapping, dialect, connection.dialect)))
    load.ids([ecs_id])
    found: IdentifiedModel | None = load.finish().entities.get(ecs_id.int)
    return found


def _read_chunks(connection: Connection, ids: Collection[str]) -> Mapping[str, Chunk]:
    """Chunks, with all below them, through a connection of the application's own."""
    return ChunkStore(Driver(connection), dialect_for(connection.dialect)).below(ids)


set_graph_reader(_read_graph)
set_chunk_reader(_read_chunks)
