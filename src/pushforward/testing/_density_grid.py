"""A density of one or two coordinates on a grid that reaches far and is fine in the middle."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pushforward.distributions import AbstractDistribution

CELLS = {1: 20_000, 2: 700}
REACH = {1: 12.0, 2: 8.0}
"""The grid ends sinh(REACH) interquartile ranges from the median: a Cauchy law has a thousandth of its mass outside."""


@dataclass(frozen=True)
class Grid:
    """Cells along each axis and the mass in each, `(n,)` or `(n, n)`."""

    edges: tuple[np.ndarray, ...]
    mass: np.ndarray

    @property
    def total(self) -> float:
        return float(np.sum(self.mass))

    def uniforms(self, samples: np.ndarray) -> list[np.ndarray]:
        """Rosenblatt's transform of samples `(n, dim)`: u of the first coordinate, then of the second given it."""
        first = self.mass if self.mass.ndim == 1 else self.mass.sum(axis=1)
        found = [np.interp(samples[:, 0], self.edges[0], _below(first))]
        if self.mass.ndim == 2:
            found.append(self._second_given_first(samples))
        return found

    def _second_given_first(self, samples: np.ndarray) -> np.ndarray:
        below = _below(self.mass)
        rows, columns = (
            np.clip(np.searchsorted(edges, x, "right") - 1, 0, len(edges) - 2)
            for edges, x in zip(self.edges, samples.T, strict=True)
        )
        edges = self.edges[1]
        share = np.clip((samples[:, 1] - edges[columns]) / (edges[columns + 1] - edges[columns]), 0.0, 1.0)
        return below[rows, columns] + share * (below[rows, columns + 1] - below[rows, columns])


def _below(mass: np.ndarray) -> np.ndarray:
    """The distribution function at the edges, from 0 to 1, along the last axis."""
    total = np.sum(mass, axis=-1, keepdims=True)
    sums = np.cumsum(mass, axis=-1) / np.where(total > 0, total, 1.0)
    return np.concatenate([np.zeros_like(total), sums], axis=-1)


def on_grid(
    distribution: AbstractDistribution,
    condition: np.ndarray | None,
    samples: np.ndarray,
    bounds: Sequence[tuple[float, float]] | None,
) -> Grid:
    """The density given one condition; `samples` `(n, dim)` say where its middle is, unless there are bounds."""
    dim = samples.shape[1]
    if bounds is None:
        low, middle, high = np.quantile(samples, [0.25, 0.5, 0.75], axis=0)
        steps = np.linspace(-REACH[dim], REACH[dim], CELLS[dim] + 1)
        spread = np.where(high > low, high - low, 1.0)
        edges = tuple(m + s * np.sinh(steps) for m, s in zip(middle, spread, strict=True))
    else:
        edges = tuple(np.linspace(low, high, CELLS[dim] + 1) for low, high in bounds)
    middles = np.meshgrid(*[(e[:-1] + e[1:]) / 2 for e in edges], indexing="ij")
    points = np.stack(middles, axis=-1).reshape(-1, *distribution.event_shape)
    log_prob = np.asarray(distribution.log_prob(points.astype(np.float32), condition), np.float64)
    widths = np.diff(edges[0]) if dim == 1 else np.outer(np.diff(edges[0]), np.diff(edges[1]))
    with np.errstate(over="ignore"):
        return Grid(edges, np.exp(log_prob).reshape(middles[0].shape) * widths)
