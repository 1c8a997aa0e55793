"""Elementwise maps without parameters that are learned: supports, squashes and powers.

A value outside a map's range has log-det -inf and a finite image, so its density is 0 and nothing is NaN. Values are
right over the whole range of the type, which begins at its least normal number (design record 0023).
"""

import math
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pushforward._errors import as_shape
from pushforward._params import static
from pushforward._types import Kind, Shape
from pushforward.bijections._base import AbstractElementwise
from pushforward.bijections.elementwise._between import AbstractBetween, Ends, inverse_softplus, sigmoid_ends
from pushforward.bijections.elementwise._ranges import (
    LOG_2,
    distance_from,
    log,
    log_least,
    power,
    size_and_sign,
    within_exp_range,
)
from pushforward.supports import POSITIVE, REAL, Interval


class AbstractAnalyticElementwise(AbstractElementwise):
    """An elementwise map in closed form both ways."""

    forward_kind: ClassVar[Kind] = "analytic"
    inverse_kind: ClassVar[Kind] = "analytic"


class Exp(AbstractBetween):
    r"""$y = e^x$, onto the positive numbers; $\log|dy/dx| = x$.

    Args:
        shape: The event's shape.

    Example:
        >>> Exp((2,)).forward_and_log_det(jnp.array([0.0, 1.0]))[1].item()
        1.0
    """

    shape: Shape = static(default=(), converter=as_shape)

    _ends: ClassVar[Ends] = Ends(REAL, POSITIVE, np.exp, np.log)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        x = within_exp_range(x)
        return jnp.exp(x), x

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        log_x = log(x)
        return log_x, jnp.where(x > 0, -log_x, -jnp.inf)


class Log(AbstractBetween):
    r"""$y = \log x$ on the positive numbers, the inverse of `Exp`.

    Args:
        shape: The event's shape.
    """

    shape: Shape = static(default=(), converter=as_shape)

    _ends: ClassVar[Ends] = Ends(POSITIVE, REAL, np.log, np.exp)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        return Exp(self.shape)._inverse_pointwise(x)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        return Exp(self.shape)._forward_pointwise(x)


class Power(AbstractBetween):
    r"""$y = x^p$ on the positive numbers; $\log|dy/dx| = \log|p| + (p - 1) \log x$.

    Args:
        exponent: $p$, any number but 0.
        shape: The event's shape.

    Raises:
        ValueError: If `exponent` is 0.
    """

    exponent: float = static()
    shape: Shape = static(default=(), converter=as_shape)

    def __check_init__(self):
        if self.exponent == 0:
            raise ValueError("Power: `exponent` must not be 0, because x**0 has no inverse.")

    @property
    def _ends(self) -> Ends:
        return Ends(POSITIVE, POSITIVE, lambda x: x**self.exponent, lambda y: y ** (1.0 / self.exponent))

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        return _half_line_power(x, self.exponent)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        return _half_line_power(x, 1.0 / self.exponent)


class Square(AbstractBetween):
    r"""$y = x^2$ on the positive numbers; $\log|dy/dx| = \log 2x$.

    Args:
        shape: The event's shape.

    Example:
        >>> Square().inverse_and_log_det(jnp.array(4.0))[0].item()
        2.0
    """

    shape: Shape = static(default=(), converter=as_shape)

    _ends: ClassVar[Ends] = Ends(POSITIVE, POSITIVE, np.square, np.sqrt)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        info = jnp.finfo(x.dtype)
        safe = jnp.clip(x, math.sqrt(float(info.tiny)), math.sqrt(float(info.max)))
        return jnp.clip(safe * safe, info.tiny, info.max), jnp.where(x > 0, LOG_2 + log(x), -jnp.inf)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        root = jnp.sqrt(jnp.maximum(x, jnp.finfo(x.dtype).tiny))
        return root, jnp.where(x > 0, -LOG_2 - 0.5 * log(x), -jnp.inf)


class Sigmoid(AbstractBetween):
    r"""$y = a + (b - a)\,\sigma(x)$, onto the interval $(a, b)$.

    $\log|dy/dx| = \log(b - a) + \log\sigma(x) + \log\sigma(-x)$. The distance to the nearer end is carried: from an
    end that is 0 down to the least normal number of the type, from another to its rounding step. A value on an end, and
    from 0 a number below the least, is taken as `edge` says; a value beyond has log-det -inf.

    Args:
        shape: The event's shape.
        low: $a$.
        high: $b$, above `low`.
        edge: How far from an end a value on it is taken to be, as a share of the interval; 0 for the nearest that the
            type can tell. By default one rounding step of 1: of most data such a value is a rounded one.

    Raises:
        ValueError: If `high` is not above `low`.
    """

    shape: Shape = static(default=(), converter=as_shape)
    low: float = static(default=0.0)
    high: float = static(default=1.0)
    edge: float | None = static(default=None)

    def __check_init__(self):
        if not self.low < self.high:
            raise ValueError(f"Sigmoid: `high` must be above `low`, got low={self.low} and high={self.high}.")
        if self.edge is not None and not 0 <= self.edge < 0.5:
            raise ValueError(f"Sigmoid: `edge` must be at least 0 and below 0.5, got {self.edge}.")

    @property
    def _ends(self) -> Ends:
        return sigmoid_ends(self.low, self.high)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        width, least = self.high - self.low, log_least(x.dtype)
        # Only an end that is 0 is reached; the number next to any other is a rounding step away.
        reach = math.log(width) - least
        x = jnp.clip(x, -reach if self.low == 0 else -jnp.inf, reach if self.high == 0 else jnp.inf)
        size = jnp.abs(x)
        rise = jnp.exp(jnp.maximum(-size, least))
        step = width * (rise / (1.0 + rise)) * jnp.exp(jnp.minimum(-size - least, 0.0))  # from the nearer end
        y = jnp.where(x < 0, self.low + step, self.high - step)
        return jnp.clip(y, self.low, self.high), math.log(width) - size - 2.0 * jnp.log1p(rise)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        inside = (x >= self.low) & (x <= self.high)
        width, edge = self.high - self.low, float(jnp.finfo(x.dtype).eps) if self.edge is None else self.edge
        below, above = distance_from(x - self.low, self.low), distance_from(self.high - x, self.high)
        log_below = log(jnp.where(x <= self.low, jnp.maximum(edge * width, below), below))
        log_above = log(jnp.where(x >= self.high, jnp.maximum(edge * width, above), above))
        # In the middle the logarithms cancel.
        place = (below - above) / width
        near_middle = jnp.abs(place) < 0.5
        back = jnp.where(near_middle, 2.0 * jnp.arctanh(jnp.where(near_middle, place, 0.0)), log_below - log_above)
        return back, jnp.where(inside, math.log(width) - log_below - log_above, -jnp.inf)


class Logit(AbstractBetween):
    r"""$y = \log\frac{x - a}{b - x}$, the inverse of `Sigmoid`.

    Args:
        shape: The event's shape.
        low: $a$.
        high: $b$, above `low`.
        edge: How far from an end a value on it is taken to be, as a share of the interval; 0 for the nearest that the
            type can tell. By default one rounding step of 1: of most data such a value is a rounded one.
    """

    shape: Shape = static(default=(), converter=as_shape)
    low: float = static(default=0.0)
    high: float = static(default=1.0)
    edge: float | None = static(default=None)

    @property
    def _ends(self) -> Ends:
        return sigmoid_ends(self.low, self.high).turned

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        return Sigmoid(self.shape, self.low, self.high, self.edge)._inverse_pointwise(x)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        return Sigmoid(self.shape, self.low, self.high, self.edge)._forward_pointwise(x)


class Tanh(AbstractBetween):
    r"""$y = \tanh x$, onto $(-1, 1)$; $\log|dy/dx| = 2(\log 2 - x - \operatorname{softplus}(-2x))$.

    A value on an edge is taken as the number next to it; a value beyond has log-det -inf.

    Args:
        shape: The event's shape.
    """

    shape: Shape = static(default=(), converter=as_shape)

    _ends: ClassVar[Ends] = Ends(REAL, Interval(-1.0, 1.0), np.tanh, np.arctanh)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        return jnp.tanh(x), _log_tanh_slope(x)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        size, sign = size_and_sign(x)
        inside = size <= 1
        rest = jnp.maximum(1.0 - size, 0.5 * jnp.finfo(x.dtype).eps)
        size = jnp.minimum(size, 1.0)
        back = 0.5 * sign * jnp.log1p(2.0 * size / rest)
        return back, jnp.where(inside, -jnp.log(rest) - jnp.log1p(size), -jnp.inf)


class LeakyTanh(AbstractAnalyticElementwise):
    r"""$\tanh$ between $-m$ and $m$, a line of the same slope beyond: onto the whole line.

    Args:
        bound: $m$, positive.
        shape: The event's shape.

    Raises:
        ValueError: If `bound` is not positive.
    """

    bound: float = static(default=3.0)
    shape: Shape = static(default=(), converter=as_shape)

    def __check_init__(self):
        if not self.bound > 0:
            raise ValueError(f"LeakyTanh: `bound` must be positive, got {self.bound}.")

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        inner = jax.lax.clamp(-self.bound, x, self.bound)
        log_slope = _log_tanh_slope(inner)
        return jnp.tanh(inner) + jnp.exp(log_slope) * (x - inner), log_slope

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        # Beyond a large bound tanh is 1 to rounding; how far it is from 1 is not.
        size, sign = size_and_sign(x)
        past = size - 1.0 + 2.0 / (math.exp(2.0 * self.bound) + 1.0)
        rest = jnp.maximum(1.0 - size, 0.5 * jnp.finfo(x.dtype).eps)
        back = 0.5 * jnp.log1p(2.0 * jnp.minimum(size, 1.0) / rest)
        inner = jnp.where(past < 0, back, self.bound)
        log_slope = _log_tanh_slope(inner)
        return sign * (inner + jnp.where(past < 0, 0.0, past) * jnp.exp(-log_slope)), -log_slope


class Softplus(AbstractBetween):
    r"""$y = \log(1 + e^x)$, onto the positive numbers, close to the identity far to the right.

    $\log|dy/dx| = \log\sigma(x)$.

    Args:
        shape: The event's shape.
    """

    shape: Shape = static(default=(), converter=as_shape)

    _ends: ClassVar[Ends] = Ends(REAL, POSITIVE, lambda x: np.logaddexp(0.0, x), inverse_softplus)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        x = jnp.maximum(x, log_least(x.dtype))
        return jax.nn.softplus(x), jax.nn.log_sigmoid(x)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        inside = x > 0
        safe = jnp.maximum(x, jnp.finfo(x.dtype).tiny)
        log_sigmoid = log(-jnp.expm1(-safe))
        return safe + log_sigmoid, jnp.where(inside, -log_sigmoid, -jnp.inf)


def _half_line_power(x: Array, exponent: float) -> tuple[Array, Array]:
    return power(x, exponent), jnp.where(x > 0, math.log(abs(exponent)) + (exponent - 1.0) * log(x), -jnp.inf)


def _log_tanh_slope(x: Array) -> Array:
    size = jnp.abs(x)
    return 2.0 * (LOG_2 - size - jnp.log1p(jnp.exp(-2.0 * size)))
