"""Transactions of the application's own: what a rollback there undoes here.

A journal of a joined transaction outlives the block that wrote it: the application may roll back later, to
a savepoint or altogether, and the objects have to follow.
"""

from __future__ import annotations

import weakref
from typing import Any

from sqlalchemy import Connection, event

from ecs_sql.storage.journal import Journal

_SAVEPOINTS = "_Connection__savepoint_seq"
"""How many savepoints a Connection has set; the event tells nothing that leads to a savepoint's name."""


class JoinedJournal:
    """Follows one connection's transactions; one at most for each connection."""

    def __init__(self, connection: Connection) -> None:
        self.journal = Journal()
        self._marks: dict[str, int] = {}
        event.listen(connection, "savepoint", self._on_savepoint)
        event.listen(connection, "rollback_savepoint", self._on_rollback_savepoint)
        event.listen(connection, "rollback", self._on_rollback)
        event.listen(connection, "rollback_twophase", self._on_rollback)
        event.listen(connection, "commit", self._on_commit)
        event.listen(connection, "commit_twophase", self._on_commit)

    def _on_savepoint(self, connection: Connection, name: str | None) -> None:
        if name is None:  # SQLAlchemy names it next, by a number that it counts for each connection
            name = f"sa_savepoint_{getattr(connection, _SAVEPOINTS) + 1}"
        self._marks[name] = self.journal.mark

    def _on_rollback_savepoint(self, _connection: Connection, name: str, _context: Any) -> None:
        # A savepoint never seen here was set before anything was written here.
        self.journal.undo(self._marks.get(str(name), 0))

    def _on_rollback(self, *_arguments: Any) -> None:
        self.journal.undo()
        self._marks.clear()

    def _on_commit(self, *_arguments: Any) -> None:
        self.journal.forget()
        self._marks.clear()


_joined: weakref.WeakKeyDictionary[Connection, JoinedJournal] = weakref.WeakKeyDictionary()


def joined_journal(connection: Connection) -> Journal:
    """The journal of what was done to objects in the connection's present transaction."""
    found = _joined.get(connection)
    if found is None:
        found = _joined[connection] = JoinedJournal(connection)
    return found.journal
