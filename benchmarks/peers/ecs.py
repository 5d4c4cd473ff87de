"""ecs_sql itself: annotated classes, one storage, nothing else."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any
from uuid import UUID

from benchmarks.databases import Database
from benchmarks.peers.definitions import classes_in, compiled, executed, model_template
from benchmarks.peers.objects import ObjectStore, give_ancestors
from benchmarks.peers.protocol import Peer, Startup
from ecs_sql import Entity, EntityMapping, SqlAlchemyEntityStorage


class ChatMessage(Entity):
    """A message of a chat."""

    role: str
    content: str
    timestamp: datetime
    author: UUID | None = None
    usage: dict[str, int]


class ChatThread(Entity):
    """A chat."""

    title: str
    messages: list[ChatMessage]
    temperature: float
    tags: list[str]


class ChainLink(Entity):
    """An entity that refers to another one of its class."""

    label: str
    next: "ChainLink | None" = None


class EcsStore(ObjectStore[ChatMessage, ChatThread, ChainLink]):
    """A storage."""

    message_class = ChatMessage
    thread_class = ChatThread
    link_class = ChainLink

    def __init__(self, database: Database) -> None:
        """The storage makes its tables."""
        self._storage = SqlAlchemyEntityStorage(database.engine(), [ChatThread, ChainLink])

    def save_message(self, message: ChatMessage) -> None:
        """Register one entity."""
        self._storage.register(message)

    def save_messages(self, messages: Sequence[ChatMessage]) -> None:
        """Register many."""
        self._storage.register_many(messages)

    def save_thread(self, thread: ChatThread) -> None:
        """Register the graph."""
        self._storage.register(thread)

    def get(self, ecs_id: UUID) -> Any:
        """By id alone."""
        return self._storage.get(ecs_id)

    def get_many(self, ids: Sequence[UUID]) -> Sequence[Any]:
        """By ids alone."""
        return self._storage.get_many(ids)

    def get_thread(self, ecs_id: UUID) -> ChatThread:
        """The graph below a thread."""
        thread = self._storage.get(ecs_id, ChatThread)
        assert thread is not None
        return thread

    def list_messages(self) -> Sequence[ChatMessage]:
        """By type."""
        return self._storage.list_by_type(ChatMessage)

    def age(self, thread: ChatThread, ancestors: Sequence[UUID]) -> None:
        """Versions name their ancestors."""
        give_ancestors(thread, ancestors)

    def reading(self) -> AbstractContextManager[Any]:
        """The storage's own transaction."""
        return self._storage.transaction()

    def save_chain(self, first: ChainLink) -> None:
        """Register the graph."""
        self._storage.register(first)

    def get_chain(self, ecs_id: UUID) -> ChainLink:
        """The graph below a link."""
        link = self._storage.get(ecs_id, ChainLink)
        assert link is not None
        return link

    def close(self) -> None:
        """Dispose of the engine."""
        self._storage.engine.dispose()


class EcsStartup(Startup):
    """Classes, one mapping, one storage."""

    def __init__(self, database: Database, count: int) -> None:
        """Compile the definitions."""
        self._engine = database.engine()
        self._count = count
        self._code = compiled(model_template("Entity"), count)

    def define(self) -> None:
        """Subclasses of Entity."""
        self._classes = classes_in(executed(self._code, {"Entity": Entity}), self._count)

    def map(self) -> None:
        """One call."""
        self._mapping = EntityMapping()
        self._mapping.register(*self._classes)

    def create_tables(self) -> None:
        """The storage makes missing tables."""
        self._storage = SqlAlchemyEntityStorage(self._engine, self._mapping)

    def first_use(self, values: Mapping[str, Any]) -> Any:
        """Register and get."""
        entity = self._storage.register(self._classes[-1](**values))
        return self._storage.get(entity.ecs_id)

    def close(self) -> None:
        """Dispose of the engine."""
        self._engine.dispose()


PEER = Peer("ecs_sql", EcsStore, EcsStartup)
