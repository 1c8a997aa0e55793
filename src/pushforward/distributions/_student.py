"""Student's t for any degrees of freedom: density, distribution function, quantiles, entropy."""

import math
from functools import partial

import jax
import jax.numpy as jnp
from jax.scipy.special import betainc, ndtr
from jaxtyping import Array

from pushforward._roots import solve_between


def student_log_density(z: Array, df: float) -> Array:
    r"""$\log\Gamma(\tfrac{\nu+1}2) - \log\Gamma(\tfrac\nu2) - \tfrac12\log\pi\nu - \tfrac{\nu+1}2\log(1 + z^2/\nu)$."""
    constant = _log_gamma_ratio(0.5 * df) - 0.5 * math.log(math.pi * df)
    return constant - (0.5 * df + 0.5) * _log1p_square(z, math.sqrt(df))


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def student_cdf(z: Array, df: float) -> Array:
    r"""$P(T \le z)$, elementwise: $\tfrac12 I_{\nu/(\nu+z^2)}(\tfrac\nu2, \tfrac12)$ below 0, the rest of 1 above.

    Of many degrees of freedom, where a rounding of the argument would count $\nu$ times, by Hill's normal deviate.
    """
    tail = _tail(jnp.abs(z), df)
    return jnp.where(z < 0, tail, 1.0 - tail)


@student_cdf.defjvp
def _student_cdf_jvp(df: float, primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (z,), (along,) = primals, tangents
    return student_cdf(z, df), jnp.exp(student_log_density(z, df)) * along


def student_quantile(q: Array, df: float) -> Array:
    r"""The inverse of `student_cdf` for levels from 0 to 1, by halving in $u$, where $z = \sqrt\nu\sinh u$."""
    root, info = math.sqrt(df), jnp.finfo(q.dtype)
    reach = jnp.full_like(q, math.log(float(info.max)) - math.log(root))
    least = jnp.minimum(q, 1.0 - q)
    u = solve_between(lambda u: student_cdf(root * jnp.sinh(u), df), least, -reach, jnp.zeros_like(q))
    below = jnp.where(least > 0, root * jnp.sinh(u), -jnp.inf)
    return jnp.where(q < 0.5, below, -below)


def student_entropy(df: float) -> float:
    r"""$\tfrac{\nu+1}2[\psi(\tfrac{\nu+1}2) - \psi(\tfrac\nu2)] + \log\sqrt\nu\,B(\tfrac\nu2, \tfrac12)$ in nats."""
    from scipy.special import digamma

    rise = float(digamma(0.5 * df + 0.5) - digamma(0.5 * df))
    return (0.5 * df + 0.5) * rise + 0.5 * math.log(math.pi * df) - _log_gamma_ratio(0.5 * df)


def _tail(size: Array, df: float) -> Array:
    """P(T > size) of sizes that are not negative."""
    if df > MANY * (1 if size.dtype == jnp.float32 else 50):
        return ndtr(-_hill(size, df))
    half, ratio = 0.5 * df, jnp.minimum(size / math.sqrt(df), FAR)
    square = ratio * ratio
    near = 0.5 - 0.5 * betainc(0.5, half, square / (1.0 + square))
    far = 0.5 * betainc(half, 0.5, 1.0 / (1.0 + square))
    # Only the first term of the series is left.
    log_beta = 0.5 * math.log(math.pi) - _log_gamma_ratio(half)
    furthest = jnp.exp(-half * _log1p_square(size, math.sqrt(df)) - math.log(df) - log_beta)
    return jnp.where(size < 1.0, near, jnp.where(ratio < FURTHEST, far, furthest))


def _hill(size: Array, df: float) -> Array:
    """The normal deviate with the same tail.

    Reference:
        Hill (1970), Algorithm 395: Student's t-distribution, Communications of the ACM 13(10).
    """
    a = df - 0.5
    b = 48.0 * a * a
    y = jnp.minimum(a * _log1p_square(size, math.sqrt(df)), 1e4)  # its square is no overflow, its tail 0
    series = ((((-0.4 * y - 3.3) * y - 24.0) * y - 85.5) / (0.8 * y * y + 100.0 + b) + y + 3.0) / b
    return (series + 1.0) * jnp.sqrt(jnp.where(y > 0, y, 0.0))


MANY = 200.0
"""Degrees of freedom from which Hill's deviate is better than float32; 50 times as many for float64."""
FURTHEST = 1e4
"""From here on the series of the incomplete beta function is its first term, to 1e-8."""
FAR = 1e9
"""From here on the 1 in log(1 + w^2) is below the rounding of float64, and the square is no overflow of float32."""


def _log_gamma_ratio(a: float) -> float:
    """`log Gamma(a + 1/2) - log Gamma(a)`; by its series where the two are large and near each other."""
    if a < 50.0:
        return math.lgamma(a + 0.5) - math.lgamma(a)
    return 0.5 * math.log(a) - 1.0 / (8.0 * a) + 1.0 / (192.0 * a**3) - 1.0 / (640.0 * a**5)


def _log1p_square(z: Array, root: float) -> Array:
    """`log(1 + (z / root)^2)`, without overflow."""
    size = jnp.abs(z)
    return jnp.log1p(jnp.minimum(size / root, FAR) ** 2) + 2.0 * jnp.log(jnp.maximum(size / (root * FAR), 1.0))
