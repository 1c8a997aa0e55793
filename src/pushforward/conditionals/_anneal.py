"""Draws of what is free given what is fixed, and the density of what is fixed, for many rows at once."""

import dataclasses

import numpy as np

from pushforward.conditionals._clusters import Clusters
from pushforward.conditionals._moves import Mover, Particles
from pushforward.conditionals._space import Space
from pushforward.conditionals._start import THOROUGH, Effort, tempered_weights
from pushforward.diagnostics import weigh

ISLANDS = 8
STEPS = 60
"""At most, from the clusters to the density."""
WHOLE, PART = 0.2, 0.5
"""Share of effective draws that the last step may leave, and that every other one leaves."""
SWEEPS = 3
"""Moves of particles on the way."""


@dataclasses.dataclass(frozen=True)
class Found:
    r"""Draws, and what they are worth; each array has one entry, or one row, for each row.

    Attributes:
        x: Whole events, equally weighted, `(rows, n, dim)`.
        log_z: $\log p(b)$ in nats.
        log_z_error: Its standard error in nats.
        effective: Share of effective draws, the least of all steps.
        pareto_k: Shape of the tail of the weights, the largest of all steps.
        r_hat: Of the particles in their islands, the largest of all coordinates; 1 where they agree.
        steps: From the clusters to the density.
        accepted: Share of moves that were accepted, over all rows.
        mover: Which moves them on.
        particles: As they are.
    """

    x: np.ndarray
    log_z: np.ndarray
    log_z_error: np.ndarray
    effective: np.ndarray
    pareto_k: np.ndarray
    r_hat: np.ndarray
    steps: np.ndarray
    accepted: float
    mover: Mover
    particles: Particles


def anneal(
    space: Space, clusters: Clusters, each: int, random: np.random.Generator, effort: Effort = THOROUGH
) -> Found:
    r"""Particles of $q$ led to $p$ through $q^{1-\lambda}p^\lambda$, in 8 islands that do not see each other.

    In each step $\lambda$ grows as far as half of the draws stay effective (at the end, a fifth), the particles of each
    island are resampled, and moved by Metropolis' rule. The mean weights multiply to $p(b)$, without bias; where one
    step is enough this is importance sampling.

    Args:
        space: What is free.
        clusters: $q$, normalised.
        each: Particles of each island, an even number.
        random: Of all draws.
        effort: How often particles that have arrived are moved.

    Reference:
        Del Moral, Doucet & Jasra (2006), Sequential Monte Carlo samplers, section 3; Margossian, Hoffman, Sountsov,
        Riou-Durand, Vehtari & Gelman (2024), Nested R-hat, for R-hat of islands.
    """
    mover = Mover(space, clusters, ISLANDS)
    particles = mover.at(*clusters.draw(ISLANDS * each, random))
    rows = len(particles.y)
    record = _Record(rows)
    power = np.zeros(rows)
    with np.errstate(invalid="ignore"):
        while np.any(power < 1.0) and record.steps.max(initial=0) < STEPS:
            log_ratio = np.where(np.isneginf(particles.log_p), -np.inf, particles.log_p - particles.log_q)
            rise = _next(log_ratio, power)
            log_weights = np.where(np.isneginf(log_ratio), -np.inf, rise[:, None] * log_ratio)
            record.add(log_weights, rise, power)
            particles = particles.taken(_resampled(log_weights, each, random))
            power = np.minimum(power + rise, 1.0)
            for _ in range(effort.last_sweeps if np.all(power >= 1.0) else SWEEPS):
                mover.sweep(particles, power, random)
    record.effective[power < 1.0] = 0.0
    agreement = r_hat(space, particles, record.last_share)
    particles = particles.taken(_islands_chosen(record.log_z, each, random))
    return Found(
        x=space.events(particles.y, particles.codes)[0],
        log_z=record.log_mean(),
        log_z_error=record.error(),
        effective=record.effective,
        pareto_k=record.pareto_k,
        r_hat=agreement,
        steps=record.steps,
        accepted=mover.moved / max(mover.tried, 1),
        mover=mover,
        particles=particles,
    )


def _next(log_ratio: np.ndarray, power: np.ndarray) -> np.ndarray:
    r"""By how much $\lambda$ grows, `(rows,)`."""
    rest = 1.0 - power
    weights, whole = tempered_weights(log_ratio, WHOLE, rest)
    rise = tempered_weights(log_ratio, PART, rest)[1]
    # Never nothing: a last draw far above all others must not hold the rest up.
    rise = np.maximum(rise, np.minimum(LEAST_RISE, rest))
    done = (rest > 0) & (whole >= rest) & (weights.sum(axis=1) > 0)
    return np.where(done, rest, rise)


LEAST_RISE = 1e-3


class _Record:
    """What the weights of all steps say."""

    def __init__(self, rows: int):
        self.log_z = np.zeros((rows, ISLANDS))
        self.direct = np.full(rows, np.nan)
        self.effective, self.pareto_k = np.ones(rows), np.full(rows, -np.inf)
        self.steps, self.last_share = np.zeros(rows, int), np.ones(rows)

    def add(self, log_weights: np.ndarray, rise: np.ndarray, power: np.ndarray) -> None:
        going = power < 1.0
        parts = log_weights.reshape(len(rise), ISLANDS, -1)
        self.log_z += np.where(going[:, None], _log_mean(parts), 0.0)
        for row in np.flatnonzero(going):
            if np.all(np.isneginf(log_weights[row])):
                self.effective[row], self.pareto_k[row] = 0.0, np.inf
                continue
            found = weigh(log_weights[row], log_weights[row])
            share = found.effective_sample_size / log_weights.shape[1]
            self.effective[row], self.last_share[row] = min(self.effective[row], share), share
            # Of weights that are nearly equal a tail has a shape, but no size.
            self.pareto_k[row] = max(self.pareto_k[row], -np.inf if share > EVEN else found.pareto_k)
            self.direct[row] = found.log_z_error if self.steps[row] == 0 else np.nan
        self.steps += going

    def log_mean(self) -> np.ndarray:
        return _log_mean(self.log_z)

    def error(self) -> np.ndarray:
        """Standard errors: of one step from all its weights, of several from the islands."""
        top = self.log_z.max(axis=1, keepdims=True)
        z = np.exp(self.log_z - np.where(np.isfinite(top), top, 0.0))
        mean = z.mean(axis=1)
        spread = z.std(axis=1, ddof=1) / np.where(mean > 0, mean, 1.0) / np.sqrt(ISLANDS)
        return np.where(np.isnan(self.direct), np.where(mean > 0, spread, np.inf), self.direct)


EVEN = 0.5
"""Share of effective draws from which on weights count as nearly equal."""


def _log_mean(values: np.ndarray) -> np.ndarray:
    """Of the last axis; -inf of nothing but that."""
    top = values.max(axis=-1, keepdims=True)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return safe[..., 0] + np.log(np.exp(values - safe).mean(axis=-1))


def _resampled(log_weights: np.ndarray, each: int, random: np.random.Generator) -> np.ndarray:
    """Places of particles by their weights, in each island apart, `(rows, n)`; as they are where none has a weight."""
    rows = len(log_weights)
    parts = log_weights.reshape(rows * ISLANDS, each)
    top = parts.max(axis=1, keepdims=True)
    weights = np.where(np.isneginf(top), 1.0, np.exp(parts - np.where(np.isneginf(top), 0.0, top)))
    ends = np.cumsum(weights, axis=1)
    ends /= ends[:, -1:]
    levels = (np.arange(each) + random.random((rows * ISLANDS, 1))) / each
    found = np.array([np.searchsorted(e, level) for e, level in zip(ends, levels, strict=True)])
    # Shuffled, or the halves that moves take their steps from would be ordered.
    found = random.permuted(np.minimum(found, each - 1), axis=1)
    return (found.reshape(rows, ISLANDS, each) + np.arange(ISLANDS)[:, None] * each).reshape(rows, -1)


def _islands_chosen(log_z: np.ndarray, each: int, random: np.random.Generator) -> np.ndarray:
    """Places of particles so that each island has its share: islands with more weight are there more often."""
    top = log_z.max(axis=1, keepdims=True)
    weights = np.exp(log_z - np.where(np.isfinite(top), top, 0.0))
    weights = np.where(weights.sum(axis=1, keepdims=True) > 0, weights, 1.0)
    ends = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    rows, count = len(log_z), ISLANDS * each
    levels = (np.arange(count) + random.random((rows, 1))) / count
    # Island by island, each with as many of its particles as its weight says.
    island = np.array([np.searchsorted(e, level) for e, level in zip(ends, levels, strict=True)]).clip(0, ISLANDS - 1)
    rank = np.arange(count) - np.array([np.searchsorted(i, i) for i in island])
    return island * each + rank % each


def r_hat(space: Space, particles: Particles, share: np.ndarray) -> np.ndarray:
    r"""The largest nested R-hat of numbers, and of codes the share of the middle one, `(rows,)`.

    $\sqrt{1 + B/W}$, where $B$ is by how much the means of islands vary above what chance alone gives:
    $W$ over the draws that were effective in the last step, of which `share` is the share.
    """
    y = particles.y
    if space.is_angle.any():
        turned = np.where(space.is_angle, space.half_turn, np.pi) / np.pi
        y = np.where(space.is_angle, np.sin(y / turned / 2.0), y)
    parts = [y]
    for k in range(len(space.codes)):
        codes = particles.codes[..., k]
        common = np.sort(codes, axis=1)[:, codes.shape[1] // 2, None]
        parts.append((codes == common)[..., None].astype(float))
    z = np.concatenate(parts, axis=-1)
    if not z.shape[-1]:
        return np.ones(len(z))
    z = z.reshape(len(z), ISLANDS, -1, z.shape[-1])
    within = z.var(axis=2, ddof=1).mean(axis=1)
    between = z.mean(axis=2).var(axis=1, ddof=1)
    ratio = np.where(within > 0, between / np.where(within > 0, within, 1.0), np.where(between > 0, np.inf, 0.0))
    chance = 1.0 / (z.shape[2] * np.maximum(share, 1e-3))
    return np.sqrt(1.0 + np.maximum(ratio - chance[:, None], 0.0)).max(axis=-1)
