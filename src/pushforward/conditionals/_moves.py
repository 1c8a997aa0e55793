"""Metropolis moves of many particles at once."""

import dataclasses
import math

import numpy as np

from pushforward.conditionals._clusters import Clusters
from pushforward.conditionals._space import Space


@dataclasses.dataclass
class Particles:
    r"""Draws of $\pi_\lambda \propto q^{1-\lambda} p^\lambda$, and both log-densities there.

    Attributes:
        y: Numbers, `(rows, n, numbers)`.
        codes: `(rows, n, codes)`.
        log_q: `(rows, n)`.
        log_p: `(rows, n)`.
    """

    y: np.ndarray
    codes: np.ndarray
    log_q: np.ndarray
    log_p: np.ndarray

    def taken(self, index: np.ndarray) -> "Particles":
        """Those at `(rows, n)` places."""
        rows = np.arange(len(index))[:, None]
        return Particles(self.y[rows, index], self.codes[rows, index], self.log_q[rows, index], self.log_p[rows, index])

    def accept(self, other: "Particles", where: np.ndarray, log_ratio: np.ndarray, random: np.random.Generator) -> int:
        """Replace those of `where`, `(rows, n)`, by others with probability `exp(log_ratio)`; how many."""
        with np.errstate(divide="ignore"):
            level = np.log(random.random(log_ratio.shape))
        taken = where & (level < log_ratio) & np.isfinite(other.log_p)
        for name in ("y", "codes"):
            setattr(self, name, np.where(taken[..., None], getattr(other, name), getattr(self, name)))
        for name in ("log_q", "log_p"):
            setattr(self, name, np.where(taken, getattr(other, name), getattr(self, name)))
        return int(taken.sum())


class Mover:
    r"""Leaves $\pi_\lambda$ of each row as it is, and moves the particles of each island apart from the others.

    Args:
        space: What is free.
        clusters: $q$.
        islands: In how many groups the particles of a row are.
    """

    def __init__(self, space: Space, clusters: Clusters, islands: int):
        self.space, self.clusters, self.islands = space, clusters, islands
        self.tried = self.moved = 0

    def at(self, y: np.ndarray, codes: np.ndarray) -> Particles:
        """Particles at these places."""
        return Particles(y, codes, self.clusters.log_density(y, codes), self.space.log_density(y, codes))

    def sweep(self, particles: Particles, power: np.ndarray, random: np.random.Generator) -> None:
        """One move of each kind."""
        if particles.y.shape[-1]:
            for half in (0, 1):
                self._differences(particles, power, half, random)
            self._walk(particles, power, random)
        self._afresh(particles, power, random)
        if self.space.codes:
            self._codes(particles, power, random)

    def _differences(self, particles: Particles, power: np.ndarray, half: int, random: np.random.Generator) -> None:
        """Steps along the difference of two particles of the other half of the island: they need no scale.

        ter Braak (2006), A Markov chain Monte Carlo version of the genetic algorithm differential evolution.
        """
        rows, n, size = particles.y.shape
        each = n // self.islands
        place = np.arange(n) % each
        mine = (place >= each // 2) == bool(half)
        pair = random.integers(0, each // 2, (2, rows, n)) + (0 if half else each // 2)
        pair += (np.arange(n) // each * each)[None, None]
        row = np.arange(rows)[:, None]
        step = particles.y[row, pair[0]] - particles.y[row, pair[1]]
        if self.space.is_angle.any():
            step = self.space.wrapped(step)
        scale = 2.38 / math.sqrt(2.0 * size) * random.uniform(0.3, 1.2, (rows, n, 1))
        scale = np.where(random.random((rows, n, 1)) < WHOLE_STEPS, 1.0, scale)
        jitter = JITTER * self.clusters.steps((rows, n), random)
        self._try(
            particles, self.space.wrapped(particles.y + scale * step + jitter), particles.codes, mine, power, random
        )

    def _walk(self, particles: Particles, power: np.ndarray, random: np.random.Generator) -> None:
        """Steps of the shape of the clusters."""
        step = self.clusters.steps(particles.y.shape[:2], random)
        scale = 2.38 / math.sqrt(step.shape[-1]) * random.uniform(*STRIDES, (*step.shape[:2], 1))
        everywhere = np.ones(step.shape[:2], bool)
        self._try(particles, self.space.wrapped(particles.y + scale * step), particles.codes, everywhere, power, random)

    def _afresh(self, particles: Particles, power: np.ndarray, random: np.random.Generator) -> None:
        """Draws of the clusters, whatever the place."""
        y, codes = self.clusters.draw(particles.y.shape[1], random)
        other = self.at(y, codes)
        with np.errstate(invalid="ignore"):
            gain = (other.log_p - other.log_q) - (particles.log_p - particles.log_q)
        everywhere = np.ones(gain.shape, bool)
        self._count(particles.accept(other, everywhere, power[:, None] * gain, random), everywhere)

    def _codes(self, particles: Particles, power: np.ndarray, random: np.random.Generator) -> None:
        """One code drawn anew among those that are allowed."""
        k = int(random.integers(len(self.space.codes)))
        codes = particles.codes.copy()
        allowed = np.flatnonzero(self.space.allowed[k])
        codes[..., k] = random.choice(allowed, codes.shape[:2])
        self._try(particles, particles.y, codes, np.ones(codes.shape[:2], bool), power, random)

    def _try(
        self,
        particles: Particles,
        y: np.ndarray,
        codes: np.ndarray,
        where: np.ndarray,
        power: np.ndarray,
        random: np.random.Generator,
    ) -> None:
        """Accept or reject places that were drawn symmetrically."""
        n = int(where[0].sum())
        picked = np.broadcast_to(np.flatnonzero(where[0]), (len(y), n))
        row = np.arange(len(y))[:, None]
        some = self.at(y[row, picked], codes[row, picked])
        now = particles.taken(picked)
        with np.errstate(invalid="ignore"):
            ratio = power[:, None] * (some.log_p - now.log_p) + (1.0 - power[:, None]) * (some.log_q - now.log_q)
        moved = now.accept(some, np.ones(ratio.shape, bool), ratio, random)
        for name in ("y", "codes", "log_q", "log_p"):
            getattr(particles, name)[row, picked] = getattr(now, name)
        self._count(moved, where)

    def _count(self, moved: int, where: np.ndarray) -> None:
        self.moved, self.tried = self.moved + moved, self.tried + int(where.sum())


STRIDES = (0.3, 1.5)
"""Of a walk, in spreads of the clusters."""
WHOLE_STEPS = 0.1
"""Share of steps of a whole difference, which lead from mode to mode."""
JITTER = 1e-3
"""In spreads of the clusters, so that every place can be reached."""
