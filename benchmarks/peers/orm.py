"""SQLAlchemy's ORM by hand: a declarative class for each entity class, with ``to_entity`` and ``from_entity``.

This is the usual pattern: ids as text, joined-table inheritance, one session for each operation, a lookup that asks one
class after the other, and a comparison of the stored entity with the given one before it is stored again.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, ForeignKey, Integer, String, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    configure_mappers,
    mapped_column,
    object_session,
    sessionmaker,
)

from benchmarks.databases import Database
from benchmarks.peers.definitions import classes_in, compiled, executed, model_template
from benchmarks.peers.models import ChainLink, ChatMessage, ChatThread, ModelStore, Version
from benchmarks.peers.objects import linked, links_of
from benchmarks.peers.protocol import Peer, Startup
from benchmarks.peers.types import UtcDateTime

big_id = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """The declarative base."""


class EntityColumns:
    """The bookkeeping columns of every entity."""

    __tablename__ = "base_entities"
    __mapper_args__ = {"polymorphic_on": "type", "polymorphic_identity": "base_entity"}  # noqa: RUF012

    id: Mapped[int] = mapped_column(big_id, primary_key=True)
    ecs_id: Mapped[str] = mapped_column(String(36), unique=True)
    lineage_id: Mapped[str] = mapped_column(String(36), index=True)
    parent_id: Mapped[str | None] = mapped_column(String(36), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    old_ids: Mapped[list[str]] = mapped_column(JSON)
    type: Mapped[str] = mapped_column(String(50))

    def version_fields(self) -> dict[str, Any]:
        """The bookkeeping fields of the entity."""
        return {
            "ecs_id": UUID(self.ecs_id),
            "lineage_id": UUID(self.lineage_id),
            "parent_id": UUID(self.parent_id) if self.parent_id else None,
            "created_at": self.created_at,
            "old_ids": [UUID(old_id) for old_id in self.old_ids],
        }


class BaseEntitySQL(EntityColumns, Base):
    """The root of all entities."""


class ChatMessageSQL(BaseEntitySQL):
    """A message of a chat."""

    __tablename__ = "chat_message"
    __mapper_args__ = {"polymorphic_identity": "chat_message"}  # noqa: RUF012

    id: Mapped[int] = mapped_column(ForeignKey("base_entities.id"), primary_key=True)
    role: Mapped[str]
    content: Mapped[str]
    timestamp: Mapped[datetime] = mapped_column(UtcDateTime)
    author: Mapped[str | None] = mapped_column(String(36))
    usage: Mapped[dict[str, int]] = mapped_column(JSON)

    def to_entity(self) -> ChatMessage:
        """The entity."""
        return ChatMessage(
            **self.version_fields(),
            role=self.role,
            content=self.content,
            timestamp=self.timestamp,
            author=UUID(self.author) if self.author else None,
            usage=self.usage,
        )

    @classmethod
    def from_entity(cls, entity: ChatMessage) -> "ChatMessageSQL":
        """The row of an entity."""
        return cls(
            **version_columns(entity),
            role=entity.role,
            content=entity.content,
            timestamp=entity.timestamp,
            author=str(entity.author) if entity.author else None,
            usage=entity.usage,
        )


class ChatThreadSQL(BaseEntitySQL):
    """A chat, which names its messages by id."""

    __tablename__ = "chat_thread"
    __mapper_args__ = {"polymorphic_identity": "chat_thread"}  # noqa: RUF012

    id: Mapped[int] = mapped_column(ForeignKey("base_entities.id"), primary_key=True)
    title: Mapped[str]
    message_ids: Mapped[list[str]] = mapped_column(JSON)
    temperature: Mapped[float]
    tags: Mapped[list[str]] = mapped_column(JSON)

    def to_entity(self) -> ChatThread:
        """The entity with its messages, read through this row's session."""
        session = object_session(self)
        assert session is not None
        rows = session.scalars(
            select(ChatMessageSQL).where(ChatMessageSQL.ecs_id.in_(self.message_ids))
        )
        found = {row.ecs_id: row.to_entity() for row in rows}
        return ChatThread(
            **self.version_fields(),
            title=self.title,
            messages=[found[message_id] for message_id in self.message_ids],
            temperature=self.temperature,
            tags=self.tags,
        )

    @classmethod
    def from_entity(cls, entity: ChatThread) -> "ChatThreadSQL":
        """The row of an entity, without its messages."""
        return cls(
            **version_columns(entity),
            title=entity.title,
            message_ids=[str(message.ecs_id) for message in entity.messages],
            temperature=entity.temperature,
            tags=entity.tags,
        )


class ChainLinkSQL(BaseEntitySQL):
    """A link of a chain, which names the next one by id."""

    __tablename__ = "chain_link"
    __mapper_args__ = {"polymorphic_identity": "chain_link"}  # noqa: RUF012

    id: Mapped[int] = mapped_column(ForeignKey("base_entities.id"), primary_key=True)
    label: Mapped[str]
    next_id: Mapped[str | None] = mapped_column(String(36))

    def to_entity(self) -> ChainLink:
        """The entity, not yet linked."""
        return ChainLink(**self.version_fields(), label=self.label)

    @classmethod
    def from_entity(cls, entity: ChainLink) -> "ChainLinkSQL":
        """The row of an entity."""
        next_id = str(entity.next.ecs_id) if entity.next else None
        return cls(**version_columns(entity), label=entity.label, next_id=next_id)


def version_columns(entity: Version) -> dict[str, Any]:
    """The bookkeeping columns of an entity."""
    return {
        "ecs_id": str(entity.ecs_id),
        "lineage_id": str(entity.lineage_id),
        "parent_id": str(entity.parent_id) if entity.parent_id else None,
        "created_at": entity.created_at,
        "old_ids": [str(old_id) for old_id in entity.old_ids],
    }


class OrmStore(ModelStore):
    """A session for each operation, or one that is held while ``reading``."""

    row_classes: tuple[Any, ...] = (
        ChatMessageSQL,
        ChatThreadSQL,
    )

    def __init__(self, database: Database) -> None:
        """Make the tables."""
        self._engine = database.engine()
        self._sessions = sessionmaker(self._engine)
        self._held: Session | None = None
        Base.metadata.create_all(self._engine)

    def close(self) -> None:
        """Dispose of the engine."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One session."""
        with self._sessions() as self._held:
            yield
        self._held = None

    def save_message(self, message: ChatMessage) -> None:
        """As one of many."""
        self.save_messages([message])

    def save_messages(self, messages: Sequence[ChatMessage]) -> None:
        """New messages are known to be new."""
        with self._sessions() as session:
            session.add_all([ChatMessageSQL.from_entity(message) for message in messages])
            session.commit()

    def save_thread(self, thread: ChatThread) -> None:
        """Read what is stored, compare it, fork and add what differs."""
        with self._sessions() as session:
            for message in self._unsaved_messages(session, thread):
                session.add(ChatMessageSQL.from_entity(message))
            row = session.scalars(
                select(ChatThreadSQL).where(ChatThreadSQL.ecs_id == str(thread.ecs_id))
            ).one_or_none()
            stored = row.to_entity() if row is not None else None
            if stored is not None and stored != thread:
                thread.fork()
            if stored is None or stored != thread:
                session.add(ChatThreadSQL.from_entity(thread))
            session.commit()

    def save_chain(self, first: ChainLink) -> None:
        """A new chain is known to be new."""
        with self._sessions() as session:
            session.add_all([ChainLinkSQL.from_entity(link) for link in links_of(first)])
            session.commit()

    def get(self, ecs_id: UUID) -> ChatMessage | ChatThread:
        """One class after the other."""
        with self._session() as session:
            for row_class in self.row_classes:
                row = session.scalars(
                    select(row_class).where(row_class.ecs_id == str(ecs_id))
                ).one_or_none()
                if row is not None:
                    entity: ChatMessage | ChatThread = row.to_entity()
                    return entity
        raise LookupError(ecs_id)

    def get_many(self, ids: Sequence[UUID]) -> Sequence[ChatMessage | ChatThread]:
        """One class after the other, as long as some are missing."""
        missing = {str(ecs_id) for ecs_id in ids}
        found: dict[str, ChatMessage | ChatThread] = {}
        with self._session() as session:
            for row_class in self.row_classes:
                if missing:
                    rows = session.scalars(select(row_class).where(row_class.ecs_id.in_(missing)))
                    found.update((row.ecs_id, row.to_entity()) for row in rows)
                    missing -= found.keys()
        return [found[str(ecs_id)] for ecs_id in ids]

    def get_thread(self, ecs_id: UUID) -> ChatThread:
        """By its class."""
        with self._session() as session:
            return (
                session.scalars(select(ChatThreadSQL).where(ChatThreadSQL.ecs_id == str(ecs_id)))
                .one()
                .to_entity()
            )

    def list_messages(self) -> Sequence[ChatMessage]:
        """By their class."""
        with self._session() as session:
            return [
                row.to_entity()
                for row in session.scalars(select(ChatMessageSQL).order_by(ChatMessageSQL.id))
            ]

    def get_chain(self, ecs_id: UUID) -> ChainLink:
        """One link after the other."""
        links: list[ChainLink] = []
        next_id: str | None = str(ecs_id)
        with self._session() as session:
            while next_id is not None:
                row = session.scalars(
                    select(ChainLinkSQL).where(ChainLinkSQL.ecs_id == next_id)
                ).one()
                links.append(row.to_entity())
                next_id = row.next_id
        chain: ChainLink = linked(links)
        return chain

    @contextmanager
    def _session(self) -> Iterator[Session]:
        if self._held is not None:
            yield self._held
        else:
            with self._sessions() as session:
                yield session

    def _unsaved_messages(self, session: Session, thread: ChatThread) -> list[ChatMessage]:
        ids = [str(message.ecs_id) for message in thread.messages]
        rows = session.scalars(select(ChatMessageSQL).where(ChatMessageSQL.ecs_id.in_(ids)))
        stored = {row.ecs_id: row.to_entity() for row in rows}
        unsaved: list[ChatMessage] = []
        for ecs_id, message in zip(ids, thread.messages, strict=True):
            if ecs_id not in stored:
                unsaved.append(message)
            elif stored[ecs_id] != message:
                message.fork()
                unsaved.append(message)
        return unsaved


ROW_TEMPLATE = """
class Kind{number}SQL(BaseEntitySQL):
    __tablename__ = "kind{number}"
    __mapper_args__ = {"polymorphic_identity": "kind{number}"}

    id: Mapped[int] = mapped_column(ForeignKey("base_entities.id"), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)
    weight: Mapped[float]
    active: Mapped[bool]
    name: Mapped[str]
    owner: Mapped[str] = mapped_column(String(36))
    moment: Mapped[datetime] = mapped_column(UtcDateTime)
    payload: Mapped[bytes]
    note: Mapped[str | None]
    names: Mapped[list[str]] = mapped_column(JSON)
    counts: Mapped[dict[str, int]] = mapped_column(JSON)

    def to_entity(self):
        return Kind{number}(
            **self.version_fields(),
            count=self.count,
            weight=self.weight,
            active=self.active,
            name=self.name,
            owner=UUID(self.owner),
            moment=self.moment,
            payload=self.payload,
            note=self.note,
            names=self.names,
            counts=self.counts,
        )

    @classmethod
    def from_entity(cls, entity):
        return cls(
            **version_columns(entity),
            count=entity.count,
            weight=entity.weight,
            active=entity.active,
            name=entity.name,
            owner=str(entity.owner),
            moment=entity.moment,
            payload=entity.payload,
            note=entity.note,
            names=entity.names,
            counts=entity.counts,
        )
"""

ROW_TEMPLATE_NAMES: Mapping[str, Any] = {
    "ForeignKey": ForeignKey,
    "BigInteger": BigInteger,
    "JSON": JSON,
    "Mapped": Mapped,
    "String": String,
    "UtcDateTime": UtcDateTime,
    "mapped_column": mapped_column,
    "version_columns": version_columns,
}


class OrmStartup(Startup):
    """A pydantic class and a declarative class for each."""

    def __init__(self, database: Database, count: int) -> None:
        """Compile the definitions."""
        self._engine = database.engine()
        self._count = count
        self._models = compiled(model_template("Version"), count)
        self._rows = compiled(ROW_TEMPLATE, count)

    def define(self) -> None:
        """The pydantic classes."""
        self._namespace = executed(self._models, {"Version": Version})

    def map(self) -> None:
        """The declarative classes, below a base of their own, and the configuration of their mappers."""
        root = fresh_root()
        self._metadata = root.metadata
        names = {**ROW_TEMPLATE_NAMES, **self._namespace, "BaseEntitySQL": root}
        self._row_class = executed(self._rows, names)[f"Kind{self._count - 1}SQL"]
        configure_mappers()

    def create_tables(self) -> None:
        """All at once."""
        self._metadata.create_all(self._engine)

    def first_use(self, values: Mapping[str, Any]) -> Any:
        """One session to write, one to read."""
        kind = classes_in(self._namespace, self._count)[-1]
        ecs_id = UUID(int=self._count)
        with Session(self._engine) as session:
            session.add(
                self._row_class.from_entity(kind(ecs_id=ecs_id, lineage_id=ecs_id, **values))
            )
            session.commit()
        with Session(self._engine) as session:
            row = session.scalars(
                select(self._row_class).where(self._row_class.ecs_id == str(ecs_id))
            ).one()
            return row.to_entity()

    def close(self) -> None:
        """Dispose of the engine."""
        self._engine.dispose()


def fresh_root() -> Any:
    """A mapped root like ``BaseEntitySQL``, below a declarative base of its own."""

    class FreshBase(DeclarativeBase):
        """Another application's base."""

    class FreshRoot(EntityColumns, FreshBase):
        """Another application's root."""

    return FreshRoot


PEER = Peer("orm", OrmStore, OrmStartup, lacks=frozenset({"V1n", "S1"}))
