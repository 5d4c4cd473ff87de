"""The results as a table and as JSON."""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.bars import BARS
from benchmarks.databases import Backend
from benchmarks.measuring import Measure, Results
from benchmarks.peers.registry import FLOOR, OURS

PACKAGES = (
    "ecs_sql",
    "pydantic",
    "sqlalchemy",
    "psycopg",
    "sqlmodel",
    "sqlalchemy-continuum",
)


@dataclass(frozen=True, slots=True)
class Report:
    """One run."""

    backend: Backend
    server: str
    rounds: int
    scale: float
    peers: Sequence[str]
    results: Results
    when: datetime

    def versions(self) -> dict[str, str]:
        """The versions of all that was measured."""
        found = {"python": platform.python_version(), "database": self.server}
        for package in PACKAGES:
            try:
                found[package] = version(package)
            except PackageNotFoundError:
                continue
        return found

    def title(self) -> str:
        """What was measured, when and how."""
        versions = ", ".join(f"{name} {number}" for name, number in self.versions().items())
        when = self.when.strftime("%Y-%m-%d %H:%M UTC")
        return f"{when}; {versions}; medians of {self.rounds} rounds, scale {self.scale:g}"

    def table(self) -> Table:
        """Medians, in brackets their ratio to the floor."""
        table = Table(title=self.title(), title_justify="left")
        table.add_column("", no_wrap=True)
        for peer in self.peers:
            table.add_column(peer, justify="right", no_wrap=True)
        table.add_column("bar", justify="right", no_wrap=True)
        for measure in self.results.samples:
            cells = [cell(self.results, measure, peer) for peer in self.peers]
            table.add_row(label(measure), *cells, self.bar(measure))
        return table

    def bar(self, measure: Measure) -> str:
        """The bar for this measure, and whether the library keeps it."""
        bar = BARS[self.backend].get(measure.name)
        if bar is None:
            return ""
        value = compared(self.results, measure)
        verdict = "" if value is None else (" [green]ok[/]" if value <= bar else " [red]over[/]")
        shown = f"{bar / 1000:,g}" if measure.unit == "bytes" else f"{bar:g}"
        return f"≤ {shown}{verdict}"

    def as_json(self) -> str:
        """All samples, medians and ratios."""
        content = {
            "when": self.when.isoformat(),
            "backend": self.backend,
            "versions": self.versions(),
            "rounds": self.rounds,
            "scale": self.scale,
            "peers": list(self.peers),
            "measures": [self._measure(measure) for measure in self.results.samples],
            "failures": self.results.failures,
        }
        return json.dumps(content, indent=1) + "\n"

    def write(self, path: Path) -> None:
        """Write the JSON."""
        path.write_text(self.as_json(), encoding="utf-8")

    def _measure(self, measure: Measure) -> Mapping[str, Any]:
        return {
            "name": measure.name,
            "unit": measure.unit,
            "bar": BARS[self.backend].get(measure.name),
            "peers": {
                peer: {
                    "median": self.results.median(measure, peer),
                    "ratio": self.results.ratio(measure, peer, FLOOR),
                    "samples": samples,
                }
                for peer, samples in self.results.samples[measure].items()
            },
        }


def compared(results: Results, measure: Measure) -> float | None:
    """What of the library is held against a bar: the ratio to the floor, or the value itself."""
    if measure.unit == "seconds":
        return results.ratio(measure, OURS, FLOOR)
    return results.median(measure, OURS)


def label(measure: Measure) -> str:
    """The row's name and unit."""
    return {"seconds": f"{measure.name}, ms", "bytes": f"{measure.name}, kB"}.get(
        measure.unit, measure.name
    )


def cell(results: Results, measure: Measure, peer: str) -> str:
    """One peer's median and ratio."""
    median = results.median(measure, peer)
    if median is None:
        return ""
    ratio = results.ratio(measure, peer, FLOOR)
    shown = {
        "seconds": f"{median * 1000:,.1f}",
        "bytes": f"{median / 1000:,.1f}",
        "statements": f"{median:,.0f}",
        "ratio": f"{median:.2f}",
    }[measure.unit]
    return shown if ratio is None or peer == FLOOR else f"{shown} ({ratio:.2f})"


def now() -> datetime:
    """The time of this run."""
    return datetime.now(UTC)
