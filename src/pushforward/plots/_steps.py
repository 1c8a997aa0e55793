"""How a flow moves points from the base to the data, layer by layer."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pushforward._errors import as_seed
from pushforward.bijections import AbstractBijection, Chain, Flip, Identity, Inverse, LongTails, Permute, Scale, Scan
from pushforward.distributions import AbstractDistribution, Embedded, Fitted, Mixture, Transformed
from pushforward.distributions._fitted import flow_of
from pushforward.plots._axes import dress, finished
from pushforward.plots._points import column_names, places_of, window
from pushforward.plots._style import FAINT, Size, frame, new_figure, styled

LINES = 11
"""Grid lines in each direction."""

_LINE_POINTS = 400


class Step(NamedTuple):
    """Maps that are drawn as one step, and what they are called."""

    maps: tuple[AbstractBijection, ...]
    title: str


@styled
def steps(
    flow: AbstractDistribution | Fitted,
    key: PRNGKeyArray | int,
    *,
    columns: Sequence[str | int] = (0, 1),
    condition: ArrayLike | None = None,
    num_points: int = 1500,
    max_panels: int = 8,
    names: Sequence[str] | None = None,
    size: Size | None = None,
    title: str | None = None,
) -> Figure:
    """Points of the base, and a square grid between them, after each layer of the flow.

    A dot keeps its colour, which is its place in the base from left to right. Each panel has its own scale, the same
    across and up. Reorderings of the columns (`Flip`, `Permute`) are not
    steps of their own: every panel shows the coordinates that end as `columns` of the data.

    Args:
        flow: A `Transformed` over vectors of at least two columns, or a fitted estimator of such a one.
        key: A key or a seed; draws the points.
        columns: The two columns to show, by name or by place, the one that goes across first.
        condition: One condition, `(*cond_shape)`, for a conditional flow.
        num_points: How many points.
        max_panels: With more layers than this, evenly spaced ones are shown, the first and the last among them.
        names: Names of all columns.
        size: Width and height of the picture in inches.
        title: Above the picture.

    Returns:
        A Matplotlib figure; `save` writes it to a file.

    Raises:
        ValueError: If the flow is not a `Transformed` over vectors of at least two columns.

    Example:
        >>> flow = pf.flows.realnvp(2, num_layers=2, width=8, key=jax.random.key(0))
        >>> figure = pf.plots.steps(flow, jax.random.key(1), num_points=50)
        >>> [axes.get_title(loc="left") for axes in figure.axes]
        ['base', '1 Coupling', '2 Coupling']
    """
    flow, key = flow_of("steps", flow), as_seed("steps", key)
    base, bijections, condition = _opened(flow, None if condition is None else jnp.asarray(condition))
    dim = _checked_dim(base, bijections)
    names = column_names(None, names, dim)
    chosen = places_of("steps", names, columns)
    if len(chosen) != 2:
        raise ValueError(f"steps: `columns` must be two of 0 .. {dim - 1}, got {tuple(columns)}.")
    found = steps_of(bijections)
    points = np.asarray(base.sample(key, num_points, None if base.cond_shape is None else condition))
    lines = _grid_lines(points) if dim == 2 else np.zeros((0, _LINE_POINTS, 2))
    states = _walk(found, np.concatenate([points, lines.reshape(-1, dim)]), condition)
    shown = np.unique(np.linspace(0, len(found), min(len(found) + 1, max_panels)).round().astype(int))
    titles = ["base", *(f"{i + 1} {step.title}" for i, step in enumerate(found))]
    panels = [states[i][:, chosen] for i in shown]
    figure = _draw(panels, [titles[i] for i in shown], num_points, [names[i] for i in chosen], size)
    return finished(figure, title=title)


def _opened(
    flow: AbstractDistribution, condition: Array | None
) -> tuple[AbstractDistribution, list[AbstractBijection], Array | None]:
    """The innermost base, the maps from it to the data, and the condition that they see."""
    bijections: list[AbstractBijection] = []
    while isinstance(flow, Transformed | Embedded | Mixture):
        if isinstance(flow, Mixture):  # a flow before a background of Gaussians
            flow = flow.components[0]
        elif isinstance(flow, Transformed):
            bijections.insert(0, flow.bijection)
            flow = flow.base
        else:
            condition = None if condition is None else flow._embedded_one(condition)
            flow = flow.distribution
    return flow, bijections, condition


def _checked_dim(base: AbstractDistribution, bijections: list[AbstractBijection]) -> int:
    shape = base.event_shape
    if not bijections or len(shape) != 1 or shape[0] < 2 or any(b.out_shape != shape for b in bijections):
        raise ValueError(
            f"steps: needs a `Transformed` over vectors of at least two columns, got {type(base).__name__} with events "
            f"of shape {shape} and {len(bijections)} bijections."
        )
    return shape[0]


def steps_of(bijections: Sequence[AbstractBijection]) -> list[Step]:
    """The steps of a flow: chains of layers are opened, a layer that is itself a chain is one step."""
    found: list[list[AbstractBijection]] = []
    for group in _groups(bijections[0] if len(bijections) == 1 else Chain(bijections)):
        if found and (_is_quiet(group) or _is_quiet(found[-1])):
            found[-1] += group
        else:
            found.append(group)
    return [Step(tuple(group), _title(group)) for group in found]


def _is_quiet(group: list[AbstractBijection]) -> bool:
    return all(isinstance(b, _QUIET) or _is_slight(b) for b in group)


_QUIET = (Flip, Permute, Identity, LongTails)
"""What moves no point, or hardly any, belongs to the layer beside it."""


def _is_slight(bijection: AbstractBijection) -> bool:
    """Whether it is a scale near 1, such as the spread that a fit ends with."""
    return isinstance(bijection, Scale) and bool(np.all(np.abs(np.log(np.asarray(bijection.scale))) < SLIGHT))


SLIGHT = np.log(2.0)


def _groups(bijection: AbstractBijection) -> list[list[AbstractBijection]]:
    parts = _parts(bijection)
    if not parts:
        return [[bijection]]
    if isinstance(bijection, Scan):
        return [_leaves(part) for part in parts]
    if not any(_parts(part) for part in parts):
        return [[part] for part in parts]
    return [group for part in parts for group in (_groups(part) if _is_deep(part) else [_leaves(part)])]


def _parts(bijection: AbstractBijection) -> list[AbstractBijection]:
    if isinstance(bijection, Scan):
        return bijection.layers()
    return list(bijection.bijections) if isinstance(bijection, Chain) else []


def _is_deep(bijection: AbstractBijection) -> bool:
    return isinstance(bijection, Scan) or any(_parts(part) for part in _parts(bijection))


def _leaves(bijection: AbstractBijection) -> list[AbstractBijection]:
    parts = _parts(bijection)
    return [leaf for part in parts for leaf in _leaves(part)] if parts else [bijection]


def _title(group: list[AbstractBijection]) -> str:
    names = [_name(b) for b in group if not _is_quiet([b])] or [_name(group[0])]
    return " + ".join(dict.fromkeys(names))


def _name(bijection: AbstractBijection) -> str:
    return _name(bijection.bijection) if isinstance(bijection, Inverse) else type(bijection).__name__


def _grid_lines(points: np.ndarray) -> np.ndarray:
    """Horizontal and vertical lines over the range of the points, `(lines, points of a line, 2)`."""
    (left, right), (bottom, top) = window(points)
    along = np.linspace(0.0, 1.0, _LINE_POINTS)
    upright = [(np.full(_LINE_POINTS, x), bottom + (top - bottom) * along) for x in np.linspace(left, right, LINES)]
    level = [(left + (right - left) * along, np.full(_LINE_POINTS, y)) for y in np.linspace(bottom, top, LINES)]
    return np.stack([np.stack(line, axis=-1) for line in upright + level])


def _walk(found: list[Step], start: np.ndarray, condition: Array | None) -> list[np.ndarray]:
    """The rows at the start and after each step, their columns ordered as they end in the data."""
    maps = [bijection for step in found for bijection in step.maps]
    ends = [0, *np.cumsum([len(step.maps) for step in found]).tolist()]
    states = [jnp.asarray(start.T, dtype=jnp.result_type(float))]
    for bijection in maps:
        states.append(_pushed(bijection, states[-1], None if bijection.cond_shape is None else condition))
    return [np.asarray(_reordered(states[end], maps[end:]).T, dtype=np.float64) for end in ends]


@jax.jit
def _pushed(bijection: AbstractBijection, x: Array, condition: Array | None) -> Array:
    """One map of rows along the last axis."""
    if condition is not None:
        condition = jnp.broadcast_to(condition[..., None], (*condition.shape, x.shape[-1]))
    return bijection._forward_many(x, condition, None)[0]


def _reordered(x: Array, rest: list[AbstractBijection]) -> Array:
    for bijection in rest:
        if isinstance(bijection, Flip | Permute):
            x = bijection._forward_many(x, None, None)[0]
    return x


def _draw(panels: list[np.ndarray], titles: list[str], num_points: int, names: list[str], size: Size | None) -> Figure:
    rows = math.ceil(len(panels) / 5)
    across = math.ceil(len(panels) / rows)
    figure = new_figure(*(size or (2.0 * across, 2.15 * rows)))
    grid = figure.subplots(rows, across, squeeze=False).ravel()
    windows = _windows([panel[:num_points] for panel in panels])
    colours = _colours(panels[0][:num_points])
    for axes, panel, title, limits in zip(grid, panels, titles, windows, strict=False):
        _draw_lines(axes, panel[num_points:])
        axes.scatter(*panel[:num_points].T, c=colours, s=2.5, linewidths=0, rasterized=True, zorder=2)
        axes.set(title=title, xlim=limits[0], ylim=limits[1], aspect="equal")
        ticks = [dress(axis, ends, 4, whole=False) for axis, ends in zip((axes.xaxis, axes.yaxis), limits, strict=True)]
        if panel is panels[-1]:
            axes.set(xlabel=ticks[0].told(names[0]), ylabel=ticks[1].told(names[1]))
        elif any(one != (0.0, 0) for one in ticks):
            axes.set(xlabel=ticks[0].told(""), ylabel=ticks[1].told(""))
        axes.tick_params(labelsize=6.5, length=2)
        frame(axes)
    for axes in grid[len(panels) :]:
        axes.remove()
    return figure


def _windows(panels: list[np.ndarray]) -> list[list[tuple[float, float]]]:
    """A square around each panel's points."""
    return [_square(window(panel)) for panel in panels]


def _square(limits: list[tuple[float, float]]) -> list[tuple[float, float]]:
    half = max(high - low for low, high in limits) / 2
    middles = [(low + high) / 2 for low, high in limits]
    return [(middle - half, middle + half) for middle in middles]


def _draw_lines(axes: Axes, rows: np.ndarray) -> None:
    for line in rows.reshape(-1, _LINE_POINTS, 2):
        axes.plot(*line.T, color=FAINT, linewidth=0.4, zorder=1)


def _colours(points: np.ndarray) -> np.ndarray:
    """The rank of each point from left to right, so that every colour is used equally."""
    return np.argsort(np.argsort(points[:, 0]))
