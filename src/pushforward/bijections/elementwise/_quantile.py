"""From a logistic to a normal variable, safe however far out."""

import math

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import log_ndtr, ndtri
from jaxtyping import Array

from pushforward._params import static
from pushforward._types import Shape
from pushforward.bijections.elementwise._elementwise import AbstractAnalyticElementwise
from pushforward.bijections.elementwise._ranges import LOG_2, size_and_sign


class NormalQuantile(AbstractAnalyticElementwise):
    r"""$y = \Phi^{-1}(\sigma(x))$, from the logistic law to the normal one; $x = \log\Phi(y) - \log\Phi(-y)$.

    $\log|dy/dx| = \log\Phi(y) + \log\Phi(-y) - \log\phi(y)$. Far out $|y| \approx \sqrt{2|x|}$: onto the whole line.

    Args:
        shape: The event's shape.

    Example:
        >>> round(NormalQuantile().forward(jnp.log(jnp.array(0.975 / 0.025))).item(), 3)
        1.96
    """

    shape: Shape = static(default=())

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        y = _quantile(x)
        return y, _log_slope(y)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        size, sign = size_and_sign(x)
        near = size < MIDDLE
        log_tail = _log_tail(jnp.where(near, MIDDLE, size))
        middle = 2.0 * jnp.arctanh(lax.erf(HALF_ROOT * jnp.where(near, size, MIDDLE)))
        back = jnp.where(near, middle, jnp.log1p(-jnp.exp(log_tail)) - log_tail)
        return sign * back, -_log_slope(x)


HALF_ROOT = math.sqrt(0.5)
MIDDLE = 1.0
"""Below, differences of logarithms would cancel."""
HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
SERIES = (-1.0, 3.0, -15.0, 105.0, -945.0, 10395.0)
"""Coefficients of 1/y^2, 1/y^4, ... in y (1 - Phi(y)) / phi(y)."""


@jax.custom_jvp
def _quantile(x: Array) -> Array:
    size = jnp.abs(x)
    # Up to here the tail probability is a normal number; beyond, Newton's steps on the log of its series.
    limit = -0.9 * math.log(jnp.finfo(x.dtype).tiny)
    rise = jnp.exp(-jnp.minimum(size, limit))
    near = jnp.where(
        size < MIDDLE, lax.erf_inv(jnp.tanh(0.5 * jnp.minimum(size, MIDDLE))) / HALF_ROOT, -ndtri(rise / (1.0 + rise))
    )
    target = jnp.maximum(size, limit)
    far = jnp.sqrt(target - HALF_LOG_2PI - 0.5 * (LOG_2 + jnp.log(target))) / HALF_ROOT
    for _ in range(2):
        far = far + (_log_tail(far) + target) * jnp.exp(_log_mills(far))
    return jnp.sign(x) * jnp.where(size < limit, near, far)


@_quantile.defjvp
def _(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    y = _quantile(primals[0])
    return y, jnp.exp(_log_slope(y)) * tangents[0]


def _log_slope(y: Array) -> Array:
    size = jnp.abs(y)
    return log_ndtr(size) + _log_mills(size)


def _log_tail(y: Array) -> Array:
    """`log Phi(-y)` for `y >= 0`."""
    near, far = _split(y)
    return jnp.where(y < far, log_ndtr(-near), _log_series(far) - 0.5 * far * far - HALF_LOG_2PI)


def _log_mills(y: Array) -> Array:
    """`log (1 - Phi(y)) / phi(y)` for `y >= 0`; about `-log y` far out, without the cancellation."""
    near, far = _split(y)
    return jnp.where(y < far, log_ndtr(-near) + 0.5 * near * near + HALF_LOG_2PI, _log_series(far))


def _split(y: Array) -> tuple[Array, Array]:
    """`y` clipped to where the difference of logs is precise, and to where the series is."""
    edge = 20.0 if y.dtype == jnp.float64 else 8.0
    return jnp.minimum(y, edge), jnp.maximum(y, edge)


def _log_series(y: Array) -> Array:
    inverse_square, total = 1.0 / (y * y), jnp.zeros_like(y)
    for coefficient in SERIES[::-1]:
        total = inverse_square * (coefficient + total)
    return jnp.log1p(total) - jnp.log(y)
