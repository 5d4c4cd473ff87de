"""V1, V1n and N1: versions of what is stored already."""

from typing import Any

from benchmarks.counting import StatementCounter
from benchmarks.measuring import Measure, Phases, Samples, Settings, Stage, timed
from benchmarks.peers.protocol import Peer
from benchmarks.records import Records
from benchmarks.stores import check, opened, warm

LENGTH = 200
APPENDS = 100
LONG = 1_000
LENGTHS = (100, 300, 1_000, 3_000, 10_000)
CURVE_APPENDS = 50

V1 = Measure("V1")
V1_BYTES = Measure("V1 bytes", "bytes")
N1 = Measure("N1")
N1_SHARE = Measure("N1 / R2", "ratio")
N1_STATEMENTS = Measure("N1 statements", "statements")


def appended(peer: Peer, settings: Settings) -> Phases:
    """V1, each round in a fresh database, whose size at the end counts too."""
    source = Records()
    thread = source.thread()
    messages = source.messages(LENGTH + APPENDS)

    def work() -> Samples:
        with opened(peer, settings) as target:
            made = target.thread(thread, messages[:LENGTH])
            target.store.save_thread(made)
            seconds = timed(target.store.appending(made, target.messages(messages[LENGTH:])))
            return {V1: seconds, V1_BYTES: target.database.size()}

    yield work


def bytes_per_version(peer: Peer, settings: Settings) -> Phases:
    """V1n: for each length, a thread of that length and history, and what appends add to the database."""
    for length in LENGTHS:
        if length <= settings.scaled(LENGTHS[-1]):
            yield lambda length=length: {
                curve_point(length): appended_bytes(peer, settings, length)
            }  # type: ignore[misc]


def curve_point(length: int) -> Measure:
    """The measure at one length."""
    return Measure(f"V1n at {length:,}", "bytes")


def appended_bytes(peer: Peer, settings: Settings, length: int) -> float:
    """Bytes for each appended message, its own row included; the thread has as many versions behind it."""
    source = Records()
    with opened(peer, settings) as target:
        made = target.thread(source.thread(), source.messages(length))
        target.store.age(made, source.ids(length))
        target.store.save_thread(made)
        before = target.database.size()
        target.store.appending(made, target.messages(source.messages(CURVE_APPENDS)))()
        return (target.database.size() - before) / CURVE_APPENDS


def unchanged(peer: Peer, settings: Settings) -> Phases:
    """N1: its time, its share of the time that reading took, and then its statements."""
    source = Records()
    thread, messages = source.thread(), source.messages(settings.scaled(LONG))
    with warm(peer, settings) as target:
        target.store.save_thread(target.thread(thread, messages))
        target.database.settle()

        def work() -> Samples:
            read: list[Any] = []
            reading = timed(lambda: read.append(target.store.get_thread(thread.ecs_id)))
            saving = timed(lambda: target.store.save_thread(read[0]))
            check(read[0].ecs_id, thread.ecs_id, f"N1 by {peer.name}")
            return {N1: saving, N1_SHARE: saving / reading}

        yield work
    yield lambda: {N1_STATEMENTS: statements_of_unchanged(peer, settings)}


def statements_of_unchanged(peer: Peer, settings: Settings) -> int:
    """How many statements N1 takes."""
    source, counter = Records(), StatementCounter()
    thread, messages = source.thread(), source.messages(settings.scaled(LONG))
    with opened(peer, settings, counter) as target:
        target.store.save_thread(target.thread(thread, messages))
        read = target.store.get_thread(thread.ecs_id)
        return counter.during(lambda: target.store.save_thread(read))


STAGES = (
    Stage("V1", "a thread of 200 messages, 100 times: append one and store it", appended),
    Stage(
        "V1n",
        "bytes of one more version, by the length of thread and history",
        bytes_per_version,
        most_rounds=1,
    ),
    Stage("N1", "store an unmodified, reloaded thread of 1,000 messages", unchanged),
)
