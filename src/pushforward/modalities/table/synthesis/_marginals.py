"""Columns of numbers as normal ones, by their own distribution function: spikes, edges and tails are then no work."""

from dataclasses import dataclass
from typing import Self

import numpy as np

KNOTS = 300
"""Knots of the map between a column and the normal one, about, beside those of repeated values."""
LEAST_BETWEEN = 10
"""So many rows lie between two knots, so that no knot tells of a single row."""
LEAST_REPEATED = 10
"""A value that so many rows have, and one row in a thousand, has a probability of its own."""


@dataclass(frozen=True)
class Marginal:
    """A map of one column onto the standard normal law, and back: straight between knots.

    A value that is repeated is spread at random over the interval that has its probability, and all of the interval
    comes back as that value. No other knot is the value of a row: even the ends lie between the two outermost ones.

    Attributes:
        z: Knots on the normal side, `(knots,)`, rising, the same twice where the column jumps.
        x: Those of the column, the same twice at a repeated value, `(knots,)`.
    """

    z: np.ndarray
    x: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, knots: int = KNOTS) -> Self:
        """The map of the law of these values, `(rows,)`."""
        from scipy.special import ndtri

        cells, counts = np.unique(np.asarray(values, np.float64), return_counts=True)
        rows = len(values)
        below = np.concatenate([[0], np.cumsum(counts)])
        end = float(ndtri(1 - 0.25 / rows))
        z = ndtri(below.clip(0.25, rows - 0.25) / rows).clip(-end, end)
        repeated = counts >= max(LEAST_REPEATED, rows / 1000)
        between = np.append(cells[:-1] + np.diff(cells) / 2, cells[-1])
        first = cells[0] if repeated[0] or len(cells) < 2 else between[0]
        found, last = [(-end, float(first))], 0
        for i, cell in enumerate(cells):
            if repeated[i]:
                found += [(float(z[i]), float(cell)), (float(z[i + 1]), float(cell))]
                last = i + 1
            elif (
                i + 1 < len(cells)
                and z[i + 1] - found[-1][0] >= 2 * end / knots
                and below[i + 1] - below[last] >= LEAST_BETWEEN
                and rows - below[i + 1] >= LEAST_BETWEEN
            ):
                found.append((float(z[i + 1]), float(between[i])))
                last = i + 1
        final = cells[-1] if repeated[-1] or len(cells) < 2 else between[-2]
        found.append((end, float(max(final, found[-1][1]))))
        at, places = np.array(found).T
        return cls(at, places)

    def to_normal(self, values: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        r"""The normal numbers, and what they add to the log-density, both `(rows,)`.

        That is $\log|dz/dx|$, and $-\infty$ in a gap between two repeated values. Beyond the ends the nearest end
        counts. At a repeated value $z$ is normal within its interval of probability $P$, and $\log P - \log\varphi(z)$
        is added.
        """
        from scipy.special import ndtr, ndtri

        values = np.asarray(values, np.float64).clip(self.x[0], self.x[-1])
        first, end = np.searchsorted(self.x, values, "left"), np.searchsorted(self.x, values, "right")
        at = end - first > 1
        low, high = ndtr(self.z[first.clip(0, len(self.x) - 1)]), ndtr(self.z[end - 1])
        drawn = ndtri(low + (high - low) * rng.random(len(values)))
        z = np.where(at, drawn, np.interp(values, self.x, self.z))
        after = end.clip(1, len(self.x) - 1)
        rise, run = self.z[after] - self.z[after - 1], self.x[after] - self.x[after - 1]
        slope = np.where(at, high - low, rise / np.where(run > 0, run, 1.0))
        with np.errstate(divide="ignore"):
            return z, np.log(slope.clip(0)) + np.where(at, z**2 / 2 + np.log(2 * np.pi) / 2, 0.0)

    def from_normal(self, z: np.ndarray) -> np.ndarray:
        """Values of the column, within its ends, `(rows,)`."""
        return np.interp(z, self.z, self.x)
