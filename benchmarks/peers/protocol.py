"""What every peer can do, so that one stage measures them all.

A store keeps objects of its peer's own kinds: ``M`` for a message, ``T`` for a thread, ``L`` for a link of a chain.
Building objects from records is never measured; what the store does with them is.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar
from uuid import UUID

from benchmarks.databases import Database
from benchmarks.records import LinkRecord, MessageRecord, ThreadRecord

M = TypeVar("M")
T = TypeVar("T")
L = TypeVar("L")

Work: TypeAlias = Callable[[], None]


class ChatStore(ABC, Generic[M, T, L]):
    """Versions of messages, threads and chains in one database. Each ``save_`` is one durable transaction."""

    @abstractmethod
    def message(self, record: MessageRecord) -> M:
        """The peer's object for this message."""

    @abstractmethod
    def thread(self, record: ThreadRecord, messages: Sequence[M]) -> T:
        """The peer's object for this thread."""

    @abstractmethod
    def save_message(self, message: M) -> None:
        """Store a new message."""

    @abstractmethod
    def save_messages(self, messages: Sequence[M]) -> None:
        """Store many new messages at once."""

    @abstractmethod
    def save_thread(self, thread: T) -> None:
        """Store whatever is new or changed in this thread and its messages; what changed becomes a new version."""

    @abstractmethod
    def append(self, thread: T, message: M) -> None:
        """Append the message to the thread, in memory."""

    def age(self, thread: T, ancestors: Sequence[UUID]) -> None:
        """Let the thread have these ancestors, oldest first; peers that keep no list of them do nothing."""

    @abstractmethod
    def get_thread(self, ecs_id: UUID) -> T:
        """Read one version of a thread with all its messages."""

    @abstractmethod
    def close(self) -> None:
        """Let go of all connections."""

    @abstractmethod
    def messages_of(self, thread: T) -> Sequence[M]:
        """The messages of a thread that was read."""

    @abstractmethod
    def record_of(self, message: M) -> MessageRecord:
        """A message that was read, as a record again: reading has to give back what was stored."""

    def appending(self, thread: T, messages: Sequence[M]) -> Work:
        """For each message: append it and store the thread. The returned callable is measured, this call is not."""

        def append_each() -> None:
            for message in messages:
                self.append(thread, message)
                self.save_thread(thread)

        return append_each

    def get(self, ecs_id: UUID) -> Any:
        """Read one version whose type is not known beforehand."""
        raise NotImplementedError

    def get_many(self, ids: Sequence[UUID]) -> Sequence[Any]:
        """Read these versions, whose types are not known beforehand, in the order asked."""
        raise NotImplementedError

    def list_messages(self) -> Sequence[M]:
        """Read all messages in stored order."""
        raise NotImplementedError

    def reading(self) -> AbstractContextManager[Any]:
        """One transaction around several reads."""
        raise NotImplementedError

    def chain(self, records: Sequence[LinkRecord]) -> L:
        """The first link of the peer's objects for this chain."""
        raise NotImplementedError

    def save_chain(self, first: L) -> None:
        """Store a new chain."""
        raise NotImplementedError

    def get_chain(self, ecs_id: UUID) -> L:
        """Read a whole chain by its first link."""
        raise NotImplementedError

    def labels_of(self, first: L) -> list[str]:
        """The labels of a chain that was read, in order."""
        raise NotImplementedError


class Startup(ABC):
    """An application with very many classes, as it starts. The steps are measured one by one."""

    @abstractmethod
    def define(self) -> None:
        """Execute the definitions of the application's classes."""

    @abstractmethod
    def map(self) -> None:
        """Prepare whatever must stand before tables can be made."""

    @abstractmethod
    def create_tables(self) -> None:
        """Make the tables."""

    @abstractmethod
    def first_use(self, values: Mapping[str, Any]) -> Any:
        """Store one object with these field values and read it back."""

    @abstractmethod
    def close(self) -> None:
        """Let go of all connections."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One way to keep entities, under the name that it has in the table."""

    name: str
    store: Callable[[Database], ChatStore[Any, Any, Any]]
    startup: Callable[[Database, int], Startup] | None = None
    only: frozenset[str] | None = None
    lacks: frozenset[str] = frozenset()

    def offers(self, stage: str) -> bool:
        """Whether this peer takes part in a stage."""
        if self.only is not None:
            return stage in self.only
        return stage not in self.lacks
