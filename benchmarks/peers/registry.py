"""Which peers there are for a database. Each is imported only when asked for: some need packages of their own."""

from importlib import import_module

from benchmarks.databases import Backend
from benchmarks.peers import floor_postgresql, floor_sqlite, floor_startup, limit
from benchmarks.peers.protocol import Peer

FLOOR = "floor"
OURS = "ecs_sql"
MODULES = {
    OURS: "ecs",
    "core": "core",
    "orm": "orm",
    "sqlmodel": "with_sqlmodel",
    "continuum": "continuum",
}
NAMES = (OURS, FLOOR, "limit", "core", "orm", "sqlmodel", "continuum")


def load_peer(name: str, backend: Backend) -> Peer:
    """The peer of this name; ImportError if a package that it needs is missing."""
    if name in MODULES:
        peer: Peer = import_module(f"benchmarks.peers.{MODULES[name]}").PEER
        return peer
    return floor_peer(backend) if name == FLOOR else limit_peer(backend)


def floor_peer(backend: Backend) -> Peer:
    """The floor on this database."""
    if backend == "sqlite":
        return Peer(FLOOR, floor_sqlite.SqliteFloorStore, floor_startup.SqliteFloorStartup)
    return Peer(FLOOR, floor_postgresql.PostgresqlFloorStore, floor_startup.PostgresqlFloorStartup)


def limit_peer(backend: Backend) -> Peer:
    """The limit on this database."""
    store = limit.SqliteLimitStore if backend == "sqlite" else limit.PostgresqlLimitStore
    return Peer("limit", store, lacks=frozenset({"N1", "T1", "V1n", "S1"}))
