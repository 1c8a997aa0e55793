"""Which columns make a row odd: by how much its score rises with a column of the nearest likely row."""

import jax
import numpy as np

from pushforward.data import Schema
from pushforward.modalities.table._chunks import TableFlow, iter_draws, log_prob

DRAWS, DRAWS_GIVEN = 2048, 256
"""Draws of the model among which likely rows are sought: for all rows, and for each where conditions are given."""
FAR = 3.0
"""Deviations of a column beyond which a difference counts as this much: one wild column does not choose the row."""
_CELLS = 2**22  # differences held at once, 32 MiB


def column_gains(model: TableFlow, x: np.ndarray, condition: np.ndarray | None = None) -> np.ndarray:
    r"""For each column $j$ of each row $\log p(x_{j \to x'_j}) - \log p(x)$ in nats, `(rows, dim) -> (rows, dim)`.

    $x'$ is the nearest likely row: of draws of the model, those of the denser half are likely. A column that makes a
    row odd gains much; where two are at odds with each other, both gain. Draws need no training rows, so a model's file
    is enough, and nobody's row is told. The gains do not add up to anything.

    Args:
        model: The flow and its schema.
        x: Rows in the model's codes.
        condition: One row for each row of `x`, or None.
    """
    if not len(x):
        return np.zeros(x.shape)
    nearest = _nearest_likely(model, x, condition)
    before = log_prob(model, x, condition)
    gains = np.empty(x.shape)
    for place in range(x.shape[1]):
        changed = x.copy()
        changed[:, place] = nearest[:, place]
        after = log_prob(model, changed, condition)
        with np.errstate(invalid="ignore"):
            gains[:, place] = np.where(after == before, 0.0, after - before)
    return gains


def _nearest_likely(model: TableFlow, x: np.ndarray, condition: np.ndarray | None) -> np.ndarray:
    """The likely draw that is nearest to each row, `(rows, dim)`."""
    key = jax.random.key(0)
    if condition is None:
        draws = np.concatenate(list(iter_draws(model, DRAWS, key, None)))
        likely = _denser_half(log_prob(model, draws), draws)
        step = max(1, _CELLS // likely.size)
        return np.concatenate([_nearest(model.schema, x[i : i + step], likely) for i in range(0, len(x), step)])
    found = []
    for row, given in zip(x, condition, strict=True):
        draws = np.concatenate(list(iter_draws(model, DRAWS_GIVEN, key, None, given[None])))
        scores = log_prob(model, draws, np.repeat(given[None], len(draws), axis=0))
        found.append(_nearest(model.schema, row[None], _denser_half(scores, draws)))
    return np.concatenate(found)


def _denser_half(scores: np.ndarray, draws: np.ndarray) -> np.ndarray:
    return draws[np.argsort(scores)[len(scores) // 2 :]]


def _nearest(schema: Schema, x: np.ndarray, likely: np.ndarray) -> np.ndarray:
    """The nearest of the likely rows, in the deviations of their columns; categories are equal or `FAR`."""
    distance = np.zeros((len(x), len(likely)))
    for place, column in enumerate(schema.columns):
        apart = np.abs(x[:, None, place] - likely[None, :, place])
        if column.kind == "categorical":
            distance += FAR * (apart > 0)
            continue
        if column.kind == "circular":
            period = (column.high or 0.0) - (column.low or 0.0)
            apart = np.minimum(apart % period, period - apart % period)
        spread = np.std(likely[:, place])
        distance += np.minimum(apart / (spread if spread > 0 else 1.0), FAR)
    return likely[np.argmin(distance, axis=1)]
