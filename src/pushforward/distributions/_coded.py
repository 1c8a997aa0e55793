"""Independent codes of categories, with two categories or more: what decoders of binary and grey images give."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._params import static
from pushforward._types import Shape
from pushforward.bijections import sum_event
from pushforward.bijections.discrete._codes import check_categories
from pushforward.distributions._base import AbstractDistribution
from pushforward.supports import Integers, Support


class Bernoulli(AbstractDistribution):
    r"""Independent zeros and ones, $P(x_i = 1) = \sigma(\ell_i)$. Other numbers have probability 0.

    `pushforward.fit` starts the logits from the shares of ones in the data. At temperature 0 a sample is the likelier
    of the two.

    Args:
        logits: $\ell$. Shape `(*event_shape,)`.

    Example:
        >>> law = Bernoulli(jnp.zeros((2, 3)))
        >>> round(float(law.log_prob(jnp.ones((2, 3)))), 4)  # 6 log(1/2)
        -4.1589
    """

    logits: Array

    cond_shape: ClassVar[Shape | None] = None

    def __init__(self, logits: ArrayLike):
        self.logits = jnp.asarray(logits, jnp.result_type(float))

    @property
    def event_shape(self) -> Shape:
        return self.logits.shape

    @property
    def support(self) -> Support:
        return Integers(0, 1)

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        known = jnp.all((x == 0) | (x == 1), axis=tuple(range(x.ndim - 1)))
        signed = jnp.where(x == 1, 1.0, -1.0) * self.logits[..., None]
        return jnp.where(known, sum_event(jax.nn.log_sigmoid(signed)), -jnp.inf)

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        noise = jax.random.logistic(key, (*self.event_shape, n), self.logits.dtype)
        noise = noise if temperature is None else temperature * noise
        return (self.logits[..., None] + noise > 0).astype(noise.dtype)

    def _mean(self, condition: Array | None) -> Array:
        return jax.nn.sigmoid(self.logits)[..., None]

    def _variance(self, condition: Array | None) -> Array:
        return (jax.nn.sigmoid(self.logits) * jax.nn.sigmoid(-self.logits))[..., None]

    def _entropy(self, condition: Array | None) -> Array:
        either = _times_log(jax.nn.sigmoid(self.logits), jax.nn.log_sigmoid(self.logits))
        other = _times_log(jax.nn.sigmoid(-self.logits), jax.nn.log_sigmoid(-self.logits))
        return -jnp.sum(either + other)[None]

    def _data_init(self, x: Array, condition: Array | None) -> "Bernoulli":
        share = (jnp.sum(x, axis=-1) + 0.5) / (x.shape[-1] + 1.0)
        return Bernoulli(jnp.log(share) - jnp.log1p(-share))


class Categorical(AbstractDistribution):
    r"""Independent codes from 0 on, $P(x_i = k) = \operatorname{softmax}(\ell)_{k i}$; other numbers never happen.

    `pushforward.fit` starts the logits from the shares of the codes in the data. At temperature 0 a sample is the
    likeliest code.

    Args:
        logits: $\ell$. Shape `(num_categories, *event_shape)`.

    Raises:
        ValueError: If there are fewer than two categories.

    Example:
        >>> law = Categorical(jnp.zeros((256, 2)))
        >>> round(float(law.log_prob(jnp.array([3.0, 255.0]))), 4)  # 2 log(1/256)
        -11.0904
    """

    logits: Array
    num_categories: int = static()

    cond_shape: ClassVar[Shape | None] = None

    def __init__(self, logits: ArrayLike):
        self.logits = jnp.asarray(logits, jnp.result_type(float))
        self.num_categories = self.logits.shape[0] if self.logits.ndim else 0
        check_categories("Categorical", self.num_categories)

    @property
    def event_shape(self) -> Shape:
        return self.logits.shape[1:]

    @property
    def support(self) -> Support:
        return Integers(0, self.num_categories - 1)

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        known = (x == jnp.round(x)) & (x >= 0) & (x < self.num_categories)
        codes = jnp.where(known, x, 0).astype(jnp.int32)[None]
        logs = jax.nn.log_softmax(self.logits, axis=0)[..., None]
        logs = jnp.broadcast_to(logs, (*logs.shape[:-1], x.shape[-1]))
        each = jnp.take_along_axis(logs, codes, axis=0)[0]
        return jnp.where(jnp.all(known, axis=tuple(range(x.ndim - 1))), sum_event(each), -jnp.inf)

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        noise = jax.random.gumbel(key, (*self.logits.shape, n), self.logits.dtype)
        noise = noise if temperature is None else temperature * noise
        return jnp.argmax(self.logits[..., None] + noise, axis=0).astype(noise.dtype)

    def _mean(self, condition: Array | None) -> Array:
        return jnp.tensordot(self._codes(), jax.nn.softmax(self.logits, axis=0), axes=1)[..., None]

    def _variance(self, condition: Array | None) -> Array:
        shares, mean = jax.nn.softmax(self.logits, axis=0), self._mean(condition)[..., 0]
        away = self._codes().reshape(-1, *(1,) * mean.ndim) - mean
        return jnp.sum(shares * away**2, axis=0)[..., None]

    def _entropy(self, condition: Array | None) -> Array:
        logs = jax.nn.log_softmax(self.logits, axis=0)
        return -jnp.sum(_times_log(jnp.exp(logs), logs))[None]

    def _codes(self) -> Array:
        return jnp.arange(self.num_categories, dtype=self.logits.dtype)

    def _data_init(self, x: Array, condition: Array | None) -> "Categorical":
        codes = jnp.arange(self.num_categories).reshape(-1, *(1,) * x.ndim)
        shares = jnp.mean(x[None] == codes, axis=-1)
        # Codes that were not seen keep a share: half a row over all of them.
        even = 0.5 / (self.num_categories * x.shape[-1])
        return eqx.tree_at(lambda law: law.logits, self, jnp.log(shares + even).astype(self.logits.dtype))


def _times_log(shares: Array, logs: Array) -> Array:
    """Shares times their logs, 0 for a share of nothing."""
    return shares * jnp.where(shares > 0, logs, 0.0)
