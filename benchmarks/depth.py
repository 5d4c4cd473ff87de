"""D1: a deep chain of entities. What counts is the number of statements."""

from benchmarks.counting import StatementCounter
from benchmarks.measuring import Measure, Phases, Samples, Settings, Stage, timed
from benchmarks.peers.protocol import Peer
from benchmarks.records import Records
from benchmarks.stores import check, opened

DEPTH = 1_000

WRITE = Measure("D1 write")
READ = Measure("D1 read")
WRITE_STATEMENTS = Measure("D1 write statements", "statements")
READ_STATEMENTS = Measure("D1 read statements", "statements")


def deep_chain(peer: Peer, settings: Settings) -> Phases:
    """First the times, of another chain each round, then the statements, in a database that counts them."""
    source = Records()
    with opened(peer, settings) as target:

        def work() -> Samples:
            records = source.chain(settings.scaled(DEPTH))
            first = target.store.chain(records)
            writing = timed(lambda: target.store.save_chain(first))
            target.database.settle()
            labels = target.store.labels_of(target.store.get_chain(records[0].ecs_id))
            check(labels, [record.label for record in records], f"D1 by {peer.name}")
            reading = timed(lambda: target.store.get_chain(records[0].ecs_id))
            return {WRITE: writing, READ: reading}

        yield work
    yield lambda: statements(peer, settings)


def statements(peer: Peer, settings: Settings) -> Samples:
    """How many statements a store takes that has met other chains before."""
    source, counter = Records(), StatementCounter()
    with opened(peer, settings, counter) as target:
        store = target.store
        store.save_chain(store.chain(source.chain(2)))
        records = source.chain(settings.scaled(DEPTH))
        first = store.chain(records)
        writing = counter.during(lambda: store.save_chain(first))
        reading = counter.during(lambda: store.get_chain(records[0].ecs_id))
    return {WRITE_STATEMENTS: writing, READ_STATEMENTS: reading}


STAGES = (Stage("D1", "a chain 1,000 deep", deep_chain),)
