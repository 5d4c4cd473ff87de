"""Private servers for one test, on ports of their own: to be stopped, restarted and filled."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sqlalchemy import URL, create_engine, text
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from collections.abc import Sequence

PATIENCE_SECONDS = 60


class ServerUnavailableError(Exception):
    """A server's programs are not installed here; the message is the reason that a skipped test shows."""


class PrivateServer(ABC):
    """One server with a data directory of its own, run by a user who may; stopped at the end."""

    user: str
    """Who runs it where the tests run as root, which servers refuse."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="ecs_sql_server_"))
        self._as_user = (
            [] if os.geteuid() else ["setpriv", f"--reuid={self.user}", "--clear-groups"]
        )
        if self._as_user:
            shutil.chown(self.directory, self.user)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.install()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop(signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)

    @abstractmethod
    def install(self) -> None:
        """Make the data directory."""

    @abstractmethod
    def command(self) -> Sequence[str]:
        """The server as a program in the foreground."""

    @property
    @abstractmethod
    def url(self) -> URL:
        """An administrator's way in, to a database that is there."""

    def run(self, *command: str) -> None:
        """Run a program as the server's user."""
        done = subprocess.run(
            [*self._as_user, *command],
            check=False,
            cwd=self.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if done.returncode:
            raise AssertionError(done.stdout.decode())

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._as_user, *self.command()], cwd=self.directory, stdout=log, stderr=log
            )
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                self.execute("SELECT 1")
            except (OSError, DBAPIError) as error:
                if time.monotonic() > end or self._process.poll() is not None:
                    raise AssertionError((self.directory / "log").read_text()) from error
                time.sleep(0.05)
            else:
                return

    @property
    def is_running(self) -> bool:
        """Whether it has not ended by itself."""
        return self._process is not None and self._process.poll() is None

    def stop(self, how: signal.Signals) -> None:
        """End it by a signal, and wait until it has ended."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def restart(self, how: signal.Signals) -> None:
        """Stop it, and start it again on the same port."""
        self.stop(how)
        self.start()

    def execute(self, *statements: str) -> None:
        """Run statements as the administrator, each by itself."""
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                for statement in statements:
                    connection.execute(text(statement))
        finally:
            engine.dispose()


class PrivatePostgresql(PrivateServer):
    """PostgreSQL. SIGINT ends its sessions and shuts it down; SIGQUIT crashes it."""

    user = "postgres"

    def __init__(self) -> None:
        self._programs = _postgresql_programs()
        super().__init__()

    def install(self) -> None:
        self.run(
            str(self._programs / "initdb"),
            *("-D", str(self.directory / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8"),
            *("--locale=C", "--no-sync"),
        )

    def command(self) -> Sequence[str]:
        return [
            str(self._programs / "postgres"),
            *("-D", str(self.directory / "data"), "-p", str(self.port), "-k", str(self.directory)),
            *("-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=8MB", "-c", "fsync=off"),
        ]

    @property
    def url(self) -> URL:
        return URL.create(
            "postgresql+psycopg",
            username="postgres",
            host="127.0.0.1",
            port=self.port,
            database="postgres",
        )


class PrivateMariadb(PrivateServer):
    """MariaDB. SIGTERM shuts it down; SIGKILL crashes it."""

    user = "mysql"

    def __init__(self, *options: str) -> None:
        self._options = options
        found = [shutil.which(name) for name in ("mariadb-install-db", "mariadbd")]
        if None in found:
            message = "mariadb-install-db and mariadbd are not installed"
            raise ServerUnavailableError(message)
        self._install, self._server = map(str, found)
        super().__init__()

    def install(self) -> None:
        self.run(
            self._install,
            *("--no-defaults", f"--datadir={self.directory / 'data'}", "--skip-test-db"),
            *("--auth-root-authentication-method=normal", "--skip-name-resolve"),
        )

    def command(self) -> Sequence[str]:
        return [
            self._server,
            *("--no-defaults", f"--datadir={self.directory / 'data'}", f"--port={self.port}"),
            f"--socket={self.directory / 'socket'}",
            *("--bind-address=127.0.0.1", "--skip-name-resolve", "--innodb-buffer-pool-size=16M"),
            *("--innodb-flush-log-at-trx-commit=2", *self._options),
        ]

    @property
    def url(self) -> URL:
        return URL.create(
            "mariadb+pymysql",
            username="root",
            query={"unix_socket": str(self.directory / "socket")},
            database="mysql",
        )


def _postgresql_programs() -> Path:
    """Where initdb and postgres are."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if (place / "postgres").exists() and (place / "initdb").exists():
            return place
    message = f"initdb and postgres are not installed where {getpass.getuser()} finds them"
    raise ServerUnavailableError(message)
