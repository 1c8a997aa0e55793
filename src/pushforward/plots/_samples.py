"""Samples beside the data."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import ArrayLike, PRNGKeyArray
from matplotlib.figure import Figure

from pushforward.distributions import AbstractDistribution, Fitted
from pushforward.plots._points import as_points, column_names, draw_samples, window
from pushforward.plots._style import DATA, MAX_DOTS, MODEL, new_figure, panel_height, scatter, set_window, styled


@styled
def samples_beside_data(
    flow: AbstractDistribution | Fitted | ArrayLike | Any,
    data: Any,
    *,
    condition: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    titles: tuple[str, str] = ("data", "samples"),
    key: PRNGKeyArray | int | None = None,
) -> Figure:
    """Two columns of data and as many samples, in two panels with the same axes.

    Args:
        flow: A distribution or a fitted estimator to draw from; or samples `(n, 2)`.
        data: `(n, 2)` rows or a data frame.
        condition: `(n, *cond_shape)`, the condition of each row, for a conditional flow; or a single one.
        names: Names of the columns.
        titles: What the two panels show.
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
    if points.shape[1] != 2 or samples.shape[1] != 2:
        raise ValueError(
            f"samples_beside_data: draws two columns, got {points.shape[1]} of data and {samples.shape[1]} of samples. "
            "Use `corner` for any number of columns."
        )
    limits = window(np.concatenate([points, samples]))
    figure = new_figure(6.4, 0.7 + panel_height(2.8, limits))
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, title, rows, colour in zip(panels, titles, (points, samples), (DATA, MODEL), strict=True):
        scatter(axes, rows[: min(len(points), len(samples))], colour)
        axes.set(title=title, xlabel=names[0])
        set_window(axes, limits)
    panels[0].set_ylabel(names[1])
    return figure
