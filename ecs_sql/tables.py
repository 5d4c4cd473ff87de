"""Specs to SQLAlchemy Tables; pure, given a MetaData."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ForeignKey, Index, Integer, MetaData, String, Table, column

from ecs_sql.codecs import sqltypes
from ecs_sql.codecs.chunks import ID_LENGTH
from ecs_sql.column_types import FieldType, OldIds
from ecs_sql.fields import EntitySpec, FieldSpec, spec_of, table_parent
from ecs_sql.names import constraint_name

BASE_TABLE = "base_entities"
META_TABLE = "ecs_meta"
CHUNK_TABLE = "ecs_chunks"
STORAGE_FORMAT = 2
"""The number of the form in which this release stores; one that cannot read another's has another number.

Format 1 had no chunks. What it stored reads as it is; texts that look like pointers become literals when the
format is raised.
"""
UPGRADED_FORMATS = frozenset({1})
"""Formats that become today's when a storage opens the database."""

_MARIADB_OPTIONS: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (
        ("engine", "InnoDB"),
        ("charset", "utf8mb4"),
        ("collate", "utf8mb4_nopad_bin"),
    )
}


def base_table(metadata: MetaData) -> Table:
    """The table in which every version has a row."""
    return Table(
        BASE_TABLE,
        metadata,
        Column("id", sqltypes.KEY, primary_key=True, autoincrement=True),
        Column("ecs_id", sqltypes.UUID_TYPE, nullable=False),
        Column("lineage_id", sqltypes.UUID_TYPE, nullable=False),
        Column("parent_id", sqltypes.UUID_TYPE),
        Column("created_at", sqltypes.AWARE_DATETIME, nullable=False),
        Column("old_ids", OldIds(), nullable=False),
        Column("type", sqltypes.NAME, nullable=False),
        Index("ux_base_ecs_id", "ecs_id", unique=True),
        Index("ix_base_lineage_id", "lineage_id"),
        _parents_index(),
        **_MARIADB_OPTIONS,
    )


def _parents_index() -> Index:
    """Without first versions, which have no parent, where the database can leave rows out of an index."""
    has_parent = column("parent_id").is_not(None)
    wishes: dict[str, Any] = {"sqlite_where": has_parent, "postgresql_where": has_parent}
    return Index("ix_base_parent_id", "parent_id", **wishes)


def meta_table(metadata: MetaData) -> Table:
    """The table of one row that holds the number of the storage format."""
    return Table(
        META_TABLE,
        metadata,
        Column("format", Integer, primary_key=True, autoincrement=False),
        **_MARIADB_OPTIONS,
    )


def chunk_table(metadata: MetaData) -> Table:
    """The table of the chunks that large values are made of; see `ecs_sql.codecs.chunks`."""
    return Table(
        CHUNK_TABLE,
        metadata,
        Column("id", String(ID_LENGTH), primary_key=True),
        Column("chunks", sqltypes.JSON_TEXT),
        Column("data", sqltypes.BYTES),
        **_MARIADB_OPTIONS,
    )


def entity_table(spec: EntitySpec, metadata: MetaData) -> Table:
    """The table of an entity class; its parents' tables stand in the metadata already."""
    parent_class = table_parent(spec.entity_class)
    parent = BASE_TABLE if parent_class is None else spec_of(parent_class).table_name
    for item in spec.fields:
        if item.owner is not spec.entity_class:
            _accept_redefinition(item, metadata)
    key = ForeignKey(f"{parent}.id", name=constraint_name("fk", spec.table_name))
    return Table(
        spec.table_name,
        metadata,
        Column("id", sqltypes.KEY, key, primary_key=True, autoincrement=False),
        *map(_field_column, spec.own_fields),
        *(_index(spec, item) for item in spec.own_fields if item.column.options.index),
        **_MARIADB_OPTIONS,
    )


def _accept_redefinition(item: FieldSpec, metadata: MetaData) -> None:
    """Let an inherited column take the values of a subclass that redefines its field."""
    type_ = metadata.tables[spec_of(item.owner).table_name].c[item.column_name].type
    if isinstance(type_, FieldType) and type_.column is not item.column:
        type_.redefined.append(item.column)


def _field_column(item: FieldSpec) -> Column[Any]:
    return Column(
        item.column_name, FieldType(item.column, item.column_name), nullable=item.column.nullable
    )


def _index(spec: EntitySpec, item: FieldSpec) -> Index:
    # MariaDB indexes a prefix of long texts; 191 characters of four bytes fit any of its page formats.
    long = item.column.form.sql_type in (sqltypes.TEXT, sqltypes.DECIMAL_TEXT, sqltypes.BYTES)
    options: dict[str, Any] = {}
    if long:  # and PostgreSQL's hash index takes values of any length
        options = {"mysql_length": 191, "mariadb_length": 191, "postgresql_using": "hash"}
    return Index(
        constraint_name("ix", spec.table_name, item.column_name), item.column_name, **options
    )
