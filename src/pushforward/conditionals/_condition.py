"""What a joint flow says of some coordinates given others, and of some alone."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import jax
import numpy as np
from jaxtyping import ArrayLike, PRNGKeyArray

from pushforward._errors import DataError, as_seed
from pushforward.conditionals._anneal import ISLANDS, SWEEPS, Found
from pushforward.conditionals._exact import AbstractExact, exact_of
from pushforward.conditionals._joint import Joint, joint_of
from pushforward.conditionals._query import Estimate, Query, doubts, quantiles_of, solve
from pushforward.diagnostics._importance import pareto_told
from pushforward.distributions import AbstractDistribution, Fitted
from pushforward.distributions._fitted import flow_of

POOL = 2**13
"""Draws of the joint flow, among which the nearest are sought."""
SWEEPS_BETWEEN = 2 * SWEEPS


class Conditional:
    """The distribution of the coordinates of a joint flow that are not fixed, given those that are.

    Made by `condition`.

    Attributes:
        free: Places of the coordinates that draws have, ascending.
        fixed: Places of those at a value.
        exact: Whether nothing is estimated.
        log_evidence: The log-density of what is given, in nats: of values times the probability of limits.
        log_evidence_error: Its standard error in nats.
        effective: The share of effective draws, 1 where all are exact.
        pareto_k: Shape of the tail of the weights; minus infinity where there is none.
        r_hat: Of groups of draws that have not seen each other; 1 where they agree.
        steps: From the first guess to the density; 1 is plain importance sampling, 0 exact.
    """

    def __init__(self, joint: Joint, query: Query, found: Found | AbstractExact):
        self._joint, self._query, self._found = joint, query, found
        self.fixed = query.fixed
        self.free = tuple(i for i in range(joint.dim) if i not in query.fixed)
        self.exact = isinstance(found, AbstractExact)
        if isinstance(found, AbstractExact):
            self.log_evidence, self.log_evidence_error = float(found.log_prob(query.values)[0]), 0.0
            self.effective, self.pareto_k, self.r_hat, self.steps = 1.0, -math.inf, 1.0, 0
        else:
            self.log_evidence, self.log_evidence_error = float(found.log_z[0]), float(found.log_z_error[0])
            self.effective, self.pareto_k = float(found.effective[0]), float(found.pareto_k[0])
            self.r_hat, self.steps = float(found.r_hat[0]), int(found.steps[0])

    @property
    def doubt(self) -> str | None:
        """Why it is not to be trusted, or None."""
        return None if isinstance(self._found, AbstractExact) else doubts(self._found)[0]

    def sample(self, key: PRNGKeyArray | int, n: int = 1) -> np.ndarray:
        """Draws of the free coordinates, `(n, free)`, float64."""
        return self.sample_events(key, n)[:, list(self.free)]

    def sample_events(self, key: PRNGKeyArray | int, n: int = 1) -> np.ndarray:
        """Draws of whole events, `(n, dim)`, with what is fixed at its values."""
        key = as_seed("sample", key)
        if isinstance(self._found, AbstractExact):
            return self._found.sample(key, n, self._query.values[0])
        return np.concatenate([*self._batches(key, n), np.empty((0, self._joint.dim))])

    def log_prob(self, x: ArrayLike) -> Estimate:
        r"""$\log p(a \mid b) = \log p(a, b) - \log p(b)$ of free coordinates in nats, `(n, free) -> (n,)`.

        The error is that of `log_evidence`, the same for all. Where a limit is not kept it is -inf.

        Raises:
            ValueError: If the shape does not fit.
        """
        rows = np.asarray(x, np.float64)
        rows = rows[None] if rows.ndim == 1 and len(rows) == len(self.free) else rows
        if rows.ndim != 2 or rows.shape[1] != len(self.free):
            raise ValueError(f"log_prob: `x` must have shape (n, {len(self.free)}), got {rows.shape}.")
        events = np.empty((len(rows), self._joint.dim))
        events[:, list(self.fixed)], events[:, list(self.free)] = self._query.values, rows
        value = self._joint.log_prob(events) - self.log_evidence
        for place, (low, high) in self._query.limits.items():
            value = np.where((events[:, place] >= low) & (events[:, place] <= high), value, -np.inf)
        for place, allowed in self._query.allowed.items():
            codes = np.asarray(events[:, place] - self._joint.axes[place].low, int)
            value = np.where(allowed[codes.clip(0, len(allowed) - 1)], value, -np.inf)
        return Estimate(value, np.full(len(rows), self.log_evidence_error))

    def quantiles(
        self, levels: ArrayLike | Sequence[float], *, num_samples: int = 4000, key: PRNGKeyArray | int = 0
    ) -> Estimate:
        """Values below which a share of each free coordinate lies, from draws, `(levels, free)`.

        Raises:
            ValueError: If a level is not between 0 and 1.
        """
        return quantiles_of(self.sample(key, num_samples), np.atleast_1d(np.asarray(levels, np.float64)))

    def __str__(self) -> str:
        given = f"log p of what is given = {self.log_evidence:.4f} ± {self.log_evidence_error:.4f} nats"
        if self.exact:
            return f"{given}, exact; draws are independent"
        doubt = self.doubt
        verdict = "reliable" if doubt is None else f"NOT reliable: {doubt}"
        steps = "importance sampling" if self.steps == 1 else f"{self.steps} steps of annealing"
        return (
            f"{given}, by {steps}\neffective share of draws {100 * self.effective:.1f} %, "
            f"{pareto_told(self.pareto_k)}, R-hat = {self.r_hat:.3f}: {verdict}"
        )

    def _batches(self, key: PRNGKeyArray, n: int) -> list[np.ndarray]:
        """Particles moved on from where they are, once around for each batch of all of them."""
        assert isinstance(self._found, Found)
        random = np.random.default_rng(np.asarray(jax.random.key_data(key)))
        mover, now = self._found.mover, dataclasses.replace(self._found.particles)
        space, count = mover.space, now.y.shape[1]
        found = []
        for start in range(0, n, count):
            for _ in range(SWEEPS_BETWEEN):
                mover.sweep(now, np.ones(1), random)
            order = random.permutation(count)[: min(count, n - start)]
            found.append(space.events(now.y[:, order], now.codes[:, order])[0][0])
        return found


def condition(
    flow: AbstractDistribution | Fitted | Joint,
    fixed: Mapping[int, float],
    *,
    limits: Mapping[int, tuple[float, float]] | None = None,
    num_particles: int = 2048,
    key: PRNGKeyArray | int = 0,
    exact: bool = True,
    doubtful: bool = False,
) -> Conditional:
    r"""The distribution of some coordinates of a flow given others, of a flow that was trained on all of them.

    It is exact where the flow is a Gaussian or a mixture of Gaussians, where it is autoregressive in one order in which
    the fixed coordinates come first (`made`, `maf` of one layer), where only categories are fixed, and for mixtures of
    these. Elsewhere particles are led to it: from clusters of the flow's own draws, moved by regression to what is
    fixed, by importance weights, resampling and Metropolis' rule (design record 0043).

    Args:
        flow: A distribution over vectors with exact log-densities, or a fitted estimator.
        fixed: The value of each coordinate that is given.
        limits: Between which limits a coordinate lies, such as `{2: (0.0, math.inf)}`.
        num_particles: Draws that are kept and moved, where nothing is exact.
        key: A key or a seed.
        exact: Whether a closed form is used where there is one.
        doubtful: Whether a conditional that is not to be trusted is given all the same; see its `doubt`.

    Raises:
        ValueError: If a coordinate is not there, or none is left free or given.
        DataError: If the density is zero there, or what was found is not to be trusted.

    Example:
        >>> flow = pf.distributions.MultivariateNormal(jnp.zeros(2), jnp.array([[1.0, 0.8], [0.8, 1.0]]))
        >>> given = pf.conditionals.condition(flow, {0: 1.0})
        >>> given.sample(0, 5).shape, given.exact
        ((5, 1), True)
        >>> bool(abs(given.sample(0, 4000).mean() - 0.8) < 0.05)
        True
    """
    joint = flow if isinstance(flow, Joint) else joint_of(flow_of("condition", flow), "condition")
    query = _query(joint, fixed, limits or {})
    closed = exact_of(joint.flow, query.fixed) if exact and query.is_plain and not joint.atoms else None
    return answer(joint, query, closed, num_particles, as_seed("condition", key), doubtful=doubtful)


def answer(
    joint: Joint, query: Query, closed: AbstractExact | None, particles: int, key: PRNGKeyArray, *, doubtful: bool
) -> Conditional:
    """The conditional of the one row of a query, exact where a closed form is given."""
    if closed is not None:
        found = Conditional(joint, query, closed)
        if not math.isfinite(found.log_evidence):
            raise _nothing_there()
        return found
    pool_key, rest = jax.random.split(key)
    random = np.random.default_rng(np.asarray(jax.random.key_data(rest)))
    pool = joint.sample(pool_key, POOL, random)
    found = Conditional(joint, query, solve(joint, query, pool, _each(particles), random))
    if found.doubt is not None and not doubtful:
        if math.isinf(found.log_evidence):
            raise _nothing_there()
        raise DataError(
            f"condition: what was found is not to be trusted: {found.doubt}. {_how_far(joint, query, pool)}",
            f"give something that is nearer to the data, or in Python `num_particles` above {particles:,}",
        )
    return found


def _each(particles: int) -> int:
    """Particles of each island: even, and enough for steps from one to another."""
    if particles < 32 * ISLANDS:
        raise ValueError(f"`num_particles` must be at least {32 * ISLANDS}, got {particles}.")
    return 2 * math.ceil(particles / (2 * ISLANDS))


def _query(joint: Joint, fixed: Mapping[int, float], limits: Mapping[int, tuple[float, float]]) -> Query:
    places = check_places("condition", joint, [*fixed, *limits])
    values = dict(zip(places, fixed.values(), strict=False))
    if len(values) >= joint.dim:
        raise ValueError(
            f"condition: all {joint.dim} coordinates are given, and none is left free. Of a whole event `log_prob` is "
            "the density."
        )
    if not places:
        raise ValueError("condition: nothing is given. The joint flow itself is what is known then: `flow.sample`.")
    bounds = dict(zip(places[len(values) :], limits.values(), strict=True))
    for place, (low, high) in bounds.items():
        if joint.axes[place].kind != "number" or not low < high:
            raise ValueError(f"condition: coordinate {place} has no numbers between {low} and {high}.")
    found = {place: (np.array([float(low)]), np.array([float(high)])) for place, (low, high) in bounds.items()}
    for place, value in values.items():
        axis = joint.axes[place]
        if not math.isfinite(value) or (axis.kind != "angle" and not axis.low <= value <= axis.high):
            raise DataError(
                f"condition: coordinate {place} is {value:g}, and it lies between {axis.low:g} and {axis.high:g}.",
                "give a value that it can have",
            )
    order = tuple(sorted(values))
    return Query(order, np.array([[float(values[place]) for place in order]]), found)


def check_places(name: str, joint: Joint, places: Sequence[int]) -> list[int]:
    """Coordinates from 0 on, each once.

    Raises:
        ValueError: If one is not there, or twice.
    """
    found = [int(place) % joint.dim for place in places if -joint.dim <= place < joint.dim]
    if len(set(found)) < len(places):
        raise ValueError(
            f"{name}: coordinates must be some of 0 to {joint.dim - 1}, once each, got {list(map(int, places))}."
        )
    return found


def _nothing_there() -> DataError:
    return DataError(
        "condition: the density of what is given is zero: no draw of the flow can be like that.",
        "give values that occur together",
    )


def _how_far(joint: Joint, query: Query, pool: np.ndarray) -> str:
    """How far what is given lies from the flow's draws."""
    gap, place = farthest(joint, query, pool)
    if place is None or gap < 3.0:
        return "No single value is far from the flow's draws; it is their combination that is rare."
    return f"Coordinate {place} lies {gap:.1f} standard deviations from the mean of the flow's draws."


def farthest(joint: Joint, query: Query, pool: np.ndarray) -> tuple[float, int | None]:
    """By how many standard deviations of draws a number of the first row lies from their mean, at most, and which."""
    gaps = {}
    for column, place in enumerate(query.fixed):
        if joint.axes[place].kind == "number":
            cells = pool[:, place]
            gaps[place] = abs(float(query.values[0, column]) - cells.mean()) / (cells.std() + 1e-300)
    for place, (low, high) in query.limits.items():
        cells = pool[:, place]
        gaps[place] = abs(float(np.clip(cells.mean(), low[0], high[0])) - cells.mean()) / (cells.std() + 1e-300)
    place = max(gaps, key=lambda i: gaps[i], default=None)
    return (0.0, None) if place is None else (gaps[place], place)
