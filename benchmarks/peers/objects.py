"""What stores of ordinary objects share: content and bookkeeping stand in attributes of the same names."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from benchmarks.peers.protocol import ChatStore
from benchmarks.records import LinkRecord, MessageRecord, ThreadRecord

M = TypeVar("M")
T = TypeVar("T")
L = TypeVar("L")


class ObjectStore(ChatStore[M, T, L]):
    """A store whose objects are built by these classes; subclasses add the database."""

    message_class: ClassVar[Callable[..., Any]]
    thread_class: ClassVar[Callable[..., Any]]
    link_class: ClassVar[Callable[..., Any]]

    def message(self, record: MessageRecord) -> M:
        """A first version."""
        message: M = type(self).message_class(
            ecs_id=record.ecs_id,
            lineage_id=record.ecs_id,
            role=record.role,
            content=record.content,
            timestamp=record.timestamp,
            author=record.author,
            usage=record.usage,
        )
        return message

    def thread(self, record: ThreadRecord, messages: Sequence[M]) -> T:
        """A first version."""
        thread: T = type(self).thread_class(
            ecs_id=record.ecs_id,
            lineage_id=record.ecs_id,
            title=record.title,
            messages=list(messages),
            temperature=record.temperature,
            tags=record.tags,
        )
        return thread

    def append(self, thread: T, message: M) -> None:
        """Append in memory."""
        anything: Any = thread
        anything.messages.append(message)

    def messages_of(self, thread: T) -> Sequence[M]:
        """The thread's list."""
        anything: Any = thread
        messages: Sequence[M] = anything.messages
        return messages

    def record_of(self, message: M) -> MessageRecord:
        """The content and the id."""
        found: Any = message
        return MessageRecord(
            found.ecs_id, found.role, found.content, found.timestamp, found.author, found.usage
        )

    def chain(self, records: Sequence[LinkRecord]) -> L:
        """First versions, linked from the end by assignment, so that none is validated again with what hangs on it."""
        first: Any = None
        for record in reversed(records):
            link = type(self).link_class(
                ecs_id=record.ecs_id, lineage_id=record.ecs_id, label=record.label
            )
            link.next, first = first, link
        chain: L = first
        return chain

    def labels_of(self, first: L) -> list[str]:
        """Walk the chain."""
        return [link.label for link in links_of(first)]


def give_ancestors(version: Any, ancestors: Sequence[UUID]) -> None:
    """Make the version the fork of the last of these."""
    version.parent_id, version.old_ids = ancestors[-1], list(ancestors)


def linked(links: Sequence[Any]) -> Any:
    """The first of these links, each linked to the one after it."""
    for link, after in pairwise(links):
        link.next = after
    return links[0]


def links_of(first: Any) -> Iterator[Any]:
    """The links of a chain, the first one first."""
    link = first
    while link is not None:
        yield link
        link = link.next
