"""PostgreSQL through psycopg 3."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import pydantic_core
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError

from ecs_sql.storage.dialects.base import DatabaseDialect, ErrorKind, Row, Target
from ecs_sql.storage.dialects.postgresql_writes import QuickWrites
from ecs_sql.storage.driver import Driver

_CONFLICTS = frozenset({"40001", "40P01"})
_UNIQUE_VIOLATION = "23505"
_KINDS: dict[str, ErrorKind] = {
    "54000": "too_large",
    "53200": "too_large",
    "57P01": "lost",  # the server shuts down, or an administrator ended the session
    "57P02": "lost",
    "57P03": "lost",
    "57P05": "lost",
    "53300": "busy",
    "55P03": "busy",
    "57014": "busy",  # a statement or lock timeout of the application's own
    "53100": "full",
    "25006": "read_only",
    "42P01": "no_table",
    "42501": "denied",
    "28000": "denied",
    "28P01": "denied",
}
_CONNECTION_CLASS = "08"
_PATIENCE_SECONDS = 10

MAX_CHUNKS = 50_000
"""Chunks in one statement: about fifty megabytes."""


class PostgresqlDialect(DatabaseDialect):
    """PostgreSQL, and servers that speak its language."""

    name = "postgresql"
    placeholder = "%s"
    lone_writes = True
    # LATERAL with OFFSET 0: one look into the index for each id. All ids have 22 characters; asked for that,
    # the planner expects few rows, where it would else compile the query for longer than it runs (JIT).
    tree_id = "CAST(id AS TEXT)"
    tree_children = (
        "child.id FROM tree "
        "CROSS JOIN LATERAL (SELECT chunks FROM ecs_chunks WHERE id = tree.id OFFSET 0) AS branch "
        "CROSS JOIN LATERAL json_array_elements_text(CASE WHEN json_typeof(branch.chunks) = 'array' "
        "THEN branch.chunks ELSE '[]' END) AS child (id) WHERE length(tree.id) = 22"
    )
    tree_chunks = (
        "tree.id, CAST(chunk.chunks AS TEXT), chunk.data FROM tree CROSS JOIN LATERAL "
        "(SELECT chunks, data FROM ecs_chunks WHERE id = tree.id OFFSET 0) AS chunk "
        "WHERE length(tree.id) = 22"
    )

    def __init__(self) -> None:
        self._quick = QuickWrites()

    def own_engine(self, url: URL) -> Engine:
        return create_engine(url)

    def membership(self, column: str, ids: Sequence[Any]) -> Iterator[tuple[str, Row]]:
        if len(ids) == 1:
            yield f"{column} = %s", (ids[0],)
        elif ids and type(ids[0]) is UUID:  # as one text, which the driver has nothing to do with
            listed = pydantic_core.to_json(list(ids)).decode()
            yield f"{column} = ANY(CAST(%s AS UUID[]))", (f"{{{listed[1:-1]}}}",)
        else:
            yield f"{column} = ANY(%s)", (list(ids),)

    def bind_id(self, ecs_id: UUID) -> Any:
        return ecs_id

    def bind_ids(self, ids: Sequence[Any]) -> list[Any]:
        return list(ids)

    def begin_write(self, connection: Connection) -> None:
        if not connection.in_transaction():
            if self.in_autocommit(connection):
                connection.execution_options(isolation_level=connection.default_isolation_level)
            connection.begin()

    def begin_reads(self, connection: Connection) -> None:
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        connection.begin()

    def single_reads(self, connection: Connection) -> Connection:
        return connection.execution_options(isolation_level="AUTOCOMMIT")

    def has_failed(self, connection: Connection) -> bool:
        # Such a transaction is rolled back by COMMIT too, without an error.
        driver: Any = connection.connection.dbapi_connection
        return bool(driver.info.transaction_status.name == "INERROR")

    def limit_waiting(self, connection: Connection) -> None:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_PATIENCE_SECONDS}s'")

    def in_autocommit(self, connection: Connection) -> bool:
        driver: Any = connection.connection.dbapi_connection
        return bool(driver.autocommit)

    def insert_base(
        self, driver: Driver, target: Target, columns: Sequence[Sequence[Any]]
    ) -> list[int]:
        count = len(columns[0])
        if count == 1:
            statement = self.insert_statement(target.table, target.columns[1:])
            row = tuple(value for (value,) in columns)
            ((number,),), _ = driver.query(f"{statement} RETURNING id", row)
            return [number]
        found, _ = driver.query(
            "SELECT nextval('base_entities_id_seq'::regclass) FROM generate_series(1, %s)",
            (count,),
        )
        ids = sorted(number for (number,) in found)
        self.insert_rows(driver, target, list(zip(ids, *columns, strict=True)))
        return ids

    def insert_rows(self, driver: Driver, target: Target, rows: list[Row]) -> None:
        if not self._quick.copy(driver, target, rows):
            super().insert_rows(driver, target, rows)

    def insert_chunks(self, driver: Driver, rows: list[Row]) -> None:
        # COPY cannot pass over keys that are there.
        statement = (
            "INSERT INTO ecs_chunks (id, chunks, data) SELECT * FROM "
            "unnest(%s::text[], %s::json[], %s::bytea[]) ON CONFLICT DO NOTHING RETURNING id"
        )
        for start in range(0, len(rows), MAX_CHUNKS):
            columns = zip(*rows[start : start + MAX_CHUNKS], strict=True)
            driver.query(statement, tuple(map(list, columns)))

    def begin_lone(self, connection: Connection) -> None:
        self.single_reads(connection)  # the statement is a transaction by itself

    def insert_lone(self, driver: Driver, targets: Sequence[Target], rows: Sequence[Row]) -> bool:
        return self._quick.insert_lone(driver, targets, rows)

    def lock_versions(self, driver: Driver, ids: Sequence[Any]) -> None:
        # A lock alone is not enough: under REPEATABLE READ and SERIALIZABLE who waited for it goes on with
        # a snapshot from before. An update that changes nothing makes that a serialization failure.
        for condition, parameters in self.membership("ecs_id", ids):
            driver.query(
                "UPDATE base_entities SET type = base_entities.type FROM (SELECT id FROM base_entities "
                f"WHERE {condition} ORDER BY id FOR UPDATE) AS locked "
                "WHERE base_entities.id = locked.id RETURNING base_entities.id",
                parameters,
            )

    def lock_writes(self, driver: Driver) -> None:
        driver.execute("LOCK TABLE base_entities IN EXCLUSIVE MODE")

    def kind_of(self, error: DBAPIError) -> ErrorKind:
        state = getattr(error.orig, "sqlstate", None)
        if state in _CONFLICTS:
            return "conflict"
        if state == _UNIQUE_VIOLATION and "ux_base_ecs_id" in str(error.orig):
            return "duplicate"
        if state is not None and state in _KINDS:
            return _KINDS[state]
        if error.connection_invalidated or str(state).startswith(_CONNECTION_CLASS):
            return "lost"
        if isinstance(error, OperationalError) and state is None and not error.statement:
            return _kind_of_refusal(str(error.orig))
        return "other"


def _kind_of_refusal(message: str) -> ErrorKind:
    """Why no connection was made; the driver has no code for that, and most servers speak English."""
    if "too many clients" in message or "connection slots" in message:
        return "busy"
    if any(word in message for word in ("authentication", "pg_hba", "does not exist", "denied")):
        return "denied"
    return "lost"
