"""PostgreSQL through psycopg 3."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from ecs_sql.storage.dialects.base import DatabaseDialect, ErrorKind, Row
from ecs_sql.storage.driver import Driver

_CONFLICTS = frozenset({"40001", "40P01"})
_UNIQUE_VIOLATION = "23505"
_TOO_LARGE = frozenset({"54000", "53200"})


class PostgresqlDialect(DatabaseDialect):
    """PostgreSQL, and servers that speak its language."""

    name = "postgresql"
    placeholder = "%s"

    def own_engine(self, url: URL) -> Engine:
        return create_engine(url)

    def membership(self, column: str, ids: Sequence[Any]) -> Iterator[tuple[str, Row]]:
        if len(ids) == 1:
            yield f"{column} = %s", (ids[0],)
        else:
            yield f"{column} = ANY(%s)", (list(ids),)

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

    def in_autocommit(self, connection: Connection) -> bool:
        driver: Any = connection.connection.dbapi_connection
        return bool(driver.autocommit)

    def insert_base(
        self,
        driver: Driver,
        columns: Sequence[str],
        rows: list[Row],
        ids_of: Callable[[Row], Any],
    ) -> list[int]:
        found, _ = driver.query(
            "SELECT nextval('base_entities_id_seq'::regclass) FROM generate_series(1, %s)",
            (len(rows),),
        )
        ids = sorted(number for (number,) in found)
        numbered = [(number, *row) for number, row in zip(ids, rows, strict=True)]
        self.insert_rows(driver, "base_entities", ("id", *columns), numbered)
        return ids

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

    def kind_of(self, error: DBAPIError) -> ErrorKind:
        state = getattr(error.orig, "sqlstate", None)
        if state in _CONFLICTS:
            return "conflict"
        if state == _UNIQUE_VIOLATION and "ux_base_ecs_id" in str(error.orig):
            return "duplicate"
        if state in _TOO_LARGE:
            return "too_large"
        return "lost" if error.connection_invalidated else "other"
