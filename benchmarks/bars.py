"""What the library holds itself to: the most that its own medians may be, by database and measure."""

from collections.abc import Mapping

from benchmarks.databases import Backend

BARS: Mapping[Backend, Mapping[str, float]] = {
    "sqlite": {
        "W1": 0.9,
        "W2": 0.8,
        "W3": 1.9,
        "R1 in a transaction": 0.8,
        "R1 without": 1.8,
        "R1b": 0.75,
        "R2": 0.6,
        "R3": 0.6,
        "V1": 0.9,
        "V1 bytes": 360_000,
        "N1 / R2": 0.3,
        "D1 read statements": 25,
        "T1 map": 1.0,
        "S1 R1 growth": 1.5,
        "S1 V1 growth": 1.5,
        "S1 write growth": 1.5,
    },
    "postgresql": {
        "W1": 0.6,
        "W2": 0.9,
        "W3": 1.1,
        "R1 in a transaction": 1.0,
        "R1 without": 2.0,
        "R1b": 0.8,
        "R2": 0.7,
        "R3": 0.6,
        "V1": 0.9,
        "N1 / R2": 0.3,
        "D1 read statements": 25,
        "T1 map": 1.0,
        "S1 R1 growth": 1.5,
        "S1 V1 growth": 1.5,
        "S1 write growth": 1.5,
    },
}
"""Times are held against the floor's; bytes, counts and shares stand for themselves."""
