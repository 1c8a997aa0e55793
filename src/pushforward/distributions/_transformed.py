"""The flow: a base distribution pushed through a bijection."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._errors import check_part
from pushforward._roots import any_unsolved, raise_unsolved
from pushforward._types import Kind, Shape, of_parts, worst_kind
from pushforward.bijections import AbstractBijection
from pushforward.bijections._compose import shared_cond_shape
from pushforward.distributions._answers import no_formula
from pushforward.distributions._base import AbstractDistribution
from pushforward.distributions._layout import laid_out
from pushforward.distributions._maps import acts_by_coordinate, is_affine, is_monotone, is_stretch
from pushforward.supports import Interval, PartOf, Support
from pushforward.supports._events import FORWARD, spread
from pushforward.supports._fit import Misfit


class Transformed(AbstractDistribution):
    r"""$x = f(z)$ with $z \sim$ base: $\log p(x) = \log p_\text{base}(f^{-1}(x)) + \log|\det J_{f^{-1}}(x)|$.

    Args:
        base: Where samples come from.
        bijection: $f$, from the base to the data.

    Raises:
        ValueError: If the base's events do not fit the bijection, by their shape or by where they live, or two
            conditions have different shapes.
        TypeError: If `base` is not a distribution or `bijection` not a bijection, as in the wrong order.

    Example:
        >>> flow = Transformed(Normal.standard((2,)), Affine(jnp.zeros(2), 2.0))
        >>> flow.sample(jax.random.key(0), 5).shape
        (5, 2)
    """

    base: AbstractDistribution
    bijection: AbstractBijection

    def __check_init__(self):
        order = "Write `Transformed(base, bijection)`, in this order."
        check_part("Transformed", "base", self.base, AbstractDistribution, order)
        check_part("Transformed", "bijection", self.bijection, AbstractBijection, order)
        if self.base.event_shape != self.bijection.in_shape:
            raise ValueError(
                f"Transformed: the base has events of shape {self.base.event_shape}, "
                f"but the bijection takes {self.bijection.in_shape}."
            )
        _ = self.cond_shape
        try:
            _ = self.support
        except Misfit as misfit:
            base = f"the base, `{type(self.base).__name__}`,"
            raise ValueError(f"Transformed: {misfit.told(base)} As it is, it would be no density.") from None

    @property
    def event_shape(self) -> Shape:
        return self.bijection.out_shape

    @property
    def cond_shape(self) -> Shape | None:
        return shared_cond_shape([self.base, self.bijection], "Transformed")

    @property
    def exact(self) -> bool:
        return self.base.exact and self.bijection.exact

    @property
    def support(self) -> Support:
        return self.bijection._carry(self.base.support, FORWARD)

    @property
    def kinds(self) -> tuple[Kind, Kind]:
        density, sampling = self.base.kinds
        return worst_kind([density, self.bijection.inverse_kind]), worst_kind([sampling, self.bijection.forward_kind])

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        map_key, base_key = (None, None) if key is None else jax.random.split(key)
        z, log_det = self.bijection._inverse_many(x, condition, map_key)
        log_prob = self.base._log_prob_many(z, condition, base_key)
        return laid_out(self.base, "_log_prob_many", log_prob, z.shape[-1:]) + log_det

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        map_key, base_key = jax.random.split(key)
        z = self.base._sample_many(base_key, n, condition, temperature)
        z = laid_out(self.base, "_sample_many", z, (*self.base.event_shape, n))
        return self.bijection._forward_many(z, condition, map_key)[0]

    def _sample_and_log_prob_many(self, key: PRNGKeyArray, n: int, condition: Array | None) -> tuple[Array, Array]:
        map_key, base_key = jax.random.split(key)
        z, log_prob = self.base._sample_and_log_prob_many(base_key, n, condition)
        z = laid_out(self.base, "_sample_many", z, (*self.base.event_shape, n))
        x, log_det = self.bijection._forward_many(z, condition, map_key)
        return x, log_prob - log_det

    def _mean(self, condition: Array | None) -> Array:
        self._check_map(is_affine, "mean", "its map is not affine")
        return self.bijection._forward_many(self.base._mean(condition), condition, None)[0]

    def _variance(self, condition: Array | None) -> Array:
        self._check_map(is_stretch, "variance", "its map is more than a scale and a shift of each coordinate")
        before = self.base._variance(condition)
        zero, one = (self.bijection._forward_many(jnp.full_like(before, z), None, None)[0] for z in (0.0, 1.0))
        return before * (one - zero) ** 2

    def _entropy(self, condition: Array | None) -> Array:
        self._check_map(is_affine, "entropy", "its map is not affine")
        entropy = self.base._entropy(condition)
        origin = jnp.zeros((*self.base.event_shape, 1), entropy.dtype)
        return entropy + self.bijection._forward_many(origin, None, None)[1]

    def _cdf_many(self, x: Array, condition: Array | None) -> Array:
        self._check_monotone("cdf")
        z = self.bijection._inverse_many(jnp.where(jnp.isfinite(x), x, 0.0), condition, None)[0]
        below = self.base._cdf_many(z, condition)
        share = jnp.where(self._rises(x, condition), below.reshape(x.shape), 1.0 - below.reshape(x.shape))
        low, high = self._limits(x.dtype)
        is_low, is_high = (x < low) | jnp.isneginf(x), (x >= high) | jnp.isposinf(x)
        return jnp.where(is_low, 0.0, jnp.where(is_high, 1.0, share))

    def _quantile_many(self, q: Array, condition: Array | None) -> Array:
        self._check_monotone("quantile")
        level = jnp.where(self._rises(q, condition), q, 1.0 - q)
        z = self.base._quantile_many(level.reshape(*self.base.event_shape, -1), condition)
        x = self.bijection._forward_many(z, condition, None)[0]
        low, high = self._limits(q.dtype)
        x = jnp.where((q == 0) & ~jnp.isnan(low), low, x)
        return jnp.where((q == 1) & ~jnp.isnan(high), high, x)

    def _check_map(self, holds: Callable[[AbstractBijection], bool], what: str, why: str) -> None:
        if not holds(self.bijection):
            raise no_formula(self, what, why)

    def _check_monotone(self, what: str) -> None:
        kinds = (Interval, PartOf)
        on_the_line = all(isinstance(s, kinds) or s.is_discrete for s in spread(self.support, self.event_shape).flat)
        alone = math.prod(self.event_shape) == math.prod(self.base.event_shape) == 1 and is_monotone(self.bijection)
        if not on_the_line:
            raise no_formula(self, what, "a map of a circle or a sphere has none")
        if not alone and not acts_by_coordinate(self.bijection):
            raise no_formula(self, what, "its map is not a monotone one of each coordinate")

    def _rises(self, x: Array, condition: Array | None) -> Array:
        """Whether the map of each coordinate is increasing, shaped like `x`."""
        shape = (*self.base.event_shape, x.shape[-1])
        levels = (self.base._quantile_many(jnp.full(shape, q, x.dtype), condition) for q in (0.25, 0.75))
        first, third = (self.bijection._forward_many(z, condition, None)[0] for z in levels)
        return third >= first

    def _limits(self, dtype: Any) -> tuple[Array, Array]:
        """The ends of each coordinate's support, `(*event_shape, 1)`; NaN where they are not known."""
        ends = [
            (s.low, s.high) if isinstance(s, Interval) else (math.nan, math.nan)
            for s in spread(self.support, self.event_shape).flat
        ]
        low, high = np.array(ends).T.reshape(2, *self.event_shape, 1)
        return jnp.asarray(low, dtype), jnp.asarray(high, dtype)

    def _raise_unsolved_density(self, x: Array, condition: Array | None, log_prob: Array) -> None:
        def retry(points: np.ndarray) -> tuple[Array, Array]:
            given, rows = x[..., points], None if condition is None else condition[..., points]
            trial = self.bijection._inverse_many(given, rows, None)[0]
            return given, self.bijection._forward_many(trial, rows, None)[0]

        z = self.bijection._inverse_many(x, condition, None)[0]
        if not any_unsolved(z, x):  # so it is the base's
            self.base._raise_unsolved_density(z, condition, self.base._log_prob_many(z, condition, None))
        raise_unsolved("log_prob", log_prob, retry)

    def _raise_unsolved_samples(
        self, key: PRNGKeyArray, condition: Array | None, temperature: ArrayLike | None, events: Array
    ) -> None:
        base_key = jax.random.split(key)[1]
        noise = self.base._sample_many(base_key, events.shape[-1], condition, temperature)
        if any_unsolved(noise):
            self.base._raise_unsolved_samples(base_key, condition, temperature, noise)

        def retry(points: np.ndarray) -> tuple[Array, Array]:
            given, rows = noise[..., points], None if condition is None else condition[..., points]
            trial = self.bijection._forward_many(given, rows, None)[0]
            return given, self.bijection._inverse_many(trial, rows, None)[0]

        raise_unsolved("sample", events, retry)

    @of_parts
    def _data_init(self, x: Array, condition: Array | None) -> "Transformed":
        bijection, z = self.bijection._data_init(x, condition)
        return Transformed(self.base._data_init(z, condition), bijection)


def drawn_ahead(
    distribution: AbstractDistribution, keys: Array, n: int, temperature: ArrayLike | None
) -> tuple[Any, Callable[[Any, Array | None], Array]]:
    """What `n` draws for each of some keys need of chance, and what makes draws of it given a condition.

    The draws are those of `_sample_many`. The noise of a flow is made for all keys at once: in a loop over conditions
    that are known one after another it would be as many small works.
    """
    if not isinstance(distribution, Transformed) or distribution.base.cond_shape is not None:
        return keys, lambda key, condition: distribution._sample_many(key, n, condition, temperature)
    base, bijection = distribution.base, distribution.bijection

    def drawn(key: PRNGKeyArray) -> tuple[PRNGKeyArray, Array]:
        map_key, base_key = jax.random.split(key)
        z = base._sample_many(base_key, n, None, temperature)
        return map_key, laid_out(base, "_sample_many", z, (*base.event_shape, n))

    return jax.vmap(drawn)(keys), lambda one, condition: bijection._forward_many(one[1], condition, one[0])[0]
