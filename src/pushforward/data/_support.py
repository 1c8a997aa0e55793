"""Where the values of a column can lie, and the map between there and the real line, in float64."""

import math
from typing import NamedTuple

import numpy as np

EDGE = 1e-6
"""Values on the edge of an interval are taken this share of its width inside when its spread is measured."""
TINY = float(np.finfo(np.float64).tiny)
"""Nearer to an edge than this float64 does not go."""
LOG_MAX = 709.0
"""The exponential of more is infinite in float64."""
GOLDEN = 0.6180339887498949


class Support(NamedTuple):
    """The line, the half line above `low`, or the interval from `low` to `high`; perhaps its whole numbers only.

    If it is circular, the interval is once around a circle, and values of other turns belong to it too. Limits of
    integers belong to the support, and so do those of an interval; the limit of a half line does not. Codes of
    categories are integers that stay what they are. Atoms belong too, wherever they lie.
    """

    low: float | None = None
    high: float | None = None
    integer: bool = False
    circular: bool = False
    categorical: bool = False
    atoms: tuple[float, ...] = ()

    def codes(self, cells: np.ndarray) -> np.ndarray:
        """Which atom each value is, from 1 on, and 0 for none, `(rows,)`; told by equality in float64."""
        codes = np.zeros(len(cells), int)
        for i, atom in enumerate(self.atoms, start=1):
            codes[cells.astype(np.float64) == atom] = i
        return codes

    def away(self, cells: np.ndarray) -> np.ndarray:
        """The values that are at no atom."""
        return cells[self.codes(cells) == 0] if self.atoms else cells

    def contains(self, cells: np.ndarray) -> np.ndarray:
        """Which values lie in the support, `(rows,) -> (rows,)`; neither NaN nor an infinite value does."""
        if self.atoms:
            return self._replace(atoms=()).contains(cells) | (self.codes(cells) > 0)
        low, high = (-np.inf, np.inf) if self.circular else self._limits(cells.dtype)
        inside = (cells >= low) & (cells <= high) & np.isfinite(cells)
        if self.integer:
            return inside & (cells == np.floor(cells))
        return inside & (cells > low) if self.low is not None and self.high is None else inside

    def clip(self, cells: np.ndarray) -> np.ndarray:
        """The nearest value of the support; integers are rounded down first, and angles taken into the period."""
        if self.atoms:
            return np.where(self.codes(cells) > 0, cells, self._replace(atoms=()).clip(cells))
        low, high = self._limits(cells.dtype)
        if self.circular:
            turned = low + np.mod(cells - low, high - low)
            return np.where(turned >= high, low, turned)
        if self.integer:
            cells = np.floor(cells)
        elif self.low is not None and self.high is None:
            low = low + np.finfo(cells.dtype).tiny
        most = np.finfo(cells.dtype).max
        return np.clip(cells, np.maximum(low, -most), np.minimum(high, most))

    def to_line(self, cells: np.ndarray, edge: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Where on the whole line values lie, and the logarithm of the slope there, both float64 `(rows,)`.

        Args:
            cells: Values in the support; those of integers with noise in [0, 1) added.
            edge: How far from an end a value on it is taken to be, as a share of the interval.
        """
        x = cells.astype(np.float64)
        if self.low is None or self.circular or self.categorical:
            return x, np.zeros(len(x))
        if self.high is None:
            log_below = np.log(np.maximum(x - self.low, TINY))
            return log_below, -log_below
        high = self.high + self.integer
        width = high - self.low
        least = max(edge * width, TINY)
        log_below, log_above = (np.log(np.where(d > 0, np.maximum(d, TINY), least)) for d in (x - self.low, high - x))
        return log_below - log_above, np.log(width) - log_below - log_above

    def from_line(self, line: np.ndarray) -> np.ndarray:
        """The values of the support at these places, both float64 `(rows,)`; integers are rounded down."""
        line = line.astype(np.float64)
        if self.low is not None and not self.circular and not self.categorical:
            if self.high is None:
                line = self.low + np.exp(np.minimum(line, LOG_MAX))
            else:
                high = self.high + self.integer
                rise = np.exp(-np.abs(line))
                step = (high - self.low) * (rise / (1.0 + rise))
                line = np.where(line < 0, self.low + step, high - step)
        return self._beside_atoms(self._replace(atoms=()).clip(line)) if self.atoms else self.clip(line)

    def _beside_atoms(self, cells: np.ndarray) -> np.ndarray:
        """Values that rounding has put on an atom, one step inside."""
        high = np.inf if self.high is None else self.high
        return np.where(self.codes(cells) > 0, np.nextafter(cells, np.where(cells < high, np.inf, -np.inf)), cells)

    def spread_on_line(self, cells: np.ndarray) -> tuple[float, float]:
        """Mean and spread of values on the line, of integers with evenly spread noise; atoms are left out."""
        cells = self.away(cells)
        if self.integer:
            cells = cells + (GOLDEN * np.arange(1, len(cells) + 1)) % 1.0
        return mean_and_spread(self.to_line(cells, EDGE)[0])

    def touched(self, cells: np.ndarray) -> bool:
        """Whether values lie on the ends of the interval, or are integers: there they are rounded ones."""
        if self.low is None or self.high is None or self.circular:
            return False
        cells = self.away(cells)
        return self.integer or bool(np.any((cells == self.low) | (cells == self.high)))

    @property
    def not_rounded(self) -> "Support":
        """Of integers, the real numbers that are rounded down to them."""
        if not self.integer or self.categorical:
            return self
        return Support(self.low, None if self.high is None else self.high + 1.0)

    @property
    def shape_key(self) -> "Support":
        """What columns that share one map have in common: integers are counted from their lower limit."""
        if self.circular:
            return Support()
        if self.categorical:
            return Support(categorical=True)
        if not self.integer or self.low is None:
            return self._replace(atoms=())
        return Support(0.0, None if self.high is None else self.high - self.low, integer=True)

    def _limits(self, dtype: np.dtype) -> tuple[np.floating, np.floating]:
        low = -np.inf if self.low is None else self.low
        high = np.inf if self.high is None else self.high
        return dtype.type(low), dtype.type(high)


def middle_and_radian(support: Support) -> tuple[float, float]:
    """The middle of a period, and what is a radian in its units."""
    assert support.low is not None
    assert support.high is not None
    return 0.5 * (support.low + support.high), (support.high - support.low) / (2.0 * math.pi)


def mean_and_spread(cells: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation in float64."""
    return float(np.mean(cells, dtype=np.float64)), float(np.std(cells, dtype=np.float64))
