"""The SQL of one class on one database, written once, and the columns' way to and from its driver."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Dialect, Select, Table, Uuid, and_, literal_column, select

from ecs_sql.codecs import sqltypes
from ecs_sql.codecs.base import load_json
from ecs_sql.codecs.chunks import Chunk, Chunking
from ecs_sql.codecs.rowwise import Conversion
from ecs_sql.codecs.scalars import parse_uuid, parse_uuids
from ecs_sql.column_types import OldIds, canonical_type, chunking_of
from ecs_sql.entity_codec import Content, EntityCodec, Values
from ecs_sql.storage.binding import Convert, binder, past_none
from ecs_sql.storage.dialects.base import DatabaseDialect

Chunked = Sequence[tuple[int, Chunking]]
"""Which columns may hold pointers to chunks, by their place, and how they are cut."""
Restore = Callable[[Chunked, list[list[Any]]], None]
"""Puts values in the place of the pointers in canonical columns."""

BASE_COLUMNS = ("ecs_id", "lineage_id", "parent_id", "created_at", "old_ids", "type")
IDENTITY_COLUMNS = ("id", "ecs_id", "lineage_id", "parent_id", "created_at", "old_ids")


def _uuids(values: list[Any]) -> list[Any]:
    """UUIDs of what a driver gives: UUIDs already, or texts."""
    return values if values and type(values[0]) is UUID else parse_uuids(values)


def _ids_of_text(text: Any) -> tuple[UUID, ...]:
    return () if text == "[]" else tuple(parse_uuids(load_json(text)))


def _all_ids_of_text(texts: list[Any]) -> list[tuple[UUID, ...]]:
    if texts.count("[]") == len(texts):  # as mostly, and told by one compiled call
        return [()] * len(texts)
    return list(map(_ids_of_text, texts))


class ColumnConverter:
    """One column's canonical values to what the driver takes, and back, whole columns at a time."""

    def __init__(self, column: Column[Any], dialect: Dialect) -> None:
        self._dialect = dialect
        self._type = canonical_type(column)
        self._is_ids = isinstance(column.type, OldIds)
        self._is_nullable = bool(column.nullable)
        self.is_ready = False
        """Whether the driver has told its type code, so that values can be converted without."""
        self.to_driver = None
        if not self._is_ids:
            self.to_driver = binder(self._type, dialect, nullable=bool(column.nullable))
        self._one_from_driver: Callable[[Any], Any] | None = None
        self._from_driver: Convert | None = None

    def from_driver(self, values: list[Any], type_code: Any) -> list[Any]:
        """Canonical values of what the driver gave."""
        if not self.is_ready:
            self._learn(type_code)
        return values if self._from_driver is None else self._from_driver(values)

    @property
    def conversion(self) -> Conversion | None:
        """The way of one value from the driver, once it is ready; None where values stay as they are."""
        return None if self._one_from_driver is None else Conversion(self._one_from_driver)

    def _learn(self, type_code: Any) -> None:
        if isinstance(self._type, Uuid):
            self._set_conversion(parse_uuid, _uuids)
        elif isinstance(self._type, sqltypes.UtcDatetime):
            self._set_conversion(sqltypes.read_utc, sqltypes.read_all_utc)
        elif self._is_ids:
            self._set_conversion(_ids_of_text, _all_ids_of_text)
        else:
            implementation = self._type.dialect_impl(self._dialect)
            self._one_from_driver = implementation.result_processor(self._dialect, type_code)
        one = self._one_from_driver
        if one is not None and self._from_driver is None:
            self._from_driver = lambda values: list(map(one, values))
        self.is_ready = True

    def _set_conversion(self, one: Callable[[Any], Any], whole: Convert) -> None:
        self._one_from_driver = one
        self._from_driver = past_none(whole) if self._is_nullable else whole


class TableColumns:
    """Columns of a table as SQL writes them, with their converters; rows of them go to `target`."""

    def __init__(
        self, table: Table, names: Sequence[str], dialect: Dialect, ways: DatabaseDialect
    ) -> None:
        prepare = dialect.identifier_preparer
        self.table = prepare.format_table(table)
        columns = [table.c[name] for name in names]
        self.columns = columns
        self.names = [prepare.quote(column.name) for column in columns]
        self.converters = [ColumnConverter(column, dialect) for column in columns]
        types = [sqltypes.KEY, *map(canonical_type, columns)]
        self.target = ways.target(self.table, ("id", *self.names), types)

    def to_driver(self, columns: Sequence[list[Any]]) -> list[list[Any]]:
        """Columns of canonical values as the driver takes them."""
        return _to_driver(self.converters, columns)


class ClassStatements:
    """How the versions of one class are read and written."""

    def __init__(
        self,
        codec: EntityCodec,
        base: TableColumns,
        tables: Sequence[Table],
        dialect: Dialect,
        ways: DatabaseDialect,
    ) -> None:
        self.codec = codec
        self.base = base
        fields = codec.spec.fields
        self.parts = [
            TableColumns(
                table, [item.column_name for item in fields if item.owner is owner], dialect, ways
            )
            for owner, table in zip(codec.spec.table_classes, tables, strict=True)
        ]
        self.targets = [part.target for part in self.parts]
        self.all_targets = (base.target, *self.targets)
        content = [column for part in self.parts for column in part.columns]
        self.content_converters = [
            converter for part in self.parts for converter in part.converters
        ]
        chunkings = map(chunking_of, content)
        self.chunked = [(place, found) for place, found in enumerate(chunkings) if found]
        self.key = f"{self.parts[-1].table}.id"
        selects = _selects(codec.spec.table_name, base.columns[0].table, tables, content)
        self.select_content, self.select_exact, self.select_all, self.select_one = (
            _text(statement, dialect) for statement in selects
        )
        self.keys = len(tables)
        """How many ids of the class's own tables begin a row of `select_one`, the position first."""

    def content_columns(
        self, contents: Sequence[Content], chunks: dict[str, Chunk]
    ) -> list[list[Any]]:
        """The contents' columns as the driver takes them; the chunks of large values are added."""
        columns = list(map(list, zip(*contents, strict=True)))
        for place, chunking in self.chunked:
            columns[place] = chunking.shortened(columns[place], chunks)
        return _to_driver(self.content_converters, columns)

    def content(
        self, columns: Sequence[Values], codes: Sequence[Any], restore: Restore
    ) -> list[list[Any]]:
        """Canonical columns of the content columns that the driver gave."""
        converted = [
            converter.from_driver(list(values), code)
            for converter, values, code in zip(self.content_converters, columns, codes, strict=True)
        ]
        restore(self.chunked, converted)
        return converted


def _selects(
    name: str, base: Table, tables: Sequence[Table], content: Sequence[Column[Any]]
) -> tuple[Select[Any], ...]:
    """Queries for a class's versions: the content, with the bookkeeping, with the type, and for one of any class.

    Args:
        name: the discriminator.
        base: the base table.
        tables: the class's own, in the order of inheritance.
        content: their columns.
    """
    *parents, leaf = tables
    joined: Any = leaf
    around: Any = base.outerjoin(
        leaf, and_(leaf.c.id == base.c.id, base.c.type == literal_column(f"'{name}'"))
    )
    for table in reversed(parents):
        joined = joined.join(table, table.c.id == leaf.c.id)
        around = around.outerjoin(table, table.c.id == leaf.c.id)
    whole = joined.join(base, base.c.id == leaf.c.id)
    identity = [base.c[column] for column in IDENTITY_COLUMNS]
    keys = [table.c.id for table in reversed(tables)]
    return (
        select(leaf.c.id, *content).select_from(joined),
        select(*identity, *content).select_from(whole),
        select(*identity, *content, base.c.type).select_from(whole),
        select(*keys, *identity[2:], *content, base.c.type).select_from(around),
    )


def _to_driver(
    converters: Sequence[ColumnConverter], columns: Sequence[list[Any]]
) -> list[list[Any]]:
    return [
        values if converter.to_driver is None else converter.to_driver(values)
        for converter, values in zip(converters, columns, strict=True)
    ]


def _text(statement: Any, dialect: Dialect) -> str:
    return str(statement.compile(dialect=dialect)).replace("\n", "")
