"""Some coordinates of a joint flow alone."""

from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import ArrayLike, PRNGKeyArray

from pushforward._errors import as_seed
from pushforward.conditionals._anneal import ISLANDS
from pushforward.conditionals._condition import POOL, check_places
from pushforward.conditionals._exact import exact_of
from pushforward.conditionals._joint import Joint, joint_of
from pushforward.conditionals._query import Estimate, Query, doubts, solve
from pushforward.conditionals._start import QUICK
from pushforward.distributions import AbstractDistribution, Fitted
from pushforward.distributions._fitted import flow_of

UNMOVED = QUICK._replace(last_sweeps=0)
"""Nobody looks at the particles, once their weights are known."""
CELLS = 2**18
"""Rows times particles that are led at once."""


class Marginal:
    """The distribution of some coordinates of a joint flow, whatever the others are.

    Made by `marginal`.

    Attributes:
        columns: Places of the coordinates, in the order of draws.
        exact: Whether its density is exact.
    """

    def __init__(self, joint: Joint, columns: Sequence[int], *, exact: bool = True):
        self._joint, self.columns = joint, tuple(columns)
        self._order = np.argsort(self.columns)
        places = tuple(sorted(self.columns))
        self._closed = exact_of(joint.flow, places) if exact and not joint.atoms else None
        self.exact = self._closed is not None or len(self.columns) == joint.dim

    def sample(self, key: PRNGKeyArray | int, n: int = 1) -> np.ndarray:
        """Independent draws, `(n, columns)`: those of the joint flow, of which the others are left out."""
        random = np.random.default_rng(0)
        return self._joint.sample(as_seed("sample", key), n, random)[:, list(self.columns)]

    def log_prob(self, x: ArrayLike, *, num_particles: int = 512, key: PRNGKeyArray | int = 0) -> Estimate:
        """Log-density of each row in nats, and its standard error, `(n, columns) -> (n,), (n,)`.

        The error is infinite where what was found is not to be trusted, and the value NaN for a row with a NaN.

        Args:
            x: Rows, in the order of the columns.
            num_particles: For each row, where it is not exact.
            key: A key or a seed.

        Raises:
            ValueError: If the shape does not fit.
        """
        rows = np.asarray(x, np.float64)
        rows = rows[:, None] if rows.ndim == 1 and len(self.columns) == 1 else rows
        if rows.ndim != 2 or rows.shape[1] != len(self.columns):
            raise ValueError(f"log_prob: `x` must have shape (n, {len(self.columns)}), got {rows.shape}.")
        rows = rows[:, self._order]
        if len(self.columns) == self._joint.dim:
            return Estimate(self._joint.log_prob(rows), np.zeros(len(rows)))
        value, error = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
        usable = np.isfinite(rows).all(axis=1)
        query = Query(tuple(sorted(self.columns)), rows[usable])
        if self._closed is not None:
            value[usable], error[usable] = self._closed.log_prob(rows[usable]), 0.0
        elif usable.any():
            found = log_evidence(self._joint, query, num_particles, as_seed("log_prob", key))
            value[usable], error[usable] = found
        return Estimate(value, error)


def marginal(flow: AbstractDistribution | Fitted | Joint, columns: Sequence[int], *, exact: bool = True) -> Marginal:
    """The distribution of some coordinates of a flow that was trained on all of them.

    Draws are exact. The density is so where that of `condition` is; elsewhere each row's is estimated, with an error.

    Args:
        flow: A distribution over vectors with exact log-densities, or a fitted estimator.
        columns: Which coordinates.
        exact: Whether a closed form is used where there is one.

    Raises:
        ValueError: If a coordinate is not there, or twice, or none is asked for.

    Example:
        >>> flow = pf.distributions.MultivariateNormal(jnp.zeros(3), 0.5 * jnp.eye(3) + 0.5)
        >>> found = pf.conditionals.marginal(flow, [1]).log_prob(jnp.zeros((1, 1)))
        >>> round(float(found.value[0]), 4), float(found.error[0])
        (-0.9189, 0.0)
    """
    joint = flow if isinstance(flow, Joint) else joint_of(flow_of("marginal", flow), "marginal")
    if not columns:
        raise ValueError("marginal: name at least one coordinate.")
    return Marginal(joint, check_places("marginal", joint, columns), exact=exact)


def log_evidence(joint: Joint, query: Query, particles: int, key: PRNGKeyArray) -> Estimate:
    """The log-density of what each row of a query gives; the error is infinite where it is not to be trusted."""
    pool_key, rest = jax.random.split(key)
    random = np.random.default_rng(np.asarray(jax.random.key_data(rest)))
    pool = joint.sample(pool_key, POOL, random)
    each = max(2 * -(-particles // (2 * ISLANDS)), 32)
    value, error = _evidence(joint, query, pool, each, random)
    if (again := np.flatnonzero(np.isinf(error))).size:
        value[again], error[again] = _evidence(joint, query.taken(again), pool, MORE * each, random)
    return Estimate(value, error)


MORE = 4
"""Times as many particles for rows that the first cannot be trusted with."""


def _evidence(
    joint: Joint, query: Query, pool: np.ndarray, each: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Log-densities and their errors, infinite where they are not to be trusted."""
    values, errors = [], []
    for part in parts_of(query, max(CELLS // (each * ISLANDS) // 8, 1)):
        found = solve(joint, part, pool, each, random, UNMOVED)
        bad = np.array([doubt is not None for doubt in doubts(found)])
        values.append(found.log_z)
        errors.append(np.where(np.isneginf(found.log_z), 0.0, np.where(bad, np.inf, found.log_z_error)))
    return np.concatenate(values), np.concatenate(errors)


def parts_of(query: Query, rows: int) -> list[Query]:
    """A query in pieces of at most so many rows."""
    return [query.taken(slice(start, start + rows)) for start in range(0, len(query.values), rows)]
