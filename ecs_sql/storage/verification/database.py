"""A database under verification: what all its checks use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table

from ecs_sql.identity import IdentifiedModel
from ecs_sql.mapping import EntityMapping
from ecs_sql.storage.chunk_store import ChunkStore
from ecs_sql.storage.dialects.base import DatabaseDialect
from ecs_sql.storage.driver import Driver
from ecs_sql.storage.verification.reading import TableReader
from ecs_sql.storage.verification.run import VerificationRun
from ecs_sql.tables import CHUNK_TABLE


class Database:
    """One database under verification, through one connection whose transaction sees one state.

    Attributes:
        usable: the tables that have all columns that the classes need, so that their rows can be read.
        chunks: what large values are made of.
    """

    def __init__(
        self,
        connection: Connection,
        dialect: DatabaseDialect,
        mapping: EntityMapping,
        run: VerificationRun,
        usable: frozenset[str],
    ) -> None:
        self.connection = connection
        self.dialect = dialect
        self.mapping = mapping
        self.run = run
        self.driver = Driver(connection)
        self.usable = usable
        self.chunks = ChunkStore(self.driver, dialect, has_table=CHUNK_TABLE in usable)

    def table_of(self, entity_class: type[IdentifiedModel]) -> Table:
        """The class's table."""
        return self.mapping.table(entity_class)

    def class_of(self, discriminator: Any) -> type[IdentifiedModel] | None:
        """The class of a type, if one is registered."""
        return (
            self.mapping.class_of_table(discriminator) if isinstance(discriminator, str) else None
        )

    def reader(self, table: str, names: Sequence[str]) -> TableReader:
        """A reader of the table's columns."""
        tables = self.mapping.metadata.tables
        return TableReader(
            self.driver, tables[table], names, self.connection.dialect, self.chunks.restore
        )

    def quoted(self, table: str) -> str:
        """A table's name as SQL writes it."""
        return self.connection.dialect.identifier_preparer.quote(table)

    def text(self, statement: Any) -> str:
        """A statement as SQL."""
        return str(statement.compile(dialect=self.connection.dialect)).replace("\n", "")

    def count(self, table: str) -> int:
        """How many rows a table has."""
        rows, _ = self.driver.query(f"SELECT count(*) FROM {self.quoted(table)}", ())
        return int(rows[0][0])
