"""The supported databases."""

from __future__ import annotations

from sqlalchemy import Dialect

from ecs_sql.storage.dialects.base import DatabaseDialect, UnusableServer
from ecs_sql.storage.dialects.mariadb import MariadbDialect
from ecs_sql.storage.dialects.postgresql import PostgresqlDialect
from ecs_sql.storage.dialects.sqlite import SqliteDialect

_DIALECTS: dict[str, type[DatabaseDialect]] = {
    "sqlite": SqliteDialect,
    "postgresql": PostgresqlDialect,
    "mysql": MariadbDialect,
    "mariadb": MariadbDialect,
}
_DRIVERS = {"sqlite": ("pysqlite",), "postgresql": ("psycopg",)}


def dialect_for(sql: Dialect) -> DatabaseDialect:
    """The ways of the database that a SQLAlchemy dialect speaks to.

    Raises:
        UnusableServer: when that database, or that driver of it, is not supported.
    """
    made = _DIALECTS.get(sql.name)
    if made is None:
        raise UnusableServer(f"{sql.name} is not supported")
    drivers = _DRIVERS.get(sql.name)
    if drivers is not None and sql.driver not in drivers:
        raise UnusableServer(
            f"the driver {sql.driver} is not supported; use {' or '.join(drivers)}"
        )
    return made()


__all__ = [
    "DatabaseDialect",
    "MariadbDialect",
    "PostgresqlDialect",
    "SqliteDialect",
    "UnusableServer",
    "dialect_for",
]
