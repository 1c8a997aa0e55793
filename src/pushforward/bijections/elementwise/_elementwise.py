"""Elementwise maps without parameters that are learned: supports, squashes and powers.

A value outside a map's range has log-det -inf and a finite image, so its density is 0 and nothing is NaN.
"""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike

from pushforward._errors import as_shape, violated
from pushforward._params import positive, positive_raw, static
from pushforward._types import Kind, Shape
from pushforward.bijections._base import AbstractElementwise


class AbstractAnalyticElementwise(AbstractElementwise):
    """An elementwise map in closed form both ways."""

    forward_kind: ClassVar[Kind] = "analytic"
    inverse_kind: ClassVar[Kind] = "analytic"


class Exp(AbstractAnalyticElementwise):
    r"""$y = e^x$, onto the positive numbers; $\log|dy/dx| = x$.

    Args:
        shape: The event's shape.

    Example:
        >>> Exp((2,)).forward_and_log_det(jnp.array([0.0, 1.0]))[1].item()
        1.0
    """

    shape: Shape = static(default=(), converter=as_shape)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        x = _within_exp_range(x)
        return jnp.exp(x), x

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        inside = x > 0
        log_x = jnp.log(jnp.maximum(x, jnp.finfo(x.dtype).tiny))
        return log_x, jnp.where(inside, -log_x, -jnp.inf)


class Log(AbstractAnalyticElementwise):
    r"""$y = \log x$ on the positive numbers, the inverse of `Exp`.

    Args:
        shape: The event's shape.
    """

    shape: Shape = static(default=(), converter=as_shape)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        return Exp(self.shape)._inverse_pointwise(x)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        return Exp(self.shape)._forward_pointwise(x)


class Power(AbstractAnalyticElementwise):
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

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        return _half_line_power(x, self.exponent)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        return _half_line_power(x, 1.0 / self.exponent)


class Square(AbstractAnalyticElementwise):
    r"""$y = x^2$ on the positive numbers; $\log|dy/dx| = \log 2x$.

    Args:
        shape: The event's shape.

    Example:
        >>> Square().inverse_and_log_det(jnp.array(4.0))[0].item()
        2.0
    """

    shape: Shape = static(default=(), converter=as_shape)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        return _half_line_power(x, 2.0)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        return _half_line_power(x, 0.5)


class Sigmoid(AbstractAnalyticElementwise):
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


class Logit(AbstractAnalyticElementwise):
    r"""$y = \log\frac{x - a}{b - x}$, the inverse of `Sigmoid`.

    Args:
        shape: The event's shape.
        low: $a$.
        high: $b$, above `low`.
    """

    shape: Shape = static(default=(), converter=as_shape)
    low: float = static(default=0.0)
    high: float = static(default=1.0)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        return Sigmoid(self.shape, self.low, self.high)._inverse_pointwise(x)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        return Sigmoid(self.shape, self.low, self.high)._forward_pointwise(x)


class Tanh(AbstractAnalyticElementwise):
    r"""$y = \tanh x$, onto $(-1, 1)$; $\log|dy/dx| = 2(\log 2 - x - \operatorname{softplus}(-2x))$.

    Args:
        shape: The event's shape.
    """

    shape: Shape = static(default=(), converter=as_shape)

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


class Softplus(AbstractAnalyticElementwise):
    r"""$y = \log(1 + e^x)$, onto the positive numbers, close to the identity far to the right.

    $\log|dy/dx| = \log\sigma(x)$.

    Args:
        shape: The event's shape.
    """

    shape: Shape = static(default=(), converter=as_shape)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        x = jnp.maximum(x, jnp.log(jnp.finfo(x.dtype).tiny))
        return jax.nn.softplus(x), jax.nn.log_sigmoid(x)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        inside = x > 0
        safe = jnp.maximum(x, jnp.finfo(x.dtype).tiny)
        log_sigmoid = jnp.log(-jnp.expm1(-safe))
        return safe + log_sigmoid, jnp.where(inside, -log_sigmoid, -jnp.inf)


class SinhArcsinh(AbstractAnalyticElementwise):
    r"""Skew and tail weight, $y = \sinh(\tau(\operatorname{arcsinh} x + \epsilon))$.

    $\log|dy/dx| = \log\tau + \log\cosh(\tau(\operatorname{arcsinh} x + \epsilon)) - \tfrac12\log(1 + x^2)$.

    Args:
        skewness: $\epsilon$, any real; positive skews right. Shape `(*shape,)`.
        tailweight: $\tau > 0$; above 1 the tails are heavier than the input's. Broadcast against `skewness`.

    Raises:
        ValueError: If a `tailweight` is not positive.

    Example:
        >>> b = SinhArcsinh(skewness=jnp.array([0.0, 0.3]), tailweight=1.0)
        >>> y, log_det = b.forward_and_log_det(jnp.zeros(2))
        >>> y.shape, log_det.shape
        ((2,), ())

    Reference:
        Jones & Pewsey (2009), Sinh-arcsinh distributions, Biometrika 96(4), eq. 2.
    """

    skewness: Array
    tailweight_raw: Array
    shape: Shape = static()

    def __init__(self, skewness: ArrayLike = 0.0, tailweight: ArrayLike = 1.0):
        skewness, tailweight = jnp.broadcast_arrays(_float(skewness), _float(tailweight))
        if violated(tailweight > 0):
            raise ValueError(f"SinhArcsinh: `tailweight` must be positive, got {tailweight}.")
        self.skewness = skewness
        self.tailweight_raw = positive_raw(tailweight)
        self.shape = skewness.shape

    @property
    def tailweight(self) -> Array:
        return positive(self.tailweight_raw)[0]

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        tailweight, log_tailweight = positive(self.tailweight_raw)
        inner = tailweight * (_arcsinh(x) + self.skewness)
        return _sinh(inner), log_tailweight + _log_cosh(inner) - _half_log1p_square(x)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        tailweight, log_tailweight = positive(self.tailweight_raw)
        inner = _arcsinh(x)
        back = _sinh(inner / tailweight - self.skewness)
        return back, _half_log1p_square(back) - log_tailweight - _half_log1p_square(x)


def _float(value: ArrayLike) -> Array:
    return jnp.asarray(value, dtype=jnp.result_type(float))


def _within_exp_range(x: Array) -> Array:
    """Clip so that `exp` neither overflows nor gives 0, with a margin for the products that follow."""
    info = jnp.finfo(x.dtype)
    return jnp.clip(x, jnp.log(info.tiny), jnp.log(info.max) - 1.0)


def _sinh(x: Array) -> Array:
    """Hyperbolic sine up to 8e14: further out, a few layers would overflow float32."""
    return jnp.sinh(jnp.clip(x, -SINH_MAX, SINH_MAX))


SINH_MAX = 35.0


def _half_line_power(x: Array, exponent: float) -> tuple[Array, Array]:
    inside = x > 0
    log_x = jnp.log(jnp.maximum(x, jnp.finfo(x.dtype).tiny))
    y = jnp.exp(_within_exp_range(exponent * log_x))
    return y, jnp.where(inside, jnp.log(abs(exponent)) + (exponent - 1.0) * log_x, -jnp.inf)


def _log_tanh_slope(x: Array) -> Array:
    return 2.0 * (jnp.log(2.0) - x - jax.nn.softplus(-2.0 * x))


def _arcsinh(x: Array) -> Array:
    # jnp.arcsinh has a NaN gradient once x**2 overflows; log(2x) is exact to rounding from there on.
    big = jnp.abs(x) > ARCSINH_BIG
    safe = jnp.where(big, 1.0, x)
    far = jnp.sign(x) * jnp.log(2.0 * jnp.maximum(jnp.abs(x), 1.0))
    return jnp.where(big, far, jnp.arcsinh(safe))


ARCSINH_BIG = 1e9


def _log_cosh(x: Array) -> Array:
    size = jnp.abs(x)
    return size + jnp.log1p(jnp.exp(-2.0 * size)) - jnp.log(2.0)


def _half_log1p_square(x: Array) -> Array:
    """0.5 log(1 + x**2), without overflow."""
    return _log_cosh(_arcsinh(x))
