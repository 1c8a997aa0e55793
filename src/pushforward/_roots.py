"""Roots of increasing functions, elementwise, with implicit gradients, and what is said where there is none."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jaxtyping import Array

from pushforward._errors import PushforwardError

Function = Callable[[Array], Array]

MAX_REACH = 2.0**60
"""The bracket grows in steps of 1, 2, 4 up to this: past any float32 datum."""

MAX_STEPS = 400
"""At least every third step doubles the reach or halves the bracket: 60 doublings, then 53 + 11 halvings in float64."""

OVERSHOOT = 1.03
"""A Newton step goes this much further, so that it crosses the root and both ends of the bracket move."""

ROUNDING_STEPS = 2
"""The stated tolerance: a root lies in an interval this many rounding steps of max(1, |x|) wide."""

_keep_unsolved: ContextVar[bool] = ContextVar("keep_unsolved", default=False)


@contextmanager
def best_effort() -> Iterator[None]:
    """In this block an equation that is not solved gives its last trial, not NaN; for telling how far off it is."""
    token = _keep_unsolved.set(True)
    try:
        yield
    finally:
        _keep_unsolved.reset(token)


def kept_if(solved: Array, x: Array) -> Array:
    """The solutions, with NaN where the equation is not solved, unless in a block of `best_effort`."""
    return x if _keep_unsolved.get() else jnp.where(solved, x, jnp.nan)


def solve_increasing(function: Function, target: Array, guess: Array) -> Array:
    """`x` with `function(x) = target`, for a function that increases in each element and is onto.

    Newton's steps, with a bracket that grows until it holds the target and then shrinks to `ROUNDING_STEPS` rounding
    steps of `max(1, |x|)`. An element where it does not is NaN, never a number that is no root. Gradients with
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


def solve_between(function: Function, target: Array, low: Array, high: Array) -> Array:
    """The least `x` with `function(x) >= target`, for a function that never falls, by halving; else `high`.

    Gradients as of `solve_increasing`.

    Args:
        function: Elementwise.
        target: Any shape.
        low: Same shape; below the root, or on it. It may be infinite, as `high` may.
        high: Same shape; above the root, or on it.
    """

    def residual(x: Array) -> Array:
        return function(x) - target

    def solve(residual: Function, guess: Array) -> Array:
        def middle(low: Array, high: Array) -> Array:
            return 0.5 * low + 0.5 * high

        def unfinished(state: tuple[Array, Array, Array]) -> Array:
            low, high, step = state
            between = middle(low, high)
            return jnp.any((between > low) & (between < high)) & (step < MAX_STEPS)

        def advance(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            low, high, step = state
            between = middle(low, high)
            is_above = residual(between) >= 0
            return jnp.where(is_above, low, between), jnp.where(is_above, between, high), step + 1

        ends = jax.lax.stop_gradient((low, high))
        # Of an infinite end the middle is that end, or not a number.
        return lax.while_loop(unfinished, advance, (*ends, jnp.asarray(0)))[1]

    def tangent_solve(linear: Function, y: Array) -> Array:
        slope = linear(jnp.ones_like(y))
        return y / jnp.where(slope == 0, 1.0, slope)

    return lax.custom_root(residual, high, solve, tangent_solve)


class _Search(NamedTuple):
    """The state of every element: `low` and `high` are infinite until a residual of that sign was seen."""

    x: Array
    low: Array
    high: Array
    width: Array
    reach: Array
    step: Array


def _solve(residual: Function, guess: Array) -> Array:
    eps = jnp.finfo(guess.dtype).eps

    def is_wide(s: _Search) -> Array:
        tolerance = ROUNDING_STEPS * eps * jnp.maximum(1.0, jnp.maximum(jnp.abs(s.low), jnp.abs(s.high)))
        # While the bracket is open both sides are infinite, which is wide too.
        return ~(s.high - s.low <= jnp.where(jnp.isfinite(tolerance), tolerance, 0.0))

    def unfinished(s: _Search) -> Array:
        # The position is NaN once a residual was.
        return jnp.any(is_wide(s) & (s.reach <= MAX_REACH) & ~jnp.isnan(s.x)) & (s.step < MAX_STEPS)

    def advance(s: _Search) -> _Search:
        value, slope = jax.jvp(residual, (s.x,), (jnp.ones_like(s.x),))
        low, high = jnp.where(value <= 0, s.x, s.low), jnp.where(value >= 0, s.x, s.high)
        usable = (slope > 0) & jnp.isfinite(value) & jnp.isfinite(slope)
        newton = -value / jnp.where(usable, slope, 1.0)
        side, even, is_open = -jnp.sign(value), s.step % 2 == 0, jnp.isinf(high - low)
        outwards = jnp.where(usable & even, jnp.minimum(1.5 * jnp.abs(newton) + eps, s.reach), s.reach)
        inwards = s.x + OVERSHOOT * newton + side * eps * jnp.maximum(1.0, jnp.abs(s.x))
        shrinks = (high - low) < 0.5 * s.width
        good = usable & (inwards > low) & (inwards < high) & (shrinks | (s.step % 3 > 0))
        x = jnp.where(is_open, s.x + side * outwards, jnp.where(good, inwards, 0.5 * (low + high)))
        reach = jnp.where(is_open & ~even, 2.0 * s.reach, s.reach)
        x = jnp.where(jnp.isnan(value), jnp.nan, x)
        return _Search(x, low, high, high - low, reach, s.step + 1)

    far = jnp.full_like(guess, jnp.inf)
    end = lax.while_loop(unfinished, advance, _Search(guess, -far, far, far, jnp.ones_like(guess), jnp.asarray(0)))
    middle = jnp.where(jnp.isinf(end.high - end.low), end.x, 0.5 * (end.low + end.high))
    return kept_if(~is_wide(end), middle)


LOOKED_AT = 1024
"""Of many points that failed, the worst of so many is named."""

Retry = Callable[[np.ndarray], tuple[Array, Array]]
"""From indices of points along the last axis to what was given there, and what the trial maps back to."""


def any_unsolved(found: Array, *given: Array | None) -> bool:
    """Whether a result is NaN though all that was given is finite; never while tracing, when values are not known."""
    known = [value for value in given if value is not None]
    if any(isinstance(value, Tracer) for value in (found, *known)):
        return False
    return bool(jnp.any(jnp.isnan(found))) and all(bool(jnp.all(jnp.isfinite(value))) for value in known)


def raise_unsolved(name: str, found: Array, retry: Retry) -> None:
    """Raise the error that names the worst point.

    Args:
        name: The method, for the message.
        found: What the solver gave, NaN where it failed; points along the last axis.
        retry: See `Retry`.

    Raises:
        PushforwardError: Always.
    """
    count = found.shape[-1]
    failed = np.flatnonzero(np.isnan(np.asarray(found)).reshape(-1, count).any(axis=0))
    looked_at = failed[:LOOKED_AT]
    with best_effort():
        given, back = (np.asarray(value, np.float64) for value in retry(looked_at))
    with np.errstate(invalid="ignore"):
        residual = np.abs(back - given).reshape(-1, len(looked_at))
    residual = np.where(np.isnan(residual), np.inf, residual).max(axis=0)
    worst = int(np.argmax(residual))
    value = np.array2string(given[..., worst], precision=6, separator=", ")
    raise PushforwardError(
        f"{name}: no root to rounding precision for {len(failed)} of {count} point(s). "
        f"The worst is point {looked_at[worst]}, {value}, missed by {residual[worst]:.3g}.",
        "Use float64 (`jax.config.update('jax_enable_x64', True)`); if that does not help, the weights are too large: "
        "train with a smaller learning rate.",
    )
