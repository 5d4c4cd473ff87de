"""The floor: the bare driver, hand-written SQL, construction with validation, stdlib json.

This is what a careful person writes who keeps the same versions in the same tables without any
mapper: statements that the driver prepares and caches, ``executemany``, one transaction for each
operation, ids reserved before a bulk load. Saving a thread has the contract that ``register`` has:
what is stored already and differs becomes a new version, compared row by row without building
objects. Reading by id asks the base table for the type and then the type's own table, which holds
for any number of types. SQL and the forms of values differ between the databases; the flow does not.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeAlias
from uuid import UUID

from benchmarks.peers.models import ChainLink, ChatMessage, ChatThread, ModelStore, Version
from benchmarks.peers.objects import links_of

Row: TypeAlias = tuple[Any, ...]

BASE = "id, ecs_id, lineage_id, parent_id, created_at, old_ids, type"
VERSION = "b.ecs_id, b.lineage_id, b.parent_id, b.created_at, b.old_ids"
MESSAGE = "role, content, timestamp, author, usage"
THREAD = "title, message_ids, temperature, tags"
MESSAGES_JOINED = (
    f"SELECT {VERSION}, {MESSAGE} FROM base_entities b JOIN chat_message m ON m.id = b.id"
)
THREADS_JOINED = (
    f"SELECT {VERSION}, {THREAD} FROM base_entities b JOIN chat_thread t ON t.id = b.id"
)
CHAIN = """
WITH RECURSIVE chain (id, next_id, place) AS (
    SELECT b.id, l.next_id, 0 FROM base_entities b JOIN chain_link l ON l.id = b.id WHERE b.ecs_id = {one}
    UNION ALL
    SELECT b.id, l.next_id, c.place + 1
    FROM chain c JOIN base_entities b ON b.ecs_id = c.next_id JOIN chain_link l ON l.id = b.id
)
SELECT b.ecs_id, b.lineage_id, b.parent_id, b.created_at, b.old_ids, l.label, l.next_id
FROM chain c JOIN base_entities b ON b.id = c.id JOIN chain_link l ON l.id = c.id ORDER BY c.place
"""


class FloorStore(ModelStore):
    """The flow of each operation; subclasses speak to one database."""

    execute: Any
    executemany: Any

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Any]:
        """One transaction for writing."""

    @abstractmethod
    def insert_messages(self, messages: Sequence[ChatMessage]) -> None:
        """Insert rows for new versions."""

    @abstractmethod
    def insert_thread(self, thread: ChatThread) -> None:
        """Insert rows for a new version."""

    @abstractmethod
    def insert_links(self, links: Sequence[ChainLink]) -> None:
        """Insert rows for new versions."""

    @abstractmethod
    def stored_messages(self, ids: Sequence[Any]) -> Mapping[Any, Row]:
        """The stored content of those of these messages that are stored, by id as it is stored."""

    @abstractmethod
    def stored_id(self, version: Version) -> Any:
        """The id as it is stored."""

    @abstractmethod
    def stored_thread(self, ecs_id: UUID) -> Row | None:
        """The stored content of a thread, if it is stored."""

    @abstractmethod
    def message_content(self, message: ChatMessage) -> Row:
        """The content as it is stored."""

    @abstractmethod
    def thread_content(self, thread: ChatThread) -> Row:
        """The content as it is stored."""

    def save_messages(self, messages: Sequence[ChatMessage]) -> None:
        """New messages are known to be new."""
        with self.transaction():
            self.insert_messages(messages)

    def save_thread(self, thread: ChatThread) -> None:
        """Compare what is stored, insert what is not."""
        with self.transaction():
            unsaved = self._unsaved_messages(thread)
            if unsaved:
                self.insert_messages(unsaved)
            stored = self.stored_thread(thread.ecs_id)
            if stored is None:
                self.insert_thread(thread)
            elif stored != self.thread_content(thread):
                thread.fork()
                self.insert_thread(thread)

    def save_chain(self, first: ChainLink) -> None:
        """A new chain is known to be new."""
        with self.transaction():
            self.insert_links(list(links_of(first)))

    def _unsaved_messages(self, thread: ChatThread) -> list[ChatMessage]:
        ids = [self.stored_id(message) for message in thread.messages]
        stored = self.stored_messages(ids)
        unsaved: list[ChatMessage] = []
        for ecs_id, message in zip(ids, thread.messages, strict=True):
            row = stored.get(ecs_id)
            if row is None:
                unsaved.append(message)
            elif row != self.message_content(message):
                message.fork()
                unsaved.append(message)
        return unsaved


def old_id_texts(version: Version) -> list[str]:
    """The ancestors as JSON holds them."""
    return [str(old_id) for old_id in version.old_ids]
