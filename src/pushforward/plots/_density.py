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
from pushforward.plots._points import as_points, column_names, draw_samples, window
from pushforward.plots._style import (
    DATA,
    DENSITY,
    FAINT,
    MODEL,
    Limits,
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
    key: PRNGKeyArray | int | None = None,
) -> Figure:
    """The density of one or two columns, with lines around the smallest regions that hold given probabilities.

    One column is drawn as a curve, above a histogram of `data` if it is given.

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
    if len(limits) == 1:
        return _curves(flows, points, condition, limits[0], resolution, names[0], log)
    return _pictures(flows, condition, limits, log, levels, resolution, names)


def _pictures(flows: dict[str, Scored], condition, limits: Limits, log: bool, levels, resolution: int, names) -> Figure:
    figure = new_figure(4.0 * len(flows), 0.8 + panel_height(PANEL, limits))
    for axes, (title, one) in zip(figure.subplots(1, len(flows), squeeze=False)[0], flows.items(), strict=True):
        log_density = _on_grid(one, condition, limits, resolution)
        _picture(figure, axes, log_density, limits, log)
        _outline(axes, log_density, limits, levels)
        axes.set(xlabel=names[0], ylabel=names[1], title=title)
        set_window(axes, limits)
        frame(axes)
    if levels:
        shares = ", ".join(f"{100 * level:g}" for level in levels)
        figure.supxlabel(f"lines hold {shares} % of the probability", fontsize=7.5, color=FAINT)
    return figure


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


def _on_grid(flow: Scored, condition: Any, limits: Limits, resolution: int) -> np.ndarray:
    """Log-densities `(y, x)` at the middles of the cells."""
    xs, ys = (_middles(low, high, resolution) for low, high in limits)
    rows = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    return _log_density(flow, rows, condition).reshape(resolution, resolution)


def _middles(low: float, high: float, count: int) -> np.ndarray:
    edges = np.linspace(low, high, count + 1)
    return (edges[:-1] + edges[1:]) / 2


def _picture(figure: Figure, axes: Axes, log_density: np.ndarray, limits: Limits, log: bool) -> None:
    top = np.nanmax(log_density)
    values = np.maximum(log_density, top - LOG_SPAN) if log else np.exp(log_density)
    image = axes.imshow(
        values,
        origin="lower",
        extent=(*limits[0], *limits[1]),
        aspect="auto",
        cmap=DENSITY,
        vmin=top - LOG_SPAN if log else 0.0,
        interpolation="bilinear",
    )
    bar = figure.colorbar(image, ax=axes, fraction=0.06, pad=0.02, aspect=panel_height(PANEL, limits) / BAR)
    bar.set_label("log-density (nats)" if log else "density")
    bar.outline.set_visible(False)


def _outline(axes: Axes, log_density: np.ndarray, limits: Limits, levels: Sequence[float]) -> None:
    xs, ys = (_middles(low, high, len(log_density)) for low, high in limits)
    cell = (xs[1] - xs[0]) * (ys[1] - ys[0])
    heights = sorted({h for h in (height_of(log_density, cell, level) for level in levels) if h is not None})
    if heights:
        axes.contour(xs, ys, log_density, levels=heights, colors="white", linewidths=0.6, linestyles="solid")


def height_of(log_density: np.ndarray, cell: float, probability: float) -> float | None:
    """The log-density above which the grid holds `probability`; None if the grid holds less than that in all."""
    heights = np.sort(log_density[np.isfinite(log_density)])[::-1]
    mass = np.cumsum(np.exp(heights)) * cell
    if not len(mass) or mass[-1] < probability:
        return None
    return float(heights[np.searchsorted(mass, probability)])


def _curves(flows, points, condition, limits: tuple[float, float], resolution: int, name: str, log: bool) -> Figure:
    figure = new_figure(3.8, 2.8)
    axes = figure.subplots()
    if points is not None:
        axes.hist(points[:, 0], bins=60, range=limits, density=True, color=DATA, alpha=0.35, label="data")
    xs = np.linspace(*limits, 5 * resolution)
    for line, (title, flow) in zip(("-", "--", ":", "-."), flows.items(), strict=False):
        density = np.exp(_log_density(flow, xs[:, None], condition))
        axes.plot(xs, density, line, color=MODEL if line == "-" else FAINT, label=title or "model")
    axes.set(xlabel=name, ylabel="density", xlim=limits)
    if log:
        axes.set_yscale("log")
    if points is not None or len(flows) > 1:
        axes.legend()
    return figure
