"""The databases that reports tell of; none of their drivers is needed."""

from __future__ import annotations

from enum import Enum


class Database(Enum):
    """A supported database; the value is its name in URLs and on the command line."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    MARIADB = "mariadb"

    @property
    def title(self) -> str:
        """As its makers write it."""
        return {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}[self.value]

    @property
    def url(self) -> str:
        """A URL that names the kind of database and the driver, and no database."""
        driver = {"postgresql": "+psycopg", "mariadb": "+pymysql"}.get(self.value, "")
        return f"{self.value}{driver}://"
