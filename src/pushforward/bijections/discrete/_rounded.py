"""Shifts by whole numbers, which permute them."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike

from pushforward._errors import violated
from pushforward._params import static
from pushforward._types import Shape
from pushforward.bijections.elementwise._elementwise import AbstractAnalyticElementwise
from pushforward.supports import REAL, Integers, PartOf, Support
from pushforward.supports._events import Passage


class RoundedShift(AbstractAnalyticElementwise):
    r"""$y = x + \lfloor u\,t \rceil$ with the unit $u$; the log-det is 0, for probabilities of whole numbers too.

    As the inner map of a `Coupling` or `Autoregressive` layer this is a layer of an integer discrete flow. Gradients
    pass straight through the rounding. Shifts end at $\pm 2^{20}$, so that in float32 whole numbers up to $2^{22}$ stay
    whole through a dozen layers.

    Args:
        loc: $t$, in units. Shape `(*shape,)`.
        unit: $u$, how many whole numbers a `loc` of 1 is worth: about the spread of the data.

    Raises:
        ValueError: If `unit` is not positive.

    Example:
        >>> RoundedShift(loc=0.7, unit=4.0).forward(jnp.array(10.0)).item()
        13.0

    Reference:
        Hoogeboom, Peters, van den Berg & Welling (2019), Integer discrete flows and lossless compression, section 3.
    """

    loc: Array
    unit: float = static()
    shape: Shape = static()

    @property
    def image(self) -> Support:
        return Integers()

    @property
    def domain(self) -> Support:
        return Integers()

    def __init__(self, loc: ArrayLike = 0.0, *, unit: float = 1.0):
        check_unit("RoundedShift", unit)
        self.loc = jnp.asarray(loc, dtype=jnp.result_type(float))
        if violated(jnp.abs(unit * self.loc) <= SHIFT_MAX):
            raise ValueError(f"RoundedShift: `unit * loc` must be at most 2**20, got {unit} and {self.loc}.")
        self.unit, self.shape = unit, self.loc.shape

    def _carry_one(self, support: Support, passage: Passage) -> Support:
        if support.is_discrete or not passage.strict:
            return Integers()
        return REAL if support == REAL else PartOf(REAL)  # numbers of the line are shifted just as well

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        return x + self._shift(), jnp.zeros_like(x)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        return x - self._shift(), jnp.zeros_like(x)

    def _shift(self) -> Array:
        return jnp.clip(round_through(self.unit * self.loc), -SHIFT_MAX, SHIFT_MAX)


SHIFT_MAX = 2.0**20


def check_unit(name: str, unit: float) -> None:
    """A ValueError where a unit is not positive."""
    if not unit > 0:
        raise ValueError(f"{name}: `unit` must be positive, got {unit}.")


@jax.custom_jvp
def round_through(x: Array) -> Array:
    """The nearest whole number, with the gradient of the identity."""
    return jnp.round(x)


@round_through.defjvp
def _round_through_jvp(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (x,), (tangent,) = primals, tangents
    return round_through(x), tangent
