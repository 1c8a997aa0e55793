r"""Layers that take random steps: a path has a probability, where a bijection has a log-det.

For a step $x \to y$ with law $q_f$, and a law $q_b$ for the way back, a layer returns
$\Delta S = \log q_b(y \to x) - \log q_f(x \to y)$. All kernels here are their own way back (design record 0011).
"""

import abc
import math
from collections.abc import Callable
from typing import Any, ClassVar, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from pushforward._errors import given
from pushforward._params import buffer, positive, positive_raw, static
from pushforward._types import Kind, Shape
from pushforward.bijections._base import AbstractSurjection, AbstractVar, sum_event


@runtime_checkable
class Density(Protocol):
    """What a stochastic layer moves along: a distribution, or anything that gives log-densities of many events."""

    @property
    def event_shape(self) -> Shape:
        """Shape of one event."""
        ...

    @property
    def cond_shape(self) -> Shape | None:
        """Shape of the condition, or None."""
        ...

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        """`(*event_shape, batch) -> (batch,)`; need not be normalised."""
        ...


class AbstractStochastic(AbstractSurjection):
    """A few steps of a Markov chain along a density; both directions take the same steps.

    Without a key the steps are always the same ones.
    """

    density: AbstractVar[Density]

    forward_kind: ClassVar[Kind] = "estimated"
    inverse_kind: ClassVar[Kind] = "estimated"

    @property
    def in_shape(self) -> Shape:
        return self.density.event_shape

    @property
    def out_shape(self) -> Shape:
        return self.density.event_shape

    @property
    def cond_shape(self) -> Shape | None:
        return self.density.cond_shape

    @abc.abstractmethod
    def _move(self, x: Array, log_density: Callable[[Array], Array], key: PRNGKeyArray) -> tuple[Array, Array]:
        r"""`(*event_shape, batch) -> (*event_shape, batch), (batch,)`: where the path ends, and its $\Delta S$."""

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        key = jax.random.key(0) if key is None else key
        density = jax.lax.stop_gradient(self.density)
        return self._move(x, lambda x: density._log_prob_many(x, condition, None), key)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return self._forward_many(x, condition, key)


class Metropolis(AbstractStochastic):
    r"""Metropolis steps with Gaussian proposals: $\Delta S = \log p(x) - \log p(y)$ by detailed balance.

    Args:
        density: What the chain leaves in place: a distribution, a `Target` or a `Bridge`. It is not trained.
        num_steps: Steps of the chain.
        step_size: Standard deviation of a proposal, fixed.

    Raises:
        ValueError: If `num_steps` is below 1 or `step_size` is not positive.
        TypeError: If `density` is a function; `Target` makes a density of one.

    Reference:
        Wu, Köhler & Noé (2020), Stochastic normalizing flows, section 4 and appendix C.
    """

    density: Density = buffer()
    num_steps: int = static(default=20)
    step_size: float = static(default=0.25)

    def __check_init__(self):
        check_density("Metropolis", self.density)
        check_steps("Metropolis", self.step_size, num_steps=self.num_steps)

    def _move(self, x: Array, log_density: Callable[[Array], Array], key: PRNGKeyArray) -> tuple[Array, Array]:
        def step(state: tuple[Array, Array], key: PRNGKeyArray) -> tuple[tuple[Array, Array], None]:
            noise_key, accept_key = jax.random.split(key)
            proposal = state[0] + self.step_size * jax.random.normal(noise_key, x.shape, x.dtype)
            return _accepted(state, (proposal, log_density(proposal)), 0.0, accept_key), None

        start = log_density(x)
        (y, end), _ = jax.lax.scan(step, (x, start), jax.random.split(key, self.num_steps))
        return y, _descent(start, end)


class HMC(AbstractStochastic):
    r"""Hamiltonian Monte Carlo with rejection: $\Delta S = \log p(x) - \log p(y)$ by detailed balance.

    Args:
        density: What the chain leaves in place: a distribution, a `Target` or a `Bridge`. It is not trained.
        num_steps: Trajectories, each with a fresh velocity.
        num_leapfrog: Leapfrog steps of a trajectory.
        step_size: Of a leapfrog step, fixed.

    Raises:
        ValueError: If a number of steps is below 1 or `step_size` is not positive.
        TypeError: If `density` is a function; `Target` makes a density of one.

    Reference:
        Wu, Köhler & Noé (2020), Stochastic normalizing flows, section 4 and appendix C.
    """

    density: Density = buffer()
    num_steps: int = static(default=5)
    num_leapfrog: int = static(default=5)
    step_size: float = static(default=0.1)

    def __check_init__(self):
        check_density("HMC", self.density)
        check_steps("HMC", self.step_size, num_steps=self.num_steps, num_leapfrog=self.num_leapfrog)

    def _move(self, x: Array, log_density: Callable[[Array], Array], key: PRNGKeyArray) -> tuple[Array, Array]:
        score = _score(log_density)

        def step(state: tuple[Array, Array], key: PRNGKeyArray) -> tuple[tuple[Array, Array], None]:
            velocity_key, accept_key = jax.random.split(key)
            before = jax.random.normal(velocity_key, x.shape, x.dtype)
            moves = (self.num_leapfrog, self.step_size)
            proposal, after = jax.lax.fori_loop(
                0, moves[0], lambda _, place: _leapfrog(place[0], place[1], score, moves[1]), (state[0], before)
            )
            lost = _kinetic(before) - _kinetic(after)
            return _accepted(state, (proposal, log_density(proposal)), lost, accept_key), None

        start = log_density(x)
        (y, end), _ = jax.lax.scan(step, (x, start), jax.random.split(key, self.num_steps))
        return y, _descent(start, end)


class Langevin(AbstractStochastic):
    r"""Langevin steps without rejection; $\Delta S$ is the kinetic energy that the leapfrog steps lose.

    A step refreshes the velocity, $v \leftarrow c v + \sqrt{1 - c^2}\,\xi$ with $c = e^{-\gamma h}$, and makes one
    leapfrog step of size $h$. With infinite friction $\gamma$ that is the overdamped equation,
    $y = x + \tfrac{h^2}{2}\nabla\log p(x) + h\,\xi$, where $h^2/2$ is the usual step.

    Args:
        density: What the chain moves along: a distribution, a `Target` or a `Bridge`. It is not trained.
        num_steps: Steps of the chain.
        step_size: $h > 0$, trained with the flow.
        friction: $\gamma > 0$, fixed; infinite for the overdamped equation.

    Raises:
        ValueError: If `num_steps` is below 1, or `step_size` or `friction` is not positive.
        TypeError: If `density` is a function; `Target` makes a density of one.

    Reference:
        Wu, Köhler & Noé (2020), Stochastic normalizing flows, section 4 and appendix C; Nilmeier, Crooks, Minh &
        Chodera (2011), Nonequilibrium candidate Monte Carlo.

    Note:
        The underdamped integrator is the symmetric splitting, refresh and leapfrog, in place of the paper's
        Brooks-Brünger-Karplus scheme: it is its own reversal, so the path weight needs no second formula.
    """

    density: Density = buffer()
    step_raw: Float[Array, ""]
    num_steps: int = static()
    friction: float = static()

    def __init__(
        self, density: Density, num_steps: int = 10, step_size: float = 0.1, *, friction: float = float("inf")
    ):
        check_density("Langevin", density)
        check_steps("Langevin", step_size, num_steps=num_steps)
        if not friction > 0:
            raise ValueError(f"Langevin: `friction` must be positive, got {friction}; infinite is overdamped.")
        self.density, self.num_steps, self.friction = density, num_steps, float(friction)
        self.step_raw = positive_raw(step_size)

    @property
    def step_size(self) -> Array:
        """$h$."""
        return positive(self.step_raw)[0]

    def _move(self, x: Array, log_density: Callable[[Array], Array], key: PRNGKeyArray) -> tuple[Array, Array]:
        h, score = self.step_size.astype(x.dtype), _score(log_density)
        kept, fresh = self._shares(h)
        first, key = jax.random.split(key)

        def step(state: tuple[Array, Array, Array], key: PRNGKeyArray) -> tuple[tuple[Array, Array, Array], None]:
            x, velocity, lost = state
            noise = jax.random.normal(key, x.shape, x.dtype)
            velocity = kept * velocity + fresh * noise
            y, after = _leapfrog(x, velocity, score, h)
            return (y, after, lost + _kinetic(velocity) - _kinetic(after)), None

        start = (x, jax.random.normal(first, x.shape, x.dtype), jnp.zeros(x.shape[-1], x.dtype))
        (y, _, lost), _ = jax.lax.scan(step, start, jax.random.split(key, self.num_steps))
        return y, lost

    def _shares(self, h: Array) -> tuple[Array | float, Array | float]:
        """How much of a velocity stays, and how much noise joins it."""
        if math.isinf(self.friction):  # the exponential's gradient would be 0 times infinity
            return 0.0, 1.0
        return jnp.exp(-self.friction * h), jnp.sqrt(-jnp.expm1(-2.0 * self.friction * h))


def _score(log_density: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return jax.grad(lambda x: jnp.sum(log_density(x)))


def _leapfrog(x: Array, velocity: Array, score: Callable[[Array], Array], h: Array | float) -> tuple[Array, Array]:
    """Half a kick, a drift, half a kick: keeps volumes, and is undone by turning the velocity round."""
    velocity = velocity + 0.5 * h * score(x)
    x = x + h * velocity
    return x, velocity + 0.5 * h * score(x)


def _kinetic(velocity: Array) -> Array:
    return 0.5 * sum_event(velocity * velocity)


def _descent(start: Array, end: Array) -> Array:
    """`start - end`; a path that stays where the density is 0 walks freely, so it has no weight to pay."""
    lost = jnp.isneginf(start) & jnp.isneginf(end)
    return jnp.where(lost, 0.0, jnp.where(lost, 0.0, start) - jnp.where(lost, 0.0, end))


def _accepted(
    old: tuple[Array, Array], new: tuple[Array, Array], bonus: Array | float, key: PRNGKeyArray
) -> tuple[Array, Array]:
    """Place and log-density after the choice; a proposal whose log-density is not a number is never taken."""
    log_u = jnp.log(jax.random.uniform(key, old[1].shape, old[1].dtype, minval=jnp.finfo(old[1].dtype).tiny))
    # Not `new - old > log u`: outside the support both are -inf, and the chain should be free to walk in.
    take = new[1] + bonus >= old[1] + log_u
    return jnp.where(take, new[0], old[0]), jnp.where(take, new[1], old[1])


def check_density(name: str, density: Any) -> None:
    """A layer moves along a distribution, not along a function."""
    if not isinstance(density, Density):
        raise TypeError(
            f"{name}: `density` must be a distribution, got {given(density)}. "
            f"Write `{name}(Target(function, event_shape))` for a log-density that is a function."
        )


def check_steps(name: str, step_size: float, **counts: int) -> None:
    """Steps must be there, and go somewhere."""
    for argument, count in counts.items():
        if count < 1:
            raise ValueError(f"{name}: `{argument}` must be at least 1, got {count}.")
    if not step_size > 0:
        raise ValueError(f"{name}: `step_size` must be positive, got {step_size}.")
