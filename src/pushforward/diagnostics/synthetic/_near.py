"""Are synthetic rows nearer to the rows of training than other real rows are?"""

from typing import Any, NamedTuple

import numpy as np

from pushforward.diagnostics.synthetic._estimate import Estimate, share
from pushforward.diagnostics.synthetic._rows import Coded, coded

LEVEL = 0.02
"""The share of held-out rows that counts as near."""
MOST_ROWS = 5_000
"""Rows whose nearest neighbour is looked for, at most."""
MOST_NEIGHBOURS = 50_000
"""Rows that it is looked for among, at most."""
DIGITS = 9
"""Distances are rounded, so that rows equally far have equal distances."""


class NearCopies(NamedTuple):
    """How many synthetic rows are as near to a training row as few others are.

    Attributes:
        share: Of synthetic rows nearer than `level` of the held-out rows; ideal is `level` itself.
        level: That share of held-out rows.
        equal: Share of synthetic rows that are equal to a training row.
        held_out_equal: Of held-out rows, which are other people's: what chance alone brings.
    """

    share: Estimate
    level: float
    equal: Estimate
    held_out_equal: Estimate


def near_copies(train: Any, held_out: Any, synthetic: Any, *, level: float = LEVEL, seed: int = 0) -> NearCopies:
    """Share of synthetic rows that are nearer to a training row than nearly all rows are that were held out.

    The distance to the nearest training row is computed for each held-out row, and its `level` quantile is the
    yardstick. A generator that learned the law, and nothing of single rows, puts just the share `level` below it; a
    larger share are near-copies. Held-out rows as far as the yardstick count by the share that makes it `level`.

    Args:
        train: The rows that the model was fitted to.
        held_out: Rows of the same source that it has not seen.
        synthetic: Rows of the model.
        level: From 0 to 1.
        seed: Of the rows that are looked at where there are many.

    Raises:
        DataError: If the columns differ, or a table has fewer than ten rows.

    Note:
        Distances are Euclidean; a column of numbers is divided by its standard deviation in `train`, and two different
        categories are as far apart as one such deviation.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> train, held_out = rng.normal(size=(1000, 3)), rng.normal(size=(1000, 3))
        >>> near_copies(train, held_out, train).share.value
        1.0
        >>> near_copies(train, held_out, held_out).share.value
        0.02

    Reference:
        Platzer & Reutterer (2021), Holdout-based empirical assessment of mixed-type synthetic data. Meehan, Chaudhuri &
        Dasgupta (2020), A non-parametric test to detect data-copying in generative models.
    """
    known, others, drawn = coded("near_copies", train=train, held_out=held_out, synthetic=synthetic)
    rng = np.random.default_rng(seed)
    others, drawn = others.some(MOST_ROWS, rng), drawn.some(MOST_ROWS, rng)
    among = known.some(MOST_NEIGHBOURS, rng)
    to_others, to_drawn = distances(known, among, others), distances(known, among, drawn)
    value = share_beyond(to_others, to_drawn, level)
    error = error_beyond(value, len(drawn), len(others), level)
    equal = [share(_equal(known, rows)) for rows in (drawn, others)]
    return NearCopies(Estimate(value, error), level, *equal)


def share_beyond(yardstick: np.ndarray, values: np.ndarray, level: float) -> float:
    """Share of `values` below the `level` quantile of `yardstick`; ties count so that the yardstick itself has `level`.

    Args:
        yardstick: Of those that are as they should be.
        values: Of those that are asked about.
        level: From 0 to 1.
    """
    at = np.quantile(yardstick, level, method="inverted_cdf")
    below, tied = np.mean(yardstick < at), np.mean(yardstick == at)
    return float(np.mean(values < at) + np.mean(values == at) * (level - below) / tied)


def error_beyond(value: float, count: int, yardstick: int, level: float) -> float:
    """Standard error of a share of `count` rows beyond the quantile of so many others.

    The share moves with the quantile's own level as if the two distances differed by a shift on the logistic scale.
    """
    own = share(np.full(count, value)).error
    slope = value * (1 - value) / (level * (1 - level))
    return float(np.hypot(own, slope * np.sqrt(level * (1 - level) / yardstick)))


def distances(scale: Coded, to: Coded, of: Coded) -> np.ndarray:
    """From each row of `of` to the nearest of `to`, in deviations of `scale`."""
    return nearest(scale, to, of)[0]


def nearest(scale: Coded, to: Coded, of: Coded) -> tuple[np.ndarray, np.ndarray]:
    """The distances, and which row is the nearest."""
    from sklearn.neighbors import NearestNeighbors

    found, place = NearestNeighbors(n_neighbors=1).fit(_placed(scale, to)).kneighbors(_placed(scale, of))
    return np.round(found[:, 0], DIGITS), place[:, 0]


def _placed(scale: Coded, rows: Coded) -> np.ndarray:
    """As points of a Euclidean space."""
    spread = scale.values.std(axis=0)
    parts = []
    for place, size in enumerate(rows.sizes):
        cells = rows.values[:, place]
        if size:
            # Two of them differ in two numbers, and so their distance is 1.
            parts.append((cells[:, None] == np.arange(size)) / np.sqrt(2))
        else:
            parts.append((cells / (spread[place] if spread[place] > 0 else 1.0))[:, None])
    return np.hstack(parts)


def _equal(known: Coded, rows: Coded) -> np.ndarray:
    seen = {row.tobytes() for row in np.ascontiguousarray(known.values + 0.0)}
    return np.array([row.tobytes() in seen for row in np.ascontiguousarray(rows.values + 0.0)], float)
