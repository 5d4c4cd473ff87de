"""The tables in a database: make the missing ones, and refuse those that do not fit."""

from __future__ import annotations

import time
from collections.abc import Container, Iterable
from itertools import groupby
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Insert,
    MetaData,
    Table,
    create_mock_engine,
    func,
    inspect,
    literal,
    select,
    type_coerce,
)
from sqlalchemy.engine.mock import MockConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex
from sqlalchemy.sql import ClauseElement

from ecs_sql.column_types import canonical_type, chunking_of
from ecs_sql.errors import SchemaMismatchError, StorageFormatError
from ecs_sql.storage.dialects.base import DatabaseDialect
from ecs_sql.tables import BASE_TABLE, META_TABLE, STORAGE_FORMAT, UPGRADED_FORMATS

_ATTEMPTS = 5
_PAUSE_SECONDS = 0.1


def prepare_tables(engine: Engine, dialect: DatabaseDialect, metadata: MetaData) -> None:
    """Make the tables that are missing and check the others.

    `ecs_meta` comes first, with its row, so that what a killed process leaves behind is told from a
    database of another format, and is completed. A database of an older format that this release reads
    becomes one of today's, which older releases then refuse.

    Raises:
        StorageFormatError: when the database was written in another storage format.
        SchemaMismatchError: when existing tables lack columns; nothing is made then.
    """
    for attempt in range(_ATTEMPTS):
        try:
            with engine.connect() as connection:
                if _is_prepared(connection, metadata):
                    return
                connection.rollback()
                dialect.begin_schema(connection)
                _prepare(connection, metadata)
                connection.commit()
            return
        except DBAPIError:  # another process may be making the same tables
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(_PAUSE_SECONDS * (attempt + 1))


def _is_prepared(connection: Connection, metadata: MetaData) -> bool:
    """Whether all is there already, so that no lock is needed that a writer may hold for long."""
    meta = metadata.tables[META_TABLE]
    tables = metadata.sorted_tables  # asked once: other threads may be registering classes
    if not {table.name for table in tables}.issubset(inspect(connection).get_table_names()):
        return False
    if list(connection.execute(select(meta.c.format)).scalars()) != [STORAGE_FORMAT]:
        return False
    check_columns(connection, [table for table in tables if table is not meta])
    return True


def _prepare(connection: Connection, metadata: MetaData) -> None:
    existing = set(inspect(connection).get_table_names())
    meta = metadata.tables[META_TABLE]
    if META_TABLE in existing:
        formats = list(connection.execute(select(meta.c.format)).scalars())
        if len(formats) > 1 or not {STORAGE_FORMAT, *UPGRADED_FORMATS}.issuperset(formats):
            raise StorageFormatError(formats[0] if len(formats) == 1 else formats, STORAGE_FORMAT)
    elif BASE_TABLE in existing:
        raise StorageFormatError(None, STORAGE_FORMAT)
    else:
        formats = []
    tables = [table for table in metadata.sorted_tables if table is not meta]
    check_columns(connection, [table for table in tables if table.name in existing])
    _make_tables(connection, metadata, existing, is_marked=bool(formats))
    if UPGRADED_FORMATS.intersection(formats):  # once what the new format needs is there
        for table in tables:
            _make_literal(connection, table)
        connection.execute(meta.update().values(format=STORAGE_FORMAT))


def _make_tables(
    connection: Connection | MockConnection,
    metadata: MetaData,
    existing: Container[str] = (),
    *,
    is_marked: bool = False,
) -> None:
    """Make the tables that do not exist, parents first, after the one with the format's number."""
    meta = metadata.tables[META_TABLE]
    if META_TABLE not in existing:
        metadata.create_all(connection, tables=[meta], checkfirst=False)
    if not is_marked:
        connection.execute(meta.insert().values(format=STORAGE_FORMAT))
    missing = [
        table
        for table in metadata.sorted_tables
        if table is not meta and table.name not in existing
    ]
    if missing:
        metadata.create_all(connection, tables=missing, checkfirst=False)


def _make_literal(connection: Connection, table: Table) -> None:
    """Let the values of format 1 that look like pointers be read as what they are."""
    for column in table.columns:
        chunking = chunking_of(column)
        if chunking is None or not chunking.may_resemble:
            continue
        plain = type_coerce(column, canonical_type(column))
        begins = func.substr(plain, 1, len(chunking.mark)) == literal(chunking.mark, plain.type)
        for key, value in connection.execute(select(table.c.id, plain).where(begins)).all():
            short = chunking.uncut([value])[0]
            if short != value:
                change = table.update().where(table.c.id == key)
                connection.execute(change.values({column: literal(short, plain.type)}))


_OPTIONS_IN_CHANCE_ORDER = (")CHARSET=utf8mb4 ENGINE=InnoDB ", ")ENGINE=InnoDB CHARSET=utf8mb4 ")
"""SQLAlchemy before 2.1 keeps a MariaDB table's options in a set, whose order is another one in every process."""


def creation_statements(url: str, metadata: MetaData) -> list[str]:
    """What `prepare_tables` runs in an empty database of the URL's kind, as SQL; needs no driver."""
    elements: list[ClauseElement] = []

    def note(element: ClauseElement, *_parameters: Any, **_options: Any) -> None:
        elements.append(element)

    def text(element: ClauseElement) -> str:
        # Only the row in `ecs_meta` has a value.
        options = {"literal_binds": True} if isinstance(element, Insert) else {}
        compiled = element.compile(dialect=connection.dialect, compile_kwargs=options)
        return str(compiled).strip().replace(*_OPTIONS_IN_CHANCE_ORDER)

    connection = create_mock_engine(url, note)
    _make_tables(connection, metadata)
    statements: list[str] = []
    for are_indexes, group in groupby(elements, lambda element: isinstance(element, CreateIndex)):
        texts = map(text, group)
        # A table keeps its indexes in a set, whose order is another one in every process.
        statements += sorted(texts) if are_indexes else texts
    return statements


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
