"""Ordinary differential equations for a batch of events, by Diffrax."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

if TYPE_CHECKING:
    import diffrax

State = tuple[Array, Array]
Rates = Callable[[Any, Array, Array], State]
"""`(params, t, x) -> (dx/dt, rates)`: velocities `(dim, batch)`, and rates of sums along the path, `(count, batch)`."""

METHODS = ("tsit5", "dopri5", "dopri8")
FIRST_STEP = 0.1
ROUNDING_STEPS = 10
"""A tolerance below this many rounding steps is one that no step can meet."""


class Settings(NamedTuple):
    """How an equation is solved.

    Attributes:
        method: A name in `METHODS`.
        rtol: Every step of every event has an error below `atol + rtol * |state|`.
        atol: Likewise.
        max_steps: After so many the solver gives up.
    """

    method: str
    rtol: float
    atol: float
    max_steps: int


class OdeSolve(NamedTuple):
    """Where a batch of events has come to, and what that took.

    Attributes:
        x: The end, `(dim, batch)`; NaN where the equation was not solved.
        sums: Integrals of the rates, `(count, batch)`; NaN as above.
        steps: Steps that were taken for the whole batch.
        rejected: Steps that were tried beside those, and found too long.
        evaluations: How often the velocity was evaluated for the whole batch.
        finished: Whether the end was reached within `max_steps`.
    """

    x: Array
    sums: Array
    steps: Array
    rejected: Array
    evaluations: Array
    finished: Array


def integrate(
    rates: Rates, params: Any, x: Array, num_sums: int, times: tuple[float, float], settings: Settings
) -> OdeSolve:
    """Follow all events of a batch from `times[0]` to `times[1]` as one system, in the steps that the worst one needs.

    Gradients are those of the steps taken, in reverse mode alone; from a few kept states the others are computed again.

    Args:
        rates: The equation, a function of a module; it must not close over arrays.
        params: Its parameters.
        x: Starts, `(dim, batch)`.
        num_sums: How many rates there are; the first one is held to the tolerance, as the places are.
        times: Start and end, in either order.
        settings: How it is solved.
    """
    if x.shape[-1] == 0:  # of no events there is no worst one
        none = jnp.asarray(0)
        return OdeSolve(x, jnp.zeros((num_sums, 0), x.dtype), none, none, none, jnp.asarray(True))
    import diffrax

    method = _method(settings.method)
    # A place that is not finite stays where it is, and must not stop the others.
    usable = jnp.all(jnp.isfinite(x), axis=0)
    start = (jnp.where(usable, x, 0.0), jnp.zeros((num_sums, x.shape[-1]), x.dtype))
    first, last = (jnp.asarray(t, x.dtype) for t in times)
    finest = ROUNDING_STEPS * float(jnp.finfo(x.dtype).eps)
    end = diffrax.diffeqsolve(
        diffrax.ODETerm(_field(rates)),
        method,
        first,
        last,
        FIRST_STEP * jnp.sign(last - first),
        start,
        args=params,
        stepsize_controller=diffrax.PIDController(
            rtol=max(settings.rtol, finest), atol=max(settings.atol, finest), norm=_largest_error
        ),
        adjoint=diffrax.RecursiveCheckpointAdjoint(),
        max_steps=settings.max_steps,
        throw=False,
    )
    assert end.ys is not None  # the end is saved by default
    finished = end.result == diffrax.RESULTS.successful
    solved = usable & finished
    x, sums = (jnp.where(solved, value[0], jnp.nan) for value in end.ys)
    tried = end.stats["num_steps"]
    taken = end.stats["num_accepted_steps"]
    return OdeSolve(x, sums, taken, tried - taken, 1 + _stages(method) * tried, finished)


@cache
def _field(rates: Rates) -> Callable[[Any, State, Any], State]:
    """As Diffrax takes it; the same function for the same rates, so that it is compiled once."""
    return lambda t, state, args: rates(args, jnp.asarray(t), state[0])


def _method(name: str) -> "diffrax.AbstractERK":
    import diffrax

    return {"tsit5": diffrax.Tsit5, "dopri5": diffrax.Dopri5, "dopri8": diffrax.Dopri8}[name]()


def _stages(method: "diffrax.AbstractERK") -> int:
    """Evaluations in a step; the first one is the last of the step before."""
    return len(method.tableau.c)  # pyright: ignore[reportAttributeAccessIssue]: these methods have one tableau


def _largest_error(scaled: State) -> Array:
    """The root mean square over the coordinates and the first sum, of the worst event."""
    x, sums = jax.lax.stop_gradient(scaled)
    return jnp.sqrt(jnp.max(jnp.mean(jnp.square(jnp.concatenate([x, sums[:1]])), axis=0)))
