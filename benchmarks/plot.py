"""The results as a picture, where matplotlib is installed."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.bars import BARS
from benchmarks.measuring import Measure, Results
from benchmarks.peers.registry import FLOOR
from benchmarks.report import Report

CURVE = re.compile(r"(?P<name>.+) at (?P<size>[\d,]+)")


def draw(report: Report, path: Path) -> bool:
    """Draw ratios to the floor as bars, and whatever was measured at several sizes as curves."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - optional
    except ImportError:
        return False
    points = curves(report.results)
    rows = -(-len(points) // 2)
    figure = Figure(figsize=(13, 5 + 3.5 * rows), layout="constrained")
    grid = figure.add_gridspec(1 + rows, 2, height_ratios=[5] + [3.5] * rows)
    draw_ratios(figure.add_subplot(grid[0, :]), report)
    for place, (name, peers) in enumerate(points.items()):
        draw_curve(figure.add_subplot(grid[1 + place // 2, place % 2]), name, peers)
    figure.savefig(path, dpi=100)
    return True


def draw_ratios(axes: Any, report: Report) -> None:
    """Grouped bars on a logarithmic scale; a short line marks the library's bar."""
    measures = [measure for measure in report.results.samples if shows_ratio(report, measure)]
    peers = [peer for peer in report.peers if peer != FLOOR]
    width = 0.8 / max(len(peers), 1)
    for number, peer in enumerate(peers):
        places = [index + width * (number + 0.5) - 0.4 for index in range(len(measures))]
        heights = [report.results.ratio(measure, peer, FLOOR) or 0 for measure in measures]
        axes.bar(places, heights, width, label=peer)
    for index, measure in enumerate(measures):
        bar = BARS[report.backend].get(measure.name)
        if bar and measure.unit == "seconds":
            axes.hlines(bar, index - 0.45, index + 0.45, color="black", linestyle=":")
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_yscale("log")
    names = [measure.name.replace(" ", "\n", 1) for measure in measures]
    axes.set_xticks(range(len(measures)), names, fontsize=8)
    axes.set_ylabel("ratio to the floor (log)")
    axes.set_title(
        f"{report.server}: time and bytes over the floor's; dotted: our bar", fontsize=10
    )
    axes.legend(fontsize=8)


def draw_curve(axes: Any, name: str, peers: Mapping[str, Sequence[tuple[int, float]]]) -> None:
    """One line for each peer; bytes on a logarithmic scale, seconds from zero."""
    for peer, points in peers.items():
        axes.plot(*zip(*points, strict=True), marker="o", label=peer)
    axes.set_xscale("log")
    if "bytes" in name:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.set_title(name, fontsize=10)
    axes.legend(fontsize=8)


def shows_ratio(report: Report, measure: Measure) -> bool:
    """Whether a measure stands among the bars."""
    return not CURVE.fullmatch(measure.name) and any(
        report.results.ratio(measure, peer, FLOOR) is not None for peer in report.peers
    )


def curves(results: Results) -> dict[str, dict[str, list[tuple[int, float]]]]:
    """Measures at several sizes, as points by name and peer."""
    found: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for measure, peers in results.samples.items():
        if match := CURVE.fullmatch(measure.name):
            size = int(match["size"].replace(",", ""))
            name = f"{match['name']}, {measure.unit}, by size"
            for peer in peers:
                value = results.median(measure, peer)
                if value:
                    found.setdefault(name, {}).setdefault(peer, []).append((size, value))
    return found
