"""In which units a window is seen: scales of its own past, and centres of its steps."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from pushforward._errors import did_you_mean

SCALINGS = ("mean", "steps", "none")

LEAST_SHARE = 0.01
"""Of the usual scale of a series: where its past hardly moves, its unit is no smaller than this in older files."""
FEW_WINDOWS = 0.05
"""Windows whose scale is smaller than the least unit of their series."""


class Seen(NamedTuple):
    """A window with its past, batches last.

    Attributes:
        values: `(past + horizon, series, batch)`; what is missing stands for the last value before it.
        missing: The same shape, 1 where there is none.
        known: Covariates of every step, `(past + horizon, covariates, batch)`.
    """

    values: Array
    missing: Array
    known: Array


def check_scaling(name: str, scaling: str) -> None:
    """A ValueError for a word that is none of them."""
    if scaling not in SCALINGS:
        raise ValueError(f"{name}: unknown scaling {scaling!r}; {did_you_mean(scaling, SCALINGS)}.")


def scales(scaling: str, values: Array, missing: Array) -> Array:
    """The unit of each series in a past, `(past, series, batch) -> (series, batch)`; 0 where nothing moves or is there.

    With "mean" the mean of $|x|$, with "steps" that of $|x_t - x_{t-1}|$, over what is there; with "none" 1.
    """
    if scaling == "none":
        return jnp.ones(values.shape[1:], values.dtype)
    there = missing < 0.5
    if scaling == "steps":
        values, there = values[1:] - values[:-1], there[1:] & there[:-1]
    return jnp.sum(jnp.where(there, jnp.abs(values), 0.0), axis=0) / jnp.maximum(jnp.sum(there, axis=0), 1)


def at_least(scale: Array, usual: Array, least: Array | None) -> Array:
    """Scales that can divide, `(series, batch)`: no smaller than the least, or a share of the usual, `(series,)`."""
    floor = jnp.maximum(LEAST_SHARE * usual if least is None else least, jnp.finfo(scale.dtype).tiny ** 0.5)
    return jnp.maximum(scale, floor[:, None])


def least(scale: Array) -> Array:
    """A scale of each series below which those of few windows are, `(series, batch) -> (series,)`; 0 where all are 0.

    A quantile, not a share of the mean: items may differ by powers of ten, and each is to have its own unit, while a
    past in which nothing moved has none.
    """
    found = jnp.nanquantile(jnp.where(scale > 0, scale, jnp.nan), FEW_WINDOWS, axis=-1)
    return jnp.where(jnp.isnan(found), 0.0, found)


def usual(scale: Array) -> Array:
    """The mean scale of each series over many windows, `(series, batch) -> (series,)`; 1 where all are 0."""
    mean = jnp.mean(scale, axis=-1)
    return jnp.where(mean > 0, mean, 1.0)


def fitted_line(inputs: Array, targets: Array) -> Array:
    """Weights of a linear regression with a ridge, `(inputs, rows), (outputs, rows) -> (outputs, inputs)`."""
    inputs, targets = (rows - jnp.mean(rows, axis=-1, keepdims=True) for rows in (inputs, targets))
    spread = jnp.sqrt(jnp.mean(inputs**2, axis=-1, keepdims=True))
    moves = spread > RIDGE * jnp.max(spread)
    unit = jnp.where(moves, inputs / jnp.where(moves, spread, 1.0), 0.0)
    count = inputs.shape[-1]
    gram = unit @ unit.T / count + RIDGE * jnp.eye(len(unit), dtype=unit.dtype)
    weights = jax.scipy.linalg.solve(gram, unit @ targets.T / count, assume_a="pos").T
    return jnp.where(moves, weights.T / jnp.where(moves, spread, 1.0), 0.0).T


RIDGE = 1e-3
"""Of the variance of an input: what is nearly a copy of others gets no great weight."""
