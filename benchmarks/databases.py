"""Fresh databases, alike for every peer: the same place, the same durability."""

import itertools
import shutil
import sqlite3
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import psycopg
from sqlalchemy import URL, Engine, create_engine, event, make_url

from benchmarks.counting import StatementCounter, psycopg_cursor_class, sqlite_connection_class

Backend: TypeAlias = Literal["sqlite", "postgresql"]

SQLITE_SETTINGS = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL")


class Database(Protocol):
    """One empty database, for one store; driver connections and engines to it are equally configured."""

    backend: Backend

    def connect(self) -> Any:
        """A driver connection in autocommit mode."""

    def engine(self) -> Engine:
        """A SQLAlchemy engine, its pool at SQLAlchemy's defaults."""

    def settle(self) -> None:
        """Let the database finish what a bulk load left to do, so that a measurement does not pay for it."""

    def size(self) -> int:
        """The bytes that it takes on disk."""

    def drop(self) -> None:
        """Remove it."""


class Server(Protocol):
    """A place where fresh databases are made."""

    backend: Backend

    def database(self, counter: StatementCounter | None = None) -> Database:
        """A new, empty database; its statements are counted if there is a counter."""

    def version(self) -> str:
        """Name and version of what runs there, and how durable it is set."""

    def close(self) -> None:
        """Remove all that was made."""


class SqliteDatabase:
    """A file."""

    backend: Backend = "sqlite"

    def __init__(self, path: Path, counter: StatementCounter | None) -> None:
        """The file is made by the first connection."""
        self.path = path
        self._options: dict[str, Any] = (
            {"factory": sqlite_connection_class(counter)} if counter else {}
        )

    def connect(self) -> sqlite3.Connection:
        """A connection that leaves BEGIN and COMMIT to its user."""
        connection: sqlite3.Connection = sqlite3.connect(
            self.path, isolation_level=None, **self._options
        )
        self._configure(connection)
        return connection

    def engine(self) -> Engine:
        """An engine whose connections get the same settings."""
        engine = create_engine(f"sqlite:///{self.path}", connect_args=self._options)
        event.listen(engine, "connect", lambda connection, _record: self._configure(connection))
        return engine

    def settle(self) -> None:
        """Move the log into the file."""
        connection = self.connect()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        connection.close()

    def size(self) -> int:
        """The bytes of the file once the log is empty."""
        self.settle()
        return self.path.stat().st_size

    def drop(self) -> None:
        """Remove the file and its log."""
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                Path(f"{self.path}{suffix}").unlink()

    @staticmethod
    def _configure(connection: Any) -> None:
        for setting in SQLITE_SETTINGS:
            connection.execute(setting).fetchall()


class SqliteServer:
    """A temporary folder of files."""

    backend: Backend = "sqlite"

    def __init__(self) -> None:
        """Make the folder where temporary files go."""
        self._folder = Path(tempfile.mkdtemp(prefix="benchmarks-"))
        self._numbers = itertools.count(1)

    def database(self, counter: StatementCounter | None = None) -> SqliteDatabase:
        """A new file."""
        return SqliteDatabase(self._folder / f"{next(self._numbers)}.db", counter)

    def version(self) -> str:
        """The library's version and the settings of every connection."""
        return f"SQLite {sqlite3.sqlite_version}, file, WAL, synchronous=FULL"

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder)


class PostgresqlDatabase:
    """A schema, which its connections find first in their search path."""

    backend: Backend = "postgresql"

    def __init__(self, server: URL, schema: str, counter: StatementCounter | None) -> None:
        """Make the schema."""
        self._server = server
        self._schema = schema
        self._options: dict[str, Any] = {"options": f"-c search_path={schema} -c timezone=UTC"}
        if counter:
            self._options["cursor_factory"] = psycopg_cursor_class(counter)
        self._administer(f"CREATE SCHEMA {schema}")

    def connect(self) -> "psycopg.Connection[Any]":
        """A connection that leaves transactions to its user."""
        return psycopg.connect(driver_url(self._server), autocommit=True, **self._options)

    def engine(self) -> Engine:
        """An engine whose connections get the same options."""
        return create_engine(self._server, connect_args=self._options)

    def settle(self) -> None:
        """Clean up and gather the planner's statistics."""
        with self.connect() as connection:
            for (table,) in connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = %s", [self._schema]
            ).fetchall():
                connection.execute(f'VACUUM ANALYZE "{table}"')

    def size(self) -> int:
        """The bytes of all tables with their indexes and large values."""
        rows = self._administer(
            "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c "
            f"JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname = '{self._schema}'"
        )
        return int(rows[0][0])

    def drop(self) -> None:
        """Drop the schema, a few tables at a time: the server locks each table that a statement drops."""
        while tables := self._administer(
            f"SELECT tablename FROM pg_tables WHERE schemaname = '{self._schema}' LIMIT 20"
        ):
            self._administer(
                "DROP TABLE "
                + ", ".join(f'{self._schema}."{table}"' for (table,) in tables)
                + " CASCADE"
            )
        self._administer(f"DROP SCHEMA {self._schema} CASCADE")

    def _administer(self, statement: str) -> list[Any]:
        with psycopg.connect(driver_url(self._server), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []


class PostgresqlServer:
    """A database on a PostgreSQL server, in which schemas are made and dropped."""

    backend: Backend = "postgresql"

    def __init__(self, url: str) -> None:
        """The URL is SQLAlchemy's, with the psycopg driver."""
        self._url = make_url(url)
        self._numbers = itertools.count(1)
        with psycopg.connect(driver_url(self._url)) as connection:
            self._process = connection.info.backend_pid
            self._version = connection.info.parameter_status("server_version") or "unknown"
            row = connection.execute(
                "SELECT current_setting('fsync'), current_setting('synchronous_commit')"
            ).fetchone()
        self._durability = row or ("unknown", "unknown")

    def database(self, counter: StatementCounter | None = None) -> PostgresqlDatabase:
        """A new schema."""
        return PostgresqlDatabase(
            self._url, f"bench_{self._process}_{next(self._numbers)}", counter
        )

    def version(self) -> str:
        """The server's version and its settings."""
        fsync, commit = self._durability
        return f"PostgreSQL {self._version}, fsync={fsync}, synchronous_commit={commit}"

    def close(self) -> None:
        """Nothing is left: each database drops itself."""


def driver_url(url: URL) -> str:
    """The URL as the driver itself reads it."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)
