"""Every pair of columns: data beside samples."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import ArrayLike, PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pushforward.distributions import AbstractDistribution, Fitted
from pushforward.plots._axes import Ticks, dress, finished, name_places, short
from pushforward.plots._bins import Cells, are_whole, cells_of, within
from pushforward.plots._density import height_of
from pushforward.plots._points import as_points, column_names, draw_samples, places_of, window
from pushforward.plots._style import DATA, MAX_DOTS, MODEL, Size, new_figure, scatter, styled

HELD = (0.5, 0.9)
"""Probabilities inside the lines around the samples."""

NUM_SAMPLES = 10_000
"""How many are drawn from a distribution."""

_BLUR = 1.0  # cells


@styled
def corner(
    data: Any,
    samples: AbstractDistribution | Fitted | ArrayLike | Any = None,
    *,
    condition: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    columns: Sequence[str | int] | None = None,
    max_columns: int = 10,
    bins: int = 30,
    limits: Sequence[tuple[float, float] | None] | None = None,
    categories: Mapping[str, Sequence[str]] | None = None,
    size: Size | None = None,
    title: str | None = None,
    key: PRNGKeyArray | int | None = None,
) -> Figure:
    """Histograms of every column on the diagonal, and every pair of columns below it.

    Data are dots and filled histograms, samples are lines: around the smallest regions that hold 50 and 90 % of them.
    A column of whole numbers has one bin for each, or for every so many of them, and where there is one for each its
    dots are spread over the middle of their bin. The height of a histogram is the share of rows per unit of the column,
    the same for data and samples; each panel has its own scale.
    Of more than `max_columns` columns those are shown whose samples differ most from the data, by the largest
    difference of the distribution functions; a note says so.

    Args:
        data: `(n, dim)` rows or a data frame.
        samples: `(m, dim)` samples, or a distribution or a fitted estimator to draw them from, or None for the data
            alone.
        condition: `(n, *cond_shape)`, the condition of each row, for a conditional distribution; or a single one.
        names: Names of the columns.
        columns: Those to be shown, by name or by place, in this order; they may be more than `max_columns`.
        max_columns: How many columns are shown at most.
        bins: Bins of each histogram, at most.
        limits: `(low, high)` of each column of the data, or None for what shows nearly all.
        categories: By name of a column that holds codes 0, 1, ..., what these stand for.
        size: Width and height of the picture in inches.
        title: Above the picture.
        key: A key or a seed; draws the samples. A fixed one by default.

    Returns:
        A Matplotlib figure; `save` writes it to a file.

    Raises:
        ValueError: If data and samples have different numbers of columns, or there is no such column.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(200, 3))
        >>> len(pf.plots.corner(x, x + 1).axes)
        6
    """
    points = as_points("corner", data)
    names = column_names(data, names, points.shape[1])
    drawn = None if samples is None else draw_samples("corner", samples, NUM_SAMPLES, condition, key)
    if drawn is not None and drawn.shape[1] != points.shape[1]:
        raise ValueError(f"corner: the data have {points.shape[1]} columns, the samples {drawn.shape[1]}.")
    chosen, note = _choose(points, drawn, max_columns)
    if columns is not None:
        chosen, note = places_of("corner", names, columns), ""
    both = points if drawn is None else np.concatenate([points, drawn])
    found = window(both) if limits is None else [own or w for own, w in zip(limits, window(both), strict=True)]
    whole = are_whole(points)
    axes = [
        Axis(names[i], _cells(found[i], labels, bins, whole=whole[i]), labels)
        for i in chosen
        for labels in [tuple((categories or {}).get(names[i], ()))]
    ]
    side = max(4.0, min(1.5 * len(chosen), 12.0))
    figure = new_figure(*(size or (side, side)))
    panels: Any = figure.subplots(len(chosen), len(chosen), squeeze=False, sharex="col")
    _draw(panels, points[:, chosen], None if drawn is None else drawn[:, chosen], axes)
    _label(panels, axes, figure.get_figwidth() / len(axes))
    figure.align_ylabels()
    _legend(figure, note, with_samples=drawn is not None)
    return finished(figure, title=title)


class Axis(NamedTuple):
    """A column as it is shown: its name, the cells of its histogram, and what codes stand for."""

    name: str
    cells: Cells
    labels: Sequence[str]


def _cells(limits: tuple[float, float], labels: Sequence[str], bins: int, *, whole: bool) -> Cells:
    if labels:
        return cells_of((0.0, len(labels) - 1.0), len(labels), whole=True)
    return cells_of(limits, bins, whole=whole)


def _draw(panels: Any, points: np.ndarray, drawn: np.ndarray | None, shown: list[Axis]) -> None:
    for row, column in np.ndindex(panels.shape):
        axes, pair = panels[row, column], [column, row]
        if column > row:
            axes.remove()
        elif column == row:
            draw = _bars if shown[row].labels else _histogram
            draw(axes, points[:, row], None if drawn is None else drawn[:, row], shown[row].cells)
        else:
            of_samples = None if drawn is None else drawn[:, pair]
            _pair(axes, points[:, pair], of_samples, shown[column].cells, shown[row].cells)


def _choose(points: np.ndarray, drawn: np.ndarray | None, most: int) -> tuple[list[int], str]:
    dim = points.shape[1]
    if dim <= most:
        return list(range(dim)), ""
    if drawn is None:
        return list(range(most)), f"the first {most} of {dim} columns"
    gaps = np.array([_largest_gap(points[:, i], drawn[:, i]) for i in range(dim)])
    chosen = sorted(np.argsort(-gaps, kind="stable")[:most].tolist())
    low, high = gaps[chosen].min(), gaps[chosen].max()
    return chosen, (
        f"{most} of {dim} columns, whose samples differ most from the data\n"
        f"(Kolmogorov-Smirnov distance {low:.3f} to {high:.3f})"
    )


def _largest_gap(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference of two empirical distribution functions."""
    both = np.concatenate([a, b])
    share_a = np.searchsorted(np.sort(a), both, side="right") / len(a)
    share_b = np.searchsorted(np.sort(b), both, side="right") / len(b)
    return float(np.abs(share_a - share_b).max())


def _histogram(axes: Axes, data: np.ndarray, drawn: np.ndarray | None, cells: Cells) -> None:
    axes.hist(data, bins=cells.edges.tolist(), density=True, color=DATA, alpha=0.35)
    if drawn is not None:
        axes.hist(drawn, bins=cells.edges.tolist(), density=True, histtype="step", color=MODEL, linewidth=1.1)
    axes.set(yticks=[], xlim=cells.limits)
    axes.spines["left"].set_visible(False)


def _bars(axes: Axes, data: np.ndarray, drawn: np.ndarray | None, cells: Cells) -> None:
    axes.bar(cells.middles, _counted(data, cells), color=DATA, alpha=0.35)
    if drawn is not None:
        axes.bar(cells.middles, _counted(drawn, cells), fill=False, edgecolor=MODEL, linewidth=1.1)
    axes.set(yticks=[], xlim=cells.limits)
    axes.spines["left"].set_visible(False)


def _counted(codes: np.ndarray, cells: Cells) -> np.ndarray:
    return np.histogram(codes, cells.edges)[0] / len(codes)


def _pair(axes: Axes, data: np.ndarray, drawn: np.ndarray | None, across: Cells, up: Cells) -> None:
    dots = data[:MAX_DOTS]
    scatter(axes, np.stack([within(dots[:, 0], across, 0), within(dots[:, 1], up, 1)], 1), DATA, s=2.0, alpha=0.35)
    if drawn is not None:
        _contours(axes, drawn, across, up)
    axes.set(xlim=across.limits, ylim=up.limits)


def _contours(axes: Axes, drawn: np.ndarray, across: Cells, up: Cells) -> None:
    count = int(np.clip(0.8 * math.sqrt(len(drawn)), 20, 80))
    across, up = (c if c.single else cells_of(c.limits, count, whole=c.whole) for c in (across, up))
    counts, _, _ = np.histogram2d(*drawn.T, bins=(across.edges, up.edges))
    density = counts.T / len(drawn)
    for axis, cells in ((0, up), (1, across)):
        density = density if cells.single else _blurred(density, axis)
    with np.errstate(divide="ignore"):
        heights = {height_of(np.log(density), 1.0, level) for level in HELD} - {None}
    if heights:
        # A hair lower: cells of single numbers have exactly the height of a line that they belong to.
        levels = sorted({math.exp(height) * (1.0 - 1e-6) for height in heights if height is not None})
        density = across.at_corners(up.at_corners(density, 0), 1)
        axes.contour(across.corners, up.corners, density, levels=levels, colors=MODEL, linewidths=1.0)


def _blurred(counts: np.ndarray, axis: int) -> np.ndarray:
    """A Gaussian blur along an axis."""
    steps = np.arange(-3, 4)
    kernel = np.exp(-0.5 * (steps / _BLUR) ** 2)
    # Mirrored at the ends, where the most may lie: counts begin at 0.
    wide = np.pad(counts, [(3, 3) if i == axis else (0, 0) for i in range(counts.ndim)], "symmetric")
    return np.apply_along_axis(np.convolve, axis, wide, kernel / kernel.sum(), mode="valid")


def _label(panels: np.ndarray, shown: list[Axis], side: float) -> None:
    """Ticks and names, in a smaller font where a panel of `side` inches is small."""
    last = len(shown) - 1
    size, small = (9.0, 7.0) if side > 1.2 else (7.0, 6.0)
    count = max(3, min(5, int(2.5 * side)))
    for i, (name, cells, labels) in enumerate(shown):
        for j in range(i + 1):
            panels[i, j].tick_params(labelsize=small)
            if j < i:
                up = _dress(panels[i, j], "y", cells, labels, count, small)
                panels[i, j].tick_params(labelleft=j == 0)
                if j == 0:
                    panels[i, j].set_ylabel(up.told(short(name, MAX_NAME)), fontsize=size)
        across = _dress(panels[last, i], "x", cells, labels, count, small)
        panels[last, i].set_xlabel(across.told(short(name, MAX_NAME)), fontsize=size)


def _dress(axes: Axes, which: str, cells: Cells, labels: Sequence[str], count: int, size: float) -> Ticks:
    if labels:
        name_places(axes, which, labels, size=size)
        return Ticks(0.0, 0)
    return dress(axes.xaxis if which == "x" else axes.yaxis, cells.limits, count, whole=cells.whole)


MAX_NAME = 40
"""Longer names of columns are cut."""


def _legend(figure: Figure, note: str, *, with_samples: bool) -> None:
    handles = [Line2D([], [], color=DATA, marker="o", linestyle="", markersize=4, label="data")]
    if with_samples:
        held = " and ".join(f"{100 * level:.0f}" for level in HELD)
        handles.append(Line2D([], [], color=MODEL, label=f"samples: lines\nhold {held} %"))
    figure.legend(handles=handles, loc="upper right", title=note or None, alignment="left", title_fontsize=8)
