"""An autoregressive law of several categories."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._masks import Degrees, hidden_degrees
from pushforward._params import static
from pushforward._types import Activation, Kind, Shape
from pushforward.bijections.discrete._one_hot import one_hot, one_hot_ends, one_hot_size
from pushforward.distributions._base import AbstractDistribution
from pushforward.nets import MADE
from pushforward.supports import Categories, Support
from pushforward.supports._events import gathered


class CategoricalMADE(AbstractDistribution):
    r"""$P(c) = \prod_i P(c_i \mid c_{<i})$ for codes $c_i \in \{0, \dots, K_i - 1\}$.

    All factors come from one masked network, which sees each code as $K_i$ zeros and ones and gives $K_i$ logits. The
    probabilities are exact: those of all combinations add up to 1. A code that is out of range has probability 0.

    Args:
        sizes: $K_i$, how many categories each coordinate has.
        width: Hidden units.
        depth: Hidden layers.
        activation: Of the network.
        cond_dim: Size of the condition, or None.
        key: For the initial weights. At first all categories are equally likely; `fit` starts from their shares.

    Raises:
        ValueError: If there is no coordinate, or one without a category.

    Example:
        >>> law = CategoricalMADE((2, 3), width=8, key=jax.random.key(0))
        >>> round(float(jnp.exp(law.log_prob(jnp.array([1.0, 2.0])))), 4)
        0.1667

    Reference:
        Germain, Gregor, Murray & Larochelle (2015), MADE, section 3, with a softmax for each coordinate.
    """

    net: MADE
    sizes: tuple[int, ...] = static()

    def __init__(
        self,
        sizes: tuple[int, ...],
        *,
        width: int = 128,
        depth: int = 2,
        activation: Activation = "relu",
        cond_dim: int | None = None,
        key: PRNGKeyArray,
    ):
        if not sizes or min(sizes) < 1:
            raise ValueError(f"CategoricalMADE: each coordinate needs at least one category, got sizes={sizes}.")
        self.sizes = tuple(sizes)
        self.net = MADE(
            one_hot_size(sizes), 1, width=width, depth=depth, cond_dim=cond_dim, activation=activation, key=key
        )

    @property
    def event_shape(self) -> Shape:
        return (len(self.sizes),)

    @property
    def cond_shape(self) -> Shape | None:
        return None if self.net.cond_dim is None else (self.net.cond_dim,)

    @property
    def support(self) -> Support:
        return gathered([Categories(size) for size in self.sizes])

    @property
    def kinds(self) -> tuple[Kind, Kind]:
        return "analytic", "sequential"

    @property
    def _degrees(self) -> Degrees:
        """All numbers of one coordinate have its rank, so that none sees another of the same coordinate."""
        hidden = hidden_degrees(len(self.sizes), self.net.width, conditional=self.net.cond_dim is not None)
        return Degrees(np.repeat(1 + np.arange(len(self.sizes)), self.sizes), [np.array(hidden)] * self._depth)

    @property
    def _depth(self) -> int:
        return len(self.net.weights) - 1

    def _logits(self, hot: Array, condition: Array | None) -> Array:
        return self.net(hot, condition, self._degrees)[0]

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        hot = one_hot(x, self.sizes)
        logits = self._logits(hot, condition)
        totals = [jax.nn.logsumexp(own, axis=0) for own in jnp.split(logits, one_hot_ends(self.sizes))]
        log_prob = jnp.sum(hot * logits, axis=0) - sum(totals)
        return jnp.where(jnp.sum(hot, axis=0) == len(self.sizes), log_prob, -jnp.inf)

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        noise = jax.random.gumbel(key, (one_hot_size(self.sizes), n), jnp.result_type(float))
        noise = noise if temperature is None else temperature * noise
        ranks = np.arange(len(self.sizes))[:, None]

        def body(rank: Array, codes: Array) -> Array:
            # The largest of logits with Gumbel noise is a draw from their softmax.
            scores = self._logits(one_hot(codes, self.sizes), condition) + noise
            drawn = [jnp.argmax(own, axis=0) for own in jnp.split(scores, one_hot_ends(self.sizes))]
            return jnp.where(ranks == rank, jnp.stack(drawn).astype(codes.dtype), codes)

        return lax.fori_loop(0, len(self.sizes), body, jnp.zeros((len(self.sizes), n), noise.dtype))

    def _data_init(self, x: Array, condition: Array | None) -> "CategoricalMADE":
        """Start from the share of every category, one row more of each counted."""
        counts = 1.0 + jnp.sum(one_hot(x, self.sizes), axis=-1)
        shares = jnp.log(counts) - np.repeat(np.log(x.shape[-1] + np.array(self.sizes)), self.sizes)
        return eqx.tree_at(lambda law: law.net.biases[-1], self, shares.astype(counts.dtype))
