"""The limit: the bare driver with prebuilt tuples and no objects.

It shows how much of the floor is the database itself.

It is told what changed and compares nothing, so it has no part in N1. Its statements are those of the floor.
"""

import itertools
import json
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeAlias
from uuid import UUID

from psycopg.types.json import Json

from benchmarks.databases import Database
from benchmarks.peers import floor_postgresql, floor_sqlite
from benchmarks.peers.floor import MESSAGES_JOINED, FloorStore, Row
from benchmarks.peers.models import ChatThread, Version
from benchmarks.peers.objects import links_of
from benchmarks.peers.protocol import ChatStore, Work
from benchmarks.records import LinkRecord, MessageRecord, ThreadRecord

Chain: TypeAlias = Sequence[Row]


@dataclass(slots=True)
class ThreadRows:
    """A thread and its messages as rows: what to insert, or what was read."""

    rows: Row
    messages: list[Row]
    model: ChatThread | None = None
    """From which the rows of later versions are built, before the clock runs."""


class LimitStore(ChatStore[Row, ThreadRows, Chain]):
    """A new version is a pair of rows, for the base table and for its own; one that was read is a single row."""

    sql: ModuleType

    def __init__(self, floor: FloorStore) -> None:
        """The floor's store connects, and turns objects into rows beforehand."""
        self._floor: Any = floor
        self._ids = itertools.count(1)
        self._execute = self._floor.execute
        self._executemany = self._floor.executemany

    @abstractmethod
    def key(self, ecs_id: UUID) -> Any:
        """An id as a parameter."""

    @abstractmethod
    def among(self, values: Sequence[Any]) -> tuple[str, Sequence[Any]]:
        """A condition that a column is one of these values, and its parameters."""

    def message(self, record: MessageRecord) -> Row:
        """A pair of rows."""
        message = self._floor.message(record)
        return self._pair(message, "chat_message", self._floor.message_content(message))

    def thread(self, record: ThreadRecord, messages: Sequence[Row]) -> ThreadRows:
        """Pairs of rows."""
        model = self._floor.thread(record, [])
        ids = [str(UUID(str(message[0][1]))) for message in messages]
        return ThreadRows(self._thread_pair(model, ids), list(messages), model)

    def chain(self, records: Sequence[LinkRecord]) -> Chain:
        """Pairs of rows."""
        links = links_of(self._floor.chain(records))
        return [
            self._pair(
                link, "chain_link", (link.label, self.key(link.next.ecs_id) if link.next else None)
            )
            for link in links
        ]

    def save_message(self, message: Row) -> None:
        """Two inserts."""
        with self._floor.transaction():
            self._execute(self.sql.INSERT_BASE, message[0])
            self._execute(self.sql.INSERT_MESSAGE, message[1])

    def save_messages(self, messages: Sequence[Row]) -> None:
        """Two bulk inserts."""
        with self._floor.transaction():
            self._insert_all(self.sql.INSERT_MESSAGE, messages)

    def save_thread(self, thread: ThreadRows) -> None:
        """Everything is new."""
        with self._floor.transaction():
            self._insert_all(self.sql.INSERT_MESSAGE, thread.messages)
            self._execute(self.sql.INSERT_BASE, thread.rows[0])
            self._execute(self.sql.INSERT_THREAD, thread.rows[1])

    def save_chain(self, first: Chain) -> None:
        """Two bulk inserts."""
        with self._floor.transaction():
            self._insert_all(self.sql.INSERT_LINK, first)

    def append(self, thread: ThreadRows, message: Row) -> None:
        """Rows only."""
        thread.messages.append(message)

    def appending(self, thread: ThreadRows, messages: Sequence[Row]) -> Work:
        """All versions are built beforehand; each costs four inserts and a commit."""
        versions = self._later_versions(thread, messages)

        def append_each() -> None:
            for message, rows in zip(messages, versions, strict=True):
                self.save_thread(ThreadRows(rows, [message]))

        return append_each

    def get(self, ecs_id: UUID) -> Row:
        """Two reads."""
        base: Row = self._execute(self.sql.BASE_BY_ECS_ID, (self.key(ecs_id),)).fetchone()
        own: Row = self._execute(self.sql.MESSAGE_BY_ID, base[:1]).fetchone()
        return base[1:6] + own

    def get_many(self, ids: Sequence[UUID]) -> Sequence[Row]:
        """One join; the order asked is restored."""
        return self._messages([self.key(ecs_id) for ecs_id in ids])

    def get_thread(self, ecs_id: UUID) -> ThreadRows:
        """Two reads."""
        row: Row = self._execute(self.sql.THREAD_BY_ECS_ID, (self.key(ecs_id),)).fetchone()
        ids = json.loads(row[6]) if isinstance(row[6], str) else row[6]
        return ThreadRows(row, self._messages([self.key(UUID(text)) for text in ids]))

    def list_messages(self) -> Sequence[Row]:
        """One join."""
        rows: list[Row] = self._execute(self.sql.ALL_MESSAGES).fetchall()
        return rows

    def get_chain(self, ecs_id: UUID) -> Chain:
        """One recursive statement."""
        rows: list[Row] = self._execute(self.sql.CHAIN_BY_ECS_ID, (self.key(ecs_id),)).fetchall()
        return rows

    def reading(self) -> AbstractContextManager[Any]:
        """The floor's."""
        transaction: AbstractContextManager[Any] = self._floor.reading()
        return transaction

    def messages_of(self, thread: ThreadRows) -> Sequence[Row]:
        """Their rows."""
        return thread.messages

    def record_of(self, message: Row) -> MessageRecord:
        """By way of the floor's object."""
        record: MessageRecord = self._floor.record_of(self.sql.message_of(message))
        return record

    def labels_of(self, first: Chain) -> list[str]:
        """One column."""
        return [row[5] for row in first]

    def close(self) -> None:
        """Disconnect."""
        self._floor.close()

    def _insert_all(self, insert_own: str, pairs: Sequence[Row]) -> None:
        self._executemany(self.sql.INSERT_BASE, [base for base, _ in pairs])
        self._executemany(insert_own, [own for _, own in pairs])

    def _messages(self, keys: Sequence[Any]) -> list[Row]:
        condition, parameters = self.among(keys)
        rows = self._execute(f"{MESSAGES_JOINED} WHERE b.ecs_id {condition}", parameters).fetchall()
        found = {row[0]: row for row in rows}
        return [found[key] for key in keys]

    def _pair(self, version: Version, kind: str, content: Row) -> Row:
        number = next(self._ids)
        base = (number, *self.sql.base_row(version, kind))
        return (plain(base), plain((number, *content)))

    def _thread_pair(self, thread: ChatThread, ids: list[str]) -> Row:
        title, _, temperature, tags = self._floor.thread_content(thread)
        return self._pair(thread, "chat_thread", (title, json.dumps(ids), temperature, tags))

    def _later_versions(self, thread: ThreadRows, messages: Sequence[Row]) -> list[Row]:
        assert thread.model is not None
        ids = json.loads(thread.rows[1][2])
        versions: list[Row] = []
        for message in messages:
            ids.append(str(UUID(str(message[0][1]))))
            thread.model.fork()
            versions.append(self._thread_pair(thread.model, ids))
        return versions


class SqliteLimitStore(LimitStore):
    """Ids are hexadecimal text."""

    sql = floor_sqlite

    def __init__(self, database: Database) -> None:
        """By way of the floor's store."""
        super().__init__(floor_sqlite.SqliteFloorStore(database))

    def key(self, ecs_id: UUID) -> str:
        """Text."""
        return ecs_id.hex

    def among(self, values: Sequence[Any]) -> tuple[str, Sequence[Any]]:
        """A list of placeholders."""
        return f"IN ({floor_sqlite.marks(values)})", values


class PostgresqlLimitStore(LimitStore):
    """Ids are native."""

    sql = floor_postgresql

    def __init__(self, database: Database) -> None:
        """By way of the floor's store."""
        super().__init__(floor_postgresql.PostgresqlFloorStore(database))

    def key(self, ecs_id: UUID) -> UUID:
        """Itself."""
        return ecs_id

    def among(self, values: Sequence[Any]) -> tuple[str, Sequence[Any]]:
        """An array."""
        return "= ANY(%s)", (values,)


def plain(row: Row) -> Row:
    """The row with all JSON written out."""
    return tuple(
        json_text(value) if isinstance(value, (Json, dict, list)) else value for value in row
    )


def json_text(value: Any) -> str:
    """The text of a JSON value, also of one wrapped for the driver."""
    return json.dumps(value.obj if isinstance(value, Json) else value)
