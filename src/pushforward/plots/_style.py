"""One look for every picture: plain, readable in print and without colour vision."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeAlias

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Limits: TypeAlias = Sequence[tuple[float | int, float | int]]
"""`(low, high)` of each column."""

Size: TypeAlias = tuple[float | int, float | int]
"""Width and height of a figure in inches."""

DATA = "#D55E00"
MODEL = "#0072B2"
INK = "#262626"
FAINT = "#8C8C8C"
DENSITY = "viridis"

DOT_SIZE = 3.0
MAX_DOTS = 3000
"""More dots than this hide each other, and make a large file."""

SETTINGS: dict[Any, Any] = {
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.labelsize": 9.0,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.fontsize": 8.0,
    "legend.frameon": False,
    "figure.titlesize": 10.0,
    "axes.titlelocation": "left",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.7,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "lines.linewidth": 1.4,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw with our settings, and leave the user's own as they were."""

    @wraps(draw)
    def run(*args: Any, **kwargs: Any) -> Figure:
        with matplotlib.rc_context(SETTINGS):
            return draw(*args, **kwargs)

    return run


def new_figure(width: float | int, height: float | int) -> Figure:
    """An empty figure of `width` x `height` inches, unknown to pyplot.

    Raises:
        ValueError: If a side is too small or too large.
    """
    if not all(MIN_SIDE <= side <= MAX_SIDE for side in (width, height)):
        raise ValueError(
            f"`size` must be a width and a height of {MIN_SIDE} to {MAX_SIDE} inches, got {width, height}."
        )
    return Figure(figsize=(width, height), layout="compressed", dpi=150)


MIN_SIDE, MAX_SIDE = 1, 200
"""Inches."""


def frame(axes: Axes) -> None:
    """A thin line on all four sides, for pictures that fill their axes."""
    for side in axes.spines.values():
        side.set_visible(True)


def scatter(axes: Axes, points: Any, colour: str, **options: Any) -> None:
    """Dots of one colour for `(n, 2)` points, paler where there are more of them."""
    shown = points[:MAX_DOTS]
    alpha = 0.75 if len(shown) < 400 else 0.45
    style = {"s": DOT_SIZE, "color": colour, "alpha": alpha, "linewidths": 0, "rasterized": True}
    axes.scatter(shown[:, 0], shown[:, 1], **(style | options))


def set_window(axes: Axes, limits: Limits) -> None:
    """Limits of both axes, with equal units where `panel_height` gives them room."""
    axes.set(xlim=limits[0], ylim=limits[1])
    if _aspect(limits) != 1.0:
        axes.set_aspect("equal")


def panel_height(width: float, limits: Limits) -> float:
    """Height of a panel of `width` that shows the window with equal units, or nearly a square if it is a sliver."""
    return width * _aspect(limits)


def _aspect(limits: Limits) -> float:
    (left, right), (bottom, top) = limits
    ratio = (top - bottom) / (right - left)
    return ratio if 1 / MAX_ASPECT < ratio < MAX_ASPECT else 1.0


MAX_ASPECT = 2.5
