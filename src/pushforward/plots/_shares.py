"""Categories: how often each value occurs, in data and in samples."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pushforward._errors import DataError
from pushforward.data import Table
from pushforward.plots._axes import finished, literal, short
from pushforward.plots._points import column_names, places_of
from pushforward.plots._style import DATA, FAINT, MODEL, Size, new_figure, styled

MOST_BARS = 20
PANELS_ACROSS = 3


@styled
def shares(
    samples: Table,
    data: Table | None = None,
    *,
    names: Sequence[str] | None = None,
    columns: Sequence[str | int] | None = None,
    max_columns: int = 12,
    size: Size | None = None,
    title: str | None = None,
) -> Figure:
    """Bars of the share of each category, one panel for each categorical column.

    Samples are outlined bars, data are filled ones; all panels have one scale. Of many categories the 20 most frequent
    ones are shown, and of many columns the first ones.

    Args:
        samples: As `FlowDensity.sample_table` gives them.
        data: Rows with the same codes, as `data.encode` gives them, or None.
        names: What to call the categorical columns, one for each.
        columns: The categorical columns to be shown, by name or by place among them, in this order.
        max_columns: How many columns are shown at most where none are named.
        size: Width and height of the picture in inches.
        title: Above the picture.

    Returns:
        A Matplotlib figure; `save` writes it to a file.

    Raises:
        DataError: If there is no categorical column.
        ValueError: If there is no such column.

    Example:
        >>> table = pf.data.Table(("colour",), np.array([[0.0], [1.0], [1.0]]), categories={"colour": ("blue", "red")})
        >>> [axes.get_title(loc="left") for axes in pf.plots.shares(table).axes]
        ['colour']
    """
    known = list(samples.categories)
    if not known:
        raise DataError("shares: there is no categorical column.", "use `corner` for columns of numbers")
    called = dict(zip(known, column_names(None, names or known, len(known)), strict=True))
    places = places_of("shares", known, columns)
    shown = [known[i] for i in (places if columns is not None else places[:max_columns])]
    across = min(len(shown), PANELS_ACROSS)
    down = math.ceil(len(shown) / across)
    figure = new_figure(*(size or (1.0 + 2.6 * across, 0.9 + 2.2 * down)))
    panels = np.ravel(figure.subplots(down, across, squeeze=False, sharey=True))
    for axes, name in zip(panels, shown, strict=False):
        _bars(axes, name, called[name], samples, data)
    for axes in panels[len(shown) :]:
        axes.remove()
    handles, labels = panels[0].get_legend_handles_labels()
    if data is not None:
        figure.legend(handles, labels, loc="outside upper right", ncols=2)
    for axes in panels:
        axes.tick_params(labelleft=True)
    if columns is None and len(shown) < len(known):
        figure.supxlabel(f"the first {len(shown)} of {len(known)} categorical columns", fontsize=7.5, color=FAINT)
    return finished(figure, title=title)


def _bars(axes: Axes, name: str, called: str, samples: Table, data: Table | None) -> None:
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
    axes.set_xticks(places, [literal(short(labels[i], 16)) for i in chosen], rotation=90 if long else 0)
    title = called if len(chosen) == len(labels) else f"{called}: {len(chosen)} of {len(labels)} values"
    axes.set(title=title, ylabel="share of rows")


def _share(table: Table, name: str) -> np.ndarray:
    """Share of each category; one that is not known counts as a row alone."""
    codes = table.column(name)
    counts = np.bincount(codes[codes >= 0].astype(int), minlength=len(table.categories[name]))
    return counts / max(len(codes), 1)
