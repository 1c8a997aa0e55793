"""The flow: a base distribution pushed through a bijection."""

import jax
import numpy as np
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._errors import check_part
from pushforward._roots import any_unsolved, raise_unsolved
from pushforward._types import Kind, Shape, worst_kind
from pushforward.bijections import AbstractBijection
from pushforward.bijections._compose import shared_cond_shape
from pushforward.distributions._base import AbstractDistribution
from pushforward.distributions._layout import laid_out
from pushforward.supports import Support
from pushforward.supports._events import FORWARD
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

    def _data_init(self, x: Array, condition: Array | None) -> "Transformed":
        bijection, z = self.bijection._data_init(x, condition)
        return Transformed(self.base._data_init(z, condition), bijection)
