"""Categories: how often each value occurs, in data and in samples."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pushforward._errors import DataError
from pushforward.data import Table
from pushforward.plots._style import DATA, MODEL, new_figure, styled

MOST_BARS = 20
PANELS_ACROSS = 3


@styled
def shares(samples: Table, data: Table | None = None, *, max_columns: int = 12) -> Figure:
    """Bars of the share of each category, one panel for each categorical column.

    Samples are outlined bars, data are filled ones. Of many categories the 20 most frequent ones are shown, and of many
    columns the first ones.

    Args:
        samples: As `FlowDensity.sample_table` gives them.
        data: Rows with the same codes, as `data.encode` gives them, or None.
        max_columns: How many columns are shown at most.

    Returns:
        A Matplotlib figure; `save` writes it to a file.

    Raises:
        DataError: If there is no categorical column.

    Example:
        >>> table = pf.data.Table(("colour",), np.array([[0.0], [1.0], [1.0]]), categories={"colour": ("blue", "red")})
        >>> [axes.get_title(loc="left") for axes in pf.plots.shares(table).axes]
        ['colour']
    """
    names = list(samples.categories)
    if not names:
        raise DataError("shares: there is no categorical column.", "use `corner` for columns of numbers")
    shown = names[:max_columns]
    across = min(len(shown), PANELS_ACROSS)
    down = math.ceil(len(shown) / across)
    figure = new_figure(1.0 + 2.6 * across, 0.9 + 2.2 * down)
    panels = np.ravel(figure.subplots(down, across, squeeze=False))
    for axes, name in zip(panels, shown, strict=False):
        _bars(axes, name, samples, data)
    for axes in panels[len(shown) :]:
        axes.remove()
    handles, labels = panels[0].get_legend_handles_labels()
    if data is not None:
        figure.legend(handles, labels, loc="outside upper right", ncols=2)
    if len(shown) < len(names):
        figure.suptitle(f"the first {len(shown)} of {len(names)} categorical columns", x=0.02, ha="left")
    return figure


def _bars(axes: Axes, name: str, samples: Table, data: Table | None) -> None:
    labels = [str(label) for label in samples.categories[name]]
    drawn = _share(samples, name)
    real = drawn if data is None else _share(data, name)
    chosen = np.arange(len(labels))
    if len(labels) > MOST_BARS:
        chosen = np.sort(np.argsort(-real, kind="stable")[:MOST_BARS])
    places = np.arange(len(chosen))
    if data is not None:
        axes.bar(places, real[chosen], color=DATA, alpha=0.35, label="data")
    axes.bar(places, drawn[chosen], fill=False, edgecolor=MODEL, linewidth=1.2, label="samples")
    long = max(len(labels[i]) for i in chosen) * len(chosen) > 24
    axes.set_xticks(places, [labels[i][:16] for i in chosen], rotation=90 if long else 0)
    title = name if len(chosen) == len(labels) else f"{name}: {len(chosen)} of {len(labels)} values"
    axes.set(title=title, ylabel="share of rows")


def _share(table: Table, name: str) -> np.ndarray:
    """Share of each category; one that is not known counts as a row alone."""
    codes = table.column(name)
    counts = np.bincount(codes[codes >= 0].astype(int), minlength=len(table.categories[name]))
    return counts / max(len(codes), 1)
