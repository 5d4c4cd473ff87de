"""T1: an application with 500 classes starts."""

from benchmarks.measuring import Measure, Phases, Samples, Settings, Stage, timed
from benchmarks.peers.definitions import VALUES
from benchmarks.peers.protocol import Peer
from benchmarks.stores import check

CLASSES = 500

DEFINE = Measure("T1 define")
MAP = Measure("T1 map", baseline=DEFINE.name)
TABLES = Measure("T1 tables")
FIRST_USE = Measure("T1 first use")


def many_classes(peer: Peer, settings: Settings) -> Phases:
    """Each round defines new classes in a fresh database; mapping is compared with the floor's defining."""
    yield lambda: start(peer, settings)


def start(peer: Peer, settings: Settings) -> Samples:
    """One start, step by step."""
    assert peer.startup is not None
    database = settings.server.database()
    try:
        application = peer.startup(database, settings.scaled(CLASSES))
        steps = {
            DEFINE: timed(application.define),
            MAP: timed(application.map),
            TABLES: timed(application.create_tables),
        }
        found = []
        first_use = timed(lambda: found.append(application.first_use(VALUES)))
        values = {name: getattr(found[0], name) for name in VALUES}
        check(values, VALUES, f"T1 by {peer.name}")
        application.close()
    finally:
        database.drop()
    return {**steps, FIRST_USE: first_use}


STAGES = (Stage("T1", "500 classes of ten fields", many_classes, most_rounds=3),)
