"""Fixed maps from one interval onto another: where they take a part of it is known."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from pushforward._types import Kind
from pushforward.bijections._base import AbstractElementwise
from pushforward.supports import REAL, Interval, PartOf, Support
from pushforward.supports._events import Passage
from pushforward.supports._fit import check_fits

if TYPE_CHECKING:
    # To a type checker an abstract attribute must not be a field, or every constructor would seem to ask for it.
    from typing import ClassVar as AbstractVar
else:
    from equinox import AbstractVar

Limit = Callable[[float], float]
"""A monotone map of one number or infinity, on the host."""


class Ends(NamedTuple):
    """The two sides of a monotone map, and where it takes limits of intervals.

    Attributes:
        domain: What it takes.
        image: What it gives.
        there: The map of one limit.
        back: Its inverse.
    """

    domain: Interval
    image: Interval
    there: Limit
    back: Limit

    @property
    def turned(self) -> "Ends":
        """The same of the inverse."""
        return Ends(self.image, self.domain, self.back, self.there)

    def of(self, support: Support) -> Support:
        """The image of a part of the domain."""
        if not isinstance(support, Interval):
            return PartOf(self.image)
        with np.errstate(all="ignore"):
            limits = np.clip([support.low, support.high], self.domain.low, self.domain.high)
            low, high = sorted(float(self.there(limit)) for limit in limits)
        return Interval(low, high) if low < high else PartOf(self.image)


class AbstractBetween(AbstractElementwise):
    """An elementwise map in closed form both ways, without numbers that are trained."""

    _ends: AbstractVar[Ends]

    forward_kind: ClassVar[Kind] = "analytic"
    inverse_kind: ClassVar[Kind] = "analytic"

    @property
    def domain(self) -> Support:
        return self._ends.domain

    @property
    def image(self) -> Support:
        return self._ends.image

    def _carry_one(self, support: Support, passage: Passage) -> Support:
        ends = self._ends if passage.forward else self._ends.turned
        if support == ends.domain or not passage.strict:
            return ends.image
        check_fits(self, support, ends.domain)
        return ends.of(support)


def sigmoid_ends(low: float, high: float) -> Ends:
    """Of the sigmoid onto the interval from `low` to `high`."""

    def there(x: float) -> float:
        return low + (high - low) / (1.0 + np.exp(-x))

    def back(y: float) -> float:
        return np.log(y - low) - np.log(high - y)

    return Ends(REAL, Interval(low, high), there, back)


def inverse_softplus(y: float) -> float:
    """The number whose softplus is `y`."""
    return y + np.log(-np.expm1(-y))
