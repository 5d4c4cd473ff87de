"""Damages a stored row by hand, past the library and past the database's foreign keys."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from sqlalchemy import Connection

    from ecs_sql import Entity, SqlAlchemyEntityStorage

_FOREIGN_KEYS = {
    "sqlite": ("PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys = ON"),
    "postgresql": (
        "SET session_replication_role = replica",
        "SET session_replication_role = origin",
    ),
    "mariadb": ("SET foreign_key_checks = 0", "SET foreign_key_checks = 1"),
}


def database_of(storage: SqlAlchemyEntityStorage) -> str:
    """The backend's name."""
    return storage.get_registry_status().backend


@contextmanager
def unchecked(storage: SqlAlchemyEntityStorage) -> Iterator[Connection]:
    """A connection that checks no foreign keys; commits at the end."""
    off, on = _FOREIGN_KEYS[database_of(storage)]
    with storage.engine.connect() as connection:
        connection.exec_driver_sql(off)
        connection.commit()
        yield connection
        connection.commit()
        connection.exec_driver_sql(on)
        connection.commit()


def table_of(entity: Entity) -> str:
    """The entity's own table."""
    return type(entity).__ecs_spec__.table_name  # type: ignore[attr-defined, no-any-return]


def row_of(storage: SqlAlchemyEntityStorage, entity: Entity) -> int:
    """The `id` of the entity's rows."""
    base = storage.mapping.metadata.tables["base_entities"]
    with storage.engine.connect() as connection:
        found = connection.scalar(select(base.c.id).where(base.c.ecs_id == entity.ecs_id))
    assert found is not None
    return int(found)


def id_value(storage: SqlAlchemyEntityStorage, ecs_id: UUID) -> Any:
    """An id as the database's driver takes it."""
    return ecs_id if database_of(storage) == "postgresql" else ecs_id.hex


def put(
    storage: SqlAlchemyEntityStorage, entity: Entity, column: str, value: Any, table: str = ""
) -> None:
    """Write a raw value into a column of the entity's row, in its own table or another."""
    quote = storage.engine.dialect.identifier_preparer.quote
    place = f"UPDATE {quote(table or table_of(entity))} SET {quote(column)}"
    statement = f"{place} = :value WHERE id = :id"
    row_id = row_of(storage, entity)
    with unchecked(storage) as connection:
        changed = connection.execute(text(statement), {"value": value, "id": row_id})
        assert changed.rowcount == 1


def remove(storage: SqlAlchemyEntityStorage, entity: Entity, table: str) -> None:
    """Delete the entity's row in one table."""
    row_id = row_of(storage, entity)
    with unchecked(storage) as connection:
        deleted = connection.execute(text(f"DELETE FROM {table} WHERE id = :id"), {"id": row_id})
        assert deleted.rowcount == 1


def run_sql(storage: SqlAlchemyEntityStorage, *statements: str) -> None:
    """Run statements, each of them alone."""
    with unchecked(storage) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
