"""How odd a row is: by its log-density, by its distance to draws of the model, or by both."""

import jax
import numpy as np

from pushforward._errors import DataError, did_you_mean
from pushforward.data import Schema
from pushforward.modalities.table._chunks import TableFlow, iter_draws, log_prob

SCORES = ("both", "density", "distance")
DRAWS, SHARE = 1024, 0.1
"""Draws of the model, and which of them, from the nearest on, a distance is taken to."""
FARTHEST = 10.0
"""Deviations of a column beyond which a value counts as this much."""
_CELLS = 2**21  # distances held at once, 8 MiB


class Oddity:
    r"""Scores of rows of one model; small is odd.

    "density" is $\log p(x)$ in nats. "distance" is minus the distance to the 102nd nearest of 1,024 draws, in
    deviations of the columns. "both" is minus the sum of the two, each as $\pm\log(1 + |s - m| / d)$ with the median
    $m$ and the median deviation $d$ of the draws: a density tells rows that do not go together with others, and a
    distance does not take a few outliers among the rows of the fit for a group of their own.

    Args:
        model: The flow and its schema, without conditions where it is not the density alone.
        by: One of `SCORES`.

    Raises:
        DataError: If there is no such score.
    """

    def __init__(self, model: TableFlow, by: str):
        check_score(by)
        self._model, self._by = model, by
        if by == "density":
            return
        draws = np.concatenate(list(iter_draws(model, DRAWS, jax.random.key(0), None)))
        density = log_prob(model, draws)
        known = np.isfinite(density)
        draws, self._density = draws[known], density[known]
        self._spread = _spread(model.schema, draws)
        self._draws = _placed(model.schema, draws, self._spread)
        self._rank = max(1, round(SHARE * len(draws)))
        self._distance = self._far(self._draws, self._rank + 1)  # the nearest of a draw is itself

    def __call__(self, x: np.ndarray, density: np.ndarray | None = None) -> np.ndarray:
        """Scores of rows in the model's codes, `(rows, dim) -> (rows,)`; their log-densities if they are known."""
        if self._by == "distance":
            return -self._far(self._seen(x), self._rank)
        density = log_prob(self._model, x) if density is None else density
        if self._by == "density":
            return density
        far = self._far(self._seen(x), self._rank)
        return -_from_median(-density, -self._density) - _from_median(far, self._distance)

    def _seen(self, x: np.ndarray) -> np.ndarray:
        return _placed(self._model.schema, x, self._spread)

    def _far(self, seen: np.ndarray, rank: int) -> np.ndarray:
        """Distance to the draw of this rank, `(rows, features) -> (rows,)`."""
        step = max(1, _CELLS // len(self._draws))
        squares = np.einsum("nf,nf->n", self._draws, self._draws)
        found = np.empty(len(seen))
        for start in range(0, len(seen), step):
            part = seen[start : start + step]
            apart = np.einsum("nf,nf->n", part, part)[:, None] + squares - 2.0 * part @ self._draws.T
            found[start : start + step] = np.partition(apart, rank - 1, axis=1)[:, rank - 1]
        return np.sqrt(np.maximum(found, 0.0))


def check_score(by: str) -> None:
    """A DataError for a score that is not known."""
    if by not in SCORES:
        raise DataError(f"unknown score {by!r}.", did_you_mean(str(by), SCORES))


def _spread(schema: Schema, draws: np.ndarray) -> np.ndarray:
    """Middle and deviation of each column, `(2, dim)`."""
    middle, deviation = np.median(draws, axis=0), np.std(draws, axis=0)
    return np.stack([middle, np.where(deviation > 0, deviation, 1.0)])


def _placed(schema: Schema, x: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Rows as points: numbers in deviations, angles on a circle, categories at the corners of a simplex."""
    parts = []
    for column, cells, middle, deviation in zip(schema.columns, x.T, *spread, strict=True):
        if column.kind == "categorical":
            parts.append(np.asarray(cells[:, None] == np.arange(len(column.categories)), float).T)
        elif column.kind == "circular":
            turn = 2.0 * np.pi * cells / ((column.high or 0.0) - (column.low or 0.0))
            parts += [np.cos(turn)[None], np.sin(turn)[None]]
        else:
            parts.append(np.clip((cells - middle) / deviation, -FARTHEST, FARTHEST)[None])
    # Half the time of float64, and the distance to the hundredth draw is never so small that it would matter.
    return np.ascontiguousarray(np.concatenate(parts).T, np.float32)


def _from_median(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    middle = np.median(known)
    deviation = np.median(np.abs(known - middle))
    off = (values - middle) / (deviation if deviation > 0 else 1.0)
    return np.sign(off) * np.log1p(np.abs(off))
