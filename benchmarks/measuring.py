"""Timing work, and interleaving the rounds of all peers."""

import gc
import statistics
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeAlias

from benchmarks.databases import Server
from benchmarks.peers.protocol import Peer

Unit: TypeAlias = Literal["seconds", "bytes", "statements", "ratio"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One row of the table."""

    name: str
    unit: Unit = "seconds"
    baseline: str | None = None
    """The floor's measure that ratios refer to, where it is not this one."""


Samples: TypeAlias = Mapping[Measure, float]
Round: TypeAlias = Callable[[], Samples]
Phases: TypeAlias = Generator[Round, None, None]


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for a whole run."""

    server: Server
    scale: float = 1.0
    largest: int = 100_000

    def scaled(self, count: int) -> int:
        """This count at the run's scale."""
        return max(10, round(count * self.scale))


@dataclass(frozen=True, slots=True)
class Stage:
    """One kind of work.

    ``open`` prepares it for one peer and yields one callable for each phase (one for most stages, one for each size
    where a database grows). A round of the phase is one call of it; closing the generator cleans up.
    """

    key: str
    title: str
    open: Callable[[Peer, Settings], Phases]
    most_rounds: int = 1_000


@dataclass(slots=True)
class Results:
    """The samples of every measure and peer, in the order of their appearance."""

    samples: dict[Measure, dict[str, list[float]]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, peer: str, samples: Samples) -> None:
        """Note one round of one peer."""
        for measure, value in samples.items():
            self.samples.setdefault(measure, {}).setdefault(peer, []).append(value)

    def median(self, measure: Measure, peer: str) -> float | None:
        """The median of a peer's rounds, or None if it took no part."""
        values = self.samples.get(measure, {}).get(peer)
        return statistics.median(values) if values else None

    def measured(self, peer: str) -> bool:
        """Whether this peer took part in anything."""
        return any(peer in peers for peers in self.samples.values())

    def named(self, name: str) -> Measure | None:
        """The measure of this name."""
        return next((measure for measure in self.samples if measure.name == name), None)

    def ratio(self, measure: Measure, peer: str, to: str) -> float | None:
        """A peer's median over another's; counts and shares stand for themselves."""
        if measure.unit in ("statements", "ratio"):
            return None
        baseline = self.named(measure.baseline) if measure.baseline else measure
        ours, theirs = self.median(measure, peer), self.median(baseline, to) if baseline else None
        return ours / theirs if ours is not None and theirs else None


def timed(work: Callable[[], Any]) -> float:
    """The seconds that this work takes.

    The garbage collector is at work as ever, but has only the work's own objects to look through:
    all that other peers and rounds left is set aside.
    """
    gc.collect()
    gc.freeze()
    try:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start
    finally:
        gc.unfreeze()


def run_stage(
    stage: Stage, peers: list[Peer], settings: Settings, rounds: int, results: Results
) -> None:
    """Run all peers that offer this stage, in turn; each round begins with another peer."""
    opened = {peer.name: stage.open(peer, settings) for peer in peers if peer.offers(stage.key)}
    try:
        while phase := next_phase(opened, stage, results):
            for number in range(min(rounds, stage.most_rounds)):
                for name in rotated(list(phase), number):
                    samples = attempt(phase[name], f"{stage.key} by {name}", results)
                    if samples is None:
                        del phase[name]
                        opened.pop(name).close()
                    else:
                        results.add(name, samples)
    finally:
        for phases in opened.values():
            phases.close()


def next_phase(opened: dict[str, Phases], stage: Stage, results: Results) -> dict[str, Round]:
    """The next callable of each peer that still has one."""
    phase: dict[str, Round] = {}
    for name, phases in opened.items():
        work = attempt(partial(next, phases, None), f"{stage.key} by {name}", results)
        if work is not None:
            phase[name] = work
    return phase


def attempt(work: Callable[[], Any], label: str, results: Results) -> Any:
    """What the work returns, or None if it failed: one peer's failure is reported at the end."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - whatever it is, the other peers are measured
        results.failures.append(f"{label}: {type(error).__name__}: {error}")
        return None


def rotated(names: list[str], by: int) -> list[str]:
    """The names in the same order, beginning elsewhere."""
    start = by % len(names) if names else 0
    return names[start:] + names[:start]
