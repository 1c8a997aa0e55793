"""Supports through shifts and positive scales."""

import math
from typing import NamedTuple

import numpy as np

from pushforward._types import Shape
from pushforward.supports._events import gathered, spread
from pushforward.supports._fit import Misfit
from pushforward.supports._kinds import REAL, Circle, Integers, Interval, PartOf, Product, Support

Number = float | np.floating


class Stretch(NamedTuple):
    """A map $y = s x + t$ of each number; None where a number is trained, or not known while tracing.

    Attributes:
        loc: $t$, `(size,)` or `(1,)`.
        scale: $s > 0$, `(size,)` or `(1,)`.
        is_trained: Whether what is None is trained, so that it may become any number.
    """

    loc: np.ndarray | None
    scale: np.ndarray | None
    is_trained: bool

    @property
    def back(self) -> "Stretch":
        """The inverse."""
        scale = None if self.scale is None else 1.0 / self.scale
        if self.loc is None or (scale is None and np.any(self.loc)):
            return Stretch(None, scale, self.is_trained)
        return Stretch(self.loc if scale is None else -self.loc * scale, scale, self.is_trained)

    def of(self, taker: object, support: Support, shape: Shape) -> Support:
        """What becomes of a support; a `Misfit` for counted numbers whose probabilities a log-det would change."""
        if support == REAL:
            return REAL
        varies = any(numbers is not None and numbers.size > 1 for numbers in (self.loc, self.scale))
        if not varies and not isinstance(support, Product):
            return self._of_one(taker, support, 0)
        parts = spread(support, shape)
        return gathered([self._of_one(taker, part, i) for i, part in enumerate(parts.flat)])

    def _of_one(self, taker: object, support: Support, i: int) -> Support:
        loc, scale = (None if n is None else n[i if n.size > 1 else 0] for n in (self.loc, self.scale))
        if support == REAL:
            return REAL
        if support.is_discrete and not isinstance(support, PartOf):
            return self._of_counted(taker, support, loc, scale)
        if not isinstance(support, Interval | Circle):
            return PartOf(REAL)
        ends = [_end(end, loc, scale) for end in (support.low, support.high)]
        if ends[0] is None or ends[1] is None or not ends[0] < ends[1]:
            return PartOf(REAL)
        return type(support)(ends[0], ends[1])

    def _of_counted(self, taker: object, support: Support, loc: Number | None, scale: Number | None) -> Support:
        if scale != 1 and (scale is not None or self.is_trained):
            raise Misfit(type(taker).__name__, support, REAL)
        if scale is None or loc is None or loc != round(loc):
            return PartOf(REAL)
        if loc == 0 or not isinstance(support, Integers):
            return support if loc == 0 else Integers()
        low, high = (None if end is None else end + int(loc) for end in (support.low, support.high))
        return Integers(low, high)


def _end(end: float, loc: Number | None, scale: Number | None) -> float | None:
    """Where a limit goes, in the precision of the map."""
    if math.isinf(end) or (end == 0 and loc == 0):
        return end
    return None if loc is None or scale is None else float(loc + end * scale)
