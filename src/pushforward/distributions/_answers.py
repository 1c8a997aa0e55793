"""What a law is asked beside its density: mean, variance, entropy, distribution function and quantiles."""

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike

from pushforward._errors import NoFormulaError, as_batch, check_condition
from pushforward._types import Part, Shape
from pushforward.distributions._layout import batch_first, batch_last, broadcast_batches

if TYPE_CHECKING:
    # To a type checker an abstract attribute must not be a field, or every constructor would seem to ask for it.
    from typing import ClassVar as AbstractVar
else:
    from equinox import AbstractVar


class AbstractAnswers(Part):
    """Answers that have a formula; where there is none, a `NoFormulaError` names what to use instead.

    A subclass implements those of `_mean`, `_variance`, `_entropy`, `_cdf_many` and `_quantile_many` that it knows.
    """

    event_shape: AbstractVar[Shape]
    cond_shape: AbstractVar[Shape | None]

    def mean(self, condition: ArrayLike | None = None) -> Array:
        r"""$\mathbb{E}[x]$, `(*cond_batch, *event_shape)`; NaN where a law has none. On a circle, its direction.

        Args:
            condition: `(*cond_batch, *cond_shape)`.

        Raises:
            NoFormulaError: If there is no formula, as for flows of layers that are not affine.
            ValueError: If a condition does not fit.
        """
        return self._asked("_mean", condition)

    def variance(self, condition: ArrayLike | None = None) -> Array:
        r"""$\mathbb{E}[(x - \mathbb{E}[x])^2]$ of each coordinate, `(*cond_batch, *event_shape)`; see `mean`."""
        return self._asked("_variance", condition)

    def stddev(self, condition: ArrayLike | None = None) -> Array:
        """The square root of `variance`."""
        return jnp.sqrt(self.variance(condition))

    def entropy(self, condition: ArrayLike | None = None) -> Array:
        r"""$-\mathbb{E}[\log p(x)]$ of the whole event in nats, `(*cond_batch,)`; see `mean`."""
        return self._asked("_entropy", condition)

    def cdf(self, x: ArrayLike, condition: ArrayLike | None = None) -> Array:
        r"""$P(X_i \le x_i)$ of each coordinate by itself, `(*batch, *event_shape)`: its distribution function.

        On a circle, from where it is cut open.

        Args:
            x: Events, with any number of batch axes in front; NaN gives NaN.
            condition: `(*batch, *cond_shape)`; its batch axes broadcast against those of `x`.

        Raises:
            NoFormulaError: If there is no formula, as for flows whose layers mix coordinates.
            ValueError: If a shape does not fit.
        """
        return self._asked_at("_cdf_many", "x", x, condition)

    def quantile(self, q: ArrayLike, condition: ArrayLike | None = None) -> Array:
        r"""The inverse of `cdf`: of each coordinate by itself, the least $x_i$ with $P(X_i \le x_i) \ge q_i$.

        Args:
            q: Levels from 0 to 1 that broadcast against `event_shape`, perhaps with batch axes in front: one for all
                coordinates, or `jnp.array([0.05, 0.5, 0.95])[:, None]` for three events. NaN outside.
            condition: `(*batch, *cond_shape)`; its batch axes broadcast against those of `q`.

        Raises:
            NoFormulaError: If there is no formula, as for flows whose layers mix coordinates.
            ValueError: If a shape does not fit.
        """
        q = jnp.asarray(q)
        q = q if jnp.issubdtype(q.dtype, jnp.floating) else q.astype(jnp.result_type(float))
        q = jnp.where((q >= 0) & (q <= 1), q, jnp.nan)
        try:
            shape = jnp.broadcast_shapes(q.shape, self.event_shape)
        except ValueError:
            shape = q.shape  # told by `as_batch`
        return self._asked_at("_quantile_many", "q", jnp.broadcast_to(q, shape), condition)

    def _asked(self, method: str, condition: ArrayLike | None) -> Array:
        inner, given = self._opened(self._checked_condition(condition))
        if inner is not self:
            return inner._asked(method, given)
        shape = self.cond_shape
        batch = () if given is None or shape is None else given.shape[: given.ndim - len(shape)]
        rows = None if given is None or shape is None else batch_last(given, batch, shape)
        found = batch_first(_computed(self, method, rows))
        return jnp.broadcast_to(found, (math.prod(batch), *found.shape[1:])).reshape(*batch, *found.shape[1:])

    def _asked_at(self, method: str, argument: str, x: ArrayLike, condition: ArrayLike | None) -> Array:
        name = type(self).__name__
        x = as_batch(name, argument, x, self.event_shape)
        inner, given = self._opened(self._checked_condition(condition))
        if inner is not self:
            return inner._asked_at(method, argument, x, given)
        batch, rows = x.shape[: x.ndim - len(self.event_shape)], None
        if given is not None and self.cond_shape is not None:
            batch = broadcast_batches(name, batch, given.shape[: given.ndim - len(self.cond_shape)])
            rows = batch_last(given, batch, self.cond_shape)
        events = batch_last(x, batch, self.event_shape)
        found = _computed(self, method, events, rows)
        return batch_first(jnp.where(jnp.isnan(events), jnp.nan, found)).reshape(*batch, *self.event_shape)

    def _checked_condition(self, condition: ArrayLike | None) -> Array | None:
        """The condition as a float array `(*batch, *cond_shape)`, or a ValueError."""
        name, shape = type(self).__name__, self.cond_shape
        check_condition(name, condition, shape)
        return None if condition is None or shape is None else as_batch(name, "condition", condition, shape)

    def _opened(self, condition: Array | None) -> "tuple[Any, Array | None]":
        """The distribution that does the work, and the condition `(*batch, *cond_shape)` as that one sees it.

        A network on the condition then runs once for each condition, before it is repeated for many events.
        """
        return self, condition

    def _mean(self, condition: Array | None) -> Array:
        """Means `(*event_shape, batch)`, one for each place of the last axis of the condition, or for all."""
        raise no_formula(self, "mean")

    def _variance(self, condition: Array | None) -> Array:
        """Variances, as `_mean`."""
        raise no_formula(self, "variance")

    def _entropy(self, condition: Array | None) -> Array:
        """Entropies of whole events, `(batch,)`."""
        raise no_formula(self, "entropy")

    def _cdf_many(self, x: Array, condition: Array | None) -> Array:
        """Distribution functions at many events, `(*event_shape, batch) -> (*event_shape, batch)`."""
        raise no_formula(self, "cdf")

    def _quantile_many(self, q: Array, condition: Array | None) -> Array:
        """Quantiles of levels from 0 to 1, `(*event_shape, batch) -> (*event_shape, batch)`."""
        raise no_formula(self, "quantile")


INSTEAD = {
    "mean": "Of samples: `law.sample(key, 10_000).mean(axis=0)`.",
    "variance": "Of samples: `law.sample(key, 10_000).var(axis=0)`.",
    "entropy": "Of samples: `-law.sample_and_log_prob(key, 10_000)[1].mean()`.",
    "cdf": "Of samples: `diagnostics.pit(law, x, key=key)`, the share of them below each value.",
    "quantile": "Of samples: `jnp.quantile(law.sample(key, 10_000), q, axis=0)`.",
}


def no_formula(law: AbstractAnswers, what: str, why: str = "no formula is known for it") -> NoFormulaError:
    """The error that says what to use instead."""
    return NoFormulaError(f"{type(law).__name__}.{what}: {why}.", INSTEAD[what])


@partial(jax.jit, static_argnums=1)
def _computed(law: AbstractAnswers, method: str, *args: Array | None) -> Array:
    return getattr(law, method)(*args)
