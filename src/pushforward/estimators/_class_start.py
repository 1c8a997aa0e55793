"""Where a classifier begins: the noise of each class as the untrained flow finds it."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy.linalg import solve_triangular
from scipy.special import softmax

from pushforward._errors import DataError
from pushforward._params import positive_raw
from pushforward.bijections import AbstractBijection, Chain, TriangularAffine
from pushforward.distributions import ConditionalBase, Embedded, Transformed
from pushforward.modalities._learn import Prepared

BLOCK, MOST_ROWS = 8192, 32768
"""Rows of which the noise is found at once, and rows that are looked at, those with a label first."""

ROUNDS = 30
"""Of expectation and maximisation, where rows lack a label."""

LEAST_SPREAD = 0.1
"""Of standardised columns: below, a class of equal rows would begin with a density without an end."""


def begun(ready: Prepared, log_prior: np.ndarray) -> Prepared:
    """With a Gaussian for the noise of each class, all of one covariance, as the untrained flow finds them.

    With labels everywhere it is the linear discriminant. Rows without a label are given to the classes in the rounds of
    EM for a mixture of Gaussians with one covariance. This covariance becomes a triangular layer behind the noise,
    which therefore begins as white noise within each class.

    Reference:
        Hastie, Tibshirani & Friedman (2009), The elements of statistical learning, sections 4.3 and 8.5.
    """
    flow: Any = ready.flow
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
    rows = _looked_at(codes < len(log_prior), weights)
    means, factor = gaussians(noise(inner.bijection, ready.x, rows), codes[rows], weights[rows], log_prior)
    size = net.in_shape[0]  # with one more for rows without a label
    white = np.zeros((size, means.shape[1]))
    white[: len(means)] = solve_triangular(factor, means.T, lower=True).T
    start = jnp.asarray(white.T, jnp.result_type(float))
    raw = positive_raw(jnp.ones(len(start), start.dtype))
    weight = jnp.concatenate([start, jnp.zeros_like(start)])
    bias = jnp.concatenate([jnp.zeros_like(raw), raw])
    module = eqx.tree_at(lambda one: (one.weight, one.bias), net.as_given(), (weight, bias))
    base = ConditionalBase(inner.base.inner, size, net=module)
    layer = TriangularAffine(jnp.zeros(len(start), start.dtype), jnp.asarray(factor, start.dtype))
    return ready._replace(flow=Embedded(Transformed(base, Chain([layer, inner.bijection])), flow.embedding))


def noise(bijection: AbstractBijection, x: Any, rows: np.ndarray) -> np.ndarray:
    """Of these rows of `x`, a block at a time, `(rows, dim)`."""
    size = min(BLOCK, len(rows))
    found = []
    for start in range(0, len(rows), size):
        # Rows that fill up the last block, so that one size is compiled, are dropped.
        block = rows[np.arange(start, start + size) % len(rows)]
        found.append(np.asarray(_noise(bijection, jnp.asarray(x[block])), np.float64))
    return np.concatenate(found)[: len(rows)]


def gaussians(
    z: np.ndarray, codes: np.ndarray, weights: np.ndarray, log_prior: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Means of the classes, `(classes, dim)`, and the lower root of the covariance within them, `(dim, dim)`.

    The covariance is drawn to its diagonal by as many rows as there are columns, and to that of all rows by one row a
    class: with one row in each it is that.

    Args:
        z: `(rows, dim)`.
        codes: `(rows,)`, the number of the class; that of a row without a label is the number of classes or more.
        weights: `(rows,)`, not negative.
        log_prior: Of the classes.
    """
    count = len(log_prior)
    known = codes < count
    everywhere = bool(known.all())
    centre = np.average(z, axis=0, weights=weights)
    overall = np.average((z - centre) ** 2, axis=0, weights=weights)
    member = np.where(known[:, None], np.eye(count + 1)[np.minimum(codes, count)][:, :count], 0.0)
    means, factor = _fitted(z[known], member[known] * weights[known, None], centre, overall, full=everywhere)
    for _ in range(0 if everywhere else ROUNDS):
        off = [solve_triangular(factor, (z - mean).T, lower=True) for mean in means]
        member = np.where(known[:, None], member, softmax(log_prior - 0.5 * np.square(off).sum(axis=1).T, axis=1))
        means, factor = _fitted(z, member * weights[:, None], centre, overall, full=True)
    return means, factor


def _fitted(
    z: np.ndarray, member: np.ndarray, centre: np.ndarray, overall: np.ndarray, *, full: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The moments of rows that belong to classes in part; without correlations unless `full`."""
    counts = member.sum(axis=0)
    means = np.where(counts[:, None] > 0, (member.T @ z) / np.maximum(counts, 1e-12)[:, None], centre)
    total = counts.sum()
    scatter = (z.T * member.sum(axis=1)) @ z - (means.T * counts) @ means
    within = (scatter + len(counts) * np.diag(overall)) / (total + len(counts))
    variances = np.maximum(np.diagonal(within), LEAST_SPREAD**2)
    share = total / (total + len(overall)) if full else 0.0
    covariance = share * (within - np.diag(np.diagonal(within))) + np.diag(variances)
    return means, np.linalg.cholesky(covariance)


def _looked_at(known: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The rows that the start is found from, in order."""
    order = np.random.default_rng(0).permutation(len(known))
    order = order[weights[order] > 0]
    return np.sort(np.concatenate([order[known[order]], order[~known[order]]])[:MOST_ROWS])


@jax.jit
def _noise(bijection: AbstractBijection, x: Array) -> Array:
    """Of rows `(rows, dim)`."""
    return bijection._inverse_many(x.T, None, jax.random.key(0))[0].T
