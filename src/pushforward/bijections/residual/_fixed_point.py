"""Inverses of vector maps by fixed-point iteration, with implicit gradients."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from pushforward._roots import kept_if, solve_increasing

Function = Callable[[Any, Array], tuple[Array, Array]]
"""`(params, x) -> (f(x), s(x))` for events along the last axis; `I - J/s` must be a contraction or nilpotent."""

ROUNDING_STEPS = 32
"""The stated tolerance: `|f(x) - target|` is at most this many rounding steps of `1 + max|x| + max|target|`."""


class Solve(NamedTuple):
    """What an iteration did with each event of a batch.

    Attributes:
        x: The solution, `(*event, batch)`; NaN for an event that did not meet the tolerance.
        steps: How many steps were taken for the whole batch.
        rate: Geometric mean of the factors by which the residual shrank, `(batch,)`; 0 is fast, 1 is no progress.
        residual: The largest `|f(x) - target|` relative to `1 + max|x| + max|target|`, `(batch,)`.
    """

    x: Array
    steps: Array
    rate: Array
    residual: Array


class _Trial(NamedTuple):
    x: Array
    steps: Array
    first: Array
    last: Array  # residuals of the first trial and of the one before `x`
    taken: Array


def iterate(function: Function, params: Any, target: Array, max_steps: int) -> Solve:
    """`x` with `f(x) = target`, by `x <- x - (f(x) - target) / s(x)` from `target` on, and how it went."""
    tolerance = ROUNDING_STEPS * jnp.finfo(target.dtype).eps

    def unfinished(t: _Trial) -> Array:
        # An event that is NaN stays NaN: no reason to go on.
        return jnp.any(t.last > tolerance) & (t.steps < max_steps)

    def advance(t: _Trial) -> _Trial:
        value, slope = function(params, t.x)
        gap = value - target
        residual = _largest(gap) / (1.0 + _largest(t.x) + _largest(target))
        # An event that has met the tolerance stays, whatever its neighbours need.
        moving = ~(residual <= tolerance)
        return _Trial(
            x=jnp.where(moving, t.x - gap / slope, t.x),
            steps=t.steps + 1,
            first=jnp.where(t.steps == 0, residual, t.first),
            last=residual,
            taken=t.taken + moving,
        )

    far = jnp.full(target.shape[-1], jnp.inf, target.dtype)
    end = lax.while_loop(unfinished, advance, _Trial(target, jnp.asarray(0), far, far, jnp.zeros_like(far)))
    tiny = jnp.finfo(target.dtype).tiny
    ratio = jnp.maximum(end.last, tiny) / jnp.maximum(end.first, tiny)
    rate = ratio ** (1.0 / jnp.maximum(end.taken, 1.0))
    # One more step: the tolerance is met, and the result is nearer to the root by another factor of the rate.
    value, slope = function(params, end.x)
    x = end.x - (value - target) / slope
    return Solve(kept_if(end.last <= tolerance, x), end.steps, rate, end.last)


@partial(jax.custom_jvp, nondiff_argnums=(0, 3, 4))
def solve(function: Function, params: Any, target: Array, max_steps: int, is_triangular: bool = False) -> Array:
    """The `x` of `iterate`, with the gradients of the implicit function theorem.

    Where the iteration does not end and the map is triangular, its coordinates are solved in turn, each by the
    bracketing root-finder, which does.

    Args:
        function: See `Function`; it must not close over arrays, so that none is missed by the gradient.
        params: Its parameters.
        target: Events, `(*event, batch)`.
        max_steps: Of the iteration.
        is_triangular: Whether coordinate `i` of `f`, row by row, sees coordinates up to `i` and increases in
            coordinate `i`.
    """
    x = iterate(function, params, target, max_steps).x
    if not is_triangular:
        return x
    solved = jnp.all(jnp.isfinite(x), axis=tuple(range(x.ndim - 1)))
    return lax.cond(jnp.all(solved), lambda: x, lambda: jnp.where(solved, x, solve_in_turn(function, params, target)))


def solve_in_turn(function: Function, params: Any, target: Array) -> Array:
    """`x` with `f(x) = target`, `(*event, batch)`, for a triangular map: one scalar root after another."""
    rows = target.reshape(-1, target.shape[-1])

    def step(x: Array, i: Array) -> tuple[Array, None]:
        def entry(v: Array) -> Array:
            return function(params, x.at[i].set(v).reshape(target.shape))[0].reshape(rows.shape)[i]

        return x.at[i].set(solve_increasing(entry, rows[i], rows[i])), None

    return lax.scan(step, rows, jnp.arange(len(rows)))[0].reshape(target.shape)


@solve.defjvp
def _solve_jvp(
    function: Function, max_steps: int, is_triangular: bool, primals: Any, tangents: Any
) -> tuple[Array, Array]:
    params, target = primals
    params_tangent, target_tangent = tangents
    x = solve(function, params, target, max_steps, is_triangular)
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
    """The largest absolute value of every event, `(batch,)`; infinite for one that is NaN, which `max` may overlook."""
    return jnp.max(jnp.where(jnp.isnan(x), jnp.inf, jnp.abs(x)), axis=tuple(range(x.ndim - 1)))
