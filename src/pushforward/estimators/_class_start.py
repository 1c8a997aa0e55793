"""Where a classifier begins: the noise of each class as the untrained flow finds it."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pushforward._errors import DataError, as_float
from pushforward._params import positive_raw
from pushforward._types import starts_from_data
from pushforward.bijections import AbstractBijection
from pushforward.distributions import AbstractDistribution, ConditionalBase, Embedded, Normal, Transformed
from pushforward.distributions._layout import most_rows
from pushforward.modalities._learn import Prepared
from pushforward.objectives import Batch

BLOCK = 8192
"""Rows of which the noise is found at once."""

START_ROWS = 512
"""Of which flows whose parameters begin from data are begun."""

LEAST_SPREAD = 0.1
"""Of standardised columns: below, a class of equal rows would begin with a density without an end."""


def seeing_classes(flow: Transformed, cond_dim: int, key: jax.Array) -> Transformed:
    """The flow with a Gaussian of its noise for each class, which `begun` gives its first means and spread."""
    shape = flow.base.event_shape
    net = eqx.nn.Linear(cond_dim, 2 * math.prod(shape), key=key)
    base = ConditionalBase(Normal(jnp.zeros(shape)), cond_dim, net=net)  # pyright: ignore[reportCallIssue]
    return Transformed(base, flow.bijection)


def begun(ready: Prepared, num_classes: int) -> Prepared:
    """With the means of the noise of each class, and its spread within classes, as the untrained flow finds them.

    The spread is drawn to that of all labelled rows, by one row a class: with one row in each it is that.
    """
    flow: Any = _started(ready) if starts_from_data(ready.flow) else ready.flow
    inner = flow.distribution
    if not (isinstance(inner, Transformed) and isinstance(inner.base, ConditionalBase)):
        raise DataError(
            "classes='latent' is for columns of numbers: categories, angles and values with a probability of their own "
            "are no map of Gaussian noise.",
            "use classes='conditional'",
        )
    net: Any = inner.base.net
    codes = np.asarray(ready.condition)[:, 0].astype(int)
    weights = np.ones(len(codes)) if ready.weights is None else np.asarray(ready.weights, np.float64)
    weights = np.where(codes < num_classes, weights, 0.0)
    means, spread = moments(inner.bijection, ready.x, codes, weights, num_classes)
    size = net.in_shape[0]  # with one more for rows without a label
    means = jnp.asarray(means[:size].T, jnp.result_type(float))
    raw = positive_raw(jnp.maximum(jnp.asarray(spread, means.dtype), LEAST_SPREAD))
    weight = jnp.concatenate([means, jnp.zeros_like(means)])
    bias = jnp.concatenate([jnp.zeros_like(raw), raw])
    module = eqx.tree_at(lambda one: (one.weight, one.bias), net.as_given(), (weight, bias))
    base = ConditionalBase(inner.base.inner, size, net=module)
    return ready._replace(flow=Embedded(Transformed(base, inner.bijection), flow.embedding))


def _started(ready: Prepared) -> AbstractDistribution:
    """The flow with what a first batch sets, since its noise is that of training only then."""
    rows = np.random.default_rng(0).permutation(len(ready.x))[:START_ROWS]
    batch = Batch(jnp.asarray(ready.x[rows]), jnp.asarray(ready.condition[rows]))
    return jax.jit(lambda flow, batch: flow._data_init(*batch.columns(flow)))(ready.flow, batch)


def moments(
    bijection: AbstractBijection, x: Any, codes: np.ndarray, weights: np.ndarray, num_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Of the noise: means of each class and of all rows, `(classes + 1, dim)`; the spread within classes, `(dim,)`.

    Args:
        bijection: From the noise to the events.
        x: `(rows, *event_shape)`, of which one block after another is looked at; `dim` is the size of an event.
        codes: `(rows,)`, the number of the class; that of a row without a label is the number of classes.
        weights: `(rows,)`, 0 without a label.
        num_classes: How many.
    """
    most = BLOCK if len(bijection.out_shape) == 1 else most_rows(bijection.out_shape)
    size, member = min(most, len(codes)), np.eye(num_classes + 1)
    counts, sums, squares = np.zeros(num_classes + 1), 0.0, 0.0
    for start in range(0, len(codes), size):
        rows = np.arange(start, start + size)
        # Rows that fill up the last block, so that one size is compiled, weigh nothing.
        of = np.where(rows < len(codes), weights[rows % len(codes)], 0.0)[:, None] * member[codes[rows % len(codes)]]
        z = np.asarray(_noise(bijection, jnp.asarray(x[rows % len(codes)])), np.float64)
        counts, sums, squares = counts + of.sum(axis=0), sums + of.T @ z, squares + of.sum(axis=1) @ z**2
    total = counts.sum()
    centre = np.sum(sums, axis=0) / total
    means = np.where(counts[:, None] > 0, sums / np.where(counts > 0, counts, 1.0)[:, None], centre)
    within = squares - counts @ means**2
    overall = squares / total - centre**2
    spread = np.sqrt(np.maximum(within + num_classes * overall, 0.0) / total)
    return np.concatenate([means[:num_classes], centre[None]]), spread


@jax.jit
def _noise(bijection: AbstractBijection, x: Array) -> Array:
    """Of events `(rows, *event_shape)`, `(rows, dim)`."""
    z, _ = bijection._inverse_many(jnp.moveaxis(as_float(x), 0, -1), None, jax.random.key(0))
    return z.reshape(-1, z.shape[-1]).T
