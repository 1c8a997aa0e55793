"""Coordinates in which a density on a support has no edges and no far tails, to integrate it in."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from pushforward.supports import Circle, Interval, PartOf, Support

Map = Callable[[np.ndarray], np.ndarray]


class Coordinate(NamedTuple):
    """A number $x(y)$ in a coordinate between two limits.

    Attributes:
        there: $x$ of $y$.
        slope: $dx/dy$, positive.
        back: $y$ of $x$, perhaps beyond the limits.
        low: Least $y$.
        high: Largest $y$.
    """

    there: Map
    slope: Map
    back: Map
    low: float
    high: float

    def between(self, low: float, high: float) -> "Coordinate":
        """With limits that are given as $x$."""
        ends = np.clip(self.place(np.array([low, high])), self.low, self.high)
        return self._replace(low=float(ends[0]), high=float(ends[1]))

    def place(self, x: np.ndarray) -> np.ndarray:
        """`back`, infinite at an end."""
        with np.errstate(divide="ignore"):
            return self.back(x)


MARGIN = 14.0
"""Beyond the samples, in logarithms of the distance: a million times as far."""


def coordinate_of(support: Support, samples: np.ndarray) -> Coordinate | None:
    """Of one number of an event; None where nothing can be integrated.

    Args:
        support: Of that number.
        samples: Of that number, `(n,)`, in the flow's precision.
    """
    support = support.support if isinstance(support, PartOf) else support
    if isinstance(support, Circle):
        return Coordinate(lambda y: y, np.ones_like, lambda x: x, support.low, support.high)
    if not isinstance(support, Interval):
        return None
    if np.isinf(support.low) and np.isinf(support.high):
        return _line(samples)
    if np.isinf(support.high):
        return _half_line(samples, support.low, 1.0)
    return _half_line(samples, support.high, -1.0) if np.isinf(support.low) else _interval(samples, support)


def _line(samples: np.ndarray) -> Coordinate:
    """Like the number itself in the middle, like its logarithm far out."""
    values = samples.astype(np.float64)
    first, centre, third = np.percentile(values, [25, 50, 75])
    scale = float(third - first) or float(np.ptp(values)) or 1.0
    limit = np.arcsinh(float(np.finfo(samples.dtype).max) / FAR / scale)
    ends = np.arcsinh((np.array([values.min(), values.max()]) - centre) / scale) + np.array([-MARGIN, MARGIN])
    low, high = np.clip(ends, -limit, limit)
    return Coordinate(
        lambda y: centre + scale * np.sinh(y),
        lambda y: scale * np.cosh(y),
        lambda x: np.arcsinh((x - centre) / scale),
        float(low),
        float(high),
    )


FAR = 1e6
"""Of the largest number of the type: squares and sums of what is integrated need room."""


def _half_line(samples: np.ndarray, end: float, sign: float) -> Coordinate:
    """Minus or plus the logarithm of the distance to the end."""
    least = np.log(_nearest(end, samples.dtype))
    most = np.log(float(np.finfo(samples.dtype).max) / FAR)
    far = np.log(np.max(np.abs(samples.astype(np.float64) - end), initial=_nearest(end, samples.dtype)))
    ends = sign * np.array([least, min(far + MARGIN, most)])
    return Coordinate(
        lambda y: end + sign * np.exp(sign * y),
        lambda y: np.exp(sign * y),
        lambda x: sign * np.log(np.maximum(sign * (x - end), 0.0)),
        float(ends.min()),
        float(ends.max()),
    )


def _interval(samples: np.ndarray, support: Interval) -> Coordinate:
    """The log-odds of the share of the interval."""
    low, width = support.low, support.high - support.low
    near = [np.log(width / _nearest(end, samples.dtype)) for end in (support.low, support.high)]

    def there(y: np.ndarray) -> np.ndarray:
        rise = np.exp(-np.abs(y))
        step = width * rise / (1.0 + rise)
        return np.where(y < 0, low + step, support.high - step)

    return Coordinate(
        there,
        lambda y: width * np.exp(-np.abs(y)) / (1.0 + np.exp(-np.abs(y))) ** 2,
        lambda x: np.log(np.maximum(x - low, 0.0)) - np.log(np.maximum(support.high - x, 0.0)),
        float(-near[0]),
        float(near[1]),
    )


def _nearest(end: float, dtype: np.dtype) -> float:
    """How near to an end a number of the type can be."""
    info = np.finfo(dtype)
    return float(info.tiny if end == 0 else 0.5 * info.eps * abs(end))
