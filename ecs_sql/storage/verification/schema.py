"""Compares a database's tables with those that the classes need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table, inspect

from ecs_sql.mapping import EntityMapping
from ecs_sql.storage.dialects.base import DatabaseDialect
from ecs_sql.storage.verification.constraints import ConstraintCheck
from ecs_sql.storage.verification.report import FindingKind
from ecs_sql.storage.verification.run import Place, VerificationRun
from ecs_sql.tables import BASE_TABLE, META_TABLE

_COMPARED_OPTIONS = ("engine", "collate")
_KEYS = ("id", "ecs_id", "lineage_id", "parent_id")


class SchemaCheck:
    """Finds what differs between a mapping's tables and the database's.

    Tables of the application's own are none of its business; one whose `id` refers to an entity table is
    an entity table too.
    """

    def __init__(
        self,
        connection: Connection,
        dialect: DatabaseDialect,
        mapping: EntityMapping,
        run: VerificationRun,
    ) -> None:
        self._connection = connection
        self._dialect = dialect
        self._mapping = mapping
        self._run = run
        self._inspector = inspect(connection)
        self._unreadable: set[str] = set()
        self.ids_are_unique = True
        self.knows_all_tables = True

    def check(self) -> frozenset[str]:
        """Note what differs; the tables whose rows can be read all the same."""
        tables = self._mapping.metadata.sorted_tables
        existing = set(self._inspector.get_table_names())
        present = [table for table in tables if table.name in existing]
        for table in tables:
            if table.name not in existing:
                self._missing_table(table)
        self._find_additional(existing)
        if present:
            self._check_columns(present)
            constraints = ConstraintCheck(self._inspector, present, self._run, self._place)
            constraints.check()
            self.ids_are_unique = (BASE_TABLE, ("ecs_id",)) not in constraints.missing_unique
        return frozenset(table.name for table in present) - self._unreadable

    def _place(self, table: str) -> Place:
        return Place(table, self._mapping.class_of_table(table))

    def _missing_table(self, table: Table) -> None:
        kind: FindingKind = "wrong_format" if table.name == META_TABLE else "missing_table"
        self._run.found(kind, self._place(table.name), "the database has no such table")

    def _find_additional(self, existing: set[str]) -> None:
        known = {t.name for t in self._mapping.metadata.sorted_tables if t.name != META_TABLE}
        others = existing - known
        if not others:
            return
        keys = self._inspector.get_multi_foreign_keys(filter_names=sorted(others))
        referred = {
            table: {k["referred_table"] for k in found if k["constrained_columns"] == ["id"]}
            for (_, table), found in keys.items()
        }
        while more := {table for table, to in referred.items() if to & known} - known:
            known |= more
            self.knows_all_tables = False
            for table in sorted(more):
                reason = "its id refers to an entity table, and it is of no registered class"
                self._run.found("additional_table", Place(table), reason)

    def _check_columns(self, present: list[Table]) -> None:
        names = [table.name for table in present]
        found = self._inspector.get_multi_columns(filter_names=names)
        for table in present:
            columns = {
                str(column["name"]): column
                for (_, name), own in found.items()
                if name == table.name
                for column in own
            }
            self._compare_columns(table, columns)
            self._compare_options(table)

    def _compare_columns(self, table: Table, found: Mapping[str, Any]) -> None:
        place = self._place(table.name)
        for column in table.columns:
            if column.name not in found:
                self._unreadable.add(table.name)
                self._run.found(
                    "missing_column",
                    place,
                    "the table has no such column",
                    column=column.name,
                )
            else:
                self._compare_column(table, column, found[column.name])
        for name in found.keys() - {column.name for column in table.columns}:
            reason = "no field of the class has that column"
            self._run.found("additional_column", place, reason, column=name)

    def _compare_column(self, table: Table, column: Any, found: Any) -> None:
        place = self._place(table.name)
        wanted, actual = (
            self._dialect.comparable_type(type_.compile(dialect=self._connection.dialect))
            for type_ in (column.type, found["type"])
        )
        if wanted != actual:
            if table.name == BASE_TABLE and column.name in _KEYS:
                self._unreadable.add(table.name)  # ids of another type cannot be asked for
            reason = f"its type is {actual}, not {wanted}"
            self._run.found("differing_type", place, reason, column=column.name)
        if bool(found["nullable"]) is not column.nullable:
            reason = "it takes NULL" if found["nullable"] else "it does not take NULL"
            self._run.found("differing_nullability", place, reason, column=column.name)

    def _compare_options(self, table: Table) -> None:
        """What MariaDB's tables are by: other engines have no transactions, other collations mix up texts."""
        prefix = f"{self._connection.dialect.name}_"
        wanted = {
            name: table.kwargs.get(prefix + name)
            for name in _COMPARED_OPTIONS
            if table.kwargs.get(prefix + name)
        }
        found = self._inspector.get_table_options(table.name) if wanted else {}
        for name, value in wanted.items():
            actual = found.get(prefix + name)
            if str(actual).lower() != str(value).lower():
                reason = f"its {name} is {actual}, not {value}"
                self._run.found("differing_option", self._place(table.name), reason)
