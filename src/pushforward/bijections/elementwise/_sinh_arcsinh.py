"""Skew and tail weight by hyperbolic sines."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike

from pushforward._errors import check_positive
from pushforward._params import positive, positive_raw, static
from pushforward._types import Shape
from pushforward.bijections.elementwise._elementwise import AbstractAnalyticElementwise
from pushforward.bijections.elementwise._ranges import LOG_2, within_sinh_range


class SinhArcsinh(AbstractAnalyticElementwise):
    r"""Skew and tail weight, $y = \sinh(\tau(\operatorname{arcsinh} x + \epsilon))$.

    $\log|dy/dx| = \log\tau + \log\cosh(\tau(\operatorname{arcsinh} x + \epsilon)) - \tfrac12\log(1 + x^2)$.

    Args:
        skewness: $\epsilon$, any real; positive skews right. Shape `(*shape,)`.
        tailweight: $\tau > 0$; above 1 the tails are heavier than the input's. Broadcast against `skewness`.

    Values end where the type does, and the log-det with them. The exponent carries its own rounding: values lose
    $1 + |\tau\epsilon|$ times as much as those of other maps.

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
        check_positive("SinhArcsinh", "tailweight", tailweight)
        self.skewness = skewness
        self.tailweight_raw = positive_raw(tailweight)
        self.shape = skewness.shape

    @property
    def tailweight(self) -> Array:
        return positive(self.tailweight_raw)[0]

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        tailweight, log_tailweight = positive(self.tailweight_raw)
        inner = within_sinh_range(tailweight * (_arcsinh(x) + self.skewness))
        return jnp.sinh(inner), log_tailweight + _log_cosh(inner) - _half_log1p_square(x)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        tailweight, log_tailweight = positive(self.tailweight_raw)
        inner = within_sinh_range(_arcsinh(x) / tailweight - self.skewness)
        return jnp.sinh(inner), _log_cosh(inner) - log_tailweight - _half_log1p_square(x)


def _float(value: ArrayLike) -> Array:
    return jnp.asarray(value, dtype=jnp.result_type(float))


def _arcsinh(x: Array) -> Array:
    # jnp.arcsinh has a NaN gradient once x**2 overflows; log(2x) is exact to rounding from there on.
    big = jnp.abs(x) > ARCSINH_BIG
    safe = jnp.where(big, 1.0, x)
    far = jnp.sign(x) * (jnp.log(jnp.maximum(jnp.abs(x), 1.0)) + LOG_2)
    return jnp.where(big, far, jnp.arcsinh(safe))


ARCSINH_BIG = 1e9


def _log_cosh(x: Array) -> Array:
    size = jnp.abs(x)
    return size + jnp.log1p(jnp.exp(-2.0 * size)) - LOG_2


def _half_log1p_square(x: Array) -> Array:
    """0.5 log(1 + x**2), without overflow."""
    return _log_cosh(_arcsinh(x))
