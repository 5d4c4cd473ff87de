"""Specs to SQLAlchemy Tables; pure, given a MetaData."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Column, Dialect, ForeignKey, Index, Integer, MetaData, Table
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import Numeric, TypeDecorator, TypeEngine

from ecs_sql.codecs import sqltypes
from ecs_sql.codecs.base import (
    Decoding,
    Encoding,
    Refusal,
    Undecodable,
    dump_json,
    load_json,
    only_of_type,
)
from ecs_sql.codecs.columns import FieldColumn
from ecs_sql.codecs.references import AllPinned, pinned_id
from ecs_sql.codecs.scalars import parse_uuids
from ecs_sql.codecs.wishes import ExactNumeric
from ecs_sql.errors import StoredValueError
from ecs_sql.fields import EntitySpec, FieldSpec, spec_of, table_parent
from ecs_sql.identity import IdentifiedModel
from ecs_sql.names import constraint_name

BASE_TABLE = "base_entities"
META_TABLE = "ecs_meta"
STORAGE_FORMAT = 1
"""The number of the form in which this release stores; one that cannot read another's has another number."""

_MARIADB_OPTIONS: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (
        ("engine", "InnoDB"),
        ("charset", "utf8mb4"),
        ("collate", "utf8mb4_nopad_bin"),
    )
}


class FieldType(TypeDecorator[Any]):
    """A field's Python values in plain SQLAlchemy code; a reference's are the ids that it pins.

    Where a subclass redefines the field, its values are taken and read as well.
    """

    impl = sqltypes.JsonText
    cache_ok = True
    coerce_to_is_types = (type(None), bool)

    def __init__(self, column: FieldColumn, name: str) -> None:
        self.column = column
        self.name = name
        self.redefined: list[FieldColumn] = []
        super().__init__()
        # Expressions reckon and compare as the canonical type does.
        self.impl = self.impl_instance = cast("Any", column.form.sql_type)

    @property
    def canonical(self) -> TypeEngine[Any]:
        """The SQL type that takes canonical column values."""
        return self.column.form.sql_type

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The canonical type."""
        return self.canonical

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """JSON is read as the text that the column holds."""
        if isinstance(self.canonical, sqltypes.JsonText):
            return sqltypes.read_as_text(column, self)
        return column

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine[Any]:
        """Whatever is compared with the column is a value of the field."""
        return self

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """The canonical value of a field's value.

        Raises:
            ValueError: when the field cannot have the value.
        """
        if value is None:
            return None
        refusal: Refusal | None = None
        for column in (self.column, *self.redefined):
            try:
                return _canonical(column, value)
            except Refusal as error:
                refusal = refusal or error
        raise ValueError(f"{value!r}: {refusal and refusal.reason}") from refusal

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """The field's value of a canonical one; ids of references.

        Raises:
            StoredValueError: when the stored value does not decode.
        """
        if value is None:
            return None
        if type(value) is Decimal and not isinstance(self.canonical, Numeric | ExactNumeric):
            return (
                int(value) if value == value.to_integral_value() else float(value)
            )  # of func.sum, func.avg
        fault: Undecodable | None = None
        for column in (self.column, *self.redefined):
            try:
                return python_value(column, value)
            except Undecodable as error:
                fault = fault or error
        reason = "" if fault is None else fault.reason
        raise StoredValueError(None, None, self.name, value, reason) from fault


def _canonical(column: FieldColumn, value: Any) -> Any:
    if column.kind == "id":
        return _id(value)
    if column.kind == "ids":
        return dump_json([str(_id(item)) for item in value])
    if column.codec.holds_references:
        return dump_json(value)
    return column.form.encode([value], Encoding(pinned_id))[0]


def _id(value: Any) -> UUID:
    ecs_id = value.ecs_id if isinstance(value, IdentifiedModel) else value
    only_of_type([ecs_id], UUID)
    return cast("UUID", ecs_id)


def python_value(column: FieldColumn, canonical: Any) -> Any:
    """A canonical value as a row shows it: the field's value, or the ids of references in its place."""
    if column.kind == "id":
        return canonical
    if column.kind == "ids":
        return parse_uuids(load_json(canonical))
    if column.codec.holds_references:
        return load_json(canonical)
    return column.form.decode([canonical], Decoding(AllPinned()))[0]


def canonical_type(column: Column[Any]) -> TypeEngine[Any]:
    """The type of a column's canonical values, below what plain SQLAlchemy code sees."""
    return column.type.canonical if isinstance(column.type, FieldType) else column.type


class OldIds(TypeDecorator[list[UUID]]):
    """Ancestors as a JSON list of UUID strings."""

    impl = sqltypes.JsonText
    cache_ok = True

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """The text that the column holds."""
        return sqltypes.read_as_text(column, self)

    def process_bind_param(self, value: list[UUID] | None, dialect: Dialect) -> str | None:
        """The JSON text."""
        return None if value is None else dump_json([str(ecs_id) for ecs_id in value])

    def process_result_value(self, value: str | None, dialect: Dialect) -> list[UUID] | None:
        """The ids."""
        try:
            return None if value is None else parse_uuids(load_json(value))
        except Undecodable as fault:
            raise StoredValueError(None, None, "old_ids", value, fault.reason) from fault


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
        Index("ix_base_parent_id", "parent_id"),
        **_MARIADB_OPTIONS,
    )


def meta_table(metadata: MetaData) -> Table:
    """The table of one row that holds the number of the storage format."""
    return Table(
        META_TABLE,
        metadata,
        Column("format", Integer, primary_key=True, autoincrement=False),
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
