"""W1 to W3: storing what is new."""

from benchmarks.measuring import Measure, Phases, Samples, Settings, Stage, timed
from benchmarks.peers.protocol import Peer
from benchmarks.records import Records
from benchmarks.stores import check, warm

MESSAGES = 10_000
THREAD_LENGTH = 1_000
TRANSACTIONS = 500

W1 = Measure("W1")
W2 = Measure("W2")
W3 = Measure("W3")


def many_messages(peer: Peer, settings: Settings) -> Phases:
    """W1, each round in a fresh database."""
    records = Records().messages(settings.scaled(MESSAGES))

    def work() -> Samples:
        with warm(peer, settings) as target:
            messages = target.messages(records)
            seconds = timed(lambda: target.store.save_messages(messages))
            found = target.store.get_many([record.ecs_id for record in records[:100]])
            check(target.records_of(found), records[:100], f"W1 by {peer.name}")
        return {W1: seconds}

    yield work


def one_thread(peer: Peer, settings: Settings) -> Phases:
    """W2, each round in a fresh database."""
    source = Records()
    thread, messages = source.thread(), source.messages(settings.scaled(THREAD_LENGTH))

    def work() -> Samples:
        with warm(peer, settings) as target:
            made = target.thread(thread, messages)
            seconds = timed(lambda: target.store.save_thread(made))
            found = target.store.messages_of(target.store.get_thread(thread.ecs_id))
            check(target.records_of(found), messages, f"W2 by {peer.name}")
        return {W2: seconds}

    yield work


def many_transactions(peer: Peer, settings: Settings) -> Phases:
    """W3, each round in a fresh database."""
    records = Records().messages(settings.scaled(TRANSACTIONS))

    def work() -> Samples:
        with warm(peer, settings) as target:
            messages = target.messages(records)

            def save_each() -> None:
                for message in messages:
                    target.store.save_message(message)

            return {W3: timed(save_each)}

    yield work


STAGES = (
    Stage("W1", "10,000 messages at once", many_messages),
    Stage("W2", "a thread with 1,000 messages", one_thread),
    Stage("W3", "500 transactions of one message", many_transactions),
)
