"""Verifies a SQL database: its schema, its format, its versions, and the rows of its classes' tables."""

from __future__ import annotations

from sqlalchemy import Connection

from ecs_sql.mapping import EntityMapping
from ecs_sql.storage.dialects.base import DatabaseDialect
from ecs_sql.storage.verification.chunks import ChunkWalk
from ecs_sql.storage.verification.class_tables import ClassTableWalk
from ecs_sql.storage.verification.database import Database
from ecs_sql.storage.verification.reading import uuid_of
from ecs_sql.storage.verification.report import VerificationReport
from ecs_sql.storage.verification.run import Place, VerificationRun
from ecs_sql.storage.verification.schema import SchemaCheck
from ecs_sql.storage.verification.versions import VersionWalk
from ecs_sql.tables import BASE_TABLE, CHUNK_TABLE, META_TABLE, STORAGE_FORMAT


def verify_connection(
    connection: Connection,
    dialect: DatabaseDialect,
    mapping: EntityMapping,
    run: VerificationRun,
) -> VerificationReport:
    """Check everything through one connection, whose transaction sees one state."""
    schema = SchemaCheck(connection, dialect, mapping, run)
    database = Database(connection, dialect, mapping, run, schema.check())
    if META_TABLE in database.usable:
        _check_format(database)
    versions = 0
    if BASE_TABLE in database.usable:
        if not schema.ids_are_unique:
            _find_duplicates(database)
        versions = VersionWalk(database).walk()
        for entity_class in mapping.entity_classes:
            if mapping.table(entity_class).name in database.usable:
                ClassTableWalk(database, entity_class).walk()
        if CHUNK_TABLE in database.usable:
            every = {table.name for table in mapping.metadata.sorted_tables}
            knows_all = schema.knows_all_tables and every - {META_TABLE} <= database.usable
            ChunkWalk(database, knows_all_tables=knows_all).walk()
    return run.report(dialect.name, versions)


def _check_format(database: Database) -> None:
    """The one row of `ecs_meta` holds this release's format."""
    rows, _ = database.driver.query(f"SELECT format FROM {META_TABLE} ORDER BY format", ())
    found = [row[0] for row in rows]
    if found != [STORAGE_FORMAT]:
        reason = f"this release stores in format {STORAGE_FORMAT}, told by one row"
        shown = found[0] if len(found) == 1 else found
        database.run.found("wrong_format", Place(META_TABLE), reason, column="format", value=shown)


def _find_duplicates(database: Database) -> None:
    """Ids that several versions have, which the missing unique index would have kept out."""
    last = 0
    statement = (
        f"SELECT ecs_id, count(*), min(id) FROM {BASE_TABLE} GROUP BY ecs_id HAVING count(*) > 1 "
        f"AND min(id) > {database.dialect.placeholder} ORDER BY 3 LIMIT {database.run.batch_rows}"
    )
    while rows := database.driver.query(statement, (last,))[0]:
        for ecs_id, count, row_id in rows:
            place = Place(BASE_TABLE, None, row_id, uuid_of(ecs_id))
            reason = f"{count} versions have it"
            database.run.found("duplicate_id", place, reason, column="ecs_id", value=ecs_id)
        last = rows[-1][2]
