"""What differs between databases: filters by many ids, new ids, transactions, errors, connections."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from ecs_sql.storage.driver import Driver

ErrorKind = Literal[
    "conflict",
    "duplicate",
    "too_large",
    "lost",
    "busy",
    "full",
    "read_only",
    "denied",
    "no_table",
    "other",
]
"""A serialization failure or deadlock, a version id that exists already, a too large statement or value,
a lost or refused connection, a wait that took too long, a full disk, a database that takes no writes, a
missing permission, a missing table, or anything else."""

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A table and its columns that rows are written to, as one database's SQL names them.

    Attributes:
        table: the table's name.
        columns: the columns' names, `id` first.
        types: the types of the columns' canonical values.
        insert: an INSERT of one row.
    """

    table: str
    columns: tuple[str, ...]
    types: tuple[TypeEngine[Any], ...]
    insert: str


CHUNK_COLUMNS = ("id", "chunks", "data")


class DatabaseDialect(ABC):
    """One database's ways. Stateless but for what the server says of itself."""

    name: str
    """As a storage's status tells it."""
    placeholder: str
    """How a statement marks a parameter."""
    current_read = ""
    """What a query ends with that has to see what others committed since its transaction began."""

    @abstractmethod
    def own_engine(self, url: URL) -> Engine:
        """An engine for a URL of the storage's own, set up for durable versions."""

    def inspect(self, connection: Connection) -> None:
        """Learn what the server says of itself.

        Raises:
            UnusableServer: when the server cannot be used.
        """
        del connection  # nothing to learn by default

    @abstractmethod
    def membership(self, column: str, ids: Sequence[Any]) -> Iterator[tuple[str, Row]]:
        """Conditions that together are true of the rows whose column is among the ids, with parameters.

        One condition wherever the database takes any number of ids at once. The ids are as `bind_ids`
        made them, or integers.
        """

    @abstractmethod
    def bind_id(self, ecs_id: UUID) -> Any:
        """A UUID as a parameter."""

    @abstractmethod
    def bind_ids(self, ids: Sequence[Any]) -> list[Any]:
        """UUIDs as parameters."""

    @abstractmethod
    def begin_write(self, connection: Connection) -> None:
        """Begin a transaction that will write, or make sure that the connection is inside one."""

    def begin_schema(self, connection: Connection) -> None:
        """Begin a transaction that will make tables."""
        connection.begin()

    @abstractmethod
    def begin_reads(self, connection: Connection) -> None:
        """Begin a transaction that sees one state of the database."""

    def single_reads(self, connection: Connection) -> Connection:
        """A connection for reads that need no transaction."""
        return connection

    def in_transaction(self, driver: Any) -> bool:
        """Whether a driver's connection says that it is inside a transaction."""
        del driver  # most do not know
        return False

    @abstractmethod
    def in_autocommit(self, connection: Connection) -> bool:
        """Whether the driver commits each statement, so that there is no transaction to join."""

    def target(
        self, table: str, columns: Sequence[str], types: Sequence[TypeEngine[Any]]
    ) -> Target:
        """Where rows go, with the statement that brings one there."""
        return Target(table, tuple(columns), tuple(types), self.insert_statement(table, columns))

    @abstractmethod
    def insert_base(
        self, driver: Driver, target: Target, columns: Sequence[Sequence[Any]]
    ) -> list[int]:
        """Insert rows into `base_entities` in this order and tell their ids, which ascend.

        Args:
            driver: of the transaction.
            target: the table.
            columns: its columns but for the first one, which is the id.
        """

    def insert_rows(self, driver: Driver, target: Target, rows: list[Row]) -> None:
        """Insert rows into a table."""
        driver.execute_many(target.insert, rows)

    def insert_chunks(self, driver: Driver, rows: list[Row]) -> None:
        """Insert chunks in this order, but for those that are there; waits for who is inserting one."""
        statement = self.insert_statement("ecs_chunks", CHUNK_COLUMNS)
        driver.execute_many(f"{statement} ON CONFLICT DO NOTHING", rows)

    def chunk_trees(self, condition: str) -> str:
        """A query for `id`, `chunks` and `data` of the chunks for which a condition holds, and of all below."""
        return (
            "WITH RECURSIVE tree (id) AS ("
            f"SELECT {self.tree_id} FROM ecs_chunks WHERE {condition} "
            f"UNION SELECT {self.tree_children}) "
            f"SELECT {self.tree_chunks}"
        )

    tree_id = "id"
    """A chunk's id, as the first step of `chunk_trees` selects it."""
    tree_children: str
    """Selects the ids below the chunks in `tree`; what is no JSON list has none."""
    tree_chunks = "chunk.id, chunk.chunks, chunk.data FROM tree CROSS JOIN ecs_chunks AS chunk ON chunk.id = tree.id"
    """Selects the chunks in `tree`."""

    lone_writes = False
    """Whether `insert_lone` is of use."""

    def begin_lone(self, connection: Connection) -> None:
        """Begin a transaction in which `insert_lone` is all that is done."""
        self.begin_write(connection)

    def insert_lone(self, driver: Driver, targets: Sequence[Target], rows: Sequence[Row]) -> bool:
        """Write one version of which nobody has asked whether it is stored.

        Args:
            driver: of a connection that `begin_lone` readied.
            targets: the base table, and the others in the order of inheritance.
            rows: a row for each target, without the first column, which is the id.

        Returns:
            Whether it was written; if not, it may be stored, or it has to be written in another way.
        """
        return False

    def insert_statement(self, table: str, columns: Sequence[str]) -> str:
        """An INSERT of one row."""
        marks = ", ".join([self.placeholder] * len(columns))
        return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"

    def comparable_type(self, compiled: str) -> str:
        """A column type as SQL writes it, so that two that mean the same read alike."""
        return compiled.upper()

    @abstractmethod
    def lock_versions(self, driver: Driver, ids: Sequence[Any]) -> None:
        """Let nobody else pass here with one of these ids, as `bind_ids` made them, before the transaction ends.

        Afterwards a query that ends with `current_read` sees all that was committed by those who passed
        before. A transaction that cannot see it fails with a conflict here or there.
        """

    def lock_writes(self, driver: Driver) -> None:
        """Let nobody else write versions before the transaction ends, where they could do so meanwhile."""
        del driver  # most lock all that a statement without a condition touches

    def has_failed(self, connection: Connection) -> bool:
        """Whether an error has ended the connection's transaction, so that a commit would do nothing."""
        return False

    def limit_waiting(self, connection: Connection) -> None:
        """Let no statement of the transaction that was begun wait for another one for ever."""
        del connection  # most databases have a limit by themselves

    @abstractmethod
    def kind_of(self, error: DBAPIError) -> ErrorKind:
        """What kind of failure a driver's error is."""


class UnusableServer(Exception):
    """A server that the library does not support. Becomes a StorageUrlError."""
