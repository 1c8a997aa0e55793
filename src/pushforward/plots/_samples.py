"""Samples beside the data."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import ArrayLike, PRNGKeyArray
from matplotlib.figure import Figure

from pushforward.distributions import AbstractDistribution, Fitted
from pushforward.plots._axes import dress, finished
from pushforward.plots._bins import are_whole
from pushforward.plots._points import as_points, column_names, draw_samples, places_of, window
from pushforward.plots._style import DATA, MAX_DOTS, MODEL, Size, new_figure, panel_height, scatter, set_window, styled


@styled
def samples_beside_data(
    flow: AbstractDistribution | Fitted | ArrayLike | Any,
    data: Any,
    *,
    condition: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    columns: Sequence[str | int] | None = None,
    titles: tuple[str, str] = ("data", "samples"),
    size: Size | None = None,
    title: str | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    key: PRNGKeyArray | int | None = None,
) -> Figure:
    """Two columns of data and as many samples, in two panels with the same axes.

    Args:
        flow: A distribution or a fitted estimator to draw from; or samples `(n, dim)`.
        data: `(n, dim)` rows or a data frame.
        condition: `(n, *cond_shape)`, the condition of each row, for a conditional flow; or a single one.
        names: Names of the columns.
        columns: The two that are shown, by name or by place, the one that goes across first; of two columns both.
        titles: What the two panels show.
        size: Width and height of the picture in inches.
        title: Above the picture.
        xlabel: In place of the name of the column that goes across.
        ylabel: In place of the name of the column that goes up.
        key: A key or a seed; draws the samples. A fixed one by default.

    Returns:
        A Matplotlib figure; `save` writes it to a file.

    Raises:
        ValueError: If there are not two columns.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(100, 2))
        >>> figure = pf.plots.samples_beside_data(pf.distributions.Normal.standard((2,)), x)
        >>> [axes.get_title(loc="left") for axes in figure.axes]
        ['data', 'samples']
    """
    points = as_points("samples_beside_data", data)
    names = column_names(data, names, points.shape[1])
    samples = draw_samples("samples_beside_data", flow, min(len(points), MAX_DOTS), condition, key)
    if points.shape[1] != samples.shape[1]:
        raise ValueError(
            f"samples_beside_data: the data have {points.shape[1]} columns, the samples {samples.shape[1]}."
        )
    chosen = places_of("samples_beside_data", names, columns)
    if len(chosen) != 2:
        raise ValueError(
            f"samples_beside_data: draws two columns, got {len(chosen)}. Name two in `columns`, or use `corner` for "
            "any number of columns."
        )
    points, samples, names = points[:, chosen], samples[:, chosen], [names[i] for i in chosen]
    limits = window(np.concatenate([points, samples]))
    figure = new_figure(*(size or (6.4, 0.7 + panel_height(2.8, limits))))
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    whole = are_whole(points)
    across, up = (
        dress(axis, ends, 6, whole=one)
        for axis, ends, one in zip((panels[0].xaxis, panels[0].yaxis), limits, whole, strict=True)
    )
    for axes, name, rows, colour in zip(panels, titles, (points, samples), (DATA, MODEL), strict=True):
        scatter(axes, rows[: min(len(points), len(samples))], colour)
        axes.set(title=name, xlabel=across.told(names[0]))
        set_window(axes, limits)
    panels[0].set_ylabel(up.told(names[1]))
    return finished(figure, title=title, xlabel=xlabel, ylabel=ylabel)
