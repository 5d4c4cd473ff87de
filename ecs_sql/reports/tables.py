"""What each class of a mapping becomes: its table, its columns, and their types on every database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Table
from sqlalchemy.engine import make_url

from ecs_sql.fields import EXTRA_FIELD, EntityClass, EntitySpec, FieldSpec, referred_classes
from ecs_sql.mapping import EntityMapping
from ecs_sql.reports.databases import Database

EXTRA_TITLE = "(extra values)"


@dataclass(frozen=True, slots=True)
class ColumnReport:
    """One field and its column.

    Attributes:
        field: the field's name; the extra values of a class together count as a field.
        annotation: the field's type as it is understood, aliases resolved.
        types: the column's type as each database writes it.
        targets: the entity classes that the field refers to; their subclasses are taken too.
    """

    field: str
    annotation: str
    column: str
    types: dict[Database, str]
    is_nullable: bool
    is_indexed: bool
    targets: tuple[EntityClass, ...]


@dataclass(frozen=True, slots=True)
class TableReport:
    """One entity class and its table.

    Attributes:
        table: the table's name, which is the class's discriminator too.
        parent_table: the table that the key refers to.
        parent: the entity class of that table; None where it is `base_entities`.
        columns: those of the class's own table.
        inherited: the fields that stand in tables of its parents, with the class whose table it is.
        unstored: the fields that no column has: excluded and computed ones.
    """

    entity_class: EntityClass
    table: str
    parent_table: str
    parent: EntityClass | None
    columns: tuple[ColumnReport, ...]
    inherited: tuple[tuple[str, EntityClass], ...]
    unstored: tuple[str, ...]


def table_reports(mapping: EntityMapping) -> list[TableReport]:
    """A report of each class of the mapping, parents first."""
    return [_report(mapping.spec(item), mapping) for item in mapping.entity_classes]


def _report(spec: EntitySpec, mapping: EntityMapping) -> TableReport:
    table = mapping.table(spec.entity_class)
    (key,) = table.c.id.foreign_keys
    parents = spec.table_classes[:-1]
    return TableReport(
        entity_class=spec.entity_class,
        table=table.name,
        parent_table=key.column.table.name,
        parent=parents[-1] if parents else None,
        columns=tuple(_column(item, table) for item in spec.own_fields),
        inherited=tuple(
            (field_title(item.name), item.owner)
            for item in spec.fields
            if item.owner is not spec.entity_class
        ),
        unstored=(
            *(name for name, _ in spec.excluded),
            *spec.entity_class.model_computed_fields,
        ),
    )


def _column(item: FieldSpec, table: Table) -> ColumnReport:
    column = table.c[item.column_name]
    return ColumnReport(
        field=field_title(item.name),
        annotation=item.node.name,
        column=column.name,
        types={
            database: column.type.compile(make_url(database.url).get_dialect()())
            for database in Database
        },
        is_nullable=bool(column.nullable),
        is_indexed=item.column.options.index,
        targets=_unique(referred_classes([item.node])),
    )


def _unique(classes: Iterable[EntityClass]) -> tuple[EntityClass, ...]:
    return tuple(dict.fromkeys(classes))


def field_title(field: str) -> str:
    """The field's name, or what stands for a class's extra values."""
    return EXTRA_TITLE if field == EXTRA_FIELD else field
