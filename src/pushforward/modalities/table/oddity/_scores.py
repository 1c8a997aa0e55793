"""How odd a row is: by its log-density, by its distance to draws of the model and to rows of the fit, or by all."""

import jax
import numpy as np

from pushforward._errors import DataError, did_you_mean
from pushforward.modalities.table._chunks import TableFlow, iter_draws, log_prob
from pushforward.modalities.table.oddity._places import Places

SCORES = ("all", "both", "density", "distance")
DRAWS, SHARE, HALF = 1024, 0.1, 0.5
"""Draws of the model, and which of them, from the nearest on, a distance is taken to; in "all" the middle one."""
NEAREST = 20
"""Rows of the fit, the nearest, whose mean distance counts in "all"."""
NEAR_WEIGHT, FAR_WEIGHT = 1.5, 0.5
"""Of the distances in "all", to rows and to draws; the log-density has 1."""


class Oddity:
    r"""Scores of rows of one model; small is odd.

    "density" is $\log p(x)$ in nats. "distance" is minus the distance to the 102nd nearest of 1,024 draws, in
    deviations of the columns. "both" is minus the sum of the two, each as $\pm\log(1 + |s - m| / d)$ with the median
    $m$ and the median deviation $d$ of the draws: a density tells rows that do not go together with others, and a
    distance does not take a few outliers among the rows of the fit for a group of their own. "all" is such a sum of the
    density, one and a half times the mean distance to the 20 nearest rows of the fit, whose heaps are sharper than
    those of draws, and half the distance to the middle one of the draws, which tells what is far from all.

    Args:
        model: The flow and its schema, without conditions where it is not the density alone.
        by: One of `SCORES`.
        rows: Of the fit, for "all".

    Raises:
        DataError: If there is no such score.
    """

    def __init__(self, model: TableFlow, by: str, rows: Places | None = None):
        check_score(by)
        self._model, self._by, self._rows = model, by, rows
        if by == "density":
            return
        draws = np.concatenate(list(iter_draws(model, DRAWS, jax.random.key(0), None)))
        density = log_prob(model, draws)
        known = np.isfinite(density)
        draws, self._density = draws[known], density[known]
        self._draws = Places.of(model.schema, draws)
        self._rank = max(1, round((HALF if by == "all" else SHARE) * len(draws)))
        self._distance = self._draws.distance(self._draws.points, self._rank, own=True)
        if rows is not None:
            self._near = rows.near(rows.points, NEAREST, own=True)

    def __call__(self, x: np.ndarray, density: np.ndarray | None = None) -> np.ndarray:
        """Scores of rows in the model's codes, `(rows, dim) -> (rows,)`; their log-densities if they are known."""
        if self._by == "distance":
            return -self._far(x)
        density = log_prob(self._model, x) if density is None else density
        if self._by == "density":
            return density
        unlikely, far = _from_median(-density, -self._density), _from_median(self._far(x), self._distance)
        if self._by == "both":
            return -unlikely - far
        assert self._rows is not None  # of every detector with this score
        rows = self._rows
        near = np.concatenate([rows.near(some, NEAREST) for some in rows.seen(self._model.schema, x)] or [np.zeros(0)])
        return -unlikely - NEAR_WEIGHT * _from_median(near, self._near) - FAR_WEIGHT * far

    def _far(self, x: np.ndarray) -> np.ndarray:
        """Distance to the draw of the rank that counts, `(rows,)`."""
        parts = self._draws.seen(self._model.schema, x)
        return np.concatenate([self._draws.distance(some, self._rank) for some in parts] or [np.zeros(0)])


def check_score(by: str) -> None:
    """A DataError for a score that is not known."""
    if by not in SCORES:
        raise DataError(f"unknown score {by!r}.", did_you_mean(str(by), SCORES))


def _from_median(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    middle = np.median(known)
    deviation = np.median(np.abs(known - middle))
    off = (values - middle) / (deviation if deviation > 0 else 1.0)
    return np.sign(off) * np.log1p(np.abs(off))
