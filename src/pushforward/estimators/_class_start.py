"""Where a classifier begins: the noise of each class as the untrained flow finds it."""

import math
import warnings
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy.linalg import solve_triangular
from scipy.special import softmax

from pushforward._errors import DataError, as_float
from pushforward._params import positive_raw
from pushforward._types import starts_from_data
from pushforward.bijections import AbstractBijection, Chain, TriangularAffine
from pushforward.distributions import AbstractDistribution, ConditionalBase, Embedded, Normal, Transformed
from pushforward.distributions._layout import most_rows
from pushforward.modalities._learn import Prepared
from pushforward.objectives import Batch
from pushforward.train._inputs import rows_at_once
from pushforward.train._prepare import START_ROWS

BLOCK, MOST_ROWS, MOST_CELLS = 8192, 32768, 2**24
"""Rows of which the noise is found at once, and events that are looked at, those with a label first; cells of these."""

NEIGHBOURS, ROUNDS, MOST_COLUMNS = 7, 10, 512
"""Of an event without a label; rounds of expectation and maximisation, which many columns do not get."""

LEAST_SPREAD = 0.1
"""Of standardised columns: below, a class of equal rows would begin with a density without an end."""


def seeing_classes(flow: Transformed, cond_dim: int, key: jax.Array) -> Transformed:
    """The flow with a Gaussian of its noise for each class, which `begun` gives its first means and spread."""
    shape = flow.base.event_shape
    net = eqx.nn.Linear(cond_dim, 2 * math.prod(shape), key=key)
    base = ConditionalBase(Normal(jnp.zeros(shape)), cond_dim, net=net)  # pyright: ignore[reportCallIssue]
    return Transformed(base, flow.bijection)


def begun(ready: Prepared, log_prior: np.ndarray) -> Prepared:
    """With a Gaussian for the noise of each class, all of one covariance, as the untrained flow finds them.

    With labels everywhere it is the linear discriminant. Events without a label are given to the classes by their
    neighbours (label spreading), and then in rounds of EM for a mixture of Gaussians with one covariance. Of rows,
    unless very wide, the covariance becomes a triangular layer behind the noise, which then begins as white noise
    within each class; of images its diagonal is that of the noise.

    Reference:
        Hastie, Tibshirani & Friedman (2009), The elements of statistical learning, sections 4.3 and 8.5. Zhou,
        Bousquet, Lal, Weston & Schölkopf (2004), Learning with local and global consistency.
    """
    flow: Any = _started(ready) if starts_from_data(ready.flow) else ready.flow
    inner = flow.distribution
    if not (isinstance(inner, Transformed) and isinstance(inner.base, ConditionalBase)):
        raise DataError(
            "classes='latent' is for columns of numbers: categories, angles and values with a probability of their own "
            "are no map of Gaussian noise.",
            "use classes='conditional'",
        )
    codes = np.asarray(ready.condition)[:, 0].astype(int)
    weights = np.ones(len(codes)) if ready.weights is None else np.asarray(ready.weights, np.float64)
    most = max(1, min(MOST_ROWS, MOST_CELLS // math.prod(inner.event_shape)))
    rows = _looked_at(codes < len(log_prior), weights, most)
    means, factor = gaussians(noise(inner.bijection, ready.x, rows), codes[rows], weights[rows], log_prior)
    bijection = inner.bijection
    if len(inner.event_shape) == 1 and len(factor) <= MOST_COLUMNS:
        layer = TriangularAffine(jnp.zeros(len(factor)), jnp.asarray(factor, jnp.result_type(float)))
        bijection = Chain([layer, bijection])
        means, spread = solve_triangular(factor, means.T, lower=True).T, np.ones(len(factor))
    else:
        spread = np.sqrt(np.sum(factor**2, axis=1))
    base = _with_means(inner.base, means, spread)
    return ready._replace(flow=Embedded(Transformed(base, bijection), flow.embedding))


def noise(bijection: AbstractBijection, x: Any, rows: np.ndarray) -> np.ndarray:
    """Of these of the events `(count, *event_shape)`, a block at a time, `(rows, dim)`."""
    size = min(BLOCK if len(bijection.out_shape) == 1 else most_rows(bijection.out_shape), len(rows))
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
    class: with one row in each it is that. Of many columns it is the diagonal, and there are no rounds of EM.

    Args:
        z: `(rows, dim)`.
        codes: `(rows,)`, the number of the class; that of a row without a label is the number of classes or more.
        weights: `(rows,)`, not negative.
        log_prior: Of the classes.
    """
    count = len(log_prior)
    known = codes < count
    weights = weights / weights.mean()  # a row weighs 1 in the mean
    middle = np.average(z, axis=0, weights=weights)
    z = z - middle
    overall = np.average(z**2, axis=0, weights=weights)
    few, everywhere = z.shape[1] <= MOST_COLUMNS, bool(known.all())
    member = np.eye(count)[codes] if everywhere else _by_neighbours(z, np.where(known, codes, -1), count)
    means, factor = _fitted(z, member * weights[:, None], overall, full=few)
    for _ in range(0 if everywhere or not few else ROUNDS):
        white = solve_triangular(factor, z.T, lower=True)
        places = solve_triangular(factor, means.T, lower=True).T
        off = np.stack([np.sum((white - place[:, None]) ** 2, axis=0) for place in places], axis=1)
        member = np.where(known[:, None], member, softmax(log_prior - 0.5 * off, axis=1))
        means, factor = _fitted(z, member * weights[:, None], overall, full=True)
    return means + middle, factor


def _by_neighbours(z: np.ndarray, codes: np.ndarray, count: int) -> np.ndarray:
    """To which class each event belongs, in part, `(rows, classes)`; code -1 is no label, 0 of all not known."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.semi_supervised import LabelSpreading

    spreading = LabelSpreading(kernel="knn", n_neighbors=min(NEIGHBOURS, len(z) - 1))
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore", ConvergenceWarning)  # a start need not be the limit
        warnings.simplefilter("ignore", RuntimeWarning)  # of events that no label reaches
        spreading.fit(z / np.where(z.std(axis=0) > 0, z.std(axis=0), 1.0), codes)
    found = np.zeros((len(z), count))
    found[:, spreading.classes_] = spreading.label_distributions_
    found = np.where(np.isfinite(found).all(axis=1, keepdims=True), found, 0.0)
    return np.where(codes[:, None] >= 0, np.eye(count)[np.maximum(codes, 0)], found)


def _fitted(z: np.ndarray, member: np.ndarray, overall: np.ndarray, *, full: bool) -> tuple[np.ndarray, np.ndarray]:
    """The moments of rows, 0 in the mean, that belong to classes in part; without correlations unless `full`."""
    counts = member.sum(axis=0)
    means = (member.T @ z) / np.maximum(counts, 1e-12)[:, None]  # of a class without a row that of all
    total, classes = counts.sum(), len(counts)
    squares = member.sum(axis=1) @ z**2 - counts @ means**2
    variances = np.maximum((squares + classes * overall) / (total + classes), LEAST_SPREAD**2)
    if not full:
        return means, np.diag(np.sqrt(variances))
    scatter = (z.T * member.sum(axis=1)) @ z - (means.T * counts) @ means
    covariance = total / (total + len(overall)) * scatter / (total + classes)
    np.fill_diagonal(covariance, variances)
    return means, np.linalg.cholesky(covariance)


def _with_means(base: Any, means: np.ndarray, spread: np.ndarray) -> ConditionalBase:
    """The base with a Gaussian for each class; a number that stands for none has its mean at 0."""
    size = base.net.in_shape[0]
    start = np.zeros((size, means.shape[1]))
    start[: len(means)] = means
    weight = jnp.asarray(start.T, jnp.result_type(float))
    raw = positive_raw(jnp.asarray(spread, weight.dtype))
    values = (jnp.concatenate([weight, jnp.zeros_like(weight)]), jnp.concatenate([jnp.zeros_like(raw), raw]))
    module = eqx.tree_at(lambda one: (one.weight, one.bias), base.net.as_given(), values)
    return ConditionalBase(base.inner, size, net=module)


def _started(ready: Prepared) -> AbstractDistribution:
    """The flow with what a first batch sets, as that of training, which is another, will about do."""
    most = min(START_ROWS, rows_at_once(ready.flow.event_shape, START_ROWS, ready.flow.cond_shape))
    rows = np.random.default_rng(0).permutation(len(ready.x))[:most]
    batch = Batch(jnp.asarray(ready.x[rows]), jnp.asarray(ready.condition[rows]))
    return jax.jit(lambda flow, batch: flow._data_init(*batch.columns(flow)))(ready.flow, batch)


def _looked_at(known: np.ndarray, weights: np.ndarray, most: int) -> np.ndarray:
    """The rows that the start is found from, in order."""
    order = np.random.default_rng(0).permutation(len(known))
    order = order[weights[order] > 0]
    return np.sort(np.concatenate([order[known[order]], order[~known[order]]])[:most])


@jax.jit
def _noise(bijection: AbstractBijection, x: Array) -> Array:
    """Of events `(rows, *event_shape)`, `(rows, dim)`."""
    z, _ = bijection._inverse_many(jnp.moveaxis(as_float(x), 0, -1), None, jax.random.key(0))
    return z.reshape(-1, z.shape[-1]).T
