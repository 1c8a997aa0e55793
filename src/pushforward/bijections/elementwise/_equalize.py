"""From a normal variable to the values that data have, and back: histograms made equal."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import ndtr, ndtri
from jaxtyping import Array, Float

from pushforward._params import buffer, static
from pushforward._types import Shape
from pushforward.bijections.elementwise._elementwise import AbstractAnalyticElementwise
from pushforward.supports import Interval, Support

HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
LEAST = 0.01
"""Of the probability, spread over all bins: what the first data had none of may come."""


class Equalize(AbstractAnalyticElementwise):
    r"""$y = F^{-1}(\Phi(x))$: a normal variable becomes one with the histogram of the data, on $[0, n)$.

    $F$ is linear in each of $n$ bins of width 1, whose probabilities $p_k$ are those of the first rows that `fit` sees,
    one histogram for all numbers of an event; $\log|dy/dx| = \log\phi(x) - \log p_k$. Before, all are equal. They are
    not trained. Both tails are carried, so that neither end loses digits; a value on an end is taken as the middle of
    those that are rounded to it.

    Where many pixels are black, a layer like this does what an affine flow cannot: it gives a grey value as much of the
    line as it has of the data.

    Args:
        shape: The event's shape.
        bins: $n$, such as the number of grey values.

    Raises:
        ValueError: If `bins` is below 2.

    Example:
        >>> map = Equalize((1,), 4)
        >>> map.forward(jnp.zeros(1)).item()
        2.0

    Reference:
        Laparra, Camps-Valls & Malo (2011), Iterative Gaussianization: from ICA to random rotations, section II, for a
        histogram as the first step of a flow.
    """

    log_probs: Float[Array, " bins"] = buffer()
    started: Float[Array, ""] = buffer()
    shape: Shape = static()

    def __init__(self, shape: Shape = (), bins: int = 256):
        if bins < 2:
            raise ValueError(f"Equalize: `bins` must be at least 2, got {bins}.")
        self.log_probs, self.started, self.shape = jnp.zeros(bins), jnp.zeros(()), tuple(shape)

    @property
    def bins(self) -> int:
        return self.log_probs.shape[0]

    @property
    def probs(self) -> Float[Array, " bins"]:
        """The probabilities of the bins; what is stored are logarithms up to a constant."""
        return jax.nn.softmax(self.log_probs.reshape(-1))  # an axis for a batch may stand behind

    @property
    def image(self) -> Support:
        return Interval(0.0, float(self.bins))

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        probs, below, above = self._tails()
        tail = ndtr(-jnp.abs(x))  # of the nearer end
        low = jnp.searchsorted(below + probs, tail)
        high = self.bins - 1 - jnp.searchsorted((above + probs)[::-1], tail)
        place = jnp.clip(jnp.where(x < 0, low, high), 0, self.bins - 1)
        share = probs[place]
        rise = jnp.where(x < 0, tail - below[place], share - (tail - above[place])) / share
        return place + jnp.clip(rise, 0.0, 1.0), -0.5 * x * x - HALF_LOG_2PI - jnp.log(share)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        probs, below, above = self._tails()
        inside = (x >= 0) & (x <= self.bins)
        at = jnp.where(inside, x, 0.5)
        place = jnp.clip(jnp.floor(at), 0, self.bins - 1).astype(int)
        # On an end it is a rounded number: as far inside as a quarter of the step there.
        step, share = 0.25 * float(jnp.finfo(x.dtype).eps), probs[place]
        rise = jnp.where(at > 0, at - place, step)
        rest = jnp.where(at < self.bins, 1.0 - rise, 0.5 * self.bins * step)
        low, high = below[place] + share * rise, above[place] + share * rest
        is_low = low < high
        tail = jnp.maximum(jnp.where(is_low, low, high), jnp.finfo(x.dtype).tiny)
        back = jnp.where(is_low, 1.0, -1.0) * ndtri(tail)
        return back, jnp.where(inside, jnp.log(share) + 0.5 * back * back + HALF_LOG_2PI, -jnp.inf)

    def _tails(self) -> tuple[Array, Array, Array]:
        """The probabilities of the bins, and what lies below and above each, `(bins,)`."""
        probs = self.probs
        return probs, _before(probs), _before(probs[::-1])[::-1]

    def _data_init(self, x: Array, condition: Array | None) -> "tuple[Equalize, Array]":
        counts = jnp.bincount(jnp.clip(x, 0, self.bins - 1).astype(int).ravel(), length=self.bins)
        found = jnp.log((1.0 - LEAST) * counts / x.size + LEAST / self.bins)
        log_probs = jnp.where(self.started == 0, found, self.log_probs)
        begun = eqx.tree_at(lambda e: (e.log_probs, e.started), self, (log_probs, jnp.ones_like(self.started)))
        # At the middle of its bin a common value would be one number, and the next layer would think it has no spread.
        noisy = jnp.floor(x) + jax.random.uniform(jax.random.key(0), x.shape, x.dtype)
        return begun, begun._inverse_many(jnp.clip(noisy, 0, self.bins), condition, None)[0]


def _before(probs: Array) -> Array:
    return jnp.concatenate([jnp.zeros(1, probs.dtype), jnp.cumsum(probs)[:-1]])
