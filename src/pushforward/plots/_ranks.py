"""Ranks of values among a model's draws, which are even where the model is right."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import ArrayLike
from matplotlib.figure import Figure

from pushforward.plots._axes import finished, literal, short
from pushforward.plots._style import FAINT, MODEL, Size, new_figure, styled

PANELS_ACROSS = 3
CHANCE = 0.99
"""Of each bar to be inside the band, if ranks are even."""


@styled
def rank_histogram(
    ranks: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    bins: int = 20,
    max_columns: int = 12,
    size: Size | None = None,
    title: str | None = None,
) -> Figure:
    """A histogram of the ranks of each column, with the band that 99 % of the bars lie in where ranks are even.

    Args:
        ranks: In (0, 1), `(rows, dim)`, from `diagnostics.pit` or `diagnostics.sbc(...).ranks`.
        names: Of the columns.
        bins: How many bars.
        max_columns: How many columns are shown at most: those whose bars are farthest from even.
        size: Width and height of the picture in inches.
        title: Above the picture.

    Returns:
        A Matplotlib figure; `save` writes it to a file.

    Example:
        >>> ranks = np.random.default_rng(0).random((200, 2))
        >>> [axes.get_title(loc="left") for axes in pf.plots.rank_histogram(ranks, names=["a", "b"]).axes]
        ['a', 'b']
    """
    from scipy.stats import binom

    given = np.asarray(ranks)
    names = list(names or (f"x{place}" for place in range(given.shape[1])))
    counts = np.stack([np.histogram(column, bins, (0, 1))[0] for column in given.T])
    chosen = np.sort(np.argsort(-((counts - counts.mean()) ** 2).sum(axis=1), kind="stable")[:max_columns])
    across = min(len(chosen), PANELS_ACROSS)
    down = math.ceil(len(chosen) / across)
    figure = new_figure(*(size or (0.6 + 2.4 * across, 0.5 + 1.7 * down)))
    panels = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    low, high = (binom.ppf(level, len(given), 1 / bins) for level in ((1 - CHANCE) / 2, (1 + CHANCE) / 2))
    for axes, place in zip(panels.flat, chosen, strict=False):
        axes.axhspan(low, high, color=FAINT, alpha=0.3, linewidth=0)
        axes.stairs(counts[place], np.linspace(0, 1, bins + 1), color=MODEL, fill=True, alpha=0.55)
        axes.axhline(len(given) / bins, color=FAINT, linewidth=0.8)
        axes.set_title(literal(short(names[place], 30)), loc="left")
    for axes in panels.flat[len(chosen) :]:
        axes.remove()
    for axes in panels[-1]:
        axes.set_xlabel("rank")
    for axes in panels[:, 0]:
        axes.set_ylabel("rows")
    return finished(figure, title=title)
