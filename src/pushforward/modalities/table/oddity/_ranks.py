"""Where a score stands among those of the training rows."""

from dataclasses import replace

import numpy as np

from pushforward.modalities._learn import Prepared
from pushforward.modalities._model import Model
from pushforward.modalities.table._chunks import TableFlow, log_prob
from pushforward.modalities.table._rows import Rows

MOST_ROWS = 4096
"""Training rows that are scored, at even steps: the percentiles are then right within 1.6 (two standard errors)."""
QUANTILES = 101


def with_scores(model: Model, ready: Prepared) -> Model:
    """The model with the quantiles of the scores of what it was fitted to; without, where one of them is not finite."""
    rows: Rows = ready.data
    count = rows.x.num_rows
    places = np.unique(np.linspace(0, count - 1, min(count, MOST_ROWS)).astype(int))
    condition = None if rows.condition is None else rows.condition.values[places]
    scores = log_prob(TableFlow.of(model), rows.x.values[places], condition)
    if not np.isfinite(scores).all():
        return model
    weights = None if rows.weights is None else rows.weights[places]
    levels = np.linspace(0, 1, QUANTILES)
    return replace(model, facts=replace(model.facts, scores=tuple(_quantiles(scores, weights, levels).tolist())))


def percentiles(scores: np.ndarray, table: tuple[float, ...]) -> np.ndarray:
    """The share of training rows, in percent, that score lower, `(rows,) -> (rows,)`; between quantiles by a line."""
    percent = np.linspace(0, 100, len(table))
    place = np.minimum(np.searchsorted(table, scores, "left"), len(table) - 1)
    # Where many training rows have one score, as among categories, a row of that score is above those before them.
    return np.where(scores == np.asarray(table)[place], percent[place], np.interp(scores, table, percent))


def _quantiles(scores: np.ndarray, weights: np.ndarray | None, levels: np.ndarray) -> np.ndarray:
    if weights is None:
        return np.quantile(scores, levels)
    order = np.argsort(scores)
    below = np.cumsum(weights[order]) - 0.5 * weights[order]
    return np.interp(levels * weights.sum(), below, scores[order])
