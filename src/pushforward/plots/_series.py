"""Pictures of series: what was, what may come, and how series move together."""

from collections.abc import Sequence

import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from pushforward.plots._axes import finished, literal
from pushforward.plots._style import DATA, FAINT, MODEL, Size, frame, new_figure, styled

WIDTH, ROW = 6.4, 1.25
"""Inches: of the picture, and of one series."""
BANDS = (0.9, 0.5)
"""Shares of the paths that the bands hold at each step."""
PATHS = 5
"""Paths that are drawn as lines."""


@styled
def fan(
    past_times: np.ndarray,
    past: np.ndarray,
    times: np.ndarray,
    paths: np.ndarray,
    *,
    names: Sequence[str],
    size: Size | None = None,
    title: str | None = None,
) -> Figure:
    """The past of each series, and bands that hold 50 and 90 % of the paths at each step, with a few paths.

    Args:
        past_times: `(past,)`, numbers or `datetime64`.
        past: `(past, series)`; NaN where missing.
        times: `(horizon,)`.
        paths: `(paths, horizon, series)`.
        names: Of the series.
        size: Width and height of the picture in inches.
        title: Above the picture.

    Returns:
        A Matplotlib figure; `save` writes it to a file.

    Raises:
        ValueError: If there are not as many names as series.

    Example:
        >>> paths = np.random.default_rng(0).normal(size=(20, 5, 2)).cumsum(axis=1)
        >>> figure = pf.plots.fan(np.arange(10), np.zeros((10, 2)), np.arange(10, 15), paths, names=["a", "b"])
        >>> len(figure.axes)
        2
    """
    count = paths.shape[2]
    if len(names) != count or past.shape[1] != count:
        raise ValueError(f"fan: {count} series of paths, {past.shape[1]} of the past, and {len(names)} names.")
    width, height = size or (WIDTH, ROW * count + 0.5)
    figure = new_figure(width, height)
    panels = figure.subplots(count, 1, squeeze=False, sharex=True)[:, 0]
    for place, axes in enumerate(panels):
        axes.plot(past_times, past[:, place], color=DATA, linewidth=1.0)
        for share in BANDS:
            low, high = np.quantile(paths[:, :, place], [(1 - share) / 2, (1 + share) / 2], axis=0)
            axes.fill_between(times, low, high, color=MODEL, alpha=0.25, linewidth=0)
        axes.plot(times, paths[:PATHS, :, place].T, color=FAINT, linewidth=0.5)
        axes.plot(times, np.median(paths[:, :, place], axis=0), color=MODEL, linewidth=1.4)
        axes.set_ylabel(literal(names[place]), rotation=0, ha="right", va="center")
    if np.issubdtype(np.asarray(times).dtype, np.datetime64):
        locator = AutoDateLocator()
        panels[-1].xaxis.set_major_locator(locator)
        panels[-1].xaxis.set_major_formatter(ConciseDateFormatter(locator))
    return finished(figure, title=title)


@styled
def correlations(
    matrices: Sequence[np.ndarray],
    *,
    names: Sequence[str],
    titles: Sequence[str],
    size: Size | None = None,
    title: str | None = None,
) -> Figure:
    """Correlations between series, each as a square of colours from -1 to 1, side by side.

    Args:
        matrices: `(series, series)` each.
        names: Of the series.
        titles: Of the squares.
        size: Width and height of the picture in inches.
        title: Above the picture.

    Returns:
        A Matplotlib figure; `save` writes it to a file.

    Raises:
        ValueError: If names or titles are not as many as they should be.

    Example:
        >>> figure = pf.plots.correlations([np.eye(2), np.eye(2)], names=["a", "b"], titles=["data", "paths"])
        >>> [axes.get_title(loc="left") for axes in figure.axes[:2]]
        ['data', 'paths']
    """
    if (
        not matrices
        or len(titles) != len(matrices)
        or any(np.shape(matrix) != (len(names),) * 2 for matrix in matrices)
    ):
        raise ValueError("correlations: needs a title for each matrix, and a name for each row of all matrices.")
    width, height = size or (WIDTH, WIDTH / max(len(matrices), 2) + 0.3)
    figure = new_figure(width, height)
    panels = figure.subplots(1, len(matrices), squeeze=False)[0]
    images = [
        axes.imshow(matrix, cmap="RdBu", vmin=-1.0, vmax=1.0) for axes, matrix in zip(panels, matrices, strict=True)
    ]
    for axes, above in zip(panels, titles, strict=True):
        labels = [literal(name) for name in names]
        axes.set_xticks(range(len(names)), labels, rotation=90)
        axes.set_yticks(range(len(names)), labels)
        axes.set_title(above)
        frame(axes)
    figure.colorbar(images[0], ax=list(panels), shrink=0.8)
    return finished(figure, title=title)
