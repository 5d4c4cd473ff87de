"""What a storage knows of its mapping's classes on its database: their statements, by class and by name."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import Dialect, select

from ecs_sql.entity_codec import EntityCodec, codec_of
from ecs_sql.identity import IdentifiedModel
from ecs_sql.row_classes import MappedClasses
from ecs_sql.storage.dialects.base import DatabaseDialect
from ecs_sql.storage.single import SingleRead
from ecs_sql.storage.statements import BASE_COLUMNS, IDENTITY_COLUMNS, ClassStatements, TableColumns
from ecs_sql.tables import BASE_TABLE, META_TABLE


class Catalogue:
    """The statements of a mapping's classes; a class's own are made when first needed, once."""

    def __init__(self, mapping: MappedClasses, dialect: DatabaseDialect, sql: Dialect) -> None:
        self.dialect = dialect
        self._mapping = mapping
        self._sql = sql
        base = mapping.metadata.tables[BASE_TABLE]
        self.base = TableColumns(base, BASE_COLUMNS, sql, dialect)
        self.identity_converters = TableColumns(base, IDENTITY_COLUMNS[1:], sql, dialect).converters
        columns = [base.c[name] for name in (*IDENTITY_COLUMNS, "type")]
        self.select_typed = str(select(*columns).compile(dialect=sql)).replace("\n", "")
        self._statements: dict[EntityCodec, ClassStatements] = {}
        self._targets: dict[EntityCodec, frozenset[type[IdentifiedModel]]] = {}
        self._by_name: dict[Any, ClassStatements] = {}
        self._single: dict[ClassStatements, SingleRead] = {}
        self.expected: ClassStatements | None = None
        """Of the class that was read last: the next read by id may well be of the same."""

    def statements(self, codec: EntityCodec) -> ClassStatements:
        """The statements of a codec's class."""
        found = self._statements.get(codec)
        if found is None:
            tables = [self._mapping.table(owner) for owner in codec.spec.table_classes]
            found = self._statements[codec] = ClassStatements(
                codec, self.base, tables, self._sql, self.dialect
            )
        return found

    def named(self, discriminator: Any) -> ClassStatements | None:
        """The statements of the class whose table has the name, if one is registered."""
        found = self._by_name.get(discriminator)
        if found is None:
            entity_class = self._mapping.class_of_table(discriminator)
            if entity_class is not None:
                found = self._by_name[discriminator] = self.statements(codec_of(entity_class))
        return found

    def single_read(self, statements: ClassStatements) -> SingleRead | None:
        """The read of one version of a class, once the driver has told the types of all its columns."""
        found = self._single.get(statements)
        if found is None:
            identity = self.identity_converters
            if all(c.is_ready for c in (*identity, *statements.content_converters)):
                condition = f" WHERE base_entities.ecs_id = {self.dialect.placeholder}"
                found = self._single[statements] = SingleRead(statements, identity, condition)
        return found

    def of_class(
        self, entity_class: type[IdentifiedModel]
    ) -> Iterator[tuple[ClassStatements, bool]]:
        """The statements of a class and of its subclasses, and whether the table is not within another."""
        for registered in self._mapping.entity_classes:
            if issubclass(registered, entity_class):
                statements = self.statements(codec_of(registered))
                parents = statements.codec.spec.table_classes[:-1]
                yield statements, not any(issubclass(parent, entity_class) for parent in parents)

    def only_target(self, referrers: Collection[EntityCodec]) -> ClassStatements | None:
        """The one class that the referrers' references can lead to, where it is one."""
        targets: set[type[IdentifiedModel]] = set()
        for codec in referrers:
            targets |= self._targets_of(codec)
        return self.statements(codec_of(targets.pop())) if len(targets) == 1 else None

    def _targets_of(self, codec: EntityCodec) -> frozenset[type[IdentifiedModel]]:
        found = self._targets.get(codec)
        if found is None:
            named = tuple(codec.spec.references)
            found = frozenset(c for c in self._mapping.entity_classes if issubclass(c, named))
            self._targets[codec] = found
        return found

    def tables_children_first(self) -> list[str]:
        """All tables that hold versions, as SQL writes them, none before one that refers to it."""
        prepare = self._sql.identifier_preparer
        tables = reversed(self._mapping.metadata.sorted_tables)
        return [prepare.format_table(table) for table in tables if table.name != META_TABLE]
