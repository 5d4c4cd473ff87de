"""The tables in a database: make the missing ones, and refuse those that do not fit."""

from __future__ import annotations

import time
from collections.abc import Iterable

from sqlalchemy import Connection, Engine, MetaData, Table, inspect, select
from sqlalchemy.exc import DBAPIError

from ecs_sql.errors import SchemaMismatchError, StorageFormatError
from ecs_sql.storage.dialects.base import DatabaseDialect
from ecs_sql.tables import BASE_TABLE, META_TABLE, STORAGE_FORMAT

_ATTEMPTS = 5
_PAUSE_SECONDS = 0.1


def prepare_tables(engine: Engine, dialect: DatabaseDialect, metadata: MetaData) -> None:
    """Make the tables that are missing and check the others.

    `ecs_meta` comes first, with its row, so that what a killed process leaves behind is told from a
    database of another format, and is completed.

    Raises:
        StorageFormatError: when the database was written in another storage format.
        SchemaMismatchError: when existing tables lack columns; nothing is made then.
    """
    for attempt in range(_ATTEMPTS):
        try:
            with engine.connect() as connection:
                dialect.begin_schema(connection)
                _prepare(connection, metadata)
                connection.commit()
            return
        except DBAPIError:  # another process may be making the same tables
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(_PAUSE_SECONDS * (attempt + 1))


def _prepare(connection: Connection, metadata: MetaData) -> None:
    existing = set(inspect(connection).get_table_names())
    meta = metadata.tables[META_TABLE]
    if META_TABLE in existing:
        found = connection.execute(select(meta.c.format)).scalars().all()
        if found and list(found) != [STORAGE_FORMAT]:
            raise StorageFormatError(found[0] if len(found) == 1 else list(found), STORAGE_FORMAT)
        is_marked = bool(found)
    elif BASE_TABLE in existing:
        raise StorageFormatError(None, STORAGE_FORMAT)
    else:
        is_marked = False
    tables = [table for table in metadata.sorted_tables if table is not meta]
    check_columns(connection, [table for table in tables if table.name in existing])
    if META_TABLE not in existing:
        metadata.create_all(connection, tables=[meta], checkfirst=False)
    if not is_marked:
        connection.execute(meta.insert().values(format=STORAGE_FORMAT))
    missing = [table for table in tables if table.name not in existing]
    if missing:
        metadata.create_all(connection, tables=missing, checkfirst=False)


def check_columns(connection: Connection, tables: Iterable[Table]) -> None:
    """Check that existing tables have every column that the classes need.

    Raises:
        SchemaMismatchError: when some lack columns; all of them are told.
    """
    wanted = {table.name: [column.name for column in table.columns] for table in tables}
    if not wanted:
        return
    found = inspect(connection).get_multi_columns(filter_names=list(wanted))
    names = {table: {column["name"] for column in columns} for (_, table), columns in found.items()}
    missing = {
        table: tuple(column for column in columns if column not in names.get(table, ()))
        for table, columns in wanted.items()
    }
    if any(missing.values()):
        raise SchemaMismatchError({table: columns for table, columns in missing.items() if columns})
