"""Pictures of sound: waves and mel spectrograms, in rows and columns."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pushforward.plots._axes import finished
from pushforward.plots._style import DENSITY, MODEL, Size, frame, new_figure, styled

WIDTH, ROW = 6.4, 1.0
"""Inches: of the picture, and of one row."""


@styled
def waves(
    rows: Sequence[Sequence[np.ndarray]],
    rate: float | int,
    *,
    labels: Sequence[str] = (),
    titles: Sequence[str] = (),
    limit: float | int | None = None,
    size: Size | None = None,
    title: str | None = None,
) -> Figure:
    """Sounds as lines over time, in rows and columns; all on one scale.

    Args:
        rows: For each row its sounds, `(samples,)` each.
        rate: Samples a second.
        labels: Names of the rows.
        titles: Names of the columns.
        limit: What the axes end at, up and down; None for the largest sample of each column.
        size: Width and height of the picture in inches.
        title: Above the picture.

    Returns:
        A Matplotlib figure; `save` writes it to a file.

    Raises:
        ValueError: If there are no sounds, or rows of different lengths.

    Example:
        >>> figure = pf.plots.waves([[np.sin(np.arange(800) / 9)]], 8000)
        >>> len(figure.axes)
        1
    """

    def draw(axes: Axes, row: int, column: int) -> None:
        wave = np.asarray(rows[row][column], float)
        most = limit or max(float(np.abs(line[column]).max(initial=0.0)) for line in rows) or 1.0
        axes.plot(np.arange(len(wave)) / rate, wave, color=MODEL, linewidth=0.5, rasterized=len(wave) > 20000)
        axes.set(xlim=(0, len(wave) / rate), ylim=(-1.05 * most, 1.05 * most))

    return _sheet("waves", rows, draw, labels, titles, size, title)


@styled
def spectrograms(
    rows: Sequence[Sequence[np.ndarray]],
    seconds: float | int,
    *,
    labels: Sequence[str] = (),
    titles: Sequence[str] = (),
    size: Size | None = None,
    title: str | None = None,
) -> Figure:
    """Log-mel spectrograms, low bands below; all on one scale of colours.

    Args:
        rows: For each row its spectrograms, `(frames, bands)` each.
        seconds: From one frame to the next.
        labels: Names of the rows.
        titles: Names of the columns.
        size: Width and height of the picture in inches.
        title: Above the picture.

    Returns:
        A Matplotlib figure; `save` writes it to a file.

    Raises:
        ValueError: If there are no spectrograms, or rows of different lengths.

    Example:
        >>> figure = pf.plots.spectrograms([[np.zeros((10, 20))]], 0.01)
        >>> len(figure.axes)
        1
    """
    values = np.concatenate([np.ravel(part) for row in rows for part in row]) if rows else np.zeros(1)
    low, high = float(np.min(values, initial=0.0)), float(np.max(values, initial=-20.0))

    def draw(axes: Axes, row: int, column: int) -> None:
        frames = np.asarray(rows[row][column])
        box = (0.0, len(frames) * seconds, 0.0, float(frames.shape[1]))
        axes.imshow(
            frames.T,
            origin="lower",
            aspect="auto",
            cmap=DENSITY,
            vmin=low,
            vmax=high,
            extent=box,
            interpolation="nearest",
        )
        frame(axes)

    return _sheet("spectrograms", rows, draw, labels, titles, size, title)


def _sheet(name, rows, draw, labels, titles, size, title) -> Figure:
    if not rows or not all(len(row) for row in rows) or len(set(map(len, rows))) > 1:
        raise ValueError(f"{name}: needs rows of one length with something in each.")
    if labels and len(labels) != len(rows):
        raise ValueError(f"{name}: {len(rows)} rows, but {len(labels)} names.")
    columns = len(rows[0])
    width, height = size or (WIDTH, ROW * len(rows) + 0.6)
    figure = new_figure(width, height)
    panels = figure.subplots(len(rows), columns, squeeze=False, sharex="col")
    for row in range(len(rows)):
        for column in range(columns):
            axes = panels[row, column]
            draw(axes, row, column)
            axes.set_yticks([])
            if row == len(rows) - 1:
                axes.set_xlabel("seconds")
            if column == 0 and labels:
                axes.set_ylabel(labels[row], rotation=0, ha="right", va="center")
            if row == 0 and titles:
                axes.set_title(titles[column])
    return finished(figure, title=title)
