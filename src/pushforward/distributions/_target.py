"""Densities that are known up to a constant, and what lies between two of them."""

from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._errors import as_shape, check_part, given
from pushforward._functions import hashable
from pushforward._params import buffer, static
from pushforward._types import Shape
from pushforward.bijections._compose import shared_cond_shape
from pushforward.distributions._base import AbstractDistribution
from pushforward.supports import REAL, PartOf, Support


class Target(AbstractDistribution):
    r"""An unnormalised density given by a JAX function, for stochastic layers to move along.

    It can be scored but not sampled, and a flow that holds one cannot be saved, because a file holds no code: for that,
    write a subclass of `AbstractDistribution` that implements `_log_prob_many`.

    Args:
        function: $\log\tilde p$ of one event `(*event_shape,) -> ()` in nats.
        event_shape: Shape of one event.

    Raises:
        ValueError: If `function` does not return a scalar.
        TypeError: If it is not a function.

    Example:
        >>> target = Target(lambda x: -jnp.sum(x**4), (2,))
        >>> float(target.log_prob(jnp.ones(2)))
        -2.0
    """

    function: Callable[[Array], Array] = static()
    event_shape: Shape = static()

    cond_shape: ClassVar[Shape | None] = None

    def __init__(self, function: Callable[[Array], Array], event_shape: Shape):
        if not callable(function):
            raise TypeError(
                f"Target: `function` must be a function, got {given(function)}. "
                "Write `Target(function, event_shape)`, in this order."
            )
        self.function, self.event_shape = hashable(function), as_shape(event_shape)

    @property
    def support(self) -> Support:
        return PartOf(REAL)

    def __check_init__(self):
        found: Any = jax.eval_shape(self.function, jax.ShapeDtypeStruct(self.event_shape, "float32"))
        if getattr(found, "shape", None) != ():
            what = f"shape {found.shape}" if hasattr(found, "shape") else f"a {type(found).__name__}"
            raise ValueError(
                f"Target: `function` must return a scalar for one event of shape {self.event_shape}, got {what}. "
                "Sum over the event inside it."
            )

    @property
    def exact(self) -> bool:
        return False

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        return jax.vmap(self.function, in_axes=-1)(x).astype(x.dtype)

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        raise ValueError("Target: an unnormalised density has no sampler. Train a flow to it by `reverse_kl`.")


class Bridge(AbstractDistribution):
    r"""Between two densities: $\log p_\lambda = (1 - \lambda)\log p_0 + \lambda\log p_1$, not normalised.

    Args:
        start: $p_0$, often the flow's base. Not trained.
        target: $p_1$. Not trained.
        share: $\lambda$ in [0, 1].

    Raises:
        ValueError: If the events have different shapes, or `share` is not in [0, 1].
    """

    start: AbstractDistribution = buffer()
    target: AbstractDistribution = buffer()
    share: float = static(default=0.5)

    def __check_init__(self):
        advice = "Write `Target(function, event_shape)` for a log-density that is a function."
        check_part("Bridge", "start", self.start, AbstractDistribution, advice)
        check_part("Bridge", "target", self.target, AbstractDistribution, advice)
        if self.start.event_shape != self.target.event_shape:
            raise ValueError(
                f"Bridge: both ends must have one event shape, got {self.start.event_shape} "
                f"and {self.target.event_shape}."
            )
        if not 0 <= self.share <= 1:
            raise ValueError(f"Bridge: `share` must be in [0, 1], got {self.share}.")
        shared_cond_shape([self.start, self.target], "Bridge")

    @property
    def event_shape(self) -> Shape:
        return self.target.event_shape

    @property
    def cond_shape(self) -> Shape | None:
        return shared_cond_shape([self.start, self.target], "Bridge")

    @property
    def exact(self) -> bool:
        return False

    @property
    def support(self) -> Support:
        ends = {0.0: self.start, 1.0: self.target}
        return ends[self.share].support if self.share in ends else PartOf(REAL)

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        start, target = jax.lax.stop_gradient((self.start, self.target))
        ends = ((1.0 - self.share, start), (self.share, target))
        # An end without a share is left out: 0 times -inf is not a number.
        parts = (share * end._log_prob_many(x, condition, key) for share, end in ends if share > 0)
        return sum(parts, start=jnp.zeros(x.shape[-1], x.dtype))

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        raise ValueError("Bridge: a density between two others has no sampler. Move along it by `Metropolis` or `HMC`.")
