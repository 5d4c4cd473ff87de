"""SQLAlchemy-Continuum: mapped classes whose changes it copies into version tables.

It takes part in the stages about versions only.

It listens to every session and mapper of the process. So that the other peers do not pay for it, it listens only while
a store of this peer is open; within a round only one store is.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy_continuum as continuum  # type: ignore[import-untyped]
from sqlalchemy import JSON, BigInteger, Engine, ForeignKey, Integer, event, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Mapper,
    Session,
    configure_mappers,
    mapped_column,
    relationship,
)

from benchmarks.databases import Database
from benchmarks.peers.objects import ObjectStore
from benchmarks.peers.protocol import Peer
from benchmarks.peers.types import UtcDateTime
from benchmarks.records import MessageRecord, ThreadRecord

big_id = BigInteger().with_variant(Integer, "sqlite")
manager = continuum.versioning_manager
continuum.make_versioned(user_cls=None)


class Base(DeclarativeBase):
    """The declarative base."""


class ChatThread(Base):
    """A chat; the time of its last change makes a version of it for each message."""

    __tablename__ = "chat_thread"
    __versioned__: dict[str, Any] = {}  # noqa: RUF012

    id: Mapped[int] = mapped_column(big_id, primary_key=True)
    ecs_id: Mapped[UUID] = mapped_column(unique=True)
    title: Mapped[str]
    temperature: Mapped[float]
    tags: Mapped[list[str]] = mapped_column(JSON)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    messages: Mapped[list["ChatMessage"]] = relationship(
        back_populates="thread", order_by="ChatMessage.id"
    )


class ChatMessage(Base):
    """A message of a chat."""

    __tablename__ = "chat_message"
    __versioned__: dict[str, Any] = {}  # noqa: RUF012

    id: Mapped[int] = mapped_column(big_id, primary_key=True)
    ecs_id: Mapped[UUID] = mapped_column(unique=True)
    role: Mapped[str]
    content: Mapped[str]
    timestamp: Mapped[datetime] = mapped_column(UtcDateTime)
    author: Mapped[UUID | None]
    usage: Mapped[dict[str, int]] = mapped_column(JSON)
    thread_id: Mapped[int | None] = mapped_column(ForeignKey("chat_thread.id"), index=True)
    thread: Mapped[ChatThread | None] = relationship(back_populates="messages")


configure_mappers()
manager.remove_class_configuration_listeners(Mapper)
"""From here on no further class is versioned."""


def stop_listening() -> None:
    """Undo the part of ``make_versioned`` that watches sessions and engines, and nothing else."""
    manager.remove_operations_tracking(Mapper)
    manager.remove_session_tracking(Session)
    for name, listener in ENGINE_LISTENERS.items():
        event.remove(Engine, name, listener)
    # Otherwise every engine would go on looking for listeners before each statement.
    Engine._has_events = False  # noqa: SLF001 - nothing public takes it back


def listen() -> None:
    """Do it again."""
    manager.track_operations(Mapper)
    manager.track_session(Session)
    for name, listener in ENGINE_LISTENERS.items():
        event.listen(Engine, name, listener)


ENGINE_LISTENERS = {
    "before_execute": manager.track_association_operations,
    "rollback": manager.clear_connection,
    "set_connection_execution_options": manager.track_cloned_connections,
}
stop_listening()


class ContinuumStore(ObjectStore[ChatMessage, ChatThread, None]):
    """One session, held open as long as the thread is worked on."""

    def __init__(self, database: Database) -> None:
        """Make the tables, the version tables among them."""
        listen()
        self._engine = database.engine()
        Base.metadata.create_all(self._engine)
        self._session = Session(self._engine, expire_on_commit=False)

    def close(self) -> None:
        """Close the session and stop listening."""
        self._session.close()
        self._engine.dispose()
        stop_listening()

    def message(self, record: MessageRecord) -> ChatMessage:
        """A mapped object."""
        return ChatMessage(
            ecs_id=record.ecs_id,
            role=record.role,
            content=record.content,
            timestamp=record.timestamp,
            author=record.author,
            usage=record.usage,
        )

    def thread(self, record: ThreadRecord, messages: Sequence[ChatMessage]) -> ChatThread:
        """A mapped object."""
        return ChatThread(
            ecs_id=record.ecs_id,
            title=record.title,
            temperature=record.temperature,
            tags=record.tags,
            updated_at=datetime.now(UTC),
            messages=list(messages),
        )

    def append(self, thread: ChatThread, message: ChatMessage) -> None:
        """By the relationship."""
        thread.messages.append(message)
        thread.updated_at = datetime.now(UTC)

    def save_message(self, message: ChatMessage) -> None:
        """As one of many."""
        self.save_messages([message])

    def save_messages(self, messages: Sequence[ChatMessage]) -> None:
        """The unit of work finds what is new."""
        self._session.add_all(messages)
        self._session.commit()

    def save_thread(self, thread: ChatThread) -> None:
        """The unit of work finds what changed."""
        self._session.add(thread)
        self._session.commit()

    def get_thread(self, ecs_id: UUID) -> ChatThread:
        """In a session of its own."""
        with Session(self._engine) as session:
            thread = session.scalars(select(ChatThread).where(ChatThread.ecs_id == ecs_id)).one()
            thread.messages  # noqa: B018 - loads them
            return thread


PEER = Peer("continuum", ContinuumStore, only=frozenset({"V1", "V1n"}))
