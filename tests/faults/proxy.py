"""A TCP proxy that cuts a connection at a chosen round between client and server.

A round begins with what the client asks after it was answered. The proxy knows nothing of protocols; both
drivers ask and wait, so that a round is a statement, or a step of connecting.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from typing import TYPE_CHECKING, Literal, Self, get_args

from sqlalchemy import URL, make_url

if TYPE_CHECKING:
    from collections.abc import Callable

Cut = Literal["before", "after", "late", "terminated"]
"""Where a connection is lost: the request never arrives; the answer never arrives; the client is cut off
at once, and the server gets the request a moment later; the server itself ends the session before it."""
CUTS: tuple[Cut, ...] = get_args(Cut)

LATE_SECONDS = 0.15
_CHUNK = 65536


class Proxy:
    """Listens on a port of its own, and passes everything on until it is armed.

    Args:
        connect: connects to the server.
        terminate: lets the server end the sessions that it has.
    """

    def __init__(self, connect: Callable[[], socket.socket], terminate: Callable[[], None]) -> None:
        self._connect = connect
        self._terminate = terminate
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._lock = threading.Lock()
        self._cut: Cut = "before"
        self._rounds_left = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def arm(self, at_round: int, cut: Cut) -> None:
        """Cut once, at the round of that number from now on; the first one is 1."""
        with self._lock:
            self._cut, self._rounds_left = cut, at_round

    def disarm(self) -> bool:
        """Cut no more; whether it was still to come."""
        with self._lock:
            was_armed, self._rounds_left = self._rounds_left > 0, 0
        return was_armed

    def _due(self) -> Cut | None:
        """Count a round; how to cut in it, if it is the one."""
        with self._lock:
            if not self._rounds_left:
                return None
            self._rounds_left -= 1
            return None if self._rounds_left else self._cut

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), self._connect() as server:
            self._pass_on(client, server)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        was_answered = True
        cut: Cut | None = None
        while True:
            readable, _, _ = select.select([client, server], [], [])
            source = server if server in readable else client
            data = source.recv(_CHUNK)
            if not data:
                return
            if source is server:
                if cut == "after":
                    return
                was_answered = True
                client.sendall(data)
                continue
            if was_answered:
                was_answered = False
                cut = self._due()
                if cut == "before":
                    return
                if cut == "late":
                    client.shutdown(socket.SHUT_RDWR)
                    time.sleep(LATE_SECONDS)
                if cut == "terminated":
                    self._terminate()
            server.sendall(data)
            if cut == "late":  # the rest of what the client asked, if any, is gone
                server.settimeout(LATE_SECONDS)
                server.recv(_CHUNK)
                return


def connector(url: URL) -> Callable[[], socket.socket]:
    """Connects to the server of a URL, by TCP or by its socket file."""
    path = url.query.get("unix_socket")
    directory = url.query.get("host")
    if directory is not None:
        path = f"{directory}/.s.PGSQL.{url.query.get('port', 5432)}"
    if path is None:
        address = (url.host or "127.0.0.1", url.port or (5432 if _is_postgresql(url) else 3306))
        return lambda: socket.create_connection(address)

    def connect() -> socket.socket:
        opened = socket.socket(socket.AF_UNIX)
        opened.connect(str(path))
        return opened

    return connect


def through(url: str, port: int) -> str:
    """The URL of the same database by the proxy."""
    parsed = make_url(url)
    query = {k: v for k, v in parsed.query.items() if k not in {"unix_socket", "host", "port"}}
    if _is_postgresql(parsed):
        query |= {"sslmode": "disable", "gssencmode": "disable"}
    changed = parsed.set(host="127.0.0.1", port=port, query=query)
    return changed.render_as_string(hide_password=False)


def _is_postgresql(url: URL) -> bool:
    return url.get_backend_name() == "postgresql"
