"""SQLModel: one class is both the entity and its table, so each class has a table with all of its columns.

A thread's row names its messages by id; the messages themselves are another attribute, which the application fills.
SQLModel does not validate what it loads.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON
from sqlalchemy.orm import configure_mappers, registry
from sqlmodel import Field, Session, SQLModel, col, select

from benchmarks.databases import Database
from benchmarks.peers.definitions import classes_in, compiled, executed
from benchmarks.peers.objects import ObjectStore
from benchmarks.peers.protocol import Peer, Startup
from benchmarks.peers.types import UtcDateTime
from benchmarks.records import LinkRecord, ThreadRecord


class Base(SQLModel):
    """The bookkeeping fields of one version."""

    id: int | None = Field(default=None, primary_key=True)
    ecs_id: UUID = Field(unique=True)
    lineage_id: UUID = Field(index=True)
    parent_id: UUID | None = Field(default=None, index=True)
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC), sa_type=UtcDateTime)
    old_ids: list[str] = Field(default_factory=list, sa_type=JSON)

    def next_version(self, **changes: Any) -> Any:
        """A new version of the same lineage: a row that was stored stays as it is."""
        bookkeeping = {
            "id": None,
            "ecs_id": uuid4(),
            "parent_id": self.ecs_id,
            "created_at": datetime.now(UTC),
            "old_ids": [*self.old_ids, str(self.ecs_id)],
        }
        return type(self)(**{**self.model_dump(), **bookkeeping, **changes})


class ChatMessage(Base, table=True):
    """A message of a chat."""

    __tablename__ = "chat_message"

    role: str
    content: str
    timestamp: datetime = Field(sa_type=UtcDateTime)
    author: UUID | None = None
    usage: dict[str, int] = Field(sa_type=JSON)


class ChatThread(Base, table=True):
    """A chat, which names its messages by id."""

    __tablename__ = "chat_thread"

    title: str
    message_ids: list[str] = Field(sa_type=JSON)
    temperature: float
    tags: list[str] = Field(sa_type=JSON)


class ChainLink(Base, table=True):
    """A link of a chain, which names the next one by id."""

    __tablename__ = "chain_link"

    label: str
    next_id: UUID | None = None


class Chat:
    """A thread together with its messages."""

    def __init__(self, thread: ChatThread, messages: list[ChatMessage]) -> None:
        """The thread's row may still lack some of the messages."""
        self.thread = thread
        self.messages = messages

    @property
    def ecs_id(self) -> UUID:
        """The thread's."""
        return self.thread.ecs_id


class SqlModelStore(ObjectStore[ChatMessage, Chat, list[ChainLink]]):
    """A session for each operation, or one that is held while ``reading``."""

    message_class = ChatMessage
    classes: tuple[Any, ...] = (ChatMessage, ChatThread)

    def __init__(self, database: Database) -> None:
        """Make the tables."""
        self._engine = database.engine()
        self._held: Session | None = None
        SQLModel.metadata.create_all(self._engine)

    def close(self) -> None:
        """Dispose of the engine."""
        self._engine.dispose()

    def thread(self, record: ThreadRecord, messages: Sequence[ChatMessage]) -> Chat:
        """A first version."""
        thread = ChatThread(
            ecs_id=record.ecs_id,
            lineage_id=record.ecs_id,
            title=record.title,
            message_ids=[str(message.ecs_id) for message in messages],
            temperature=record.temperature,
            tags=record.tags,
        )
        return Chat(thread, list(messages))

    def chain(self, records: Sequence[LinkRecord]) -> list[ChainLink]:
        """First versions."""
        following = [record.ecs_id for record in records[1:]]
        return [
            ChainLink(
                ecs_id=record.ecs_id, lineage_id=record.ecs_id, label=record.label, next_id=next_id
            )
            for record, next_id in zip(records, [*following, None], strict=True)
        ]

    def labels_of(self, first: list[ChainLink]) -> list[str]:
        """Already in order."""
        return [link.label for link in first]

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One session."""
        with Session(self._engine) as self._held:
            yield
        self._held = None

    def save_message(self, message: ChatMessage) -> None:
        """As one of many."""
        self.save_messages([message])

    def save_messages(self, messages: Sequence[ChatMessage]) -> None:
        """New messages are known to be new."""
        with Session(self._engine, expire_on_commit=False) as session:
            session.add_all(messages)
            session.commit()

    def save_thread(self, thread: Chat) -> None:
        """Read what is stored, compare it, add what differs."""
        with Session(self._engine, expire_on_commit=False) as session:
            self._add_unsaved_messages(session, thread)
            message_ids = [str(message.ecs_id) for message in thread.messages]
            stored = session.exec(
                select(ChatThread).where(ChatThread.ecs_id == thread.ecs_id)
            ).one_or_none()
            if stored is None:
                session.add(thread.thread)
            elif stored.model_dump() != {**thread.thread.model_dump(), "message_ids": message_ids}:
                thread.thread = thread.thread.next_version(message_ids=message_ids)
                session.add(thread.thread)
            session.commit()

    def save_chain(self, first: list[ChainLink]) -> None:
        """A new chain is known to be new."""
        with Session(self._engine, expire_on_commit=False) as session:
            session.add_all(first)
            session.commit()

    def get(self, ecs_id: UUID) -> ChatMessage | Chat:
        """One class after the other."""
        with self._session() as session:
            for kind in self.classes:
                found = session.exec(select(kind).where(kind.ecs_id == ecs_id)).one_or_none()
                if found is not None:
                    return self._complete(session, found)
        raise LookupError(ecs_id)

    def get_many(self, ids: Sequence[UUID]) -> Sequence[ChatMessage | Chat]:
        """One class after the other, as long as some are missing."""
        missing = set(ids)
        found: dict[UUID, ChatMessage | Chat] = {}
        with self._session() as session:
            for kind in self.classes:
                if missing:
                    rows = session.exec(select(kind).where(col(kind.ecs_id).in_(missing)))
                    found.update((row.ecs_id, self._complete(session, row)) for row in rows)
                    missing -= found.keys()
        return [found[ecs_id] for ecs_id in ids]

    def get_thread(self, ecs_id: UUID) -> Chat:
        """By its class."""
        with self._session() as session:
            thread = session.exec(select(ChatThread).where(ChatThread.ecs_id == ecs_id)).one()
            return Chat(thread, self._messages_by_ids(session, thread.message_ids))

    def list_messages(self) -> Sequence[ChatMessage]:
        """By their class."""
        with self._session() as session:
            return session.exec(select(ChatMessage).order_by(col(ChatMessage.id))).all()

    def get_chain(self, ecs_id: UUID) -> list[ChainLink]:
        """One link after the other."""
        links: list[ChainLink] = []
        next_id: UUID | None = ecs_id
        with self._session() as session:
            while next_id is not None:
                links.append(
                    session.exec(select(ChainLink).where(ChainLink.ecs_id == next_id)).one()
                )
                next_id = links[-1].next_id
        return links

    @contextmanager
    def _session(self) -> Iterator[Session]:
        if self._held is not None:
            yield self._held
        else:
            with Session(self._engine) as session:
                yield session

    def _complete(self, session: Session, found: ChatMessage | ChatThread) -> ChatMessage | Chat:
        if isinstance(found, ChatMessage):
            return found
        return Chat(found, self._messages_by_ids(session, found.message_ids))

    def _messages_by_ids(self, session: Session, texts: Sequence[str]) -> list[ChatMessage]:
        ids = [UUID(text) for text in texts]
        rows = session.exec(select(ChatMessage).where(col(ChatMessage.ecs_id).in_(ids)))
        found = {row.ecs_id: row for row in rows}
        return [found[ecs_id] for ecs_id in ids]

    def _add_unsaved_messages(self, session: Session, chat: Chat) -> None:
        ids = [message.ecs_id for message in chat.messages]
        rows = session.exec(select(ChatMessage).where(col(ChatMessage.ecs_id).in_(ids)))
        stored = {row.ecs_id: row.model_dump() for row in rows}
        for number, message in enumerate(chat.messages):
            if message.ecs_id not in stored:
                session.add(message)
            elif stored[message.ecs_id] != message.model_dump():
                chat.messages[number] = message.next_version()
                session.add(chat.messages[number])


TABLE_TEMPLATE = """
class Kind{number}(Base, table=True):
    __tablename__ = "kind{number}"

    count: int
    weight: float
    active: bool
    name: str
    owner: UUID
    moment: datetime = Field(sa_type=UtcDateTime)
    payload: bytes
    note: str | None = None
    names: list[str] = Field(sa_type=JSON)
    counts: dict[str, int] = Field(sa_type=JSON)
"""


class SqlModelStartup(Startup):
    """One class for each, which is mapped while it is defined."""

    def __init__(self, database: Database, count: int) -> None:
        """Compile the definitions."""
        self._engine = database.engine()
        self._count = count
        self._code = compiled(TABLE_TEMPLATE, count)

    def define(self) -> None:
        """The classes, below a registry of their own."""

        class FreshBase(Base, registry=registry()):
            """Another application's base."""

        names = {"Base": FreshBase, "Field": Field, "UtcDateTime": UtcDateTime, "JSON": JSON}
        self._classes = classes_in(executed(self._code, names), self._count)

    def map(self) -> None:
        """Only the configuration of the mappers is left."""
        configure_mappers()

    def create_tables(self) -> None:
        """All at once."""
        self._classes[0].metadata.create_all(self._engine)

    def first_use(self, values: Mapping[str, Any]) -> Any:
        """One session to write, one to read."""
        kind = self._classes[-1]
        ecs_id = UUID(int=self._count)
        with Session(self._engine) as session:
            session.add(kind(ecs_id=ecs_id, lineage_id=ecs_id, **values))
            session.commit()
        with Session(self._engine) as session:
            return session.exec(select(kind).where(kind.ecs_id == ecs_id)).one()

    def close(self) -> None:
        """Dispose of the engine."""
        self._engine.dispose()


PEER = Peer("sqlmodel", SqlModelStore, SqlModelStartup, lacks=frozenset({"V1n", "S1"}))
