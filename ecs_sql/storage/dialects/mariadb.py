"""MariaDB through PyMySQL or another driver of SQLAlchemy's MySQL family."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from ecs_sql.storage.binding import hexes
from ecs_sql.storage.dialects.base import (
    CHUNK_COLUMNS,
    DatabaseDialect,
    ErrorKind,
    Row,
    Target,
    UnusableServer,
)
from ecs_sql.storage.driver import Driver

MAX_IDS = 50_000
"""Ids in one condition: about two megabytes of statement, an eighth of the smallest usual packet."""
_DUPLICATE = 1062
_CONFLICTS = frozenset({1213, 1020})
_PACKET_TOO_LARGE = 1153
_GONE = frozenset({2006, 2013})
_KINDS: dict[object, ErrorKind] = {
    _PACKET_TOO_LARGE: "too_large",
    1053: "lost",  # the server shuts down
    1927: "lost",  # killed
    2002: "lost",
    2003: "lost",
    2055: "lost",
    4031: "lost",
    1040: "busy",
    1203: "busy",
    1205: "busy",
    1021: "full",
    1026: "full",
    1114: "full",
    1290: "read_only",
    1792: "read_only",
    1836: "read_only",
    1146: "no_table",
    1044: "denied",
    1045: "denied",
    1142: "denied",
    1143: "denied",
    1227: "denied",
}
_DEFAULT_PACKET = 16 * 2**20

_DEFAULTS = re.compile(r" (CHARACTER SET|COLLATE) UTF8MB4(_NOPAD_BIN)?\b")
_WIDE_INTEGERS = {
    "BIGINT": "BIGINT",
    "INTEGER": "INT",
    "INT": "INT",
    "SMALLINT": "SMALLINT",
    "TINYINT": "TINYINT",
}


def _set_up(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(
        "SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION')"
    )
    cursor.close()


class MariadbDialect(DatabaseDialect):
    """MariaDB; MySQL itself lacks RETURNING and collations that tell all texts apart."""

    name = "mariadb"
    placeholder = "%s"
    tree_children = (
        "child.id FROM tree JOIN ecs_chunks AS branch ON branch.id = tree.id "
        "JOIN JSON_TABLE(IF(JSON_VALID(branch.chunks), branch.chunks, '[]'), "
        "'$[*]' COLUMNS (id VARCHAR(22) PATH '$')) AS child"
    )
    current_read = " LOCK IN SHARE MODE"

    def __init__(self) -> None:
        self._max_packet = _DEFAULT_PACKET

    def own_engine(self, url: URL) -> Engine:
        engine = create_engine(url)
        event.listen(engine, "connect", _set_up)
        return engine

    def inspect(self, connection: Connection) -> None:
        if not getattr(connection.dialect, "is_mariadb", False):
            raise UnusableServer("the server is MySQL; ecs_sql supports MariaDB")
        self._max_packet = connection.exec_driver_sql("SELECT @@max_allowed_packet").scalar_one()

    def membership(self, column: str, ids: Sequence[Any]) -> Iterator[tuple[str, Row]]:
        for start in range(0, len(ids), MAX_IDS):
            part = ids[start : start + MAX_IDS]
            yield f"{column} IN ({', '.join(['%s'] * len(part))})", tuple(part)

    def bind_id(self, ecs_id: UUID) -> Any:
        return ecs_id.int.to_bytes(16).hex()

    def bind_ids(self, ids: Sequence[Any]) -> list[Any]:
        return list(hexes(list(ids)))

    def begin_write(self, connection: Connection) -> None:
        if not connection.in_transaction():
            if self.in_autocommit(connection):
                connection.execution_options(isolation_level=connection.default_isolation_level)
            connection.begin()

    def begin_reads(self, connection: Connection) -> None:
        self.begin_write(connection)
        # Of the next transaction alone: nothing has to be set back when the connection is given back.
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    def in_autocommit(self, connection: Connection) -> bool:
        driver = connection.connection.dbapi_connection
        mode = getattr(driver, "get_autocommit", None)
        return bool(mode() if mode is not None else getattr(driver, "autocommit", False))

    def insert_base(
        self, driver: Driver, target: Target, columns: Sequence[Sequence[Any]]
    ) -> list[int]:
        names = target.columns[1:]
        marks = f"({', '.join(['%s'] * len(names))})"
        rows = list(zip(*columns, strict=True))
        found: dict[str, int] = {}
        for part in self._parts(rows):
            statement = (
                f"INSERT INTO {target.table} ({', '.join(names)}) "
                f"VALUES {', '.join([marks] * len(part))} RETURNING id, ecs_id"
            )
            result, _ = driver.query(statement, tuple(value for row in part for value in row))
            found.update((ecs_id, number) for number, ecs_id in result)
        return [found[ecs_id] for ecs_id in columns[names.index("ecs_id")]]

    def insert_rows(self, driver: Driver, target: Target, rows: list[Row]) -> None:
        for part in self._parts(rows):
            super().insert_rows(driver, target, part)

    def insert_chunks(self, driver: Driver, rows: list[Row]) -> None:
        statement = self.insert_statement("ecs_chunks", CHUNK_COLUMNS)
        statement = statement.replace("INSERT", "INSERT IGNORE", 1)
        for part in self._parts(rows):
            driver.execute_many(statement, part)

    def _parts(self, rows: list[Row]) -> Iterator[list[Row]]:
        """The rows in parts that each fit a packet, escapes counted in."""
        part: list[Row] = []
        size = 0
        for row in rows:
            row_size = sum(
                2 * len(value) + 8 if isinstance(value, (str, bytes)) else 24 for value in row
            )
            if part and size + row_size > self._max_packet // 4:
                yield part
                part, size = [], 0
            part.append(row)
            size += row_size
        if part:
            yield part

    def lock_versions(self, driver: Driver, ids: Sequence[Any]) -> None:
        for condition, parameters in self.membership("ecs_id", ids):
            driver.query(
                f"SELECT id FROM base_entities WHERE {condition} ORDER BY id FOR UPDATE", parameters
            )

    def comparable_type(self, compiled: str) -> str:
        text = _DEFAULTS.sub("", compiled.upper())
        name, bracket, width = text.partition("(")
        if name == "BOOL" or text == "TINYINT(1)":
            return "BOOL"
        if name in _WIDE_INTEGERS:  # what they show is a width for display alone
            return _WIDE_INTEGERS[name]
        return ("DECIMAL" if name == "NUMERIC" else name) + bracket + width

    def kind_of(self, error: DBAPIError) -> ErrorKind:
        arguments = getattr(error.orig, "args", ())
        code = arguments[0] if arguments else None
        if code in _CONFLICTS:
            return "conflict"
        if code == _DUPLICATE and "ux_base_ecs_id" in str(error.orig):
            return "duplicate"
        if code in _GONE and self._is_oversized(error):
            return "too_large"
        if code in _KINDS:
            return _KINDS[code]
        return "lost" if error.connection_invalidated or code in _GONE else "other"

    def _is_oversized(self, error: DBAPIError) -> bool:
        """Whether the statement was larger than a packet, after which the server just hangs up."""
        return _size(error.params) + len(error.statement or "") > self._max_packet // 2


def _size(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, (bytes, bytearray)):
        return len(value)
    if isinstance(value, (list, tuple)):
        return sum(map(_size, value))
    return 8
