"""Inverses of vector maps by fixed-point iteration, with implicit gradients."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

Function = Callable[[Any, Array], tuple[Array, Array]]
"""`(params, x) -> (f(x), s(x))` for events along the last axis; `I - J/s` must be a contraction or nilpotent."""

ROUNDING_STEPS = 32
"""The stated tolerance: iteration ends when its step is this many rounding steps of `1 + max|x|` of the event."""


class Solve(NamedTuple):
    """What an iteration did with each event of a batch.

    Attributes:
        x: The solution, `(*event, batch)`; NaN for an event that did not meet the tolerance.
        steps: How many steps were taken for the whole batch.
        rate: Geometric mean of the factors by which the steps shrank, `(batch,)`; near 0 is fast, 1 is no progress.
        step: Size of the last step relative to `1 + max|x|`, `(batch,)`.
    """

    x: Array
    steps: Array
    rate: Array
    step: Array


class _Trial(NamedTuple):
    x: Array
    steps: Array
    first: Array
    last: Array
    taken: Array


def iterate(function: Function, params: Any, target: Array, max_steps: int) -> Solve:
    """`x` with `f(x) = target`, by `x <- x - (f(x) - target) / s(x)` from `target` on, and how it went."""
    tolerance = ROUNDING_STEPS * jnp.finfo(target.dtype).eps

    def unfinished(t: _Trial) -> Array:
        # A NaN stays NaN: no reason to go on.
        return jnp.any(t.last > tolerance) & (t.steps < max_steps)

    def advance(t: _Trial) -> _Trial:
        value, slope = function(params, t.x)
        x = t.x - (value - target) / slope
        step = _largest(x - t.x) / (1.0 + _largest(x))
        moving = t.last > tolerance
        return _Trial(
            # An event that has met the tolerance stays, whatever its neighbours need.
            x=jnp.where(moving, x, t.x),
            steps=t.steps + 1,
            first=jnp.where(t.steps == 0, step, t.first),
            last=jnp.where(moving, step, t.last),
            taken=t.taken + moving,
        )

    far = jnp.full(target.shape[-1], jnp.inf, target.dtype)
    end = lax.while_loop(unfinished, advance, _Trial(target, jnp.asarray(0), far, far, jnp.zeros_like(far)))
    tiny = jnp.finfo(target.dtype).tiny
    ratio = jnp.maximum(end.last, tiny) / jnp.maximum(end.first, tiny)
    rate = ratio ** (1.0 / jnp.maximum(end.taken - 1.0, 1.0))
    return Solve(jnp.where(end.last <= tolerance, end.x, jnp.nan), end.steps, rate, end.last)


@partial(jax.custom_jvp, nondiff_argnums=(0, 3))
def solve(function: Function, params: Any, target: Array, max_steps: int) -> Array:
    """The `x` of `iterate`, with the gradients of the implicit function theorem.

    Args:
        function: See `Function`; it must not close over arrays, so that none is missed by the gradient.
        params: Its parameters.
        target: Events, `(*event, batch)`.
        max_steps: Give up after this many.
    """
    return iterate(function, params, target, max_steps).x


@solve.defjvp
def _solve_jvp(function: Function, max_steps: int, primals: Any, tangents: Any) -> tuple[Array, Array]:
    params, target = primals
    params_tangent, target_tangent = tangents
    x = solve(function, params, target, max_steps)
    slope = lax.stop_gradient(function(params, x)[1])
    _, moved = jax.jvp(lambda p: function(p, x)[0], (params,), (params_tangent,))
    _, push = jax.linearize(lambda v: function(params, v)[0], x)
    by_iteration = partial(_solve_linear, slope=slope, max_steps=max_steps)
    return x, lax.custom_linear_solve(
        push, target_tangent - moved, solve=by_iteration, transpose_solve=by_iteration, symmetric=False
    )


def _solve_linear(matvec: Callable[[Array], Array], b: Array, *, slope: Array, max_steps: int) -> Array:
    """`x` with `matvec(x) = b` by `x <- x + (b - matvec(x)) / slope`; for the transposed system too."""
    tolerance = ROUNDING_STEPS * jnp.finfo(b.dtype).eps

    def unfinished(carry: tuple[Array, Array, Array]) -> Array:
        x, step, count = carry
        return jnp.any(_largest(step) > tolerance * _largest(x)) & (count < max_steps)

    def advance(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        x, _, count = carry
        step = (b - matvec(x)) / slope
        return x + step, step, count + 1

    first = b / slope
    return lax.while_loop(unfinished, advance, (first, first, jnp.asarray(0)))[0]


def _largest(x: Array) -> Array:
    """The largest absolute value of every event, `(batch,)`."""
    return jnp.max(jnp.abs(x), axis=tuple(range(x.ndim - 1)))
