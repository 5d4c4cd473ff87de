"""Walks the tables of classes in batches: each row belongs to a version of a class that stands there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from ecs_sql.fields import table_parent
from ecs_sql.identity import IdentifiedModel
from ecs_sql.storage.verification.database import Database
from ecs_sql.storage.verification.reading import uuid_of
from ecs_sql.storage.verification.run import Place
from ecs_sql.tables import BASE_TABLE


class ClassTableWalk:
    """Checks the rows of one class's table against their versions."""

    def __init__(self, database: Database, entity_class: type[IdentifiedModel]) -> None:
        self._database = database
        self._class = entity_class
        self._table = database.table_of(entity_class)
        self._parent = self._parent_table()
        self._select = self._statement()
        # The types of the versions that have a row here.
        self._standing = frozenset(
            database.table_of(known).name
            for known in database.mapping.entity_classes
            if entity_class in database.mapping.spec(known).table_classes
        )

    def _parent_table(self) -> Any:
        parent = table_parent(self._class)
        found = None if parent is None else self._database.table_of(parent)
        return found if found is not None and found.name in self._database.usable else None

    def _statement(self) -> str:
        """Each row's id, its version's id and type, and whether the parent's table has it."""
        table, base = self._table, self._database.mapping.metadata.tables[BASE_TABLE]
        joined: Any = table.outerjoin(base, base.c.id == table.c.id)
        parent_id: Any = table.c.id.label("parent_row")
        if self._parent is not None:
            joined = joined.outerjoin(self._parent, self._parent.c.id == table.c.id)
            parent_id = self._parent.c.id.label("parent_row")
        statement = select(table.c.id, base.c.ecs_id, base.c.type, parent_id).select_from(joined)
        return self._database.text(statement)

    def walk(self) -> None:
        """Check all rows."""
        database, run, name = self._database, self._database.run, self._table.name
        run.begin(name, database.count(name))
        key = f"{database.quoted(name)}.id"
        condition, parameters = "", tuple[Any, ...]()
        while True:
            tail = f"{condition} ORDER BY {key} LIMIT {run.batch_rows}"
            rows, _ = database.driver.query(self._select + tail, parameters)
            if not rows:
                return
            for row in rows:
                if row[2] not in self._standing or row[3] is None:
                    self._check(row)
            run.checked(name, len(rows))
            condition, parameters = f" WHERE {key} > {database.dialect.placeholder}", (rows[-1][0],)

    def _check(self, row: Sequence[Any]) -> None:
        row_id, ecs_id, discriminator, parent_row = row
        place = Place(self._table.name, self._class, row_id, uuid_of(ecs_id))
        run = self._database.run
        if discriminator is None:
            run.found("orphaned_row", place, "no version has that id")
        elif self._database.class_of(discriminator) is None:
            # The walk of the versions knows no tables of that type.
            if parent_row is None and self._parent is not None:
                reason = f"the version's row in {self._parent.name!r} is missing"
                run.found("missing_row", place._replace(table=self._parent.name), reason)
        elif discriminator not in self._standing:
            run.found("orphaned_row", place, f"the version of that id is of type {discriminator!r}")
