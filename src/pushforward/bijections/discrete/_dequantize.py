"""Whole numbers as the floor of real ones."""

import math
from typing import TYPE_CHECKING, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from pushforward._params import static
from pushforward._types import Kind, Shape
from pushforward.bijections._base import AbstractSurjection
from pushforward.supports import Integers, Interval, PartOf, Support
from pushforward.supports._events import Passage, by_coordinate
from pushforward.supports._fit import check_fits

if TYPE_CHECKING:
    # To a type checker an abstract attribute must not be a field, or every constructor would seem to ask for it.
    from typing import ClassVar as AbstractVar
else:
    from equinox import AbstractVar


class AbstractDequantize(AbstractSurjection):
    """A map from real numbers to whole ones, of `levels` from 0 on unless that is None."""

    levels: AbstractVar[int | None]

    cond_shape: ClassVar[Shape | None] = None
    inverse_kind: ClassVar[Kind] = "estimated"

    @property
    def image(self) -> Support:
        return Integers() if self.levels is None else Integers(0, self.levels - 1)

    def _carry(self, support: Support, passage: Passage) -> Support:
        return by_coordinate(support, lambda part: self._carry_one(part, passage))

    def _carry_one(self, support: Support, passage: Passage) -> Support:
        start, end = (self.domain, self.image) if passage.forward else (self.image, self.domain)
        if support == start or not passage.strict:
            return end
        check_fits(self, support, start)
        return self._floors(support) if passage.forward else PartOf(end)

    def _floors(self, support: Support) -> Support:
        """The whole numbers that a part of the line becomes."""
        if not isinstance(support, Interval):
            return PartOf(self.image)
        low = None if math.isinf(support.low) else math.floor(support.low)
        high = None if math.isinf(support.high) else math.ceil(support.high) - 1
        if self.levels is not None:
            low = 0 if low is None else min(max(low, 0), self.levels - 1)
            high = self.levels - 1 if high is None else min(max(high, 0), self.levels - 1)
        return Integers(low, high)

    def _log_known(self, x: Array) -> Array:
        """0 for events of whole numbers that can be, -inf for others: `(*event, batch) -> (batch,)`."""
        known = x == jnp.round(x)
        if self.levels is not None:
            known = known & (x >= 0) & (x < self.levels)
        return jnp.where(jnp.all(known, axis=tuple(range(x.ndim - 1))), 0.0, -jnp.inf).astype(x.dtype)


class Dequantize(AbstractDequantize):
    """Whole numbers as the floor of real ones: `forward` rounds down, `inverse` adds noise from U[0, 1).

    The density of the noisy value is an unbiased estimate of the probability of the whole number, and its
    logarithm a lower bound in the mean. Without a key, `inverse` adds 0.5. What is no whole number has log-det -inf.

    Args:
        shape: The event's shape.
        levels: If the numbers are 0 to `levels - 1`, how many: samples beyond are taken as the nearest of them.

    Reference:
        Theis, van den Oord & Bethge (2016), A note on the evaluation of generative models, section 3.1.
    """

    shape: Shape = static(default=())
    levels: int | None = static(default=None)

    forward_kind: ClassVar[Kind] = "analytic"

    @property
    def in_shape(self) -> Shape:
        return self.shape

    @property
    def out_shape(self) -> Shape:
        return self.shape

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return floor_to(x, self.levels), jnp.zeros(x.shape[-1], x.dtype)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        noise = 0.5 if key is None else jax.random.uniform(key, x.shape, x.dtype, minval=LEAST_NOISE)
        return x + noise, self._log_known(x)


def floor_to(x: Array, levels: int | None) -> Array:
    """Whole numbers, of `levels` from 0 on unless that is None."""
    return jnp.floor(x) if levels is None else jnp.clip(jnp.floor(x), 0, levels - 1)


LEAST_NOISE = 2.0**-24  # a count of 0 must not land on the edge of its support
