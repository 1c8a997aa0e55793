"""docs/catalogue.md: the table and the picture of every recipe on six densities."""

import statistics
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from benchmarks.densities import catalogue
from benchmarks.harness.records import ROOT, Record
from benchmarks.pages.table import markdown, provenance
from pushforward.data import TOYS, entropy

PAGE = ROOT / "docs" / "catalogue.md"
PICTURE = "figures/catalogue.png"


def part(records: list[Record], folder: Path) -> str:
    """Where it ran, the picture if there is one, and the table."""
    cells = {(r["recipe"], r["density"]): r for r in records if r["kind"] == "cell"}
    parts = [provenance(records)]
    if any(cell.get("picture") for cell in cells.values()):
        draw(cells, folder / PICTURE)
        parts.append(f"![Six densities, and what some recipes make of them]({PICTURE})")
    return "\n\n".join([*parts, _table(cells, records[0]["settings"])])


def _table(cells: dict[tuple[str, str], Record], settings: Record) -> str:
    """Nats above the entropy, the recipe with the least mean first."""
    names = list(dict.fromkeys(name for name, _ in cells))
    rows = []
    for name in names:
        found = [cells.get((name, density)) for density in catalogue.DENSITIES]
        gaps = [_gap(cell) for cell in found]
        known = [gap for gap in gaps if gap is not None]
        mean = statistics.fmean(known) if len(known) == len(gaps) else float("inf")
        seconds = [cell["seconds"] for cell in found if cell and cell["error"] is None]
        steps = next((cell["steps"] for cell in found if cell and cell["error"] is None), None)
        shown = [_shown(cell) for cell in found]
        rows.append((mean, [f"`{name}`", *shown, *_summary(mean, seconds, steps)]))
    head = [f"{density.replace('_', ' ')} ({entropy(density):.3f})" for density in catalogue.DENSITIES]
    ranked = [row for _, row in sorted(rows, key=lambda pair: pair[0])]
    return markdown(["recipe", *head, "mean", "median s", "steps"], ranked)


def _gap(cell: Record | None) -> float | None:
    return None if cell is None or cell["error"] is not None else cell["nats"] - cell["entropy"]


def _shown(cell: Record | None) -> str:
    gap = _gap(cell)
    return f"{gap:.3f}" if gap is not None else "-" if cell is None else "failed"


def _summary(mean: float, seconds: list[float], steps: int | None) -> list[str]:
    if not seconds:
        return ["-", "-", "-"]
    return [f"{mean:.3f}" if np.isfinite(mean) else "-", f"{statistics.median(seconds):.1f}", f"{steps:,}"]


def draw(cells: dict[tuple[str, str], Record], path: Path) -> None:
    """A column for each density, and under it what the recipes make of it, with nats above the entropy."""
    names = [
        name for name in catalogue.PICTURED if any(cells.get((name, d), {}).get("picture") for d in catalogue.DENSITIES)
    ]
    columns, rows = len(catalogue.DENSITIES), 1 + len(names)
    figure = Figure(figsize=(1.55 * columns + 0.3, 1.62 * rows + 0.3), layout="constrained", dpi=130)
    axes = figure.subplots(rows, columns, squeeze=False)
    for place, density in zip(axes.T, catalogue.DENSITIES, strict=True):
        truth = catalogue.shades(TOYS[density].log_density(catalogue.grid(density)), catalogue.brightest(density))
        _show(place[0], truth, density)
        place[0].set_title(f"{density.replace('_', ' ')}\n{entropy(density):.2f} nats", fontsize=9)
        for name, spot in zip(names, place[1:], strict=True):
            cell = cells.get((name, density), {})
            _show(spot, catalogue.unpacked(cell["picture"]) if cell.get("picture") else None, density)
            if cell.get("picture"):
                spot.set_title(f"+{_gap(cell):.2f}" if _gap(cell) >= 0 else f"{_gap(cell):.2f}", fontsize=8, pad=2)
    for name, spot in zip(["truth", *names], axes[:, 0], strict=True):
        spot.set_ylabel(name, fontsize=9)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path)


def _show(place, shades: np.ndarray | None, density: str) -> None:
    place.set(xticks=[], yticks=[])
    for side in place.spines.values():
        side.set_visible(False)
    if shades is None:
        return
    (left, right), (low, high) = catalogue.window(density)
    place.imshow(shades, origin="lower", extent=(left, right, low, high), cmap="magma", vmin=0, vmax=255, aspect="auto")
