"""Elementwise maps without parameters that are learned: supports, squashes and powers.

A value outside a map's range has log-det -inf and a finite image, so its density is 0 and nothing is NaN.
"""

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
        x = _within_exp_range(x)
        return jnp.exp(x), x

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        inside = x > 0
        log_x = jnp.log(jnp.maximum(x, jnp.finfo(x.dtype).tiny))
        return log_x, jnp.where(inside, -log_x, -jnp.inf)


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
        return _half_line_power(x, 2.0)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        return _half_line_power(x, 0.5)


class Sigmoid(AbstractBetween):
    r"""$y = a + (b - a)\,\sigma(x)$, onto the interval $(a, b)$.

    $\log|dy/dx| = \log(b - a) + \log\sigma(x) + \log\sigma(-x)$. A value on the edge is taken as one rounding
    step inside; a value beyond it has log-det -inf.

    Args:
        shape: The event's shape.
        low: $a$.
        high: $b$, above `low`.

    Raises:
        ValueError: If `high` is not above `low`.
    """

    shape: Shape = static(default=(), converter=as_shape)
    low: float = static(default=0.0)
    high: float = static(default=1.0)

    def __check_init__(self):
        if not self.low < self.high:
            raise ValueError(f"Sigmoid: `high` must be above `low`, got low={self.low} and high={self.high}.")

    @property
    def _ends(self) -> Ends:
        return sigmoid_ends(self.low, self.high)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        log_slope = jnp.log(self.high - self.low) + jax.nn.log_sigmoid(x) + jax.nn.log_sigmoid(-x)
        y = self.low + (self.high - self.low) * jax.nn.sigmoid(x)
        return jnp.clip(y, self.low, self.high), log_slope

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        inside = (x >= self.low) & (x <= self.high)
        eps = jnp.finfo(x.dtype).eps
        u = jnp.clip((x - self.low) / (self.high - self.low), eps, 1.0 - eps)
        log_u, log_rest = jnp.log(u), jnp.log1p(-u)
        log_slope = -jnp.log(self.high - self.low) - log_u - log_rest
        return log_u - log_rest, jnp.where(inside, log_slope, -jnp.inf)


class Logit(AbstractBetween):
    r"""$y = \log\frac{x - a}{b - x}$, the inverse of `Sigmoid`.

    Args:
        shape: The event's shape.
        low: $a$.
        high: $b$, above `low`.
    """

    shape: Shape = static(default=(), converter=as_shape)
    low: float = static(default=0.0)
    high: float = static(default=1.0)

    @property
    def _ends(self) -> Ends:
        return sigmoid_ends(self.low, self.high).turned

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        return Sigmoid(self.shape, self.low, self.high)._inverse_pointwise(x)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        return Sigmoid(self.shape, self.low, self.high)._forward_pointwise(x)


class Tanh(AbstractBetween):
    r"""$y = \tanh x$, onto $(-1, 1)$; $\log|dy/dx| = 2(\log 2 - x - \operatorname{softplus}(-2x))$.

    Args:
        shape: The event's shape.
    """

    shape: Shape = static(default=(), converter=as_shape)

    _ends: ClassVar[Ends] = Ends(REAL, Interval(-1.0, 1.0), np.tanh, np.arctanh)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        return jnp.tanh(x), _log_tanh_slope(x)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        inside = jnp.abs(x) <= 1
        limit = 1.0 - jnp.finfo(x.dtype).eps
        back = jnp.arctanh(jnp.clip(x, -limit, limit))
        return back, jnp.where(inside, -_log_tanh_slope(back), -jnp.inf)


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
        inner = jnp.clip(x, -self.bound, self.bound)
        log_slope = _log_tanh_slope(inner)
        return jnp.tanh(inner) + jnp.exp(log_slope) * (x - inner), log_slope

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        bound = jnp.asarray(self.bound, x.dtype)
        edge = jnp.tanh(bound)
        inner = jnp.clip(x, -edge, edge)
        back = jnp.arctanh(inner)
        log_slope = _log_tanh_slope(back)
        return back + (x - inner) * jnp.exp(-_log_tanh_slope(bound)), -log_slope


class Softplus(AbstractBetween):
    r"""$y = \log(1 + e^x)$, onto the positive numbers, close to the identity far to the right.

    $\log|dy/dx| = \log\sigma(x)$.

    Args:
        shape: The event's shape.
    """

    shape: Shape = static(default=(), converter=as_shape)

    _ends: ClassVar[Ends] = Ends(REAL, POSITIVE, lambda x: np.logaddexp(0.0, x), inverse_softplus)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        x = jnp.maximum(x, jnp.log(jnp.finfo(x.dtype).tiny))
        return jax.nn.softplus(x), jax.nn.log_sigmoid(x)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        inside = x > 0
        safe = jnp.maximum(x, jnp.finfo(x.dtype).tiny)
        log_sigmoid = jnp.log(-jnp.expm1(-safe))
        return safe + log_sigmoid, jnp.where(inside, -log_sigmoid, -jnp.inf)


def _within_exp_range(x: Array) -> Array:
    """Clip so that `exp` neither overflows nor gives 0, with a margin for the products that follow."""
    info = jnp.finfo(x.dtype)
    return jnp.clip(x, jnp.log(info.tiny), jnp.log(info.max) - 1.0)


def _half_line_power(x: Array, exponent: float) -> tuple[Array, Array]:
    inside = x > 0
    log_x = jnp.log(jnp.maximum(x, jnp.finfo(x.dtype).tiny))
    y = jnp.exp(_within_exp_range(exponent * log_x))
    return y, jnp.where(inside, jnp.log(abs(exponent)) + (exponent - 1.0) * log_x, -jnp.inf)


def _log_tanh_slope(x: Array) -> Array:
    return 2.0 * (jnp.log(2.0) - x - jax.nn.softplus(-2.0 * x))
