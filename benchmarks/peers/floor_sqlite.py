"""The floor on SQLite: the standard library's ``sqlite3``."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from benchmarks.databases import Database
from benchmarks.peers.floor import (
    BASE,
    CHAIN,
    MESSAGE,
    MESSAGES_JOINED,
    THREAD,
    THREADS_JOINED,
    FloorStore,
    Row,
    old_id_texts,
)
from benchmarks.peers.models import ChainLink, ChatMessage, ChatThread, Version
from benchmarks.peers.objects import linked

TABLES = """
CREATE TABLE IF NOT EXISTS base_entities (
    id INTEGER NOT NULL PRIMARY KEY,
    ecs_id CHAR(32) NOT NULL UNIQUE,
    lineage_id CHAR(32) NOT NULL,
    parent_id CHAR(32),
    created_at TEXT NOT NULL,
    old_ids TEXT NOT NULL,
    type TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS base_lineage ON base_entities (lineage_id);
CREATE INDEX IF NOT EXISTS base_parent ON base_entities (parent_id);
CREATE TABLE IF NOT EXISTS chat_message (
    id INTEGER NOT NULL PRIMARY KEY REFERENCES base_entities (id),
    role TEXT NOT NULL, content TEXT NOT NULL, timestamp TEXT NOT NULL, author CHAR(32), usage TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS chat_thread (
    id INTEGER NOT NULL PRIMARY KEY REFERENCES base_entities (id),
    title TEXT NOT NULL, message_ids TEXT NOT NULL, temperature REAL NOT NULL, tags TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS chain_link (
    id INTEGER NOT NULL PRIMARY KEY REFERENCES base_entities (id),
    label TEXT NOT NULL, next_id CHAR(32)
);
"""
INSERT_BASE = f"INSERT INTO base_entities ({BASE}) VALUES (?, ?, ?, ?, ?, ?, ?)"
INSERT_BASE_WITHOUT_ID = f"INSERT INTO base_entities ({BASE}) VALUES (NULL, ?, ?, ?, ?, ?, ?)"
INSERT_MESSAGE = f"INSERT INTO chat_message (id, {MESSAGE}) VALUES (?, ?, ?, ?, ?, ?)"
INSERT_THREAD = f"INSERT INTO chat_thread (id, {THREAD}) VALUES (?, ?, ?, ?, ?)"
INSERT_LINK = "INSERT INTO chain_link (id, label, next_id) VALUES (?, ?, ?)"
LAST_ID = "SELECT coalesce(max(id), 0) FROM base_entities"
BASE_BY_ECS_ID = f"SELECT {BASE} FROM base_entities WHERE ecs_id = ?"
THREAD_BY_ECS_ID = f"{THREADS_JOINED} WHERE b.ecs_id = ?"
MESSAGE_BY_ID = f"SELECT {MESSAGE} FROM chat_message WHERE id = ?"
CHAIN_BY_ECS_ID = CHAIN.format(one="?")
ALL_MESSAGES = f"{MESSAGES_JOINED} ORDER BY b.id"
THREAD_CONTENT = (
    f"SELECT {THREAD} FROM base_entities b JOIN chat_thread t ON t.id = b.id WHERE b.ecs_id = ?"
)
MESSAGE_CONTENTS = f"SELECT b.ecs_id, {MESSAGE} FROM base_entities b JOIN chat_message m ON m.id = b.id WHERE b.ecs_id"
OWN = {"chat_message": ("chat_message", MESSAGE), "chat_thread": ("chat_thread", THREAD)}


class SqliteFloorStore(FloorStore):
    """One connection, held open."""

    def __init__(self, database: Database) -> None:
        """Connect and make the tables."""
        self.connection: sqlite3.Connection = database.connect()
        self.connection.executescript(TABLES)
        self.execute = self.connection.execute
        self.executemany = self.connection.executemany

    def close(self) -> None:
        """Disconnect."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Take the write lock first, so that no later statement can fail for want of it."""
        with self._transaction("BEGIN IMMEDIATE"):
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One snapshot."""
        with self._transaction("BEGIN"):
            yield

    def save_message(self, message: ChatMessage) -> None:
        """One row each; the database says which id it gave."""
        with self.transaction():
            row_id = self.execute(
                INSERT_BASE_WITHOUT_ID, base_row(message, "chat_message")
            ).lastrowid
            self.execute(INSERT_MESSAGE, (row_id, *self.message_content(message)))

    def insert_messages(self, messages: Sequence[ChatMessage]) -> None:
        """Ids follow the last one: the write lock is held."""
        first = self._next_id()
        ids = range(first, first + len(messages))
        self.executemany(
            INSERT_BASE,
            (
                (n, *base_row(message, "chat_message"))
                for n, message in zip(ids, messages, strict=True)
            ),
        )
        self.executemany(
            INSERT_MESSAGE,
            ((n, *self.message_content(message)) for n, message in zip(ids, messages, strict=True)),
        )

    def insert_thread(self, thread: ChatThread) -> None:
        """One row each."""
        row_id = self.execute(INSERT_BASE_WITHOUT_ID, base_row(thread, "chat_thread")).lastrowid
        self.execute(INSERT_THREAD, (row_id, *self.thread_content(thread)))

    def insert_links(self, links: Sequence[ChainLink]) -> None:
        """As messages."""
        first = self._next_id()
        ids = range(first, first + len(links))
        self.executemany(
            INSERT_BASE,
            ((n, *base_row(link, "chain_link")) for n, link in zip(ids, links, strict=True)),
        )
        self.executemany(
            INSERT_LINK,
            (
                (n, link.label, link.next.ecs_id.hex if link.next else None)
                for n, link in zip(ids, links, strict=True)
            ),
        )

    def stored_id(self, version: Version) -> str:
        """As hexadecimal text."""
        return version.ecs_id.hex

    def stored_messages(self, ids: Sequence[str]) -> Mapping[Any, Row]:
        """Content only."""
        rows = self.execute(f"{MESSAGE_CONTENTS} IN ({marks(ids)})", ids).fetchall()
        return {row[0]: row[1:] for row in rows}

    def stored_thread(self, ecs_id: UUID) -> Row | None:
        """Content only."""
        row: Row | None = self.execute(THREAD_CONTENT, (ecs_id.hex,)).fetchone()
        return row

    def message_content(self, message: ChatMessage) -> Row:
        """Text throughout."""
        return (
            message.role,
            message.content,
            message.timestamp.isoformat(),
            message.author.hex if message.author else None,
            json.dumps(message.usage),
        )

    def thread_content(self, thread: ChatThread) -> Row:
        """Lists as JSON."""
        message_ids = json.dumps([str(message.ecs_id) for message in thread.messages])
        return (thread.title, message_ids, thread.temperature, json.dumps(thread.tags))

    def get(self, ecs_id: UUID) -> ChatMessage | ChatThread:
        """The base row names the type, and so the other table."""
        base = self.execute(BASE_BY_ECS_ID, (ecs_id.hex,)).fetchone()
        table, columns = OWN[base[6]]
        own = self.execute(f"SELECT {columns} FROM {table} WHERE id = ?", base[:1]).fetchone()
        return self._restored(base, own)

    def get_many(self, ids: Sequence[UUID]) -> Sequence[ChatMessage | ChatThread]:
        """One statement for the base rows, one for each type among them."""
        keys = [ecs_id.hex for ecs_id in ids]
        rows = self.execute(
            f"SELECT {BASE} FROM base_entities WHERE ecs_id IN ({marks(keys)})", keys
        ).fetchall()
        by_type: dict[str, list[int]] = {}
        for row in rows:
            by_type.setdefault(row[6], []).append(row[0])
        own: dict[int, Row] = {}
        for kind, numbers in by_type.items():
            table, columns = OWN[kind]
            statement = f"SELECT id, {columns} FROM {table} WHERE id IN ({marks(numbers)})"
            own.update((row[0], row[1:]) for row in self.execute(statement, numbers))
        found = {row[1]: self._restored(row, own[row[0]]) for row in rows}
        return [found[key] for key in keys]

    def get_thread(self, ecs_id: UUID) -> ChatThread:
        """One statement for the thread, one for its messages."""
        return thread_of(
            self.execute(THREAD_BY_ECS_ID, (ecs_id.hex,)).fetchone(), self._messages_by_ids
        )

    def list_messages(self) -> Sequence[ChatMessage]:
        """One join."""
        return [message_of(row) for row in self.execute(ALL_MESSAGES)]

    def get_chain(self, ecs_id: UUID) -> ChainLink:
        """One recursive statement."""
        rows = self.execute(CHAIN_BY_ECS_ID, (ecs_id.hex,)).fetchall()
        chain: ChainLink = linked([link_of(row) for row in rows])
        return chain

    def _messages_by_ids(self, ids: Sequence[str]) -> list[ChatMessage]:
        keys = [ecs_id.replace("-", "") for ecs_id in ids]
        rows = self.execute(f"{MESSAGES_JOINED} WHERE b.ecs_id IN ({marks(keys)})", keys).fetchall()
        found = {row[0]: message_of(row) for row in rows}
        return [found[key] for key in keys]

    def _restored(self, base: Row, own: Row) -> ChatMessage | ChatThread:
        if base[6] == "chat_message":
            return message_of(base[1:6] + own)
        return thread_of(base[1:6] + own, self._messages_by_ids)

    def _next_id(self) -> int:
        return int(self.execute(LAST_ID).fetchone()[0]) + 1

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        self.execute(begin)
        try:
            yield
        except BaseException:
            self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")


def marks(values: Sequence[Any]) -> str:
    """As many placeholders as there are values."""
    return ",".join("?" * len(values))


def base_row(version: Version, kind: str) -> Row:
    """The bookkeeping columns without the row's own id."""
    return (
        version.ecs_id.hex,
        version.lineage_id.hex,
        version.parent_id.hex if version.parent_id else None,
        version.created_at.isoformat(),
        json.dumps(old_id_texts(version)),
        kind,
    )


def message_of(row: Row) -> ChatMessage:
    """A message from the columns of both tables; pydantic reads ids and times from text."""
    return ChatMessage(
        ecs_id=row[0],
        lineage_id=row[1],
        parent_id=row[2],
        created_at=row[3],
        old_ids=json.loads(row[4]),
        role=row[5],
        content=row[6],
        timestamp=row[7],
        author=row[8],
        usage=json.loads(row[9]),
    )


def thread_of(row: Row, messages_by_ids: Any) -> ChatThread:
    """A thread from the columns of both tables, and its messages."""
    return ChatThread(
        ecs_id=row[0],
        lineage_id=row[1],
        parent_id=row[2],
        created_at=row[3],
        old_ids=json.loads(row[4]),
        title=row[5],
        messages=messages_by_ids(json.loads(row[6])),
        temperature=row[7],
        tags=json.loads(row[8]),
    )


def link_of(row: Row) -> ChainLink:
    """A link, not yet linked."""
    return ChainLink(
        ecs_id=row[0],
        lineage_id=row[1],
        parent_id=row[2],
        created_at=row[3],
        old_ids=json.loads(row[4]),
        label=row[5],
    )
