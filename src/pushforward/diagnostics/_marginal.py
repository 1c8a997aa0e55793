"""The density of some columns of a joint flow, by drawing the others."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, PRNGKeyArray

from pushforward._errors import as_seed, check_condition
from pushforward.diagnostics._coordinates import Coordinate, coordinate_of
from pushforward.diagnostics._importance import FEWEST, weigh
from pushforward.distributions import AbstractDistribution, Autoregression, Fitted
from pushforward.distributions._fitted import flow_of
from pushforward.supports._events import spread

_DRAWS = 2**13
_NEIGHBOURS = 256
_ROWS = 2**15  # scored at once

DEGREES = 5.0
"""Of freedom of the kernels: heavier tails than those of what is integrated keep the weights bounded."""


class Marginal(NamedTuple):
    """The density of some columns.

    Attributes:
        log_prob: In nats, `(n,)`.
        error: Standard error of each in nats, `(n,)`, from the spread of the weights; 0 where the density is exact,
            infinite where few draws carry the weights and their tail is too heavy for an error (`weigh`).
    """

    log_prob: np.ndarray
    error: np.ndarray


def marginal_log_prob(
    flow: AbstractDistribution | Fitted,
    columns: Sequence[int],
    x: ArrayLike | Any,
    condition: ArrayLike | None = None,
    *,
    num_samples: int = 1000,
    key: PRNGKeyArray | int,
) -> Marginal:
    r"""$\log p(x_S) = \log\int p(x_S, x_R)\,dx_R$ of columns $S$, by importance sampling of the other columns $R$.

    The others are drawn from kernels at the 256 of 8192 samples of the flow that are nearest in the columns asked for,
    in coordinates without edges; the mean of $p(x_S, x_R)/r(x_R)$ is the density, without bias, and the spread of these
    weights its error. It is quick for few other columns, up to about eight; with more, the error says how far it goes.
    The first columns of an `Autoregression` in its own order are exact, without drawing.

    Args:
        flow: A distribution over vectors, or a fitted estimator.
        columns: Which coordinates, in the order of the columns of `x`; not all of them.
        x: `(n, len(columns))`, or `(n,)` for one column.
        condition: One condition, `(*cond_shape)`, for a conditional flow.
        num_samples: Draws of the other columns for each row.
        key: A key or a seed.

    Raises:
        ValueError: If the events are no vectors, a column is not there, twice there, a category or a whole number, or a
            shape does not fit.

    Example:
        >>> flow = pf.distributions.MultivariateNormal(jnp.zeros(3), 0.5 * jnp.eye(3) + 0.5)
        >>> found = marginal_log_prob(flow, [1], jnp.zeros(1), key=key)
        >>> bool(abs(found.log_prob[0] + 0.9189) < 4 * found.error[0] < 0.2)
        True
    """
    flow, seed = flow_of("marginal_log_prob", flow), as_seed("marginal_log_prob", key)
    columns, rows = _checked(flow, columns, np.asarray(x), num_samples)
    check_condition("marginal_log_prob", condition, flow.cond_shape)
    if isinstance(flow, Autoregression) and flow.num_orders == 1 and columns == list(range(len(columns))):
        return Marginal(_leading(flow, rows, condition), np.zeros(len(rows)))
    draw_key, rest_key = jax.random.split(seed)
    samples = np.asarray(flow.sample(draw_key, _DRAWS, condition))
    proposal = _Proposal(_coordinates(flow, samples), samples.astype(np.float64), columns)
    rng = np.random.default_rng(np.asarray(jax.random.key_data(rest_key)))
    found = [
        _estimates(flow, proposal, chunk, condition, num_samples, rng)
        for chunk in np.array_split(rows, max(1, math.ceil(len(rows) * num_samples / _ROWS)))
    ]
    return Marginal(*np.concatenate(found, axis=1))


def _checked(
    flow: AbstractDistribution, columns: Sequence[int], x: np.ndarray, num_samples: int
) -> tuple[list[int], np.ndarray]:
    """The columns as whole numbers from 0 on, and rows `(n, len(columns))`."""
    if len(flow.event_shape) != 1:
        raise ValueError(f"marginal_log_prob: events must be vectors, got shape {flow.event_shape}.")
    size = flow.event_shape[0]
    found = [int(column) % size for column in columns if -size <= column < size]
    if len(set(found)) < len(columns) or not 0 < len(found) < size:
        raise ValueError(
            f"marginal_log_prob: `columns` must be some of the {size} coordinates, 0 to {size - 1}, once each, and not "
            f"all of them, got {list(columns)}. All of them are `flow.log_prob(x)`."
        )
    rows = x[:, None] if x.ndim == 1 and len(found) == 1 else x
    if rows.ndim != 2 or rows.shape[1] != len(found):
        raise ValueError(f"marginal_log_prob: `x` must have shape (n, {len(found)}), got {x.shape}.")
    if num_samples < FEWEST:
        raise ValueError(f"marginal_log_prob: `num_samples` must be at least {FEWEST}, got {num_samples}.")
    return found, rows


def _leading(flow: Autoregression, rows: np.ndarray, condition: ArrayLike | None) -> np.ndarray:
    """The sum of the first factors, which see none of what is behind."""
    count = rows.shape[1]
    x = jnp.pad(jnp.asarray(rows.T, flow.net.weights[0].dtype), ((0, flow.event_shape[0] - count), (0, 0)))
    given = None if condition is None else jnp.tile(jnp.asarray(condition)[:, None], len(rows))
    each = flow._log_law(flow.net(x, given, None), x)[:count]
    return np.asarray(jnp.sum(each, axis=0), np.float64)


def _coordinates(flow: AbstractDistribution, samples: np.ndarray) -> list[Coordinate]:
    supports = spread(flow.support, flow.event_shape)
    found = [coordinate_of(support, column) for support, column in zip(supports, samples.T, strict=True)]
    known = [coordinate for coordinate in found if coordinate is not None]
    if len(known) < len(found):
        raise ValueError(
            f"marginal_log_prob: needs densities of all columns, got {flow.support}. "
            "Shares of categories are those of samples: `flow.sample(key, 100_000)`."
        )
    return known


class _Proposal:
    """Laws of the other columns near given values of some, as mixtures of kernels at samples."""

    def __init__(self, coordinates: list[Coordinate], samples: np.ndarray, columns: list[int]):
        self.columns = columns
        self.others = [i for i in range(len(coordinates)) if i not in columns]
        self.coordinates = coordinates
        y = np.stack([c.place(x) for c, x in zip(coordinates, samples.T, strict=True)], axis=1)
        low, high = np.array([[c.low, c.high] for c in coordinates]).T
        y = np.clip(y, low, high)
        self.low, self.high = low[self.others], high[self.others]
        self.seen, self.unseen = y[:, columns], y[:, self.others]
        self.unit = np.std(self.seen, axis=0) + np.finfo(float).tiny
        self.least = 1e-6 * np.var(self.unseen, axis=0) + np.finfo(float).tiny

    def near(self, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Centres of kernels `(kernels, others)` and the lower factor of their scale."""
        places = [self.coordinates[i].place(value) for i, value in zip(self.columns, row[:, None], strict=True)]
        distance = np.sum(((np.concatenate(places) - self.seen) / self.unit) ** 2, axis=1)
        centres = self.unseen[np.argpartition(distance, _NEIGHBOURS)[:_NEIGHBOURS]]
        size = len(self.others)
        width = (4.0 / (size + 2.0) / _NEIGHBOURS) ** (1.0 / (size + 4.0))  # Silverman's
        spread = np.atleast_2d(np.cov(centres.T)) + np.diag(self.least)
        return centres, width * np.linalg.cholesky(spread)

    def draw(self, row: np.ndarray, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """The other columns, `(count, others)`, and the logarithm of one over their density."""
        centres, factor = self.near(row)
        size = centres.shape[1]
        noise = rng.standard_normal((count, size)) / np.sqrt(rng.chisquare(DEGREES, (count, 1)) / DEGREES)
        y = centres[rng.integers(len(centres), size=count)] + noise @ factor.T
        inverse = np.linalg.inv(factor)
        squares = sum((a[:, None] - b) ** 2 for a, b in zip((y @ inverse.T).T, (centres @ inverse.T).T, strict=True))
        half = 0.5 * (DEGREES + size)
        constant = math.lgamma(half) - math.lgamma(0.5 * DEGREES) - 0.5 * size * math.log(math.pi * DEGREES)
        kernels = np.exp(-half * np.log1p(squares / DEGREES))  # powers: none is 0
        log_r = constant - np.sum(np.log(np.diag(factor))) + np.log(np.mean(kernels, axis=1))
        inside = np.all((y > self.low) & (y < self.high), axis=1)
        y = np.where(inside[:, None], y, 0.5 * (self.low + self.high))
        others = [self.coordinates[i] for i in self.others]
        slopes = sum(np.log(c.slope(column)) for c, column in zip(others, y.T, strict=True))
        x = np.stack([c.there(column) for c, column in zip(others, y.T, strict=True)], axis=1)
        return x, np.where(inside, slopes - log_r, -np.inf)


def _estimates(
    flow: AbstractDistribution,
    proposal: _Proposal,
    rows: np.ndarray,
    condition: ArrayLike | None,
    count: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Log-densities and their errors, `(2, n)`."""
    events, others = np.empty((len(rows), count, flow.event_shape[0])), np.empty((len(rows), count))
    events[..., proposal.columns] = rows[:, None]
    usable = np.all(np.isfinite(rows), axis=1)
    for i in np.flatnonzero(usable):
        events[i][:, proposal.others], others[i] = proposal.draw(rows[i], count, rng)
    events[~usable] = np.nan
    log_prob = np.asarray(flow.log_prob(events, condition), np.float64)
    pairs = zip(log_prob, others, strict=True)
    found = [_estimate(*pair) if ok else (np.nan, np.nan) for ok, pair in zip(usable, pairs, strict=True)]
    return np.array(found).reshape(-1, 2).T


def _estimate(log_prob: np.ndarray, others: np.ndarray) -> tuple[float, float]:
    log_weights = log_prob + others
    if np.all(np.isneginf(log_weights)):
        return -np.inf, 0.0
    found = weigh(log_weights, log_weights)
    # Of weights that are nearly equal a tail has a shape, but no size.
    known = found.reliable or found.effective_sample_size > EVEN * len(log_weights)
    return found.log_z, found.log_z_error if known else np.inf


EVEN = 0.5
"""Effective draws of all draws."""
