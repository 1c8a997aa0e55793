"""What a conditional model predicts: means, quantiles and distribution functions of its columns.

One column of numbers is a monotone function of one Gaussian number, so that quantiles and the distribution function are
exact, each by one pass. Several columns, angles and categories are drawn, with the same noise for every row: what is
predicted for a row does not depend on its neighbours.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray
from scipy.special import ndtr, ndtri

from pushforward._errors import DataError
from pushforward._sizes import power_of_two
from pushforward.data import Column
from pushforward.distributions import AbstractDistribution, Embedded, Normal, Transformed
from pushforward.modalities.table._chunks import TableFlow, log_prob

NODES = np.linspace(-8.0, 8.0, 129)
"""Of the integral over the noise that a mean is. The trapezoidal rule errs by 5e-4 of a jump in the slope, at most."""
LEAST_DRAWN = 2
DRAWN_CELLS = 2**18
"""Conditions times draws times columns that are drawn at once."""


class Estimate(NamedTuple):
    """What was found, and its standard error, 0 where it is exact; both have one row for each row of conditions."""

    value: np.ndarray
    error: np.ndarray


def mean(model: TableFlow, condition: np.ndarray, num_samples: int, key: PRNGKeyArray) -> Estimate:
    """The mean of every column, `(rows, columns)`: of an angle the mean direction, of categories the commonest code."""
    if is_monotone(model):
        return _exact(_integral(model, condition)[:, None])
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
    if is_monotone(model):
        rising = _is_rising(model, condition)
        return _exact(_pushed(model, condition, ndtri(levels if rising else 1.0 - levels))[:, :, None])
    return _joined([_quantiles_of(draws, levels) for draws in _draws(model, condition, num_samples, key)])


def distribution(
    model: TableFlow, condition: np.ndarray, values: np.ndarray, num_samples: int, key: PRNGKeyArray
) -> Estimate:
    """The probability of a value at or below the one given, for each column apart, `(rows, columns)`.

    Raises:
        DataError: If a column is circular or categorical.
    """
    _require_ordered(model.schema.columns)
    if is_monotone(model):
        return _exact(_distribution_function(model, condition, values)[:, None])
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


def is_monotone(model: TableFlow) -> bool:
    """Whether the model has one column that is a function of one Gaussian number."""
    (column, *others) = model.schema.columns
    flow = _transformed(model.flow)
    return (
        not others
        and column.kind not in ("circular", "categorical")
        and model.units is not None
        and isinstance(flow, Transformed)
        and isinstance(flow.base, Normal)
        and flow.base.loc is None  # a standard one
    )


def _integral(model: TableFlow, condition: np.ndarray) -> np.ndarray:
    """The mean of one column over its noise, `(rows,)`."""
    assert model.units is not None
    if not model.units.integers:
        weights = np.exp(-0.5 * NODES**2)
        return _pushed(model, condition, NODES) @ (weights / weights.sum())
    # The rule would miss by a fortieth where a number is rounded down: between two nodes the mean has a formula.
    real = _pushed(replace(model, units=model.units.not_rounded()), condition, NODES)
    low, high = np.minimum(real[:, :-1], real[:, 1:]), np.maximum(real[:, :-1], real[:, 1:])
    wide = high - low > 1e-9 * np.maximum(np.abs(high), 1.0)
    between = (_floor_summed(high) - _floor_summed(low)) / np.where(wide, high - low, 1.0)
    share = np.diff(ndtr(NODES))
    return np.where(wide, between, np.floor(low)) @ (share / share.sum())


def _floor_summed(x: np.ndarray) -> np.ndarray:
    """The integral of the floor from 0 to x."""
    whole = np.floor(x)
    return whole * (x - whole) + 0.5 * whole * (whole - 1.0)


def _transformed(flow: AbstractDistribution) -> AbstractDistribution:
    return flow.distribution if isinstance(flow, Embedded) else flow


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


def _is_rising(model: TableFlow, condition: np.ndarray) -> bool:
    """Whether the column grows with its noise: a map that can be inverted does so for all conditions or for none."""
    low, high = _pushed(model, condition[:1], np.array([-1.0, 1.0]), whole=False)[0]
    return bool(low < high)


def _pushed(model: TableFlow, condition: np.ndarray, noise: np.ndarray, *, whole: bool = True) -> np.ndarray:
    """Where the noise goes given each condition, in the user's units, `(rows, len(noise))`.

    Args:
        model: Of one column.
        condition: `(rows, conditions)`.
        noise: `(n,)`.
        whole: Whether values are the user's; else the flow's own.
    """
    assert model.units is not None
    seen, out = model.seen_conditions(condition), np.empty((len(condition), len(noise)))
    size = max(model.chunk_rows(len(condition) * len(noise)) // len(noise), 1)
    z = jnp.asarray(np.tile(noise, size)[None], jnp.result_type(float))
    for start in range(0, len(condition), size):
        rows = _repeated(seen[start : start + size], size, len(noise))
        pushed = np.asarray(_push(model.flow, z, rows))[0][:, None]
        values = model.units.original(pushed) if whole else pushed
        out[start : start + size] = values.reshape(size, len(noise))[: len(condition) - start]
    return out


def _distribution_function(model: TableFlow, condition: np.ndarray, values: np.ndarray) -> np.ndarray:
    """P(Y <= y) for one column, `(rows,)`; of whole numbers, up to and with y."""
    assert model.units is not None
    (column,) = model.schema.columns
    support, cells = column.support, np.floor(values) if column.kind == "integer" else values
    inside = support.clip(cells)
    below, above = cells[:, 0] < inside[:, 0], cells[:, 0] > inside[:, 0]
    fractions = np.ones((len(values), 1)) if column.kind == "integer" else None
    u, _ = model.units.standard(inside, fractions)
    seen, out = model.seen_conditions(condition), np.empty(len(values))
    size = model.chunk_rows(len(values))
    for start in range(0, len(values), size):
        part = np.resize(u[start : start + size, 0], size)
        z = _pull(model.flow, jnp.asarray(part[None]), _repeated(seen[start : start + size], size, 1))
        out[start : start + size] = np.asarray(z, np.float64)[0][: len(values) - start]
    probability = ndtr(out if _is_rising(model, condition) else -out)
    return np.where(below, 0.0, np.where(above, 1.0, probability))


def noise_of(model: TableFlow, condition: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The noise behind rows given conditions, `(rows, columns)`; whole numbers are taken at their middle."""
    assert model.units is not None
    u, _ = model.units.standard(values, np.full((len(values), len(model.units.integers)), 0.5))
    seen = jnp.asarray(model.seen_conditions(condition).T, jnp.result_type(float))
    return np.asarray(_pull(model.flow, jnp.asarray(u.T, jnp.result_type(float)), seen), np.float64).T


def _repeated(condition: np.ndarray, size: int, times: int) -> Array:
    """`size` conditions, the first again behind them, each `times` times, batch axis last."""
    filled = np.concatenate([condition, np.repeat(condition[:1], size - len(condition), axis=0)])
    return jnp.asarray(np.repeat(filled, times, axis=0).T, jnp.result_type(float))


@jax.jit
def _push(flow: AbstractDistribution, z: Array, condition: Array) -> Array:
    inner, given = _inside(flow, condition)
    return inner.bijection._forward_many(z, given, None)[0]


@jax.jit
def _pull(flow: AbstractDistribution, u: Array, condition: Array) -> Array:
    inner, given = _inside(flow, condition)
    return inner.bijection._inverse_many(u, given, None)[0]


def _inside(flow: AbstractDistribution, condition: Array) -> tuple[Transformed, Array | None]:
    given = flow._embed(condition) if isinstance(flow, Embedded) else condition
    inner = _transformed(flow)
    assert isinstance(inner, Transformed)
    return inner, given


def _draws(model: TableFlow, condition: np.ndarray, num_samples: int, key: PRNGKeyArray) -> Iterator[np.ndarray]:
    """Draws given some conditions at a time, `(conditions, num_samples, columns)`, the same noise for each."""
    if num_samples < LEAST_DRAWN:
        raise DataError(f"n_samples must be at least {LEAST_DRAWN}, got {num_samples}.", "a thousand is a good number")
    columns = len(model.schema.columns)
    size = max(DRAWN_CELLS // (num_samples * columns), 1)
    seen = model.seen_conditions(condition)
    size = min(size, power_of_two(len(seen)))  # few sizes to compile
    for start in range(0, len(seen), size):
        rows = _repeated(seen[start : start + size], size, 1).T
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
