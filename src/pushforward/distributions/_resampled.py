"""A base that learns which of its draws to keep."""

from functools import partial
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from pushforward._errors import check_part
from pushforward._params import static
from pushforward._types import Activation, Shape
from pushforward.distributions._base import AbstractDistribution
from pushforward.nets import MLP
from pushforward.supports import Support


class Resampled(AbstractDistribution):
    r"""$p(z) = \pi(z)\left[(1 - \alpha_T)\,a(z)/Z + \alpha_T\right]$: draws of $\pi$ that a network accepts.

    A draw $z \sim \pi$ is kept with probability $a(z) \in (0, 1)$; try number $T$ is kept in any case. Then
    $Z = \mathbb{E}_\pi[a]$ and $\alpha_T = (1 - Z)^{T-1}$. One connected base so becomes one with holes, and a
    flow on it needs no bridges.

    $Z$ is a mean over `num_samples` draws of $\pi$: fresh ones where there is a key, as in training, else always the
    same ones. So the density is known up to a factor that is the same everywhere; `normaliser` says how well.

    Args:
        base: $\pi$, not conditional, over vectors.
        truncation: $T$; at least 1.
        num_samples: Draws for $Z$.
        width: Units of each hidden layer of the network.
        depth: Hidden layers of the network.
        activation: Of the network.
        key: For the initial weights. It starts with $a = 1/2$ everywhere, so as $\pi$.

    Raises:
        ValueError: If the base is conditional or its events are not vectors, or a count is too small.

    Example:
        >>> base = Resampled(Normal.standard((2,)), width=8, key=jax.random.key(0))
        >>> float(jnp.abs(base.log_prob(jnp.ones(2)) - base.base.log_prob(jnp.ones(2)))) < 1e-5
        True

    `reverse_kl` trains maps on top of it, but neither the network nor the base: samples say nothing of a choice. `nll`
    trains them all.

    Reference:
        Stimper, Schölkopf & Hernández-Lobato (2022), Resampling base distributions of normalizing flows, eqs. 5-9.

    Note:
        The paper keeps a running mean of $Z$ while training and recomputes it before evaluation. Here every value of
        the density computes it from the weights, so it cannot be out of date.
    """

    base: AbstractDistribution
    net: MLP
    truncation: int = static()
    num_samples: int = static()

    cond_shape: ClassVar[Shape | None] = None

    def __init__(
        self,
        base: AbstractDistribution,
        *,
        truncation: int = 100,
        num_samples: int = 4096,
        width: int = 128,
        depth: int = 2,
        activation: Activation = "relu",
        key: PRNGKeyArray,
    ):
        check_part("Resampled", "base", base, AbstractDistribution, "Write `Resampled(base, key=key)`.")
        if base.cond_shape is not None or len(base.event_shape) != 1:
            raise ValueError(
                f"Resampled: `base` must be unconditional and over vectors, got events of shape {base.event_shape} "
                f"and a condition of shape {base.cond_shape}."
            )
        if truncation < 1 or num_samples < 2:
            raise ValueError(
                f"Resampled: needs `truncation` >= 1 and `num_samples` >= 2, got {truncation} and {num_samples}."
            )
        self.base, self.truncation, self.num_samples = base, truncation, num_samples
        self.net = MLP(base.event_shape[0], (), width=width, depth=depth, activation=activation, key=key)

    @property
    def event_shape(self) -> Shape:
        return self.base.event_shape

    @property
    def exact(self) -> bool:
        return False

    @property
    def support(self) -> Support:
        return self.base.support

    def acceptance(self, z: Float[Array, "*batch dim"]) -> Float[Array, "*batch"]:
        """$a(z)$, the probability that a draw of the base is kept at a try that is not the last."""
        rows = jnp.asarray(z).reshape(-1, *self.event_shape)
        return jnp.exp(self._log_acceptance(rows.T)).reshape(jnp.shape(z)[:-1])

    def normaliser(self, key: PRNGKeyArray | None = None, *, num_samples: int = 100_000) -> tuple[Array, Array]:
        """$Z$ with its standard error.

        Args:
            key: For fresh draws; None for fixed ones.
            num_samples: Draws.
        """
        return _normaliser(self, jax.random.key(FIXED) if key is None else key, num_samples)

    def _log_acceptance(self, z: Array) -> Array:
        return jax.nn.log_sigmoid(self.net(z)).reshape(z.shape[-1])

    def _log_z(self, key: PRNGKeyArray | None) -> Array:
        draws = self.base._sample_many(jax.random.key(FIXED) if key is None else key, self.num_samples, None, None)
        return jax.nn.logsumexp(self._log_acceptance(draws)) - jnp.log(self.num_samples)

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        base_key, z_key = (None, None) if key is None else jax.random.split(key)
        log_z = self._log_z(z_key)
        # log(1 - Z): a mean of probabilities below 1 may round to 1.
        log_rest = jnp.log(-jnp.expm1(jnp.minimum(log_z, -jnp.finfo(log_z.dtype).eps)))
        log_alpha = (self.truncation - 1) * log_rest
        kept = jnp.where(log_alpha < 0, jnp.log(-jnp.expm1(jnp.where(log_alpha < 0, log_alpha, -1.0))), -jnp.inf)
        factor = jnp.logaddexp(kept + self._log_acceptance(x) - log_z, log_alpha)
        return self.base._log_prob_many(x, None, base_key) + factor

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        # A choice has no gradient, and a loop of unknown length could not carry one back.
        fixed = jax.lax.stop_gradient(self)

        def unfinished(state: tuple[Array, Array, Array]) -> Array:
            attempt, _, kept = state
            return (attempt < self.truncation) & ~jnp.all(kept)

        def attempt(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            number, z, kept = state
            draw_key, keep_key = jax.random.split(jax.random.fold_in(key, number))
            fresh = fixed.base._sample_many(draw_key, n, None, temperature)
            z = jnp.where(kept, z, fresh)
            log_u = jnp.log1p(-jax.random.uniform(keep_key, (n,), z.dtype))
            return number + 1, z, kept | (log_u <= fixed._log_acceptance(z))

        first = fixed.base._sample_many(jax.random.fold_in(key, self.truncation), n, None, temperature)
        return jax.lax.while_loop(unfinished, attempt, (jnp.zeros((), int), first, jnp.zeros(n, bool)))[1]


FIXED = 20220
"""Seed of the draws for Z where there is no key."""


@partial(jax.jit, static_argnums=2)
def _normaliser(resampled: Resampled, key: PRNGKeyArray, num_samples: int) -> tuple[Array, Array]:
    draws = resampled.base._sample_many(key, num_samples, None, None)
    kept = jnp.exp(resampled._log_acceptance(draws))
    return jnp.mean(kept), jnp.std(kept, ddof=1) / jnp.sqrt(num_samples)
