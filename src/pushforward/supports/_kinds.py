"""The kinds of supports: plain facts that can be compared and hashed, never arrays."""

import abc
import math
from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike


class Support(abc.ABC):
    """Where the numbers of an event live: one kind for all of them, or a `Product`.

    Attributes:
        is_discrete: Whether its points are counted, so that a distribution on it has probabilities, not densities.
    """

    is_discrete: ClassVar[bool] = False

    def contains(self, x: ArrayLike, event_ndim: int = 0) -> Array:
        """Which events lie in the support, `(*batch, *event) -> (*batch,)`; a NaN never does.

        Args:
            x: Events, with any number of batch axes in front.
            event_ndim: How many axes an event has.
        """
        x = jnp.asarray(x)
        batch = x.shape[: x.ndim - event_ndim]
        return jnp.all(self._holds(x.reshape(*batch, -1)), axis=-1)

    @abc.abstractmethod
    def _holds(self, x: Array) -> Array:
        """Which numbers belong, `(*batch, size) -> (*batch, size)` or, of whole events, `(*batch, 1)`."""


@dataclass(frozen=True)
class Interval(Support):
    """The numbers between two limits, which may be infinite: the line, a half line, an interval.

    Finite limits of an interval belong to it, for rounding reaches them; that of a half line does not.

    Args:
        low: Lower limit.
        high: Upper limit, above `low`.

    Raises:
        ValueError: If `high` is not above `low`.

    Example:
        >>> pf.supports.Interval(0.0, 1.0).contains(jnp.array([0.2, 0.7, 1.5])).tolist()
        [True, True, False]
    """

    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self):
        if not self.low < self.high:
            raise ValueError(f"Interval: `high` must be above `low`, got low={self.low} and high={self.high}.")

    def _holds(self, x: Array) -> Array:
        if math.isinf(self.low) or math.isinf(self.high):
            return (x > self.low) & (x < self.high)
        return (x >= self.low) & (x <= self.high)

    def __str__(self) -> str:
        if math.isinf(self.low) and math.isinf(self.high):
            return "the real line"
        if math.isinf(self.high):
            return "positive numbers" if self.low == 0 else f"numbers above {self.low:g}"
        return f"numbers below {self.high:g}" if math.isinf(self.low) else f"numbers from {self.low:g} to {self.high:g}"


REAL = Interval()
POSITIVE = Interval(0.0)


@dataclass(frozen=True)
class Circle(Support):
    """Angles from `low` to `high`, which are one point; numbers of other turns name points of the circle too.

    Args:
        low: Where the circle is cut open.
        high: One period further.

    Raises:
        ValueError: If the period is not positive and finite.
    """

    low: float = -math.pi
    high: float = math.pi

    def __post_init__(self):
        if not 0 < self.high - self.low < math.inf:
            raise ValueError(f"Circle: `high` must be one period above `low`, got low={self.low} and high={self.high}.")

    def _holds(self, x: Array) -> Array:
        return jnp.isfinite(x)

    def __str__(self) -> str:
        if (self.low, self.high) == (-math.pi, math.pi):
            return "angles from -pi to pi"
        return f"angles from {self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Integers(Support):
    """Whole numbers, perhaps from `low` on, perhaps up to `high`; the limits belong.

    Args:
        low: The least one, or None.
        high: The largest one, or None.
    """

    low: int | None = None
    high: int | None = None

    is_discrete: ClassVar[bool] = True

    def _holds(self, x: Array) -> Array:
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        return (x == jnp.round(x)) & (x >= low) & (x <= high)

    def __str__(self) -> str:
        from_ = "" if self.low is None else f" from {self.low}"
        to = "" if self.high is None else f" up to {self.high}"
        return f"whole numbers{from_}{to}"


@dataclass(frozen=True)
class Categories(Support):
    """Codes from 0 to `count - 1` of things without an order.

    Args:
        count: How many categories.
    """

    count: int

    is_discrete: ClassVar[bool] = True

    def _holds(self, x: Array) -> Array:
        return (x == jnp.round(x)) & (x >= 0) & (x < self.count)

    def __str__(self) -> str:
        return f"codes of {self.count} categories"


@dataclass(frozen=True)
class OneHot(Support):
    """Categories as zeros and a one along the last axis; a support of whole events.

    Args:
        count: How many categories.
    """

    count: int

    is_discrete: ClassVar[bool] = True

    def _holds(self, x: Array) -> Array:
        rows = x.reshape(*x.shape[:-1], -1, self.count)
        binary = jnp.all((rows == 0) | (rows == 1), axis=-1)
        return binary & (jnp.sum(rows, axis=-1) == 1)

    def __str__(self) -> str:
        return f"one-hot vectors of {self.count} categories"


@dataclass(frozen=True)
class Sphere(Support):
    """Vectors of length 1, to three digits; a support of whole events. Densities are per area of the sphere."""

    def _holds(self, x: Array) -> Array:
        return jnp.abs(jnp.sqrt(jnp.sum(x * x, axis=-1, keepdims=True)) - 1.0) <= OFF_SPHERE

    def __str__(self) -> str:
        return "unit vectors"


OFF_SPHERE = 1e-3


@dataclass(frozen=True)
class PartOf(Support):
    """Some part of another support: which one depends on numbers that are trained, or not known while tracing.

    What is not known is never refused.

    Args:
        support: What it is a part of.
    """

    support: Support

    def _holds(self, x: Array) -> Array:
        return self.support._holds(x)

    def __str__(self) -> str:
        return f"a part of {self.support}"


@dataclass(frozen=True)
class Product(Support):
    """A support for each number of an event, in row-major order.

    Args:
        parts: As many as an event has numbers; each is a support of single numbers.

    Example:
        >>> both = pf.supports.Product((pf.supports.REAL, pf.supports.POSITIVE))
        >>> both.contains(jnp.array([[-1.0, 1.0], [1.0, -1.0]]), event_ndim=1).tolist()
        [True, False]
    """

    parts: tuple[Support, ...]

    @property
    def is_discrete(self) -> bool:
        return any(part.is_discrete for part in self.parts)

    def _holds(self, x: Array) -> Array:
        held = jnp.zeros(x.shape, bool)
        for support in dict.fromkeys(self.parts):
            places = np.array([part == support for part in self.parts])
            held = jnp.where(places, support._holds(x), held)
        return held

    def __str__(self) -> str:
        kinds = list(dict.fromkeys(map(str, self.parts)))
        return f"a product of {', '.join(kinds)}"
