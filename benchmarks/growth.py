"""S1: reads, versions and single writes while the database grows."""

from collections.abc import Iterator
from functools import partial
from itertools import count, takewhile
from statistics import median
from typing import TypeAlias
from uuid import UUID

from benchmarks.measuring import Measure, Phases, Samples, Settings, Stage, timed
from benchmarks.peers.protocol import Peer
from benchmarks.reads import FILL, each_by_id, inside_transaction
from benchmarks.records import Records
from benchmarks.stores import Opened, opened

Seen: TypeAlias = dict[int, list[dict[str, float]]]
"""The seconds of each work, in each round at each size."""

WORK = ("R1", "V1", "write")
SMALLEST = 10_000
GETS = 2_000
KEPT_IDS = 2_000
"""Ids remembered of each size's growth; keeping millions would disturb what is measured."""
SINGLE_WRITES = 100
LENGTH = 200
APPENDS = 100


def growing(peer: Peer, settings: Settings) -> Phases:
    """One phase for each size, all in one database; in the end, what grew with it."""
    source = Records()
    ids: list[UUID] = []
    seen: Seen = {}
    with opened(peer, settings) as target:
        size = 0
        for goal in sizes(settings):
            ids += grow(target, source, goal - size)
            size = goal
            yield partial(at_size, target, source, ids, seen, goal)
    yield lambda: growth(seen)


def sizes(settings: Settings) -> Iterator[int]:
    """The smallest size, about three times as many again and again, and at last the largest."""
    tens = (settings.scaled(SMALLEST) * 10**power for power in count())
    steps = (size for ten in tens for size in (ten, 3 * ten))
    yield from takewhile(lambda size: size < settings.largest, steps)
    yield settings.largest


def grow(target: Opened, source: Records, added: int) -> list[UUID]:
    """Add messages; return some of their ids, spread over all of them."""
    kept: list[UUID] = []
    share = min(FILL, max(1, KEPT_IDS * FILL // max(added, 1)))
    for records in source.batches(added, FILL):
        target.store.save_messages(target.messages(records))
        kept += source.some_of([record.ecs_id for record in records], share)
    target.database.settle()
    return kept


def at_size(target: Opened, source: Records, ids: list[UUID], seen: Seen, size: int) -> Samples:
    """R1, V1 and single writes at this size."""
    reading = inside_transaction(target, each_by_id(target, source.draws(ids, GETS)))
    made = target.thread(source.thread(), source.messages(LENGTH))
    target.store.save_thread(made)
    appending = target.store.appending(made, target.messages(source.messages(APPENDS)))
    singles = target.messages(source.messages(SINGLE_WRITES))

    def write_each() -> None:
        for message in singles:
            target.store.save_message(message)

    reading()
    samples = dict(zip(WORK, (timed(reading), timed(appending), timed(write_each)), strict=True))
    seen.setdefault(size, []).append(samples)
    return {Measure(f"S1 {work} at {size:,}"): seconds for work, seconds in samples.items()}


def growth(seen: Seen) -> Samples:
    """How many times as long each work takes at the largest size as at the smallest."""
    smallest, largest = seen[min(seen)], seen[max(seen)]
    return {
        Measure(f"S1 {work} growth", "ratio"): median(samples[work] for samples in largest)
        / median(samples[work] for samples in smallest)
        for work in WORK
    }


STAGES = (Stage("S1", "R1, V1 and single writes while the database grows", growing, most_rounds=3),)
