"""Whole numbers whose laws a network predicts from a condition."""

import abc
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._params import static
from pushforward._types import Activation, Shape
from pushforward.bijections import sum_event
from pushforward.distributions._base import AbstractDistribution
from pushforward.distributions._discrete import DiscretizedLogistic, draw_logistic, logistic_log_mass
from pushforward.nets import MLP, AbstractConditioner, ConvNet
from pushforward.nets._own import own_net
from pushforward.supports import Integers, Support


class AbstractPredicted(AbstractDistribution):
    """Whole numbers that are independent given a condition: what a coder needs to know of them, row by row."""

    @property
    def support(self) -> Support:
        return Integers()

    @abc.abstractmethod
    def laws(self, condition: Array) -> Array:
        """All that says what the numbers are given the condition, `(*cond_shape, batch) -> (facts, count, batch)`."""

    @abc.abstractmethod
    def below(self, laws: np.ndarray, x: np.ndarray) -> np.ndarray:
        """P(X < x) of one number in many rows, in float64: `(facts, rows), (places, rows) -> (places, rows)`."""


class PredictedLogistic(AbstractPredicted):
    r"""Mixtures of discretised logistics (see `DiscretizedLogistic`) whose parameters a network changes.

    $P(x \mid c)$ has locations $t + \Delta t(c)$, scales $s\,e^{\rho(c)}$, logits $\ell + \Delta\ell(c)$; $t$, $s$ and
    $\ell$ are trained too, for each number, and a wide component is added. `pushforward.fit` starts $t$ and $s$ from
    data, once; the network starts at 0.

    Args:
        shape: Of an event, a vector or an image.
        seen: Shape of the numbers that it is conditional on: a vector, or an image of the same height and width. The
            condition is a vector: these numbers row by row, and then `cond_dim` others.
        num_components: Logistics for each number.
        unit: How many whole numbers make 1 for the network and the parameters.
        width: Hidden units, or channels.
        depth: Hidden layers; those of an image, after the first, are gated residual blocks.
        cond_dim: How many numbers follow in the condition, such as a one-hot class, or None.
        activation: Of the network.
        levels: How many numbers there are, from 0 on: the first and the last of them then have the tails as well, so
            that the law sums to 1. None for whole numbers without an end.
        net: A network in place of ours, from the condition to `(3 num_components, *shape)`.
        key: For the initial weights.

    Raises:
        ValueError: If the shapes do not fit, a size or the unit is not positive, or there are fewer than 2 levels.

    Example:
        >>> law = PredictedLogistic((3,), (2,), width=8, key=key)
        >>> law.sample(key, 5, jnp.zeros(2)).shape
        (5, 3)

    Reference:
        Hoogeboom, Peters, van den Berg & Welling (2019), Integer discrete flows and lossless compression, section 4.
    """

    inner: DiscretizedLogistic
    net: AbstractConditioner
    seen: Shape = static()
    levels: int | None = static(default=None)

    def __init__(
        self,
        shape: Shape,
        seen: Shape,
        *,
        num_components: int = 5,
        unit: float = 1.0,
        width: int = 128,
        depth: int = 2,
        cond_dim: int | None = None,
        activation: Activation = "relu",
        levels: int | None = None,
        net: AbstractConditioner | None = None,
        key: PRNGKeyArray,
    ):
        if levels is not None and levels < 2:
            raise ValueError(f"PredictedLogistic: `levels` must be at least 2, got {levels}.")
        self.seen, self.levels = tuple(seen), levels
        self.inner = DiscretizedLogistic.spread(tuple(shape), num_components, unit=unit)
        options = {"width": width, "depth": depth, "cond_dim": cond_dim, "activation": activation, "unit": unit}
        out_shape = (3 * num_components, *self.inner.event_shape)
        if net is not None:
            given = {name: value for name, value in options.items() if name not in ("cond_dim", "unit")}
            self.net = own_net("PredictedLogistic", net, self.seen, out_shape, cond_dim, options=given)
        elif len(self.seen) == 3:
            self.net = ConvNet(self.seen, out_shape, residual=True, key=key, **options)
        else:
            self.net = MLP(math.prod(self.seen), out_shape, key=key, **options)

    @property
    def event_shape(self) -> Shape:
        return self.inner.event_shape

    @property
    def support(self) -> Support:
        return Integers() if self.levels is None else Integers(0, self.levels - 1)

    @property
    def cond_shape(self) -> Shape | None:
        others = self.net.cond_dim
        assert not isinstance(others, tuple)  # a network of the user's may see images besides, one of ours none
        return (math.prod(self.seen) + (others or 0),)

    def laws(self, condition: Array) -> Array:
        laws = jnp.stack(self._parameters(condition))  # (3, components, *event, batch)
        return laws.reshape(math.prod(laws.shape[:2]), -1, laws.shape[-1])

    def below(self, laws: np.ndarray, x: np.ndarray) -> np.ndarray:
        loc, scale, logits = np.asarray(laws, np.float64).reshape(3, len(laws) // 3, laws.shape[-1])
        weights = np.exp(logits - logits.max(axis=0))
        sigmoids = 0.5 + 0.5 * np.tanh(0.5 * (x - 0.5 - loc[:, None]) / scale[:, None])
        if self.levels is not None:
            sigmoids = np.where(x <= 0, 0.0, np.where(x >= self.levels, 1.0, sigmoids))
        return np.einsum("kr,kpr->pr", weights / weights.sum(axis=0), sigmoids)

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        return sum_event(logistic_log_mass(x, *self._parameters(condition), self.levels))

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        drawn = draw_logistic(key, *self._parameters(condition), temperature)
        return drawn if self.levels is None else jnp.clip(drawn, 0, self.levels - 1)

    def _mean(self, condition: Array | None) -> Array:
        loc, scale, logits = self._parameters(condition)
        weights = jax.nn.softmax(logits, axis=0)
        if self.levels is None:
            return jnp.sum(weights * loc, axis=0)  # within 1e-4 of a step where a scale is half a step or more

        def add(k: Array, total: Array) -> Array:
            return total + jnp.sum(weights * jax.nn.sigmoid((loc - k + 0.5) / scale), axis=0)

        # The sum of P(X >= k).
        return jax.lax.fori_loop(1, self.levels, add, jnp.zeros_like(loc[0]))

    def _data_init(self, x: Array, condition: Array | None) -> "PredictedLogistic":
        return eqx.tree_at(lambda part: part.inner, self, self.inner._data_init(x, None))

    def _parameters(self, condition: Array | None) -> tuple[Array, Array, Array]:
        """Locations, scales and logits, `(components, *event, batch)`, in whole numbers."""
        assert condition is not None  # checked at the public edge
        size, unit = math.prod(self.seen), self.inner.unit
        seen = condition[:size].reshape(*self.seen, -1)
        loc, log_factor, logits = jnp.split(self.net(seen, condition[size:] if self.net.cond_dim else None), 3)
        factor = jnp.exp(jnp.clip(log_factor, -LOG_FACTOR_MAX, LOG_FACTOR_MAX))
        scale = jnp.maximum(unit * self.inner.scale[..., None] * factor, LEAST_SCALE)
        return self.inner.widened(
            unit * (self.inner.loc[..., None] + loc), scale, self.inner.logits[..., None] + logits
        )


LOG_FACTOR_MAX = 8.0
"""A scale may become 3,000 times as large or small."""

LEAST_SCALE = 0.03
"""In whole numbers: a number has then all but 1e-7 of the mass of a component."""
