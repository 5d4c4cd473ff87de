"""The floor on PostgreSQL: ``psycopg`` with native UUIDs, timestamps and JSON."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Json

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
    id BIGSERIAL NOT NULL PRIMARY KEY,
    ecs_id UUID NOT NULL UNIQUE,
    lineage_id UUID NOT NULL,
    parent_id UUID,
    created_at TIMESTAMPTZ NOT NULL,
    old_ids JSON NOT NULL,
    type TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS base_lineage ON base_entities (lineage_id);
CREATE INDEX IF NOT EXISTS base_parent ON base_entities (parent_id);
CREATE TABLE IF NOT EXISTS chat_message (
    id BIGINT NOT NULL PRIMARY KEY REFERENCES base_entities (id),
    role TEXT NOT NULL, content TEXT NOT NULL, timestamp TIMESTAMPTZ NOT NULL, author UUID, usage JSON NOT NULL
);
CREATE TABLE IF NOT EXISTS chat_thread (
    id BIGINT NOT NULL PRIMARY KEY REFERENCES base_entities (id),
    title TEXT NOT NULL, message_ids JSON NOT NULL, temperature DOUBLE PRECISION NOT NULL, tags JSON NOT NULL
);
CREATE TABLE IF NOT EXISTS chain_link (
    id BIGINT NOT NULL PRIMARY KEY REFERENCES base_entities (id),
    label TEXT NOT NULL, next_id UUID
);
"""
RESERVE_IDS = "SELECT nextval('base_entities_id_seq') FROM generate_series(1, %s)"
INSERT_BASE = f"INSERT INTO base_entities ({BASE}) VALUES (%s, %s, %s, %s, %s, %s, %s)"
INSERT_BASE_RETURNING = (
    "INSERT INTO base_entities (ecs_id, lineage_id, parent_id, created_at, old_ids, type) "
    "VALUES (%s, %s, %s, %s, %s, %s) RETURNING id"
)
INSERT_MESSAGE = f"INSERT INTO chat_message (id, {MESSAGE}) VALUES (%s, %s, %s, %s, %s, %s)"
INSERT_THREAD = f"INSERT INTO chat_thread (id, {THREAD}) VALUES (%s, %s, %s, %s, %s)"
INSERT_LINK = "INSERT INTO chain_link (id, label, next_id) VALUES (%s, %s, %s)"
BASE_BY_ECS_ID = f"SELECT {BASE} FROM base_entities WHERE ecs_id = %s"
BASES_BY_ECS_IDS = f"SELECT {BASE} FROM base_entities WHERE ecs_id = ANY(%s)"
THREAD_BY_ECS_ID = f"{THREADS_JOINED} WHERE b.ecs_id = %s"
MESSAGES_BY_ECS_IDS = f"{MESSAGES_JOINED} WHERE b.ecs_id = ANY(%s::uuid[])"
MESSAGE_BY_ID = f"SELECT {MESSAGE} FROM chat_message WHERE id = %s"
CHAIN_BY_ECS_ID = CHAIN.format(one="%s")
ALL_MESSAGES = f"{MESSAGES_JOINED} ORDER BY b.id"
THREAD_CONTENT = (
    f"SELECT {THREAD} FROM base_entities b JOIN chat_thread t ON t.id = b.id WHERE b.ecs_id = %s"
)
MESSAGE_CONTENTS = (
    f"SELECT b.ecs_id, {MESSAGE} FROM base_entities b JOIN chat_message m ON m.id = b.id "
    "WHERE b.ecs_id = ANY(%s)"
)
OWN = {"chat_message": ("chat_message", MESSAGE), "chat_thread": ("chat_thread", THREAD)}


class PostgresqlFloorStore(FloorStore):
    """One connection, held open."""

    def __init__(self, database: Database) -> None:
        """Connect and make the tables."""
        self.connection: psycopg.Connection[Any] = database.connect()
        self.connection.execute(TABLES)
        self.cursor = self.connection.cursor()
        self.execute = self.cursor.execute
        self.executemany = self.cursor.executemany

    def close(self) -> None:
        """Disconnect."""
        self.connection.close()

    def transaction(self) -> AbstractContextManager[Any]:
        """The driver's."""
        return self.connection.transaction()

    def reading(self) -> AbstractContextManager[Any]:
        """The driver's."""
        return self.connection.transaction()

    def save_message(self, message: ChatMessage) -> None:
        """One row each; the database says which id it gave."""
        with self.transaction():
            row_id = self._insert_base(message, "chat_message")
            self.execute(INSERT_MESSAGE, (row_id, *message_row(message)))

    def insert_messages(self, messages: Sequence[ChatMessage]) -> None:
        """Ids come from the sequence first, so that both tables can be filled in bulk."""
        ids = self._reserved_ids(len(messages))
        self.executemany(
            INSERT_BASE,
            [
                (n, *base_row(message, "chat_message"))
                for n, message in zip(ids, messages, strict=True)
            ],
        )
        self.executemany(
            INSERT_MESSAGE,
            [(n, *message_row(message)) for n, message in zip(ids, messages, strict=True)],
        )

    def insert_thread(self, thread: ChatThread) -> None:
        """One row each."""
        row_id = self._insert_base(thread, "chat_thread")
        title, message_ids, temperature, tags = self.thread_content(thread)
        self.execute(INSERT_THREAD, (row_id, title, Json(message_ids), temperature, Json(tags)))

    def insert_links(self, links: Sequence[ChainLink]) -> None:
        """As messages."""
        ids = self._reserved_ids(len(links))
        self.executemany(
            INSERT_BASE,
            [(n, *base_row(link, "chain_link")) for n, link in zip(ids, links, strict=True)],
        )
        self.executemany(
            INSERT_LINK,
            [
                (n, link.label, link.next.ecs_id if link.next else None)
                for n, link in zip(ids, links, strict=True)
            ],
        )

    def stored_id(self, version: Version) -> UUID:
        """Itself."""
        return version.ecs_id

    def stored_messages(self, ids: Sequence[UUID]) -> Mapping[Any, Row]:
        """Content only."""
        return {row[0]: row[1:] for row in self.execute(MESSAGE_CONTENTS, (ids,)).fetchall()}

    def stored_thread(self, ecs_id: UUID) -> Row | None:
        """Content only."""
        row: Row | None = self.execute(THREAD_CONTENT, (ecs_id,)).fetchone()
        return row

    def message_content(self, message: ChatMessage) -> Row:
        """As the driver reads it: values, not texts."""
        return (message.role, message.content, message.timestamp, message.author, message.usage)

    def thread_content(self, thread: ChatThread) -> Row:
        """As the driver reads it, ids within JSON as text."""
        return (
            thread.title,
            [str(message.ecs_id) for message in thread.messages],
            thread.temperature,
            thread.tags,
        )

    def get(self, ecs_id: UUID) -> ChatMessage | ChatThread:
        """The base row names the type, and so the other table."""
        base: Any = self.execute(BASE_BY_ECS_ID, (ecs_id,)).fetchone()
        table, columns = OWN[base[6]]
        own: Any = self.execute(f"SELECT {columns} FROM {table} WHERE id = %s", base[:1]).fetchone()
        return self._restored(base, own)

    def get_many(self, ids: Sequence[UUID]) -> Sequence[ChatMessage | ChatThread]:
        """One statement for the base rows, one for each type among them."""
        rows = self.execute(BASES_BY_ECS_IDS, (ids,)).fetchall()
        by_type: dict[str, list[int]] = {}
        for row in rows:
            by_type.setdefault(row[6], []).append(row[0])
        own: dict[int, Row] = {}
        for kind, numbers in by_type.items():
            table, columns = OWN[kind]
            statement = f"SELECT id, {columns} FROM {table} WHERE id = ANY(%s)"
            own.update((row[0], row[1:]) for row in self.execute(statement, (numbers,)))
        found = {row[1]: self._restored(row, own[row[0]]) for row in rows}
        return [found[ecs_id] for ecs_id in ids]

    def get_thread(self, ecs_id: UUID) -> ChatThread:
        """One statement for the thread, one for its messages."""
        row: Any = self.execute(THREAD_BY_ECS_ID, (ecs_id,)).fetchone()
        return self._thread_of(row)

    def list_messages(self) -> Sequence[ChatMessage]:
        """One join."""
        return [message_of(row) for row in self.execute(ALL_MESSAGES)]

    def get_chain(self, ecs_id: UUID) -> ChainLink:
        """One recursive statement."""
        rows = self.execute(CHAIN_BY_ECS_ID, (ecs_id,)).fetchall()
        chain: ChainLink = linked([link_of(row) for row in rows])
        return chain

    def _messages_by_ids(self, ids: Sequence[str]) -> list[ChatMessage]:
        found = {str(row[0]): message_of(row) for row in self.execute(MESSAGES_BY_ECS_IDS, (ids,))}
        return [found[ecs_id] for ecs_id in ids]

    def _restored(self, base: Row, own: Row) -> ChatMessage | ChatThread:
        if base[6] == "chat_message":
            return message_of(base[1:6] + own)
        return self._thread_of(base[1:6] + own)

    def _thread_of(self, row: Row) -> ChatThread:
        return ChatThread(
            ecs_id=row[0],
            lineage_id=row[1],
            parent_id=row[2],
            created_at=row[3],
            old_ids=row[4],
            title=row[5],
            messages=self._messages_by_ids(row[6]),
            temperature=row[7],
            tags=row[8],
        )

    def _insert_base(self, version: Version, kind: str) -> int:
        row: Any = self.execute(INSERT_BASE_RETURNING, base_row(version, kind)).fetchone()
        return int(row[0])

    def _reserved_ids(self, count: int) -> list[int]:
        return [row[0] for row in self.execute(RESERVE_IDS, (count,)).fetchall()]


def base_row(version: Version, kind: str) -> Row:
    """The bookkeeping columns without the row's own id."""
    old_ids = Json(old_id_texts(version))
    return (
        version.ecs_id,
        version.lineage_id,
        version.parent_id,
        version.created_at,
        old_ids,
        kind,
    )


def message_row(message: ChatMessage) -> Row:
    """A message's own columns."""
    return (message.role, message.content, message.timestamp, message.author, Json(message.usage))


def message_of(row: Row) -> ChatMessage:
    """A message from the columns of both tables."""
    return ChatMessage(
        ecs_id=row[0],
        lineage_id=row[1],
        parent_id=row[2],
        created_at=row[3],
        old_ids=row[4],
        role=row[5],
        content=row[6],
        timestamp=row[7],
        author=row[8],
        usage=row[9],
    )


def link_of(row: Row) -> ChainLink:
    """A link, not yet linked."""
    return ChainLink(
        ecs_id=row[0],
        lineage_id=row[1],
        parent_id=row[2],
        created_at=row[3],
        old_ids=row[4],
        label=row[5],
    )
