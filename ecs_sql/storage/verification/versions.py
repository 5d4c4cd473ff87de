"""Walks the versions of a database in batches: their bookkeeping, their rows in all tables, their contents."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from ecs_sql.entity_codec import codec_of
from ecs_sql.identity import IdentifiedModel
from ecs_sql.storage.statements import BASE_COLUMNS
from ecs_sql.storage.verification.contents import UNREADABLE, ContentCheck, Targets
from ecs_sql.storage.verification.database import Database
from ecs_sql.storage.verification.lineages import LineageCheck, Link
from ecs_sql.storage.verification.reading import BatchSize, TableReader, uuid_of
from ecs_sql.storage.verification.run import Place
from ecs_sql.tables import BASE_TABLE

_TYPE = len(BASE_COLUMNS)


class VersionWalk:
    """Checks every version, from its row in `base_entities` down."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._run = database.run
        self._base = database.reader(BASE_TABLE, BASE_COLUMNS)
        self._lineages = LineageCheck(self._run, self._find_links)
        self._classes: dict[type[IdentifiedModel], ClassRows] = {}
        self._size = BatchSize(database.run.batch_rows)

    def walk(self) -> int:
        """Check all of them; how many there were."""
        database = self._database
        self._run.begin(BASE_TABLE, database.count(BASE_TABLE))
        last: int | None = None
        versions = 0
        while True:
            rows, codes = self._base.after(last, database.dialect, self._size.rows)
            if not rows:
                return versions
            columns = self._check(rows, codes)
            self._size.learn(list(zip(*columns, strict=True)))
            self._run.checked(BASE_TABLE, len(rows))
            versions += len(rows)
            last = rows[-1][0]

    def _check(self, rows: Sequence[Any], codes: list[Any]) -> list[list[Any]]:
        """Check versions; their bookkeeping in columns."""
        places = [self._place(row) for row in rows]
        columns = self._base.convert(self._run, places, rows, codes)
        self._check_lineages(places, columns)
        groups: dict[type[IdentifiedModel], list[Place]] = {}
        for place, row in zip(places, rows, strict=True):
            if place.entity_class is not None:
                groups.setdefault(place.entity_class, []).append(place)
            elif row[_TYPE] is not None:
                reason = "no registered class has that type"
                self._run.found(
                    "unknown_discriminator", place, reason, column="type", value=row[_TYPE]
                )
        for entity_class, own in groups.items():
            self._class_rows(entity_class).check(own)
        return columns

    def _place(self, row: Sequence[Any]) -> Place:
        entity_class = self._database.class_of(row[_TYPE])
        return Place(BASE_TABLE, entity_class, row[0], uuid_of(row[1]))

    def _class_rows(self, entity_class: type[IdentifiedModel]) -> ClassRows:
        found = self._classes.get(entity_class)
        if found is None:
            found = ClassRows(self._database, entity_class, self._find_targets)
            self._classes[entity_class] = found
        return found

    def _check_lineages(self, places: Sequence[Place], columns: Sequence[Sequence[Any]]) -> None:
        row_ids = [place.row_id for place in places]
        links = list(map(_link, row_ids, *columns[:5]))
        pairs = [
            (place, link) for place, link in zip(places, links, strict=True) if link is not None
        ]
        self._lineages.check([place for place, _ in pairs], [link for _, link in pairs])

    def _find_links(self, ecs_ids: Collection[UUID]) -> Mapping[UUID, Link]:
        database = self._database
        bound = database.dialect.bind_ids(list(ecs_ids))
        rows, codes = self._base.where(f"{BASE_TABLE}.ecs_id", bound, database.dialect)
        if not rows:
            return {}
        columns = self._base.convert(None, [Place(BASE_TABLE)] * len(rows), rows, codes)
        links = map(_link, [row[0] for row in rows], *columns[:5])
        return {link.ecs_id: link for link in links if link is not None}

    def _find_targets(self, ecs_ids: Collection[UUID]) -> Targets:
        database = self._database
        bound = database.dialect.bind_ids(list(ecs_ids))
        found: dict[UUID, type[IdentifiedModel] | None] = {}
        for condition, parameters in database.dialect.membership("ecs_id", bound):
            rows, _ = database.driver.query(
                f"SELECT ecs_id, type FROM {BASE_TABLE} WHERE {condition}", parameters
            )
            for value, discriminator in rows:
                ecs_id = uuid_of(value)
                if ecs_id is not None:
                    found[ecs_id] = database.class_of(discriminator)
        return found


def _link(
    row_id: Any, ecs_id: Any, lineage_id: Any, parent_id: Any, _created_at: Any, old_ids: Any
) -> Link | None:
    """The version as a link, where all of it could be read."""
    if UNREADABLE in (ecs_id, lineage_id, parent_id, old_ids):
        return None
    return Link(row_id, ecs_id, lineage_id, parent_id, old_ids)


class ClassRows:
    """The rows of one class's versions in the tables of the class and of those that it inherits from."""

    def __init__(
        self, database: Database, entity_class: type[IdentifiedModel], find_targets: Any
    ) -> None:
        self._database = database
        codec = codec_of(entity_class)
        self._parts: list[TableReader] = []
        for owner in codec.spec.table_classes:
            names = [item.column_name for item in codec.spec.fields if item.owner is owner]
            table = database.table_of(owner)
            if table.name in database.usable:
                self._parts.append(database.reader(table.name, names))
        self._is_whole = len(self._parts) == len(codec.spec.table_classes)
        self._contents = ContentCheck(database.run, codec, find_targets)
        self._leaf = codec.spec.table_name
        self._size = BatchSize(database.run.batch_rows)

    def check(self, places: Sequence[Place]) -> None:
        """Check versions of the class."""
        start = 0
        while start < len(places):
            end = start + self._size.rows
            self._check(places[start:end])
            start = end

    def _check(self, places: Sequence[Place]) -> None:
        found = [self._rows(part, places) for part in self._parts]
        if not self._is_whole:  # a table is missing or lacks columns, which is a finding of its own
            return
        whole = [p for p in places if all(p.row_id in rows for rows, _ in found)]
        own = [place._replace(table=self._leaf) for place in whole]
        columns: list[list[Any]] = []
        for part, (rows, codes) in zip(self._parts, found, strict=True):
            in_part = [place._replace(table=part.table.name) for place in whole]
            in_order = [rows[place.row_id] for place in whole]
            columns += part.convert(self._database.run, in_part, in_order, codes)
        self._size.learn(list(zip(*columns, strict=True)))
        if own:
            self._contents.check(own, columns)

    def _rows(
        self, part: TableReader, places: Sequence[Place]
    ) -> tuple[dict[Any, Sequence[Any]], list[Any]]:
        """The places' rows in one table, by their id; each that is missing is a finding."""
        row_ids = [place.row_id for place in places if place.row_id is not None]
        rows, codes = part.of_ids(row_ids, self._database.dialect)
        by_id = {row[0]: row for row in rows}
        for place in places:
            if place.row_id not in by_id:
                self._database.run.found(
                    "missing_row",
                    place._replace(table=part.table.name),
                    f"the version's row in {part.table.name!r} is missing",
                )
        return by_id, codes
