"""The plots of docs/benchmarks.md."""

import statistics
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from benchmarks.harness.ratios import in_passes
from benchmarks.harness.records import Record
from benchmarks.harness.worker import TRAIN_STEPS

FOLDER = "images"
COLOURS = {
    "pushforward": "#0f766e",
    "zuko": "#b45309",
    "flowjax": "#6d28d9",
    "normflows": "#64748b",
    "nflows": "#be123c",
}
MARKERS = {"pushforward": "o", "zuko": "s", "flowjax": "^", "normflows": "v", "nflows": "D"}

Points = dict[str, list[tuple[int, float]]]
"""By library: (value of the swept field, what was measured)."""


def draw(records: list[Record], folder: Path) -> list[Path]:
    """Two pictures from a scaling run: what things cost, and what sampling and compiling cost."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_cost(records, folder / "benchmarks-cost.png"), _growth(records, folder / "benchmarks-growth.png")]


def _cost(records: list[Record], path: Path) -> Path:
    figure, axes = plt.subplots(2, 2, figsize=(9, 6.4), constrained_layout=True)
    _panel(axes[0, 0], _points(records, "rows", "density"), "rows", "ms per density call", "MAF, D = 6")
    _panel(axes[0, 1], _points(records, "layers", "train"), "layers", "ms per training step", "MAF, D = 6, batch 512")
    _panel(
        axes[1, 0], _points(records, "width", "train"), "hidden width", "ms per training step", "MAF, D = 6, batch 512"
    )
    _panel(axes[1, 1], _points(records, "dim", "train"), "dimension D", "ms per training step", "MAF, batch 512")
    return _saved(figure, path)


def _growth(records: list[Record], path: Path) -> Path:
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), constrained_layout=True)
    _panel(axes[0], _passes(records), "dimension D", "density passes per draw", "Sampling a MAF, 500 draws")
    _panel(axes[1], _compile(records), "layers", "s to compile a training step", "NSF-AR, D = 6", log=False)
    return _saved(figure, path)


def _panel(axes: Axes, points: Points, x: str, y: str, title: str, *, log: bool = True) -> None:
    for library, pairs in points.items():
        values, numbers = zip(*sorted(pairs), strict=True)
        width = 2 if library == "pushforward" else 1.2
        look = {"color": COLOURS[library], "marker": MARKERS[library], "markersize": 5, "linewidth": width}
        axes.plot(values, numbers, label=library, **look)
    if log:
        axes.set(xscale="log", yscale="log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    else:
        axes.set_ylim(bottom=0)
    ticks = sorted({value for pairs in points.values() for value, _ in pairs})
    axes.set_xticks(ticks, [_short(tick) for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set(xlabel=x, ylabel=y)
    axes.set_title(title, fontsize=10)
    axes.grid(visible=True, which="major", alpha=0.25)
    if points:
        axes.legend(frameon=False, fontsize=8)


def _short(number: int) -> str:
    """10000 as 10k."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:g}{letter}"
    return str(number)


def _points(records: list[Record], sweep: str, operation: str) -> Points:
    found: Points = {}
    for record in _of(records, sweep):
        if record["seconds"].get(operation):
            pair = (record["value"], 1e3 * statistics.median(record["seconds"][operation]))
            found.setdefault(record["library"], []).append(pair)
    return found


def _passes(records: list[Record]) -> Points:
    found: Points = {}
    for record in _of(records, "dim"):
        passes = in_passes(record)
        if passes is not None:
            found.setdefault(record["library"], []).append((record["value"], passes.median))
    return found


def compile_seconds(record: Record) -> float:
    """The first call less what its steps take when they are warm."""
    return record["first_s"]["train"] - TRAIN_STEPS * statistics.median(record["seconds"]["train"])


def compiled(records: list[Record]) -> list[Record]:
    """Results of the sweeps over layers by libraries that compile; torch does not."""
    found = [*_of(records, "layers"), *_of(records, "layers-spline")]
    return [r for r in found if r["seconds"].get("train") and "torch" not in r["versions"]]


def _compile(records: list[Record]) -> Points:
    found: Points = {}
    for record in compiled(records):
        if record["sweep"] == "layers-spline":
            found.setdefault(record["library"], []).append((record["value"], compile_seconds(record)))
    return found


def _of(records: list[Record], sweep: str) -> list[Record]:
    return [r for r in records if r["kind"] == "result" and r["sweep"] == sweep and r["error"] is None]


def _saved(figure, path: Path) -> Path:
    figure.savefig(path, dpi=130)
    plt.close(figure)
    return path
