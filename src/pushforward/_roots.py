"""Roots of increasing functions, elementwise, with implicit gradients."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

Function = Callable[[Array], Array]

MAX_DOUBLINGS = 60
"""The bracket starts at ±1 around the guess and doubles at most this often: 2**60 is past any float32 datum."""

MAX_STEPS = 200
"""Bisection halves the bracket at least every other step, and float64 has 53 + 11 halvings to give."""


def solve_increasing(function: Function, target: Array, guess: Array) -> Array:
    """`x` with `function(x) = target`, for a function that increases in each element and is onto.

    Newton's steps, kept inside a bracket that grows until it holds the target and then shrinks. Gradients with
    respect to `target` and whatever `function` closes over come from the implicit function theorem.

    Args:
        function: Elementwise and increasing; it may close over traced arrays.
        target: Any shape.
        guess: Same shape; where to look first.
    """

    def residual(x: Array) -> Array:
        return function(x) - target

    def tangent_solve(linear: Function, y: Array) -> Array:
        slope = linear(jnp.ones_like(y))
        return y / jnp.where(slope == 0, 1.0, slope)

    return lax.custom_root(residual, guess, _solve, tangent_solve)


def _solve(residual: Function, guess: Array) -> Array:
    low, high = _bracket(residual, guess)
    eps = jnp.finfo(guess.dtype).eps

    def wide(carry) -> Array:
        low, high, _, _, step = carry
        tolerance = 2 * eps * jnp.maximum(1.0, jnp.maximum(jnp.abs(low), jnp.abs(high)))
        return jnp.any(high - low > tolerance) & (step < MAX_STEPS)

    def body(carry):
        low, high, x, last_width, step = carry
        value, slope = jax.jvp(residual, (x,), (jnp.ones_like(x),))
        low, high = jnp.where(value <= 0, x, low), jnp.where(value >= 0, x, high)
        newton = x - value / jnp.where(slope > 0, slope, 1.0)
        # A Newton step that does not halve the bracket is overshot a little, so that the far side moves too.
        newton = newton - jnp.sign(value) * eps * jnp.maximum(1.0, jnp.abs(newton))
        shrinks = (high - low) < 0.5 * last_width
        good = (slope > 0) & (newton > low) & (newton < high) & (shrinks | (step % 2 == 0))
        return low, high, jnp.where(good, newton, 0.5 * (low + high)), high - low, step + 1

    start = (low, high, jnp.clip(guess, low, high), high - low, jnp.asarray(0))
    low, high, _, _, _ = lax.while_loop(wide, body, start)
    return 0.5 * (low + high)


def _bracket(residual: Function, guess: Array) -> tuple[Array, Array]:
    def search(sign: int) -> Array:
        def outside(carry) -> Array:
            edge, _, step = carry
            return jnp.any(sign * residual(edge) < 0) & (step < MAX_DOUBLINGS)

        def grow(carry):
            edge, reach, step = carry
            short = sign * residual(edge) < 0
            return jnp.where(short, edge + sign * reach, edge), 2 * reach, step + 1

        edge = guess + sign * jnp.ones_like(guess)
        return lax.while_loop(outside, grow, (edge, jnp.ones_like(guess), jnp.asarray(0)))[0]

    return search(-1), search(1)
