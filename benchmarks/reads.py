"""R1 to R3: reading what is stored. Every peer's database is filled once; the rounds read it again and again."""

from collections.abc import Callable
from uuid import UUID

from benchmarks.measuring import Measure, Phases, Samples, Settings, Stage, timed
from benchmarks.peers.protocol import Peer
from benchmarks.records import Records
from benchmarks.stores import Opened, check, opened

MESSAGES = 10_000
GETS = 2_000
THREAD_LENGTH = 1_000
FILL = 10_000

R1_INSIDE = Measure("R1 in a transaction")
R1_OUTSIDE = Measure("R1 without")
R1B = Measure("R1b")
R2 = Measure("R2")
R3 = Measure("R3")


def fill(target: Opened, source: Records, count: int) -> list[UUID]:
    """Store messages, bring the database to rest and return their ids."""
    ids: list[UUID] = []
    for records in source.batches(count, FILL):
        target.store.save_messages(target.messages(records))
        ids.extend(record.ecs_id for record in records)
    target.database.settle()
    return ids


def each_by_id(target: Opened, ids: list[UUID]) -> Callable[[], None]:
    """The work of R1."""

    def get_each() -> None:
        get = target.store.get
        for ecs_id in ids:
            get(ecs_id)

    return get_each


def inside_transaction(target: Opened, work: Callable[[], None]) -> Callable[[], None]:
    """The same work within one transaction."""

    def inside() -> None:
        with target.store.reading():
            work()

    return inside


def one_by_one(peer: Peer, settings: Settings) -> Phases:
    """R1, in one transaction and without."""
    source = Records()
    with opened(peer, settings) as target:
        ids = source.some_of(fill(target, source, settings.scaled(MESSAGES)), settings.scaled(GETS))
        outside = each_by_id(target, ids)
        inside = inside_transaction(target, outside)
        outside()
        yield lambda: {R1_INSIDE: timed(inside), R1_OUTSIDE: timed(outside)}


def many_by_id(peer: Peer, settings: Settings) -> Phases:
    """R1b."""
    source = Records()
    with opened(peer, settings) as target:
        ids = source.some_of(fill(target, source, settings.scaled(MESSAGES)), settings.scaled(GETS))
        found = target.records_of(target.store.get_many(ids))
        check([record.ecs_id for record in found], ids, f"R1b by {peer.name}")
        yield lambda: {R1B: timed(lambda: target.store.get_many(ids))}


def one_thread(peer: Peer, settings: Settings) -> Phases:
    """R2, among other messages."""
    source = Records()
    with opened(peer, settings) as target:
        thread, messages = source.thread(), source.messages(settings.scaled(THREAD_LENGTH))
        target.store.save_thread(target.thread(thread, messages))
        fill(target, source, settings.scaled(MESSAGES))
        found = target.store.messages_of(target.store.get_thread(thread.ecs_id))
        check(target.records_of(found), messages, f"R2 by {peer.name}")
        del found
        yield lambda: {R2: timed(lambda: target.store.get_thread(thread.ecs_id))}


def all_messages(peer: Peer, settings: Settings) -> Phases:
    """R3."""
    with opened(peer, settings) as target:
        count = settings.scaled(MESSAGES)
        fill(target, Records(), count)
        found = target.records_of(target.store.list_messages())
        check(found, Records().messages(count), f"R3 by {peer.name}")
        del found

        def work() -> Samples:
            return {R3: timed(target.store.list_messages)}

        yield work


STAGES = (
    Stage("R1", "2,000 reads by id, type unknown", one_by_one),
    Stage("R1b", "the same ids in one call", many_by_id),
    Stage("R2", "a thread with 1,000 messages", one_thread),
    Stage("R3", "all 10,000 messages", all_messages),
)
