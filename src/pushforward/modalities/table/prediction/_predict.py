"""What a conditional model predicts: means, quantiles and distribution functions of its columns.

Of one column of numbers they are exact (`_one_number`). Several columns, angles and categories are drawn, with the same
noise for every row: what is predicted for a row does not depend on its neighbours.
"""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from pushforward._errors import DataError
from pushforward._sizes import power_of_two
from pushforward.data import Column
from pushforward.distributions import AbstractDistribution
from pushforward.modalities.table._chunks import TableFlow, log_prob
from pushforward.modalities.table.prediction._one_number import (
    is_one_number,
    mean_of_one,
    quantiles_of_one,
    repeated,
    share_below,
)

LEAST_DRAWN = 2
DRAWN_CELLS = 2**18
"""Conditions times draws times columns that are drawn at once."""


class Estimate(NamedTuple):
    """What was found, and its standard error, 0 where it is exact; both have one row for each row of conditions."""

    value: np.ndarray
    error: np.ndarray


def mean(model: TableFlow, condition: np.ndarray, num_samples: int, key: PRNGKeyArray) -> Estimate:
    """The mean of every column, `(rows, columns)`: of an angle the mean direction, of categories the commonest code."""
    if is_one_number(model):
        return _exact(mean_of_one(model, condition)[:, None])
    parts = [_mean_of(draws, model.schema.columns) for draws in _draws(model, condition, num_samples, key)]
    return _joined(parts)


def quantiles(
    model: TableFlow, condition: np.ndarray, levels: np.ndarray, num_samples: int, key: PRNGKeyArray
) -> Estimate:
    """The value below which a share of each column lies, `(rows, levels, columns)`.

    Raises:
        DataError: If a column is circular or categorical, or a level is not in (0, 1).
    """
    _require_ordered(model.schema.columns)
    if not ((levels > 0) & (levels < 1)).all():
        raise DataError(f"a quantile needs levels between 0 and 1, got {levels.tolist()}.", "0.5 is the median")
    if is_one_number(model):
        return _exact(quantiles_of_one(model, condition, levels)[:, :, None])
    return _joined([_quantiles_of(draws, levels) for draws in _draws(model, condition, num_samples, key)])


def distribution(
    model: TableFlow, condition: np.ndarray, values: np.ndarray, num_samples: int, key: PRNGKeyArray
) -> Estimate:
    """The probability of a value at or below the one given, for each column apart, `(rows, columns)`.

    Raises:
        DataError: If a column is circular or categorical.
    """
    _require_ordered(model.schema.columns)
    if is_one_number(model):
        return _exact(share_below(model, condition, values)[:, None])
    parts, start = [], 0
    for draws in _draws(model, condition, num_samples, key):
        share = (draws <= values[start : start + len(draws), None, :]).mean(axis=1)
        start += len(draws)
        # Half a draw more on either side: a share of 0 is not known to be 0.
        kept = (share * num_samples + 0.5) / (num_samples + 1.0)
        parts.append(Estimate(share, np.sqrt(kept * (1.0 - kept) / num_samples)))
    return _joined(parts)


def expected_log_prob(model: TableFlow, condition: np.ndarray, num_samples: int, key: PRNGKeyArray) -> np.ndarray:
    """The mean log-density of the model's own draws, `(rows,)`: minus the entropy of the columns."""
    found, start = [], 0
    for draws in _draws(model, condition, num_samples, key):
        rows = np.repeat(condition[start : start + len(draws)], num_samples, axis=0)
        start += len(draws)
        scores = log_prob(model, draws.reshape(-1, draws.shape[2]), rows)
        found.append(scores.reshape(len(draws), num_samples).mean(axis=1))
    return np.concatenate(found)


def _exact(values: np.ndarray) -> Estimate:
    return Estimate(values, np.zeros_like(values))


def _joined(parts: list[Estimate]) -> Estimate:
    return Estimate(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _require_ordered(columns: tuple[Column, ...]) -> None:
    for column in columns:
        if column.kind in ("circular", "categorical"):
            raise DataError(
                f"column {column.name!r} is {column.kind}: its values have no order, and so no quantiles.",
                "draw samples instead",
            )


def _draws(model: TableFlow, condition: np.ndarray, num_samples: int, key: PRNGKeyArray) -> Iterator[np.ndarray]:
    """Draws given some conditions at a time, `(conditions, num_samples, columns)`, the same noise for each."""
    if num_samples < LEAST_DRAWN:
        raise DataError(f"n_samples must be at least {LEAST_DRAWN}, got {num_samples}.", "a thousand is a good number")
    columns = len(model.schema.columns)
    size = max(DRAWN_CELLS // (num_samples * columns), 1)
    seen = model.seen_conditions(condition)
    size = min(size, power_of_two(len(seen)))  # few sizes to compile
    for start in range(0, len(seen), size):
        rows = repeated(seen[start : start + size], size, 1).T
        draws = np.asarray(_drawn(model.flow, rows, key, num_samples))[: len(seen) - start]
        flat = draws.reshape(-1, draws.shape[2])
        values = model.schema.clip(flat.astype(np.float64)) if model.units is None else model.units.original(flat)
        yield values.reshape(*draws.shape[:2], columns)


def _mean_of(draws: np.ndarray, columns: tuple[Column, ...]) -> Estimate:
    values, errors = np.empty((len(draws), len(columns))), np.full((len(draws), len(columns)), np.nan)
    for place, column in enumerate(columns):
        cells = draws[:, :, place]
        if column.kind == "categorical":
            codes = range(len(column.categories))
            values[:, place] = np.argmax([(cells == code).sum(axis=1) for code in codes], axis=0)
        elif column.kind == "circular":
            assert column.low is not None
            assert column.high is not None
            radian = (column.high - column.low) / (2.0 * np.pi)
            turn = np.angle(np.exp(1j * cells / radian).mean(axis=1)) * radian
            values[:, place] = column.support.clip(turn)
        else:
            values[:, place] = cells.mean(axis=1)
            errors[:, place] = cells.std(axis=1, ddof=1) / np.sqrt(cells.shape[1])
    return Estimate(values, errors)


def _quantiles_of(draws: np.ndarray, levels: np.ndarray) -> Estimate:
    """Quantiles of draws; the error is half the distance of those one binomial deviation below and above."""
    spread = np.sqrt(levels * (1.0 - levels) / draws.shape[1])
    found = np.quantile(draws, np.concatenate([levels, levels - spread, levels + spread]).clip(0.0, 1.0), axis=1)
    value, low, high = np.split(np.moveaxis(found, 0, 1), 3, axis=1)
    return Estimate(value, 0.5 * (high - low))


@partial(jax.jit, static_argnums=3)
def _drawn(flow: AbstractDistribution, conditions: Array, key: PRNGKeyArray, num_samples: int) -> Array:
    """`(conditions, num_samples, columns)` as the flow gives them."""

    def of_one(condition: Array) -> Array:
        given = jnp.broadcast_to(condition[:, None], (len(condition), num_samples))
        return flow._sample_many(key, num_samples, given, None).T

    return jax.vmap(of_one)(conditions)
