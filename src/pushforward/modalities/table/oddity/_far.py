"""Which rows lie far from the others, so that a density of ordinary rows is better learned without them."""

import numpy as np

from pushforward.modalities.table._rows import Rows

SAMPLE, TIMES = 8, 100
"""Rows that are drawn, and how often: few, so that rows that are odd together do not find each other."""
FENCE = 1.5
"""Interquartile ranges above the third quartile beyond which a row is far: Tukey's fence."""
LEAST_ROWS = 40
"""Below, none is left out."""


def far_rows(rows: Rows, rng: np.random.Generator) -> np.ndarray:
    """Rows beyond the fence of the logarithm of their `sampled_distance`, `(rows,)` of truth values.

    A row with a category that no other row would have is none of them, and none is where a cell is missing.

    Reference:
        Tukey (1977), Exploratory data analysis, section 2D.
    """
    points = _points(rows)
    if len(points) < LEAST_ROWS or not np.isfinite(points).all():
        return np.zeros(len(points), bool)
    distances = sampled_distance(points, rng)
    logs = np.log(np.maximum(distances, np.finfo(float).tiny))
    first, third = np.quantile(logs, [0.25, 0.75])
    far = logs > third + FENCE * (third - first)
    for cells, kind in zip(rows.x.values.T, rows.x.kinds, strict=True):
        if kind == "category":
            far &= np.isin(cells, cells[~far])
    return far


def sampled_distance(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The distance of each point to the nearest of a few others drawn at random, in the mean over draws, `(rows,)`.

    Reference:
        Sugiyama & Borgwardt (2013), Rapid distance-based outlier detection via sampling, section 2; they draw once.
    """
    from scipy.spatial.distance import cdist

    total = np.zeros(len(points))
    for _ in range(TIMES):
        drawn = rng.choice(len(points), min(SAMPLE, len(points) - 1), replace=False)
        distances = cdist(points, points[drawn])
        distances[drawn, np.arange(len(drawn))] = np.inf  # to itself
        total += distances.min(axis=1)
    return total / TIMES


def _points(rows: Rows) -> np.ndarray:
    """Columns in deviations, and for each category a column of zeros and ones."""
    parts = []
    for cells, kind in zip(rows.x.values.T, rows.x.kinds, strict=True):
        if kind == "category":
            parts.append(cells[:, None] == np.unique(cells))
            continue
        spread = cells.std()
        parts.append((cells[:, None] - cells.mean()) / (spread if spread > 0 else 1.0))
    return np.concatenate(parts, axis=1).astype(float)
