"""Compares the keys, indexes and foreign keys of tables with those that the classes need.

They are compared by what they do, not by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Inspector, Table

from ecs_sql.storage.verification.run import Place, VerificationRun


class ConstraintCheck:
    """Finds what the tables lack; what they have besides is the application's wish.

    Attributes:
        missing_unique: the unique indexes that are missing, by table and columns.
    """

    def __init__(
        self,
        inspector: Inspector,
        tables: Sequence[Table],
        run: VerificationRun,
        place_of: Callable[[str], Place],
    ) -> None:
        self._inspector = inspector
        self._tables = tables
        self._run = run
        self._place_of = place_of
        self.missing_unique: set[tuple[str, tuple[str, ...]]] = set()

    def check(self) -> None:
        """Note what is missing."""
        names = [table.name for table in self._tables]
        keys = _by_table(self._inspector.get_multi_pk_constraint(filter_names=names))
        indexes = _by_table(self._inspector.get_multi_indexes(filter_names=names))
        uniques = _by_table(self._inspector.get_multi_unique_constraints(filter_names=names))
        foreign = _by_table(self._inspector.get_multi_foreign_keys(filter_names=names))
        for table in self._tables:
            key = tuple((keys.get(table.name) or {}).get("constrained_columns") or ())
            self._check_key(table, key)
            self._check_indexes(
                table, key, indexes.get(table.name) or (), uniques.get(table.name) or ()
            )
            self._check_foreign_keys(table, foreign.get(table.name) or ())

    def _check_key(self, table: Table, found: tuple[str, ...]) -> None:
        wanted = tuple(column.name for column in table.primary_key.columns)
        if found != wanted:
            reason = f"its primary key is {_listed(found)}, not {_listed(wanted)}"
            self._run.found("missing_constraint", self._place_of(table.name), reason)

    def _check_indexes(
        self,
        table: Table,
        key: tuple[str, ...],
        indexes: Iterable[Mapping[str, Any]],
        uniques: Iterable[Mapping[str, Any]],
    ) -> None:
        unique = {tuple(found["column_names"]) for found in uniques} | {key}
        plain = set(unique)
        for found in filter(_is_of_all_values, indexes):
            columns = tuple(found["column_names"])
            plain.add(columns)
            if found["unique"]:
                unique.add(columns)
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            columns = tuple(column.name for column in index.columns)
            if columns not in (unique if index.unique else plain):
                if index.unique:
                    self.missing_unique.add((table.name, columns))
                what = "unique index" if index.unique else "index"
                reason = f"the table has no {what} on {_listed(columns)}"
                self._run.found(
                    "missing_index", self._place_of(table.name), reason, column=columns[0]
                )

    def _check_foreign_keys(self, table: Table, found: Iterable[Mapping[str, Any]]) -> None:
        existing = {
            (tuple(k["constrained_columns"]), k["referred_table"], tuple(k["referred_columns"]))
            for k in found
        }
        for constraint in table.foreign_key_constraints:
            element = constraint.elements[0]
            columns = tuple(column.name for column in constraint.columns)
            referred = element.column.table.name
            if (columns, referred, (element.column.name,)) not in existing:
                reason = f"the table has no foreign key from {_listed(columns)} to {referred!r}"
                self._run.found(
                    "missing_constraint", self._place_of(table.name), reason, column=columns[0]
                )


def _by_table(found: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(table): value for (_, table), value in found.items()}


def _is_of_all_values(index: Mapping[str, Any]) -> bool:
    """Whether an index leaves out nothing, or NULL alone."""
    options = index.get("dialect_options") or {}
    conditions = [
        str(value).strip("()").replace('"', "").lower()
        for name, value in options.items()
        if name.endswith("_where") and value is not None
    ]
    return all(
        condition == f"{column} is not null"
        for condition in conditions
        for column in index["column_names"]
    )


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(map(repr, columns)) or "none"
