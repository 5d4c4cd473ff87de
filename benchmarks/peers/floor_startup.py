"""The floor at start-up: pydantic classes, and the text of their tables and statements, written by hand."""

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Json

from benchmarks.databases import Database
from benchmarks.peers import floor_postgresql, floor_sqlite
from benchmarks.peers.definitions import VALUES, classes_in, compiled, executed, model_template
from benchmarks.peers.floor import VERSION, FloorStore, Row
from benchmarks.peers.models import Version
from benchmarks.peers.protocol import Startup

FIELDS = tuple(VALUES)


class FloorStartup(Startup):
    """What differs between the databases is the table's text and the form of values."""

    sql: Any
    table: str
    mark: str

    def __init__(self, floor: FloorStore, count: int) -> None:
        """Compile the definitions; the text needs none."""
        self._floor: Any = floor
        self._count = count
        self._code = compiled(model_template("Version"), count)
        self._tables = [self.table.format(number=number) for number in range(count)]

    @abstractmethod
    def encoded(self, version: Any) -> Sequence[Any]:
        """The values of one object's columns."""

    @abstractmethod
    def decoded(self, row: Row) -> Mapping[str, Any]:
        """The fields of one object."""

    def define(self) -> None:
        """The pydantic classes."""
        self._classes = classes_in(executed(self._code, {"Version": Version}), self._count)

    def map(self) -> None:
        """There is nothing to map."""

    def create_tables(self) -> None:
        """In one transaction."""
        with self._floor.transaction():
            for table in self._tables:
                self._floor.execute(table)

    def first_use(self, values: Mapping[str, Any]) -> Any:
        """Two inserts, one join."""
        kind, number = self._classes[-1], self._count - 1
        ecs_id = UUID(int=self._count)
        version = kind(ecs_id=ecs_id, lineage_id=ecs_id, **values)
        columns, marks = ", ".join(FIELDS), ", ".join([self.mark] * (len(FIELDS) + 1))
        with self._floor.transaction():
            self._floor.execute(
                self.sql.INSERT_BASE, (1, *self.sql.base_row(version, f"kind{number}"))
            )
            statement = f"INSERT INTO kind{number} (id, {columns}) VALUES ({marks})"
            self._floor.execute(statement, (1, *self.encoded(version)))
        joined = (
            f"SELECT {VERSION}, {columns} FROM base_entities b JOIN kind{number} k ON k.id = b.id"
        )
        key = self._floor.stored_id(version)
        row = self._floor.execute(f"{joined} WHERE b.ecs_id = {self.mark}", (key,)).fetchone()
        return kind(**self.decoded(row))

    def close(self) -> None:
        """Disconnect."""
        self._floor.close()


class SqliteFloorStartup(FloorStartup):
    """Text for whatever SQLite has no type for."""

    sql = floor_sqlite
    mark = "?"
    table = """
    CREATE TABLE kind{number} (
        id INTEGER NOT NULL PRIMARY KEY REFERENCES base_entities (id),
        count INTEGER NOT NULL, weight REAL NOT NULL, active BOOLEAN NOT NULL, name TEXT NOT NULL,
        owner CHAR(32) NOT NULL, moment TEXT NOT NULL, payload BLOB NOT NULL, note TEXT,
        names TEXT NOT NULL, counts TEXT NOT NULL
    )
    """

    def __init__(self, database: Database, count: int) -> None:
        """Over the floor's store."""
        super().__init__(floor_sqlite.SqliteFloorStore(database), count)

    def encoded(self, version: Any) -> Sequence[Any]:
        """Ids, times and lists as text."""
        values = [getattr(version, name) for name in FIELDS]
        values[4] = version.owner.hex
        values[5] = version.moment.isoformat()
        return [*values[:8], json.dumps(version.names), json.dumps(version.counts)]

    def decoded(self, row: Row) -> Mapping[str, Any]:
        """Lists from text; pydantic reads the rest."""
        fields = dict(zip((*BOOKKEEPING, *FIELDS), row, strict=True))
        return fields | {name: json.loads(fields[name]) for name in ("old_ids", "names", "counts")}


class PostgresqlFloorStartup(FloorStartup):
    """Native types."""

    sql = floor_postgresql
    mark = "%s"
    table = """
    CREATE TABLE kind{number} (
        id BIGINT NOT NULL PRIMARY KEY REFERENCES base_entities (id),
        count BIGINT NOT NULL, weight DOUBLE PRECISION NOT NULL, active BOOLEAN NOT NULL, name TEXT NOT NULL,
        owner UUID NOT NULL, moment TIMESTAMPTZ NOT NULL, payload BYTEA NOT NULL, note TEXT,
        names JSON NOT NULL, counts JSON NOT NULL
    )
    """

    def __init__(self, database: Database, count: int) -> None:
        """Over the floor's store."""
        super().__init__(floor_postgresql.PostgresqlFloorStore(database), count)

    def encoded(self, version: Any) -> Sequence[Any]:
        """Lists as JSON."""
        values = [getattr(version, name) for name in FIELDS]
        return [*values[:8], Json(version.names), Json(version.counts)]

    def decoded(self, row: Row) -> Mapping[str, Any]:
        """As they are."""
        return dict(zip((*BOOKKEEPING, *FIELDS), row, strict=True))


BOOKKEEPING = ("ecs_id", "lineage_id", "parent_id", "created_at", "old_ids")
