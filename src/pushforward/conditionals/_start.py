"""Where draws begin: at the flow's own draws that are nearest to what is fixed, moved there by regression."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pushforward.conditionals._clusters import Clusters, Draws, chosen_rows, fitted, mixed
from pushforward.conditionals._space import Space


class Effort(NamedTuple):
    """How much is done for a row.

    Attributes:
        draws: That clusters are fitted to.
        counts: Of clusters, of which the best is taken.
        rounds: Of adaptation at most, in each of which clusters are fitted to weighted draws of those before.
        last_sweeps: Moves of particles that have arrived.
    """

    draws: int = 1024
    counts: tuple[int, ...] = (1, 4, 12)
    rounds: int = 3
    last_sweeps: int = 8


THOROUGH, QUICK = Effort(), Effort(512, (1, 4), 1, 2)
"""For one row that many draws are made of, and for many rows of a table."""
ENOUGH = 0.6
"""Share of effective draws that is not adapted any further."""
KEPT = 0.1
"""Share of the first clusters in later ones."""
LEAST_EFFECTIVE, LEAST_USABLE = 0.25, 0.1
"""Share of effective draws that clusters are fitted to, and of draws with a density above zero."""
RIDGE = 1e-3
"""Of the regression, beside variances of 1."""
MISMATCH = 30.0
"""Of a code that differs, in squared deviations."""


def starting_clusters(
    space: Space, pool: np.ndarray, random: np.random.Generator, effort: Effort = THOROUGH
) -> tuple[Space, Clusters]:
    """The space with its angles centred, and clusters that cover it about as densely as the density is.

    Args:
        space: What is free.
        pool: Draws of the joint density, `(n, dim)`.
        random: Of the choices.
        effort: How much is done.

    Reference:
        Beaumont, Zhang & Balding (2002), Approximate Bayesian computation in population genetics, for the regression;
        Cappé, Guillin, Marin & Robert (2004), Population Monte Carlo, for the rounds.
    """
    gaps = _gaps(space, pool)
    distance = np.einsum("rnf,rnf->rn", gaps, gaps) + MISMATCH * _mismatches(space, pool)
    count = min(effort.draws, len(pool))
    near = np.argpartition(distance, count - 1, axis=1)[:, :count]
    near = random.permuted(near, axis=1)
    far = np.take_along_axis(distance, near, axis=1)
    weights = np.maximum(1.0 - far / (far.max(axis=1, keepdims=True) * (1.0 + 1e-9) + 1e-300), 1e-12)
    weights /= weights.sum(axis=1, keepdims=True)
    x = pool[near][..., list(space.numbers)]
    space = _centred(space, x, weights)
    y = space.place(_inside(space, x, random))
    y = _regressed(space, y, gaps[np.arange(len(near))[:, None], near], weights)
    codes = _allowed_codes(space, pool[near][..., list(space.codes)], random)
    first = clusters = fitted(Draws(y, codes, weights), space.allowed, random, effort.counts)
    for _ in range(effort.rounds):
        clusters, effective = _adapted(space, clusters, random, effort)
        if effective.min() > ENOUGH:
            return space, clusters
        # What the flow's own draws have shown is not forgotten.
        clusters = mixed(clusters, first, KEPT)
    return space, clusters


def _gaps(space: Space, pool: np.ndarray) -> np.ndarray:
    """From each draw to what is fixed or within limits, in deviations of the pool, `(rows, n, features)`."""
    rows, parts = len(space.values), []
    for column, place in enumerate(space.fixed):
        axis, cells = space.joint.axes[place], pool[:, place]
        value = space.values[:, column, None]
        if axis.kind == "number":
            parts.append((value - cells) / (np.std(cells) + 1e-300))
        elif axis.kind == "angle":
            radian = (axis.high - axis.low) / (2.0 * np.pi)
            parts += [wave(value / radian) - wave(cells / radian) for wave in (np.cos, np.sin)]
    for column, place in enumerate(space.numbers):
        axis, cells = space.joint.axes[place], pool[:, place]
        low, high = space.low[:, column, None], space.high[:, column, None]
        if axis.kind == "number" and (np.any(low > axis.low) or np.any(high < axis.high)):
            parts.append((np.clip(cells, low, high) - cells) / (np.std(cells) + 1e-300))
    return np.stack(parts, axis=-1) if parts else np.zeros((rows, len(pool), 0))


def _mismatches(space: Space, pool: np.ndarray) -> np.ndarray:
    """How many codes differ from what is fixed or allowed, `(rows, n)`."""
    found = np.zeros((len(space.values), len(pool)))
    for column, place in enumerate(space.fixed):
        if space.joint.axes[place].kind == "code":
            found += pool[:, place] != space.values[:, column, None]
    for k, place in enumerate(space.codes):
        found += ~space.allowed[k][np.asarray(pool[:, place] - space.least_code[k], int)]
    return found


def _centred(space: Space, x: np.ndarray, weights: np.ndarray) -> Space:
    if not space.is_angle.any():
        return space
    radian = np.where(space.is_angle, space.half_turn, np.pi) / np.pi
    turn = np.einsum("rn,rna->ra", weights, np.exp(1j * x / radian))
    return replace(space, centre=np.where(space.is_angle, np.angle(turn) * radian, 0.0))


def _inside(space: Space, x: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Numbers within the limits; those beyond are put at random places near the limit."""
    low, high = space.low[:, None], space.high[:, None]
    width = np.where(np.isfinite(high - low), high - low, 1.0)
    step = width * random.uniform(0.02, 0.98, x.shape)
    beyond = (x <= low) | (x >= high)
    both = np.isfinite(low) & np.isfinite(high)
    moved = np.where(both, low + step, np.where(x <= low, low + step, high - step))
    return np.where(beyond & ~space.is_angle, moved, x)


def _regressed(space: Space, y: np.ndarray, gaps: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Draws moved along a linear regression on what is fixed to where the gaps are 0."""
    mean_gap = np.einsum("rn,rnf->rf", weights, gaps)[:, None]
    mean = np.einsum("rn,rna->ra", weights, y)[:, None]
    if not gaps.shape[-1] or not y.shape[-1]:
        return y
    g, h = gaps - mean_gap, y - mean
    size = np.einsum("rn,rnf,rnf->rf", weights, g, g)
    gram = np.einsum("rn,rnf,rng->rfg", weights, g, g, optimize=True)
    gram = gram + (RIDGE * size + 1e-12)[:, :, None] * np.eye(size.shape[1])
    slopes = np.linalg.solve(gram, np.einsum("rn,rnf,rna->rfa", weights, g, h, optimize=True))
    return space.wrapped(y - gaps @ slopes)


def _allowed_codes(space: Space, x: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Codes from 0 on; those that are not allowed are drawn anew."""
    codes = np.asarray(x - space.least_code, int)
    for k, allowed in enumerate(space.allowed):
        drawn = random.choice(np.flatnonzero(allowed), codes.shape[:2])
        codes[..., k] = np.where(allowed[codes[..., k]], codes[..., k], drawn)
    return codes


def _adapted(
    space: Space, clusters: Clusters, random: np.random.Generator, effort: Effort
) -> tuple[Clusters, np.ndarray]:
    """Clusters of draws weighted by density, tempered where few of them would carry the weights.

    Returns:
        The clusters, and the share of effective draws of the old ones, `(rows,)`.
    """
    y, codes = clusters.draw(effort.draws, random)
    log_weights = space.log_density(y, codes) - clusters.log_density(y, codes)
    usable = np.isfinite(log_weights).mean(axis=1) >= LEAST_USABLE
    weights = tempered_weights(log_weights, least=LEAST_EFFECTIVE)[0]
    weights = np.where(usable[:, None], weights, 1.0 / effort.draws)
    effective = effective_share(log_weights)
    found = fitted(Draws(y, codes, weights), space.allowed, random, effort.counts)
    return chosen_rows(usable & (effective < ENOUGH), found, clusters), effective


def effective_share(log_weights: np.ndarray) -> np.ndarray:
    """Effective draws of all draws, `(rows, n) -> (rows,)`; 0 where no weight is above zero."""
    top = log_weights.max(axis=1, keepdims=True)
    weights = np.exp(log_weights - np.where(np.isfinite(top), top, 0.0))
    return weights.sum(axis=1) ** 2 / np.maximum((weights**2).sum(axis=1), 1e-300) / log_weights.shape[1]


def tempered_weights(
    log_weights: np.ndarray, least: float, most: np.ndarray | float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    r"""Weights $\propto w^\lambda$ with the largest $\lambda \le$ `most` that leaves a share of effective draws.

    Args:
        log_weights: `(rows, n)`; -inf is a weight of zero at every $\lambda$.
        least: The share of those above zero.
        most: Limit of $\lambda$.

    Returns:
        The weights, each row summing to 1, and $\lambda$, `(rows,)`.
    """
    finite = np.isfinite(log_weights)
    top = np.max(log_weights, axis=1, keepdims=True)
    safe = np.where(finite, log_weights - np.where(np.isfinite(top), top, 0.0), -np.inf)
    wanted = least * np.maximum(finite.sum(axis=1), 1)

    def weighted(power: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            weights = np.where(finite, np.exp(power[:, None] * np.where(finite, safe, 0.0)), 0.0)
        return weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)

    low, high = np.zeros(len(safe)), np.broadcast_to(np.asarray(most, float), len(safe)).copy()
    whole = 1.0 / np.maximum((weighted(high) ** 2).sum(axis=1), 1e-300) >= wanted
    low = np.where(whole, high, low)
    for _ in range(30):
        middle = 0.5 * (low + high)
        enough = 1.0 / np.maximum((weighted(middle) ** 2).sum(axis=1), 1e-300) >= wanted
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    return weighted(low), low
