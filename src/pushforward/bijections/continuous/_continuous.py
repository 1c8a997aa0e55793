"""A flow in continuous time."""

from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from pushforward._errors import PushforwardError, did_you_mean, violated
from pushforward._params import static
from pushforward._trace import exact_trace, hutchinson_trace
from pushforward._types import Activation, Kind, Shape
from pushforward.bijections._base import AbstractBatched
from pushforward.bijections.continuous._ode import METHODS, OdeSolve, Settings, State, integrate
from pushforward.nets import Velocity

TRACES = ("hutchinson", "exact")


class Continuous(AbstractBatched):
    r"""`forward` follows $\mathrm dx/\mathrm dt = v(t, x)$ from $t = 0$ to 1, `inverse` follows it back.

    Both are solved with adaptive steps, and so is the log-det, $\int \operatorname{tr} \partial v / \partial x
    \,\mathrm dt$. An event's error in every step is below `atol + rtol * |value|`; round trips and log-dets are off by
    a small multiple of that. All events of a batch take the same steps, so that a result depends on its neighbours, but
    by less than the tolerance.

    With a `key` the trace of `inverse` is estimated from one vector of noise per event, for training; without one, and
    in `forward`, it is exact, at `dim` passes for each evaluation.

    Args:
        dim: Size of the event.
        trace: With a key: `"hutchinson"` or `"exact"`, which in a few dimensions costs little more.
        solver: `"tsit5"`, `"dopri5"` or, for the finest tolerances, `"dopri8"`.
        rtol: Relative tolerance of a step; at least ten rounding steps of the numbers used.
        atol: Absolute tolerance of a step, likewise.
        max_steps: Steps after which the solver gives up.
        width: Units of each hidden layer of the velocity.
        depth: Hidden layers of the velocity.
        cond_dim: Size of the condition, which joins the inputs of the velocity, or None.
        activation: Of the velocity; a smooth one.
        key: For the initial weights. The map starts as the identity.

    Raises:
        ValueError: If an option is not legal.
        PushforwardError: When it is called, if the solver needs more than `max_steps` (NaN under `jax.jit`).

    Example:
        >>> layer = Continuous(2, key=jax.random.key(0))
        >>> layer.inverse(jnp.ones(2)).tolist()
        [1.0, 1.0]

    Reference:
        Chen, Rubanova, Bettencourt & Duvenaud (2018), Neural ordinary differential equations; Grathwohl, Chen,
        Bettencourt, Sutskever & Duvenaud (2019), FFJORD.

    Note:
        Gradients are those of the discrete steps, in reverse mode, not a second equation solved backwards.
    """

    velocity: Velocity
    trace: str = static()
    solver: str = static()
    rtol: float = static()
    atol: float = static()
    max_steps: int = static()

    forward_kind: ClassVar[Kind] = "iterative"

    def __init__(
        self,
        dim: int,
        *,
        trace: str = "hutchinson",
        solver: str = "tsit5",
        rtol: float = 1e-5,
        atol: float = 1e-5,
        max_steps: int = 1000,
        width: int = 64,
        depth: int = 3,
        cond_dim: int | None = None,
        activation: Activation = "tanh",
        key: PRNGKeyArray,
    ):
        for name, value, legal in (("trace", trace, TRACES), ("solver", solver, METHODS)):
            if value not in legal:
                raise ValueError(f"Continuous: unknown {name} {value!r}; {did_you_mean(value, legal)}.")
        if not (0 < rtol < 1 and 0 < atol < 1 and max_steps >= 1):
            raise ValueError(
                "Continuous: tolerances must be between 0 and 1 and `max_steps` at least 1, "
                f"got rtol={rtol}, atol={atol}, max_steps={max_steps}."
            )
        self.trace, self.solver = trace, solver
        self.rtol, self.atol, self.max_steps = float(rtol), float(atol), max_steps
        self.velocity = Velocity(dim, width=width, depth=depth, cond_dim=cond_dim, activation=activation, key=key)

    @property
    def in_shape(self) -> Shape:
        return (self.velocity.dim,)

    @property
    def out_shape(self) -> Shape:
        return (self.velocity.dim,)

    @property
    def cond_shape(self) -> Shape | None:
        cond_dim = self.velocity.net.cond_dim
        return None if cond_dim is None else (cond_dim,)

    @property
    def inverse_kind(self) -> Kind:
        return "iterative" if self.trace == "exact" else "estimated"

    @property
    def settings(self) -> Settings:
        """How the equation is solved."""
        return Settings(self.solver, self.rtol, self.atol, self.max_steps)

    def solution(self, x: Array, condition: Array | None = None, *, finer: float = 1.0) -> OdeSolve:
        """How solving `inverse` goes for events along the last axis, `(dim, batch)`; its one sum is the log-det.

        Args:
            x: On the data side.
            condition: `(cond_dim, batch)`, or None.
            finer: Multiplies both tolerances.
        """
        params, x = self._system(x, condition, None)
        settings = self.settings._replace(rtol=finer * self.rtol, atol=finer * self.atol)
        return integrate(_with_trace, params, x, 1, (1.0, 0.0), settings)

    def inverse_with_costs(
        self, x: Array, condition: Array | None, key: PRNGKeyArray
    ) -> tuple[Array, Array, Array, Array]:
        r"""`inverse` of events `(dim, batch)`, its log-det, and along each path $\int |v|^2$ and $\int |J|_F^2$.

        The squared Frobenius norm of the velocity's Jacobian is estimated from the noise of the trace.
        """
        end = self._backwards(_COSTS[self.trace == "exact"], x, condition, _noise(key, x), 3)
        log_det, kinetic, jacobian = end.sums
        return end.x, log_det, -kinetic, -jacobian

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        end = self._solved(integrate(_moving, *self._system(x, condition, None), 0, (0.0, 1.0), self.settings))
        # On the way back, so that a sample's density is the very number that `inverse` gives; unused, it costs nothing.
        return end.x, -self._solved(self.solution(end.x, condition)).sums[0]

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        noise = None if key is None or self.trace == "exact" else _noise(key, x)
        end = self._solved(self._backwards(_with_trace, x, condition, noise, 1))
        return end.x, end.sums[0]

    def _backwards(self, rates: Any, x: Array, condition: Array | None, noise: Array | None, num_sums: int) -> OdeSolve:
        return integrate(rates, *self._system(x, condition, noise), num_sums, (1.0, 0.0), self.settings)

    def _system(self, x: Array, condition: Array | None, noise: Array | None) -> tuple[Any, Array]:
        """Parameters of the rates, and the start in the precision in which it is followed."""
        x = x.astype(jnp.result_type(x, self.velocity.net.biases[0]))
        return (self.velocity, condition, noise), x

    def _solved(self, end: OdeSolve) -> OdeSolve:
        """The same; an error where the end is known and was not reached."""
        if violated(end.finished):
            raise PushforwardError(
                f"Continuous: the solver did not get to the end in max_steps={self.max_steps} steps "
                f"at rtol={self.rtol:g}, atol={self.atol:g}",
                f"build the flow with max_steps={10 * self.max_steps}, or with a coarser tolerance, such as "
                f"rtol={10 * self.rtol:g} and atol={10 * self.atol:g}; a velocity that training made too steep is kept "
                "smooth by `objectives.rnode`",
            )
        return end


def _noise(key: PRNGKeyArray, x: Array) -> Array:
    return jax.random.rademacher(key, x.shape, x.dtype)


def _moving(params: Any, t: Array, x: Array) -> State:
    velocity, condition, _ = params
    return velocity(t, x, condition), jnp.zeros((0, x.shape[-1]), x.dtype)


def _with_trace(params: Any, t: Array, x: Array) -> State:
    """The velocity and the trace of its Jacobian: exact without noise."""
    velocity, condition, noise = params
    at_t = lambda net, v: net(t, v, condition)  # noqa: E731
    moved, trace = exact_trace(at_t, velocity, x) if noise is None else hutchinson_trace(at_t, velocity, x, noise)
    return moved, trace[None]


def _with_costs(exact: bool, params: Any, t: Array, x: Array) -> State:
    velocity, condition, noise = params
    moved, along = jax.jvp(lambda v: velocity(t, v, condition), (x,), (noise,))
    trace = _with_trace((velocity, condition, None), t, x)[1][0] if exact else jnp.sum(noise * along, axis=0)
    return moved, jnp.stack([trace, jnp.sum(moved * moved, axis=0), jnp.sum(along * along, axis=0)])


_COSTS = {exact: partial(_with_costs, exact) for exact in (False, True)}
