"""Bases over whole numbers and categories, with independent coordinates: what a coder needs a table of."""

import abc
import math
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._errors import violated
from pushforward._params import buffer, static
from pushforward._types import Shape
from pushforward.bijections import sum_event
from pushforward.bijections.discrete._codes import check_categories, one_hot
from pushforward.bijections.discrete._rounded import check_unit
from pushforward.distributions._base import AbstractDistribution
from pushforward.supports import Integers, OneHot, Support


class MassTable(NamedTuple):
    """Probabilities of the whole numbers from `low` on, in float64; those left out may have a little as well."""

    low: int
    probabilities: np.ndarray


class AbstractCountable(AbstractDistribution):
    """Independent whole numbers, or categories, of which a table can be made for a coder."""

    cond_shape: ClassVar[Shape | None] = None

    @abc.abstractmethod
    def tables(self) -> Iterator[MassTable]:
        """A table for each number of an event, in row-major order."""

    @abc.abstractmethod
    def to_numbers(self, x: Array) -> Array:
        """Events `(*event_shape, batch)` as whole numbers, `(count, batch)`."""

    @abc.abstractmethod
    def from_numbers(self, numbers: Array) -> Array:
        """The inverse of `to_numbers`."""


class DiscretizedLogistic(AbstractCountable):
    r"""$P(x) = \sum_k \pi_k [\sigma((x + \tfrac12 - t_k)/s_k) - \sigma((x - \tfrac12 - t_k)/s_k)]$ for whole numbers.

    The mass that logistics, or mixtures of them, have within half a step of a whole number. Other numbers have
    probability 0, and so have those beyond the last that the precision can tell from the next ($2^{24}$ in float32).
    `pushforward.fit` starts `loc` and `scale` from data, once: each component at a slice of the values in order.

    Args:
        loc: $t$, in units. Shape `(*event_shape,)`, or `(components, *event_shape)` with `weights`.
        scale: $s$, in units, between 6.2e-6 and 1.6e5; broadcast against `loc`.
        weights: $\pi > 0$, `(components, *event_shape)`, made to sum to 1 over the components; None for one.
        unit: How many whole numbers a `loc` or a `scale` of 1 is worth: about the spread of the data.
        wide: Weight of one more component that is not trained, four units wide around the others' mean: numbers that
            were never seen keep a probability that a coder can tell from 0.

    Raises:
        ValueError: If a scale is outside its range, a weight or the unit is not positive, or `wide` is not in [0, 1).

    Example:
        >>> base = DiscretizedLogistic(jnp.zeros(1), 0.5)
        >>> numbers = jnp.arange(-20.0, 21.0)[:, None]
        >>> round(float(jnp.exp(base.log_prob(numbers)).sum()), 5)
        1.0

    Reference:
        Hoogeboom, Peters, van den Berg & Welling (2019), Integer discrete flows and lossless compression, section 3.
    """

    loc: Array
    log_scale: Array
    logits: Array
    started: Array = buffer()
    event_shape: Shape = static()
    unit: float = static()
    wide: float = static()

    @property
    def support(self) -> Support:
        return Integers()

    def __init__(
        self,
        loc: ArrayLike = 0.0,
        scale: ArrayLike = 1.0,
        weights: ArrayLike | None = None,
        *,
        unit: float = 1.0,
        wide: float = 0.0,
    ):
        dtype = jnp.result_type(float)
        loc, scale = jnp.broadcast_arrays(jnp.asarray(loc, dtype), jnp.asarray(scale, dtype))
        if weights is None:
            loc, scale, weights = loc[None], scale[None], jnp.ones((1, *loc.shape), dtype)
        loc, scale, weights = jnp.broadcast_arrays(loc, scale, jnp.asarray(weights, dtype))
        if violated(scale > 0) or violated(weights > 0):
            raise ValueError(f"DiscretizedLogistic: `scale` and `weights` must be positive, got {scale}, {weights}.")
        if violated(jnp.abs(jnp.log(scale)) <= LOG_SCALE_MAX):
            raise ValueError(f"DiscretizedLogistic: `scale` must be between 6.2e-6 and 1.6e5 units, got {scale}.")
        check_unit("DiscretizedLogistic", unit)
        self.loc, self.log_scale, self.logits = loc, jnp.log(scale), jnp.log(weights)
        if not 0 <= wide < 1:
            raise ValueError(f"DiscretizedLogistic: `wide` must be in [0, 1), got {wide}.")
        self.started, self.event_shape, self.unit, self.wide = jnp.zeros(()), loc.shape[1:], unit, wide

    @classmethod
    def spread(cls, shape: Shape, num_components: int = 1, *, unit: float = 1.0) -> "DiscretizedLogistic":
        """Components spread evenly between minus one and one unit and a wide one, the start of a mixture."""
        if num_components < 1:
            raise ValueError(f"DiscretizedLogistic: `num_components` must be at least 1, got {num_components}.")
        offsets = _offsets(num_components).reshape(-1, *(1,) * len(shape))
        loc = jnp.broadcast_to(jnp.asarray(offsets, jnp.result_type(float)), (num_components, *shape))
        return cls(loc, LOGISTIC_SCALE / math.sqrt(num_components), jnp.ones_like(loc), unit=unit, wide=WIDE)

    @property
    def scale(self) -> Array:
        return jnp.exp(jnp.clip(self.log_scale, -LOG_SCALE_MAX, LOG_SCALE_MAX))

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        loc, scale, logits = (values[..., None] for values in self._components())
        return sum_event(logistic_log_mass(x, loc, scale, logits))

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        loc, scale, logits = (jnp.broadcast_to(values[..., None], (*values.shape, n)) for values in self._components())
        return draw_logistic(key, loc, scale, logits, temperature)

    def _cdf_many(self, x: Array, condition: Array | None) -> Array:
        loc, scale, logits = (values[..., None] for values in self._components())
        return jnp.sum(jax.nn.softmax(logits, axis=0) * jax.nn.sigmoid((jnp.floor(x) + 0.5 - loc) / scale), axis=0)

    def _components(self) -> tuple[Array, Array, Array]:
        return self.widened(self.unit * self.loc, self.unit * self.scale, self.logits)

    def widened(self, loc: Array, scale: Array, logits: Array) -> tuple[Array, Array, Array]:
        """Locations, scales (both in whole numbers) and logits, with those of the wide component behind them."""
        if not self.wide:
            return loc, scale, logits
        share = math.log(self.wide) - math.log1p(-self.wide)
        wide_loc = jnp.mean(loc, axis=0, keepdims=True)
        wide_scale = jnp.full_like(wide_loc, WIDE_UNITS * self.unit)
        wide_logits = jax.nn.logsumexp(logits, axis=0, keepdims=True) + share
        return (
            jnp.concatenate([loc, wide_loc]),
            jnp.concatenate([scale, wide_scale]),
            jnp.concatenate([logits, wide_logits]),
        )

    def _data_init(self, x: Array, condition: Array | None) -> "DiscretizedLogistic":
        count, rows = self.loc.shape[0], x.shape[-1]
        # Of each number in order, every component gets a slice of the rows.
        slices = (np.arange(-(-rows // count) * count) * rows) // (-(-rows // count) * count)
        pieces = jnp.moveaxis(jnp.sort(x)[..., slices].reshape(*self.event_shape, count, -1), -2, 0)
        loc = jnp.mean(pieces, axis=-1) / self.unit
        # Alike slices must not give alike components, which would stay alike.
        least = LEAST_SPREAD * (1.0 + jnp.arange(count)).reshape(-1, *(1,) * len(self.event_shape))
        log_scale = jnp.log(LOGISTIC_SCALE * jnp.maximum(jnp.std(pieces, axis=-1), least) / self.unit)
        fresh = self.started == 0
        started = jnp.where(fresh, loc, self.loc), jnp.where(fresh, log_scale, self.log_scale)
        return eqx.tree_at(
            lambda base: (base.loc, base.log_scale, base.started), self, (*started, jnp.ones_like(self.started))
        )

    def tables(self) -> Iterator[MassTable]:
        log_scale, loc, logits = (
            np.asarray(leaf, np.float64).reshape(self.loc.shape[0], -1)
            for leaf in (self.log_scale, self.loc, self.logits)
        )
        # In float64 on the host, so that every machine has the same table.
        scales = self.unit * np.exp(np.clip(log_scale, -LOG_SCALE_MAX, LOG_SCALE_MAX))
        weights = np.exp(logits - logits.max(axis=0))
        for t, s, w in zip((self.unit * loc).T, scales.T, (weights / weights.sum(axis=0)).T, strict=True):
            if self.wide:
                t, s = np.append(t, t.mean()), np.append(s, WIDE_UNITS * self.unit)
                w = np.append((1.0 - self.wide) * w, self.wide)
            yield _logistic_table(t, s, w)

    def to_numbers(self, x: Array) -> Array:
        return x.reshape(-1, x.shape[-1])

    def from_numbers(self, numbers: Array) -> Array:
        return numbers.reshape(*self.event_shape, -1)


LOG_SCALE_MAX = 12.0
"""Scales lie between 6e-6 and 2e5 units. Stored as logarithms: where grey values are always alike, the best is hundreds
of times smaller than the unit, and a number that `positive` maps would need as many steps of training to get there."""

LOGISTIC_SCALE = math.sqrt(3.0) / math.pi
"""The scale of a logistic whose standard deviation is 1."""

WIDE, WIDE_UNITS = 1e-4, 4.0
"""Weight and scale of the wide component of what `spread` gives; it costs 0.00014 bits for each number."""

LEAST_SPREAD = 0.1
"""Where numbers are all alike, the first component starts as if they had this spread, the second twice that, ..."""

TABLE_REACH = 18.0
"""Scales from the centre to where a table ends: about 1e-8 of the mass is beyond."""

TABLE_LONGEST = 2**16


def _offsets(count: int) -> np.ndarray:
    return np.linspace(-1.0, 1.0, count) if count > 1 else np.zeros(1)


def logistic_log_mass(x: Array, loc: Array, scale: Array, logits: Array, levels: int | None = None) -> Array:
    """Log-probability of every number under its mixture; components are the first axis of all but `x`.

    Of so many levels, from 0 on, the first and the last have the tails as well.
    """
    whole = (x == jnp.round(x)) & (jnp.abs(x) <= 2.0 / jnp.finfo(x.dtype).eps)
    whole = whole if levels is None else whole & (x >= 0) & (x < levels)
    x = jnp.where(whole, x, 0.0)
    # The difference of two sigmoids a > b is sigma(a) sigma(-b) (1 - exp(b - a)): no cancellation in the tails.
    step = jnp.log(-jnp.expm1(-1.0 / scale))
    upper, lower = (x - loc + 0.5) / scale, (x - loc - 0.5) / scale
    below, above = jax.nn.log_sigmoid(upper), jax.nn.log_sigmoid(-lower)
    each = below + above + step
    if levels is not None:
        each = jnp.where(x == 0, below, jnp.where(x == levels - 1, above, each))
    log_prob = jax.nn.logsumexp(each + jax.nn.log_softmax(logits, axis=0), axis=0)
    return jnp.where(whole, log_prob, -jnp.inf)


def draw_logistic(key: PRNGKeyArray, loc: Array, scale: Array, logits: Array, temperature: ArrayLike | None) -> Array:
    """One whole number from each mixture; components are the first axis, `(components, *event, n)`."""
    which_key, noise_key = jax.random.split(key)
    which = jax.random.categorical(which_key, logits, axis=0)[None]
    loc, scale = (jnp.take_along_axis(values, which, axis=0)[0] for values in (loc, scale))
    noise = jax.random.logistic(noise_key, loc.shape) * (1.0 if temperature is None else temperature)
    return jnp.round(loc + scale * noise)


def _logistic_table(loc: np.ndarray, scale: np.ndarray, weights: np.ndarray) -> MassTable:
    low = np.floor(np.min(loc - TABLE_REACH * scale)) - 1
    high = np.ceil(np.max(loc + TABLE_REACH * scale)) + 1
    if high - low >= TABLE_LONGEST:
        low = np.floor(np.sum(weights * loc) - TABLE_LONGEST / 2)
        high = low + TABLE_LONGEST - 1
    edges = np.arange(low, high + 2) - 0.5
    lower, upper = (edges[:-1, None] - loc) / scale, (edges[1:, None] - loc) / scale
    # The same sum of three logarithms as in `_log_prob_many`.
    mass = np.exp(-np.logaddexp(0.0, -upper) - np.logaddexp(0.0, lower)) * -np.expm1(-1.0 / scale)
    return MassTable(int(low), mass @ weights)


NEARLY = 1e-3
"""Gradients that pass through a choice leave zeros and ones that rounding moved."""


class OneHotCategorical(AbstractCountable):
    r"""Independent categories as one-hot vectors, $\log P(x) = \sum_i x_i \cdot \log\operatorname{softmax}(\ell_i)$.

    `Transformed(OneHotCategorical(...), OneHotToCodes(...))` has codes as events.

    Args:
        logits: $\ell$. Shape `(*shape, K)`, where events have the same shape.

    Raises:
        ValueError: If there are fewer than two categories.

    Example:
        >>> OneHotCategorical(jnp.zeros((2, 4))).log_prob(jax.nn.one_hot(jnp.array([1, 3]), 4)).item()
        -2.7725887
    """

    logits: Array
    event_shape: Shape = static()

    def __init__(self, logits: ArrayLike):
        self.logits = jnp.asarray(logits, jnp.result_type(float))
        check_categories("OneHotCategorical", self.logits.shape[-1] if self.logits.ndim else 0)
        self.event_shape = self.logits.shape

    @property
    def support(self) -> Support:
        return OneHot(self.event_shape[-1])

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        logs = jax.nn.log_softmax(self.logits, axis=-1)[..., None]
        never = jnp.isneginf(logs)  # 0 times -inf is not a number
        log_prob = sum_event(x * jnp.where(never, 0.0, logs) + jnp.where(never & (x > 0.5), -jnp.inf, 0.0))
        binary = jnp.all(jnp.abs(x - jnp.round(x)) + jnp.abs(x - 0.5) <= 0.5 + NEARLY, axis=-2)
        one = binary & (jnp.abs(jnp.sum(x, axis=-2) - 1.0) <= NEARLY)
        return jnp.where(jnp.all(one, axis=tuple(range(one.ndim - 1))), log_prob, -jnp.inf)

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        noise = jax.random.gumbel(key, (*self.event_shape, n), self.logits.dtype)
        noise = noise if temperature is None else temperature * noise
        codes = jnp.argmax(self.logits[..., None] + noise, axis=-2)
        return one_hot(codes.astype(jnp.result_type(float)), self.event_shape[-1])

    def _mean(self, condition: Array | None) -> Array:
        return jax.nn.softmax(self.logits, axis=-1)[..., None]

    def _variance(self, condition: Array | None) -> Array:
        shares = self._mean(None)
        return shares * (1.0 - shares)

    def _entropy(self, condition: Array | None) -> Array:
        shares, logs = self._mean(None), jax.nn.log_softmax(self.logits, axis=-1)[..., None]
        return -sum_event(shares * jnp.where(shares > 0, logs, 0.0))

    def tables(self) -> Iterator[MassTable]:
        rows = np.asarray(self.logits, np.float64).reshape(-1, self.event_shape[-1])
        mass = np.exp(rows - rows.max(axis=1, keepdims=True))
        for row in mass / mass.sum(axis=1, keepdims=True):
            yield MassTable(0, row)

    def to_numbers(self, x: Array) -> Array:
        return jnp.argmax(x, axis=-2).astype(x.dtype).reshape(-1, x.shape[-1])

    def from_numbers(self, numbers: Array) -> Array:
        codes = numbers.reshape(*self.event_shape[:-1], -1)
        return one_hot(codes, self.event_shape[-1])
