"""SQLAlchemy Core by hand: tables, ``insert`` and ``select``, and functions between rows and objects."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    Uuid,
    insert,
    literal,
    select,
)

from benchmarks.databases import Database
from benchmarks.peers.definitions import CLASS_NAME, TABLE_NAME, compiled, executed, model_template
from benchmarks.peers.models import ChainLink, ChatMessage, ChatThread, ModelStore, Version
from benchmarks.peers.objects import linked, links_of
from benchmarks.peers.protocol import Peer, Startup
from benchmarks.peers.types import UtcDateTime

metadata = MetaData()
big_id = BigInteger().with_variant(Integer, "sqlite")

base_entities = Table(
    "base_entities",
    metadata,
    Column("id", big_id, primary_key=True),
    Column("ecs_id", Uuid, nullable=False, unique=True),
    Column("lineage_id", Uuid, nullable=False, index=True),
    Column("parent_id", Uuid, index=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("old_ids", JSON, nullable=False),
    Column("type", String(50), nullable=False),
)
chat_message = Table(
    "chat_message",
    metadata,
    Column("id", big_id, ForeignKey("base_entities.id"), primary_key=True),
    Column("role", String, nullable=False),
    Column("content", String, nullable=False),
    Column("timestamp", UtcDateTime, nullable=False),
    Column("author", Uuid),
    Column("usage", JSON, nullable=False),
)
chat_thread = Table(
    "chat_thread",
    metadata,
    Column("id", big_id, ForeignKey("base_entities.id"), primary_key=True),
    Column("title", String, nullable=False),
    Column("message_ids", JSON, nullable=False),
    Column("temperature", Float, nullable=False),
    Column("tags", JSON, nullable=False),
)
chain_link = Table(
    "chain_link",
    metadata,
    Column("id", big_id, ForeignKey("base_entities.id"), primary_key=True),
    Column("label", String, nullable=False),
    Column("next_id", Uuid),
)

base, link = base_entities.c, chain_link.c
MESSAGES = select(base_entities, chat_message).join(chat_message, chat_message.c.id == base.id)
THREADS = select(base_entities, chat_thread).join(chat_thread, chat_thread.c.id == base.id)
OWN = {table.name: table for table in (chat_message, chat_thread)}


class CoreStore(ModelStore):
    """An engine; one connection for each operation, or one that is held while ``reading``."""

    def __init__(self, database: Database) -> None:
        """Make the tables."""
        self._engine = database.engine()
        self._held: Connection | None = None
        metadata.create_all(self._engine)

    def close(self) -> None:
        """Dispose of the engine."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One connection and its transaction."""
        with self._engine.connect() as self._held:
            yield
        self._held = None

    def save_message(self, message: ChatMessage) -> None:
        """As one of many."""
        self.save_messages([message])

    def save_messages(self, messages: Sequence[ChatMessage]) -> None:
        """New messages are known to be new."""
        with self._engine.begin() as connection:
            insert_messages(connection, messages)

    def save_thread(self, thread: ChatThread) -> None:
        """Compare what is stored, insert what is not."""
        with self._engine.begin() as connection:
            insert_messages(connection, unsaved_messages(connection, thread.messages))
            stored = connection.execute(
                select(chat_thread).join(base_entities).where(base.ecs_id == thread.ecs_id)
            ).one_or_none()
            if stored is None:
                insert_versions(connection, chat_thread, [thread], [thread_values(thread)])
            elif tuple(stored)[1:] != tuple(thread_values(thread).values()):
                thread.fork()
                insert_versions(connection, chat_thread, [thread], [thread_values(thread)])

    def save_chain(self, first: ChainLink) -> None:
        """A new chain is known to be new."""
        links = list(links_of(first))
        values = [
            {"label": each.label, "next_id": each.next.ecs_id if each.next else None}
            for each in links
        ]
        with self._engine.begin() as connection:
            insert_versions(connection, chain_link, links, values)

    def get(self, ecs_id: UUID) -> ChatMessage | ChatThread:
        """The base row names the type, and so the other table."""
        with self._connection() as connection:
            row = connection.execute(select(base_entities).where(base.ecs_id == ecs_id)).one()
            table = OWN[row.type]
            own = connection.execute(select(table).where(table.c.id == row.id)).one()
            return self._restored(connection, row, own)

    def get_many(self, ids: Sequence[UUID]) -> Sequence[ChatMessage | ChatThread]:
        """One statement for the base rows, one for each type among them."""
        with self._connection() as connection:
            rows = connection.execute(select(base_entities).where(base.ecs_id.in_(ids))).all()
            own: dict[int, Row[Any]] = {}
            for kind in {row.type for row in rows}:
                table = OWN[kind]
                numbers = [row.id for row in rows if row.type == kind]
                own.update(
                    (row.id, row)
                    for row in connection.execute(select(table).where(table.c.id.in_(numbers)))
                )
            found = {row.ecs_id: self._restored(connection, row, own[row.id]) for row in rows}
        return [found[ecs_id] for ecs_id in ids]

    def get_thread(self, ecs_id: UUID) -> ChatThread:
        """One statement for the thread, one for its messages."""
        with self._connection() as connection:
            row = connection.execute(THREADS.where(base.ecs_id == ecs_id)).one()
            return thread_of(row, row, messages_by_ids(connection, row.message_ids))

    def list_messages(self) -> Sequence[ChatMessage]:
        """One join."""
        with self._connection() as connection:
            return [message_of(row, row) for row in connection.execute(MESSAGES.order_by(base.id))]

    def get_chain(self, ecs_id: UUID) -> ChainLink:
        """One recursive statement."""
        with self._connection() as connection:
            rows = connection.execute(chain_statement(ecs_id))
            chain: ChainLink = linked([link_of(row) for row in rows])
            return chain

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        if self._held is not None:
            yield self._held
        else:
            with self._engine.connect() as connection:
                yield connection

    def _restored(
        self, connection: Connection, row: Row[Any], own: Row[Any]
    ) -> ChatMessage | ChatThread:
        if row.type == "chat_message":
            return message_of(row, own)
        return thread_of(row, own, messages_by_ids(connection, own.message_ids))


def insert_versions(
    connection: Connection,
    table: Table,
    versions: Sequence[Version],
    values: Sequence[Mapping[str, Any]],
) -> None:
    """Insert base rows, then the rows that go with the ids these were given."""
    rows = [version_values(version, table.name) for version in versions]
    returned = connection.execute(insert(base_entities).returning(base.ecs_id, base.id), rows)
    numbers = {row.ecs_id: row.id for row in returned}
    connection.execute(
        insert(table),
        [
            {"id": numbers[version.ecs_id], **own}
            for version, own in zip(versions, values, strict=True)
        ],
    )


def insert_messages(connection: Connection, messages: Sequence[ChatMessage]) -> None:
    """Insert new versions of messages."""
    if messages:
        insert_versions(
            connection, chat_message, messages, [message_values(each) for each in messages]
        )


def unsaved_messages(connection: Connection, messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """Those that are not stored as they are; what differs from its stored version is forked."""
    statement = (
        select(base.ecs_id, *list(chat_message.c)[1:])
        .join(chat_message)
        .where(base.ecs_id.in_([each.ecs_id for each in messages]))
    )
    stored = {row.ecs_id: tuple(row)[1:] for row in connection.execute(statement)}
    unsaved: list[ChatMessage] = []
    for each in messages:
        content = stored.get(each.ecs_id)
        if content is None:
            unsaved.append(each)
        elif content != tuple(message_values(each).values()):
            each.fork()
            unsaved.append(each)
    return unsaved


def messages_by_ids(connection: Connection, texts: Sequence[str]) -> list[ChatMessage]:
    """These messages, in this order."""
    ids = [UUID(text) for text in texts]
    rows = connection.execute(MESSAGES.where(base.ecs_id.in_(ids)))
    found = {row.ecs_id: message_of(row, row) for row in rows}
    return [found[ecs_id] for ecs_id in ids]


def chain_statement(ecs_id: UUID) -> Any:
    """All links from this one on, in order."""
    joined = select(base.id, link.next_id, literal(0).label("place")).join(
        chain_link, link.id == base.id
    )
    chain = joined.where(base.ecs_id == ecs_id).cte("chain", recursive=True)
    following = (
        select(base.id, link.next_id, chain.c.place + 1)
        .select_from(chain)
        .join(base_entities, base.ecs_id == chain.c.next_id)
        .join(chain_link, link.id == base.id)
    )
    chain = chain.union_all(following)
    return (
        select(base_entities, link.label)
        .select_from(chain)
        .join(base_entities, base.id == chain.c.id)
        .join(chain_link, link.id == chain.c.id)
        .order_by(chain.c.place)
    )


def version_values(version: Version, kind: str) -> dict[str, Any]:
    """The bookkeeping columns."""
    return {
        "ecs_id": version.ecs_id,
        "lineage_id": version.lineage_id,
        "parent_id": version.parent_id,
        "created_at": version.created_at,
        "old_ids": [str(old_id) for old_id in version.old_ids],
        "type": kind,
    }


def message_values(message: ChatMessage) -> dict[str, Any]:
    """A message's own columns."""
    return {
        "role": message.role,
        "content": message.content,
        "timestamp": message.timestamp,
        "author": message.author,
        "usage": message.usage,
    }


def thread_values(thread: ChatThread) -> dict[str, Any]:
    """A thread's own columns."""
    return {
        "title": thread.title,
        "message_ids": [str(each.ecs_id) for each in thread.messages],
        "temperature": thread.temperature,
        "tags": thread.tags,
    }


def message_of(row: Row[Any], own: Row[Any]) -> ChatMessage:
    """A message from its two rows."""
    return ChatMessage(
        ecs_id=row.ecs_id,
        lineage_id=row.lineage_id,
        parent_id=row.parent_id,
        created_at=row.created_at,
        old_ids=row.old_ids,
        role=own.role,
        content=own.content,
        timestamp=own.timestamp,
        author=own.author,
        usage=own.usage,
    )


def thread_of(row: Row[Any], own: Row[Any], messages: list[ChatMessage]) -> ChatThread:
    """A thread from its two rows and its messages."""
    return ChatThread(
        ecs_id=row.ecs_id,
        lineage_id=row.lineage_id,
        parent_id=row.parent_id,
        created_at=row.created_at,
        old_ids=row.old_ids,
        title=own.title,
        messages=messages,
        temperature=own.temperature,
        tags=own.tags,
    )


def link_of(row: Row[Any]) -> ChainLink:
    """A link, not yet linked."""
    return ChainLink(
        ecs_id=row.ecs_id,
        lineage_id=row.lineage_id,
        parent_id=row.parent_id,
        created_at=row.created_at,
        old_ids=row.old_ids,
        label=row.label,
    )


TABLE_TEMPLATE = """
kind{number} = Table(
    "kind{number}",
    metadata,
    Column("id", big_id, ForeignKey("base_entities.id"), primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("weight", Float, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("name", String, nullable=False),
    Column("owner", Uuid, nullable=False),
    Column("moment", UtcDateTime, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("note", String),
    Column("names", JSON, nullable=False),
    Column("counts", JSON, nullable=False),
)
"""


TABLE_TEMPLATE_NAMES: Mapping[str, Any] = {
    "BigInteger": BigInteger,
    "Boolean": Boolean,
    "Column": Column,
    "Float": Float,
    "ForeignKey": ForeignKey,
    "JSON": JSON,
    "LargeBinary": LargeBinary,
    "String": String,
    "Table": Table,
    "UtcDateTime": UtcDateTime,
    "Uuid": Uuid,
    "big_id": big_id,
}


class CoreStartup(Startup):
    """A pydantic class and a table for each."""

    def __init__(self, database: Database, count: int) -> None:
        """Compile the definitions."""
        self._engine = database.engine()
        self._last = count - 1
        self._models = compiled(model_template("Version"), count)
        self._tables = compiled(TABLE_TEMPLATE, count)

    def define(self) -> None:
        """The pydantic classes."""
        self._classes = executed(self._models, {"Version": Version})

    def map(self) -> None:
        """The tables."""
        self._metadata = MetaData()
        self._base = base_entities.to_metadata(self._metadata)
        names = {**TABLE_TEMPLATE_NAMES, "metadata": self._metadata}
        self._made = executed(self._tables, names)

    def create_tables(self) -> None:
        """All at once."""
        self._metadata.create_all(self._engine)

    def first_use(self, values: Mapping[str, Any]) -> Any:
        """Two inserts, one join."""
        kind, table = (
            self._classes[CLASS_NAME.format(number=self._last)],
            self._made[TABLE_NAME.format(number=self._last)],
        )
        ecs_id = UUID(int=self._last + 1)
        version = kind(ecs_id=ecs_id, lineage_id=ecs_id, **values)
        with self._engine.begin() as connection:
            insert_versions(connection, table, [version], [values])
        joined = select(self._base, table).join(table, table.c.id == self._base.c.id)
        with self._engine.connect() as connection:
            row = connection.execute(joined.where(self._base.c.ecs_id == ecs_id)).mappings().one()
        return kind.model_validate({name: row[name] for name in kind.model_fields})

    def close(self) -> None:
        """Dispose of the engine."""
        self._engine.dispose()


PEER = Peer("core", CoreStore, CoreStartup, lacks=frozenset({"V1n", "S1"}))
