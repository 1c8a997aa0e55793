"""What is left free where some coordinates are fixed, in numbers without limits."""

import dataclasses

import numpy as np
from scipy.special import log_ndtr, ndtr, ndtri_exp

from pushforward.conditionals._joint import Joint


@dataclasses.dataclass(frozen=True)
class Space:
    r"""The free coordinates of rows that all fix the same ones, each row at values of its own.

    Numbers and angles are seen as $y$ on the whole line: a number with one limit as the quantile of an exponential law,
    $a - \log \Phi(-y)$, with two as that of a uniform one, $a + (b - a) \Phi(y)$, an angle as what it is beyond
    `centre`. Where a density is above zero at a limit, $y$ then falls off like a Gaussian, and so do the clusters that
    draws come from; by a logistic function it would fall off like $e^{-|y|}$, which no Gaussian covers. Codes are
    counted from 0.

    Attributes:
        joint: Of all coordinates.
        fixed: Places of the coordinates at a value.
        values: These values, `(rows, fixed)`.
        numbers: Places of the free numbers and angles.
        low: Their lower limits, `(rows, numbers)`; -inf where there is none.
        high: Their upper limits.
        codes: Places of the free codes.
        allowed: For each of them which codes are allowed, `(axis size,)`.
        centre: Of the angles, `(rows, numbers)`; 0 elsewhere.
    """

    joint: Joint
    fixed: tuple[int, ...]
    values: np.ndarray
    numbers: tuple[int, ...]
    low: np.ndarray
    high: np.ndarray
    codes: tuple[int, ...]
    allowed: tuple[np.ndarray, ...]
    centre: np.ndarray

    @property
    def is_angle(self) -> np.ndarray:
        return np.array([self.joint.axes[i].kind == "angle" for i in self.numbers], bool)

    @property
    def least_code(self) -> np.ndarray:
        return np.array([self.joint.axes[i].low for i in self.codes])

    @property
    def half_turn(self) -> np.ndarray:
        """Half a period of angles, `(numbers,)`; infinite elsewhere."""
        axes = [self.joint.axes[i] for i in self.numbers]
        return np.array([0.5 * (a.high - a.low) if a.kind == "angle" else np.inf for a in axes])

    def there(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        r"""Numbers $x(y)$ and $\sum \log |dx/dy|$, `(rows, n, numbers) -> (rows, n, numbers), (rows, n)`."""
        low, high = self.low[:, None], self.high[:, None]
        has_low, has_high = np.isfinite(low), np.isfinite(high)
        a, b = np.where(has_low, low, 0.0), np.where(has_high, high, 0.0)
        between = np.where(y < 0, a + (b - a) * ndtr(y), b - (b - a) * ndtr(-y))
        below, above = log_ndtr(y), log_ndtr(-y)
        x = np.where(has_low & has_high, between, np.where(has_low, a - above, np.where(has_high, b + below, y)))
        bell = -0.5 * y**2 - 0.5 * np.log(2.0 * np.pi)
        width = np.log(np.where(has_low & has_high, b - a, 1.0))
        slope = np.where(has_high, bell - below, np.where(has_low, bell - above, 0.0))
        slope = np.where(has_low & has_high, bell + width, slope)
        if self.is_angle.any():
            x = np.where(self.is_angle, self._turned(y + self.centre[:, None]), x)
            slope = np.where(self.is_angle, 0.0, slope)
        return x, slope.sum(axis=-1)

    def place(self, x: np.ndarray) -> np.ndarray:
        """$y$ of numbers strictly inside the limits, `(rows, n, numbers)`."""
        low, high = self.low[:, None], self.high[:, None]
        has_low, has_high = np.isfinite(low), np.isfinite(high)
        up = np.where(has_low, np.maximum(x - np.where(has_low, low, 0.0), TINY), 1.0)
        down = np.where(has_high, np.maximum(np.where(has_high, high, 0.0) - x, TINY), 1.0)
        share = np.where(has_low & has_high, np.minimum(up, down) / (up + down), 0.5)
        inside = ndtri_exp(np.log(share)) * np.where(up < down, 1.0, -1.0)
        y = np.where(has_low, -ndtri_exp(-up), np.where(has_high, ndtri_exp(-down), x))
        y = np.where(has_low & has_high, inside, y)
        return np.where(self.is_angle, self.wrapped(x - self.centre[:, None]), y) if self.is_angle.any() else y

    def wrapped(self, y: np.ndarray) -> np.ndarray:
        """Angles taken into half a turn on either side of the centre."""
        if not self.is_angle.any():
            return y
        half = np.where(self.is_angle, self.half_turn, 1.0)
        return np.where(self.is_angle, np.mod(y + half, 2.0 * half) - half, y)

    def events(self, y: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Whole events `(rows, n, dim)`, and the log-slopes `(rows, n)`."""
        x = np.empty((*y.shape[:2], self.joint.dim))
        x[..., list(self.fixed)] = self.values[:, None]
        x[..., list(self.numbers)], slope = self.there(y)
        x[..., list(self.codes)] = codes + self.least_code
        return x, slope

    def log_density(self, y: np.ndarray, codes: np.ndarray) -> np.ndarray:
        r"""$\log p(x(y), c, b) + \log|dx/dy|$, `(rows, n)`; -inf for codes that are not allowed, and beyond a turn."""
        usable = np.all(np.abs(y) <= np.minimum(self.half_turn, FAR), axis=-1)
        for k, allowed in enumerate(self.allowed):
            usable &= allowed[codes[..., k]]
        x, slope = self.events(y, codes)
        out = np.full(y.shape[:2], -np.inf)
        if usable.any():
            out[usable] = self.joint.log_prob(x[usable]) + slope[usable]
        return out - self._log_mass(x)

    def _log_mass(self, x: np.ndarray) -> np.ndarray:
        """Of the Gaussian number of a column at an atom, that within its limits, `(rows, n)`."""
        total = np.zeros(x.shape[:2])
        for number, code in self.joint.atoms:
            if number in self.numbers:
                column = self.numbers.index(number)
                mass = ndtr(self.high[:, column]) - ndtr(self.low[:, column])
                total += np.where(x[..., code] > 0, np.log(np.maximum(mass, TINY))[:, None], 0.0)
        return total

    def _turned(self, x: np.ndarray) -> np.ndarray:
        low = np.array([self.joint.axes[i].low for i in self.numbers])
        half = np.where(self.is_angle, self.half_turn, 1.0)
        start = np.where(self.is_angle, low, 0.0)
        return start + np.mod(x - start, 2.0 * half)


TINY = 1e-12
"""Nearer to a limit no draw is placed."""
FAR = 1e6
"""Further out a flow sees nothing but rounding."""
