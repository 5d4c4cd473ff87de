"""The SQL that makes a mapping's tables, as a script for the database's own client."""

from __future__ import annotations

from ecs_sql.mapping import EntityMapping
from ecs_sql.reports.databases import Database
from ecs_sql.storage.schema import creation_statements


def ddl_script(mapping: EntityMapping, database: Database) -> str:
    """What a storage runs in an empty database, statement by statement.

    All or nothing where the database takes DDL inside a transaction; MariaDB commits each statement.
    """
    statements = creation_statements(database.url, mapping.metadata)
    if database is not Database.MARIADB:
        statements = ["BEGIN", *statements, "COMMIT"]
    return "".join(f"{statement};\n\n" for statement in statements).rstrip("\n") + "\n"
