"""A density as a picture."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import jax
import numpy as np
from jaxtyping import ArrayLike, PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pushforward.distributions import AbstractDistribution, Fitted
from pushforward.distributions._fitted import flow_of
from pushforward.plots._axes import dress, finished, short
from pushforward.plots._bins import Cells, are_whole, cells_of
from pushforward.plots._points import as_points, column_names, draw_samples, places_of, window
from pushforward.plots._style import (
    DATA,
    DENSITY,
    FAINT,
    INK,
    MODEL,
    Limits,
    Size,
    frame,
    new_figure,
    panel_height,
    set_window,
    styled,
)

Density: TypeAlias = AbstractDistribution | Fitted | Callable[[np.ndarray], Any]
"""A distribution, a fitted estimator, or a function from rows `(n, dim)` to their log-densities `(n,)`."""

Scored: TypeAlias = AbstractDistribution | Callable[[np.ndarray], Any]

LOG_SPAN = 12.0
"""Nats below the highest density at which the log picture ends."""

PANEL, BAR = 2.9, 0.13
"""Widths of a panel and of its colour bar in inches."""

_CHUNK = 2**13
_SAMPLES = 2**12


@styled
def density_grid(
    flow: Density | Mapping[str, Density],
    data: Any = None,
    *,
    condition: ArrayLike | None = None,
    limits: Limits | None = None,
    log: bool = False,
    levels: Sequence[float] = (0.5, 0.9, 0.99),
    resolution: int = 200,
    names: Sequence[str] | None = None,
    columns: Sequence[str | int] | None = None,
    whole: Sequence[bool] | None = None,
    atoms: Sequence[Sequence[float]] | None = None,
    size: Size | None = None,
    title: str | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    key: PRNGKeyArray | int | None = None,
) -> Figure:
    """The density of one or two columns, with lines around the smallest regions that hold given probabilities.

    One column is drawn as a curve, above a histogram of `data` if it is given. Of whole numbers each is a cell, whose
    edges are at halves. Several densities share one scale of colours.

    Args:
        flow: A distribution or a fitted estimator; or a function from rows to log-densities in nats, such as a known
            density; or several of them by title, drawn side by side over the same window.
        data: `(n, dim)` rows or a data frame that set the window.
        condition: One condition, `(*cond_shape)`, for a conditional flow.
        limits: `(low, high)` of each column; by default what shows the data, or samples if there is no data.
        log: Whether colours are log-densities, down to 12 nats below the highest; else densities.
        levels: Probabilities in (0, 1), one line for each; empty for no lines.
        resolution: Points along each axis.
        names: Names of the columns.
        columns: Both columns, by name or by place, the one that goes across first.
        whole: Which columns are whole numbers, whose "densities" are probabilities; by default those of `data`.
        atoms: Of each column, values that have a probability of their own. Of one column the legend tells it; the
            density of two columns is drawn without them.
        size: Width and height of the picture in inches.
        title: Above the picture.
        xlabel: In place of the name of the column that goes across.
        ylabel: In place of the name of the column that goes up, or of what a curve is.
        key: A key or a seed; draws the samples that set the window. A fixed one by default.

    Returns:
        A Matplotlib figure; `save` writes it to a file.

    Raises:
        ValueError: If there are more than two columns, or no window can be found.

    Example:
        >>> figure = pf.plots.density_grid(pf.distributions.Normal.standard((2,)), resolution=50)
        >>> figure.axes[0].get_xlabel()
        'x1'
    """
    given = dict(flow) if isinstance(flow, Mapping) else {"": flow}
    flows = {title: _opened(one) for title, one in given.items()}
    if any(not 0 < level < 1 for level in levels):
        raise ValueError(f"density_grid: `levels` are probabilities between 0 and 1, got {tuple(levels)}.")
    points = None if data is None else as_points("density_grid", data)
    if limits is None:
        limits = _limits(list(flows.values()), points, condition, key)
    limits = [(float(low), float(high)) for low, high in limits]
    if len(limits) not in (1, 2):
        raise ValueError(
            f"density_grid: draws one or two columns, got {len(limits)}. Use `corner` for samples of more."
        )
    names = column_names(data, names, len(limits))
    order = places_of("density_grid", names, columns)
    if len(order) < len(names):
        raise ValueError("density_grid: `columns` says which goes across, and must name both.")
    are = (are_whole(points) if points is not None else [False] * len(limits)) if whole is None else list(whole)
    if len(limits) == 1:
        cells = cells_of(limits[0], HISTOGRAM if are[0] else 5 * resolution, whole=are[0])
        own = tuple(atoms[0]) if atoms else ()
        figure = _curves(flows, points, condition, cells, names[0], own, size, log=log)
    else:
        both = [cells_of(ends, resolution, whole=one) for ends, one in zip(limits, are, strict=True)]
        found = {name: _on_grid(flow, condition, both) for name, flow in flows.items()}
        if order == [1, 0]:
            found, both, names = {name: grid.T for name, grid in found.items()}, both[::-1], names[::-1]
        figure = _pictures(found, both, names, levels, size, log=log)
        if any(atoms or ()):
            told = f"{figure.get_supxlabel()}; " * bool(figure.get_supxlabel())
            figure.supxlabel(f"{told}rows at atoms are not shown", fontsize=7.5, color=FAINT)
    return finished(figure, title=title, xlabel=xlabel, ylabel=ylabel)


HISTOGRAM = 60
"""Bins of the histogram of one column, at most."""


def _pictures(
    found: dict[str, np.ndarray],
    both: list[Cells],
    names: list[str],
    levels: Sequence[float],
    size: Size | None,
    *,
    log: bool,
) -> Figure:
    """Log-densities `(y, x)` side by side, with one scale of colours."""
    limits = [cells.limits for cells in both]
    figure = new_figure(*(size or (4.0 * len(found), 0.8 + panel_height(PANEL, limits))))
    top = max(float(np.nanmax(log_density)) for log_density in found.values())
    panels = figure.subplots(1, len(found), squeeze=False, sharex=True, sharey=True)[0]
    drawn: set[float] = set()
    for axes, (title, log_density) in zip(panels, found.items(), strict=True):
        _picture(axes, log_density, both, top, log=log)
        drawn |= _outline(axes, log_density, both, levels)
        set_window(axes, limits)
        sides = zip((axes.xaxis, axes.yaxis), both, strict=True)
        across, up = (dress(axis, cells.limits, 8 if cells.whole else 6, whole=cells.whole) for axis, cells in sides)
        axes.set(xlabel=across.told(names[0]), title=title)
        axes.set_ylabel(up.told(names[1]) if axes is panels[0] else "")
        frame(axes)
    aspect = panel_height(PANEL, limits) / BAR
    image = panels[0].images[0]
    bar = figure.colorbar(image, ax=panels.tolist(), fraction=0.06 / len(panels), pad=0.02, aspect=aspect)
    ticks = dress(bar.ax.yaxis, image.get_clim(), 6, whole=False)
    continuous = [name for name, cells in zip(names, both, strict=True) if not cells.whole]
    bar.set_label(ticks.told(_unit(continuous, log=log)))
    bar.outline.set_visible(False)
    if drawn:
        shares = ", ".join(f"{100 * level:g}" for level in sorted(drawn))
        figure.supxlabel(f"lines hold {shares} % of the probability", fontsize=7.5, color=FAINT)
    return figure


def _unit(continuous: list[str], *, log: bool) -> str:
    """What is shown: a probability of whole numbers, a density per unit of the other columns."""
    per = " and ".join(short(name, 20) for name in continuous)
    what = f"density per unit of {per}" if per else "probability"
    return f"log-{what} (nats)" if log else what


def _opened(flow: Density) -> Scored:
    """The distribution of an estimator; a function stays as it is."""
    if callable(flow) and not isinstance(flow, AbstractDistribution | Fitted):
        return flow
    return flow_of("density_grid", flow)


def _limits(flows: list[Scored], points: np.ndarray | None, condition: Any, key: Any) -> list[tuple[float, float]]:
    if points is not None:
        return window(points)
    drawable = [flow for flow in flows if isinstance(flow, AbstractDistribution)]
    if not drawable:
        raise ValueError("density_grid: a function alone does not say where to look. Give `data` or `limits`.")
    return window(np.concatenate([draw_samples("density_grid", f, _SAMPLES, condition, key) for f in drawable]))


def _log_density(flow: Scored, rows: np.ndarray, condition: Any) -> np.ndarray:
    if not isinstance(flow, AbstractDistribution):
        return np.asarray(flow(rows), dtype=np.float64)
    count = -len(rows) % _CHUNK  # chunks of one size compile once
    padded = np.concatenate([rows, np.repeat(rows[-1:], count, axis=0)])
    chunks = padded.reshape(-1, _CHUNK, *flow.event_shape)
    found = [np.asarray(jax.device_get(flow.log_prob(chunk, condition)), dtype=np.float64) for chunk in chunks]
    return np.concatenate(found)[: len(rows)]


def _on_grid(flow: Scored, condition: Any, both: list[Cells]) -> np.ndarray:
    """Log-densities `(y, x)` at the middles of the cells."""
    xs, ys = (cells.middles for cells in both)
    rows = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    return _log_density(flow, rows, condition).reshape(len(ys), len(xs))


def _picture(axes: Axes, log_density: np.ndarray, both: list[Cells], top: float, *, log: bool) -> None:
    axes.imshow(
        np.maximum(log_density, top - LOG_SPAN) if log else np.exp(log_density),
        origin="lower",
        extent=(*both[0].limits, *both[1].limits),
        aspect="auto",
        cmap=DENSITY,
        vmin=top - LOG_SPAN if log else 0.0,
        vmax=top if log else np.exp(top),
        interpolation="nearest" if any(cells.single for cells in both) else "bilinear",
    )


def _outline(axes: Axes, log_density: np.ndarray, both: list[Cells], levels: Sequence[float]) -> set[float]:
    """Draw a line for each level that the grid holds, and return these."""
    across, up = both
    cell = float(np.prod([cells.edges[1] - cells.edges[0] for cells in both]))
    found = {level: height_of(log_density, cell, level) for level in levels}
    heights = sorted({height for height in found.values() if height is not None})
    if heights:
        # A hair lower: cells of single numbers have exactly the height of a line that they belong to.
        heights = [height - 1e-6 for height in heights]
        grid = across.at_corners(up.at_corners(log_density, 0), 1)
        style = {"colors": "white", "linewidths": 0.6, "linestyles": "solid"}
        axes.contour(across.corners, up.corners, np.maximum(grid, heights[0] - LOG_SPAN), levels=heights, **style)
    return {level for level, height in found.items() if height is not None}


def height_of(log_density: np.ndarray, cell: float, probability: float) -> float | None:
    """The log-density above which the grid holds `probability`; None if the grid holds less than that in all."""
    heights = np.sort(log_density[np.isfinite(log_density)])[::-1]
    mass = np.cumsum(np.exp(heights)) * cell
    if not len(mass) or mass[-1] < probability:
        return None
    return float(heights[np.searchsorted(mass, probability)])


def _curves(
    flows: dict[str, Scored],
    points: np.ndarray | None,
    condition: Any,
    cells: Cells,
    name: str,
    atoms: tuple[float, ...],
    size: Size | None,
    *,
    log: bool,
) -> Figure:
    figure = new_figure(*(size or (3.8, 2.8)))
    axes = figure.subplots()
    if points is not None:
        bins = cells if cells.whole else cells_of(cells.limits, HISTOGRAM, whole=False)
        away = points[~np.isin(points[:, 0], atoms), 0]
        # Of all rows, so that its area is the share of those at no atom.
        heights = np.histogram(away, bins.edges)[0] / (len(points) * np.diff(bins.edges))
        axes.stairs(heights, bins.edges, fill=True, color=DATA, alpha=0.35, label="data")
    xs = cells.middles if cells.whole else np.linspace(*cells.limits, len(cells.edges) - 1)
    xs = np.where(np.isin(xs, atoms), xs + 1e-9 * (cells.limits[1] - cells.limits[0]), xs)
    for line, (title, flow) in zip(("-", "--", ":", "-."), flows.items(), strict=False):
        density = np.exp(_log_density(flow, xs[:, None], condition))
        style: dict[str, Any] = {"color": MODEL if line == "-" else FAINT, "linestyle": line, "label": title or "model"}
        if cells.whole:
            axes.stairs(density, cells.edges, linewidth=1.4, **style)
        else:
            axes.plot(xs, density, **style)
    across = dress(axes.xaxis, cells.limits, 8 if cells.whole else 6, whole=cells.whole)
    axes.set(xlabel=across.told(name), ylabel=_unit([] if cells.whole else [name], log=False), xlim=cells.limits)
    if log:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0.0)
        axes.set_ylabel(dress(axes.yaxis, axes.get_ylim(), 6, whole=False).told(axes.get_ylabel()))
    for atom in atoms:
        _tell_atom(axes, atom, points, flows, condition)
    if points is not None or len(flows) > 1 or atoms:
        axes.legend()
    return figure


def _tell_atom(axes: Axes, atom: float, points: np.ndarray | None, flows: dict[str, Scored], condition: Any) -> None:
    """A mark at an atom, and its shares in the legend."""
    shares = {} if points is None else {"data": float(np.mean(points[:, 0] == atom))}
    for title, flow in flows.items():
        shares[title or "model"] = float(np.exp(_log_density(flow, np.array([[atom]]), condition))[0])
    told = ", ".join(f"{name} {100 * share:.1f} %" for name, share in shares.items())
    style = {"marker": "^", "color": INK, "markersize": 4, "linestyle": "", "clip_on": False}
    axes.plot([atom], [0.0], label=f"at {atom:g}: {told}", transform=axes.get_xaxis_transform(), **style)
