"""Skew and tail weight."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike

from pushforward._errors import violated
from pushforward._params import positive, positive_raw, static
from pushforward._types import Shape
from pushforward.bijections.elementwise._elementwise import AbstractAnalyticElementwise


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


def _sinh(x: Array) -> Array:
    """Hyperbolic sine up to 8e14: further out, a few layers would overflow float32."""
    return jnp.sinh(jnp.clip(x, -SINH_MAX, SINH_MAX))


SINH_MAX = 35.0


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
