"""Opening stores on fresh databases, and filling them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.counting import StatementCounter
from benchmarks.databases import Database
from benchmarks.measuring import Settings
from benchmarks.peers.protocol import ChatStore, Peer
from benchmarks.records import MessageRecord, Records, ThreadRecord

WARM_UP = 10
"""Messages that a store handles before the clock runs, so that caches of statements are filled."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A store and the database below it."""

    store: ChatStore[Any, Any, Any]
    database: Database

    def messages(self, records: Sequence[MessageRecord]) -> list[Any]:
        """The peer's objects for these records."""
        return [self.store.message(record) for record in records]

    def thread(self, record: ThreadRecord, messages: Sequence[MessageRecord]) -> Any:
        """The peer's object for a thread with these messages."""
        return self.store.thread(record, self.messages(messages))

    def records_of(self, messages: Sequence[Any]) -> list[MessageRecord]:
        """Messages that were read, as records again."""
        return [self.store.record_of(message) for message in messages]


@contextmanager
def opened(
    peer: Peer, settings: Settings, counter: StatementCounter | None = None
) -> Iterator[Opened]:
    """A store on a fresh database, which is dropped afterwards."""
    database = settings.server.database(counter)
    try:
        store = peer.store(database)
        try:
            yield Opened(store, database)
        finally:
            store.close()
    finally:
        database.drop()


@contextmanager
def warm(peer: Peer, settings: Settings) -> Iterator[Opened]:
    """A store that has written a little already."""
    source = Records(seed=1)
    with opened(peer, settings) as fresh:
        fresh.store.save_messages(fresh.messages(source.messages(WARM_UP)))
        fresh.store.save_message(fresh.store.message(source.message()))
        fresh.store.save_thread(fresh.thread(source.thread(), source.messages(WARM_UP)))
        yield fresh


def check(found: object, expected: object, what: str) -> None:
    """A benchmark of wrong results is worth nothing."""
    if found != expected:
        raise AssertionError(f"{what}: read something else than was written")
