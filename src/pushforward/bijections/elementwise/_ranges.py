"""Logarithms, powers and limits over the whole range of a type, with gradients that stay finite (record 0023)."""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array


def within_exp_range(x: Array) -> Array:
    """Clip so that `exp` neither overflows nor gives 0."""
    return jax.lax.clamp(log_least(x.dtype), x, _log_most(x.dtype))


def within_sinh_range(x: Array) -> Array:
    """Clip so that `sinh` does not overflow."""
    most = _log_most(x.dtype) + LOG_2
    return jax.lax.clamp(-most, x, most)


def log_least(dtype: Any) -> float:
    """Logarithm of the least positive number that is not flushed to zero, a rounding step inside."""
    info = jnp.finfo(dtype)
    return math.log(float(info.tiny)) * (1.0 - float(info.eps))


def _log_most(dtype: Any) -> float:
    """Logarithm of the largest number, a rounding step inside."""
    info = jnp.finfo(dtype)
    return math.log(float(info.max)) * (1.0 - float(info.eps))


@jax.custom_jvp
def log(x: Array) -> Array:
    """Logarithm of a positive number; what is below the least is taken as the least."""
    return jnp.log(jnp.maximum(x, jnp.finfo(x.dtype).tiny))


@log.defjvp
def _log_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,), (along,) = primals, tangents
    return log(x), _reciprocal(x) * along


def _reciprocal(x: Array) -> Array:
    """The slope of `_log`, of at most `1 / (STEEPEST * tiny)`: its products must not overflow."""
    least = jnp.finfo(x.dtype).tiny
    return jnp.where(x > least, 1.0 / jnp.maximum(x, STEEPEST * least), 0.0)


STEEPEST = 2.0**26
LOG_2 = math.log(2.0)


def distance_from(distance: Array, end: float) -> Array:
    """From an end of an interval; on it, half a rounding step, which is the nearest that another number can be."""
    return jnp.maximum(distance, 0.5 * float(jnp.finfo(distance.dtype).eps) * abs(end))


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def power(x: Array, exponent: float) -> Array:
    """`x**exponent` between the least and the largest number of the type."""
    info = jnp.finfo(x.dtype)
    y = jnp.power(jnp.maximum(x, info.tiny), jnp.asarray(exponent, x.dtype))
    return jnp.clip(y, info.tiny, info.max)


@power.defjvp
def _power_jvp(exponent: float, primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,), (along,) = primals, tangents
    y = power(x, exponent)
    # Infinite slopes times the nothing that comes of a point outside are no numbers.
    most = jnp.finfo(x.dtype).max
    return y, jnp.clip(y * (exponent * _reciprocal(x)), -most, most) * along


def size_and_sign(x: Array) -> tuple[Array, Array]:
    """`|x|` and 1 or -1, for odd functions: at 0 the derivative of their product is 1, with `jnp.sign` it were 0."""
    sign = jnp.where(x < 0, -1.0, 1.0).astype(x.dtype)
    return sign * x, sign
