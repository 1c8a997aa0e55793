"""Every pair of columns: data beside samples."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import ArrayLike, PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pushforward.distributions import AbstractDistribution, Fitted
from pushforward.plots._density import height_of
from pushforward.plots._points import as_points, column_names, draw_samples, window
from pushforward.plots._style import DATA, MODEL, new_figure, scatter, styled

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
    max_columns: int = 10,
    bins: int = 30,
    key: PRNGKeyArray | int | None = None,
) -> Figure:
    """Histograms of every column on the diagonal, and every pair of columns below it.

    Data are dots and filled histograms, samples are lines: around the smallest regions that hold 50 and 90 % of them.
    Of more than `max_columns` columns those are shown whose samples differ most from the data, by the largest
    difference of the distribution functions; the title says so.

    Args:
        data: `(n, dim)` rows or a data frame.
        samples: `(m, dim)` samples, or a distribution or a fitted estimator to draw them from, or None for the data
            alone.
        condition: `(n, *cond_shape)`, the condition of each row, for a conditional distribution; or a single one.
        names: Names of the columns.
        max_columns: How many columns are shown at most.
        bins: Bins of each histogram.
        key: A key or a seed; draws the samples. A fixed one by default.

    Returns:
        A Matplotlib figure; `save` writes it to a file.

    Raises:
        ValueError: If data and samples have different numbers of columns.

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
    points, names = points[:, chosen], [names[i] for i in chosen]
    drawn = None if drawn is None else drawn[:, chosen]
    size = max(4.0, min(1.5 * len(chosen), 12.0))
    figure = new_figure(size, size)
    panels: Any = figure.subplots(len(chosen), len(chosen), squeeze=False, sharex="col")
    limits = window(points if drawn is None else np.concatenate([points, drawn]))
    for row, column in np.ndindex(panels.shape):
        if column > row:
            panels[row, column].remove()
        elif column == row:
            _histogram(panels[row, row], points[:, row], None if drawn is None else drawn[:, row], limits[row], bins)
        else:
            pair = [column, row]
            _pair(
                panels[row, column],
                points[:, pair],
                None if drawn is None else drawn[:, pair],
                limits[column],
                limits[row],
            )
    _label(panels, names)
    figure.align_ylabels()
    _legend(figure, note, with_samples=drawn is not None)
    return figure


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


def _histogram(axes: Axes, data: np.ndarray, drawn: np.ndarray | None, limits: tuple[float, float], bins: int) -> None:
    axes.hist(data, bins=bins, range=limits, density=True, color=DATA, alpha=0.35)
    if drawn is not None:
        axes.hist(drawn, bins=bins, range=limits, density=True, histtype="step", color=MODEL, linewidth=1.1)
    axes.set(yticks=[], xlim=limits)
    axes.spines["left"].set_visible(False)


def _pair(axes: Axes, data: np.ndarray, drawn: np.ndarray | None, across: Any, up: Any) -> None:
    scatter(axes, data, DATA, s=2.0, alpha=0.35)
    if drawn is not None:
        _contours(axes, drawn, across, up)
    axes.set(xlim=across, ylim=up)


def _contours(axes: Axes, drawn: np.ndarray, across: tuple[float, float], up: tuple[float, float]) -> None:
    cells = int(np.clip(0.8 * math.sqrt(len(drawn)), 20, 80))
    counts, xs, ys = np.histogram2d(*drawn.T, bins=cells, range=(across, up))
    density = _blurred(_blurred(counts / len(drawn)).T)
    with np.errstate(divide="ignore"):
        heights = {height_of(np.log(density), 1.0, level) for level in HELD} - {None}
    if heights:
        middles = [(edges[:-1] + edges[1:]) / 2 for edges in (xs, ys)]
        levels = sorted(math.exp(height) for height in heights if height is not None)
        axes.contour(*middles, density, levels=levels, colors=MODEL, linewidths=1.0)


def _blurred(counts: np.ndarray) -> np.ndarray:
    """A Gaussian blur along the first axis."""
    steps = np.arange(-3, 4)
    kernel = np.exp(-0.5 * (steps / _BLUR) ** 2)
    return np.apply_along_axis(np.convolve, 0, counts, kernel / kernel.sum(), mode="same")


def _label(panels: np.ndarray, names: list[str]) -> None:
    last = len(names) - 1
    size = 9 if last < 5 else 7
    for i, name in enumerate(names):
        short = name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…"
        panels[last, i].set_xlabel(short, fontsize=size)
        if i > 0:
            panels[i, 0].set_ylabel(short, fontsize=size)
        for j in range(i + 1):
            panels[i, j].tick_params(labelsize=7)
            panels[i, j].locator_params(axis="x", nbins=3)
            if j < i:
                panels[i, j].locator_params(axis="y", nbins=3)
                panels[i, j].tick_params(labelleft=j == 0)


MAX_NAME = 18
"""Longer names of columns are cut."""


def _legend(figure: Figure, note: str, *, with_samples: bool) -> None:
    handles = [Line2D([], [], color=DATA, marker="o", linestyle="", markersize=4, label="data")]
    if with_samples:
        held = " and ".join(f"{100 * level:.0f}" for level in HELD)
        handles.append(Line2D([], [], color=MODEL, label=f"samples: lines\nhold {held} %"))
    figure.legend(handles=handles, loc="upper right", title=note or None, alignment="left", title_fontsize=8)
