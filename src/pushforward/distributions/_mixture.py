"""Mixtures, Gaussians with a full covariance, and bases that depend on the condition."""

from collections.abc import Sequence
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from pushforward._arrays import own_array
from pushforward._errors import check_part, check_parts, violated
from pushforward._log_sum import log_sum
from pushforward._roots import any_unsolved, solve_between
from pushforward._types import Activation, Kind, Shape, worst_kind
from pushforward.bijections import TriangularAffine, count_raw, fill
from pushforward.bijections._compose import shared_cond_shape
from pushforward.distributions._base import AbstractDistribution
from pushforward.distributions._independent import Normal, Uniform
from pushforward.nets import MLP, AbstractConditioner
from pushforward.nets._own import needed_key, own_net
from pushforward.supports import REAL, PartOf, Support
from pushforward.supports._fit import fits


class MultivariateNormal(AbstractDistribution):
    r"""Gaussian with a full covariance, $x = t + L\epsilon$, $\Sigma = LL^\top$.

    Args:
        loc: $t$. Shape `(dim,)`.
        covariance: $\Sigma$, symmetric and positive definite. Shape `(dim, dim)`.

    Raises:
        ValueError: If the covariance is not symmetric, beyond rounding, or not positive definite.
    """

    factor: TriangularAffine

    cond_shape: ClassVar[Shape | None] = None

    def __init__(self, loc: ArrayLike, covariance: ArrayLike):
        covariance = jnp.asarray(covariance, jnp.result_type(float))
        _check_symmetric(covariance)
        lower = jnp.linalg.cholesky(covariance)
        if violated(jnp.isfinite(lower)):
            raise ValueError("MultivariateNormal: `covariance` must be symmetric and positive definite.")
        self.factor = TriangularAffine(loc, lower)

    @property
    def event_shape(self) -> Shape:
        return self.factor.out_shape

    @property
    def covariance(self) -> Array:
        return self.factor.matrix @ self.factor.matrix.T

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        z, log_det = self.factor._inverse_many(x, None, None)
        return Normal.standard(self.event_shape)._log_prob_many(z, None, None) + log_det

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        z = Normal.standard(self.event_shape)._sample_many(key, n, None, temperature)
        return self.factor._forward_many(z, None, None)[0]

    def _mean(self, condition: Array | None) -> Array:
        return self.factor.loc[:, None]

    def _variance(self, condition: Array | None) -> Array:
        return jnp.diagonal(self.covariance)[:, None]

    def _entropy(self, condition: Array | None) -> Array:
        origin = jnp.zeros_like(self.factor.loc)[:, None]
        log_det = self.factor._forward_many(origin, None, None)[1]
        return Normal.standard(self.event_shape)._entropy(None) + log_det

    def _cdf_many(self, x: Array, condition: Array | None) -> Array:
        loc, scale = self._mean(None), jnp.sqrt(self._variance(None))
        return Normal.standard(self.event_shape)._cdf_many((x - loc) / scale, None)

    def _quantile_many(self, q: Array, condition: Array | None) -> Array:
        loc, scale = self._mean(None), jnp.sqrt(self._variance(None))
        return loc + scale * Normal.standard(self.event_shape)._quantile_many(q, None)


def _check_symmetric(covariance: Array) -> None:
    if covariance.ndim != 2 or covariance.shape[0] != covariance.shape[1]:
        raise ValueError(f"MultivariateNormal: `covariance` must be square, got shape {covariance.shape}.")
    deviations = jnp.sqrt(jnp.abs(jnp.diagonal(covariance)))
    most = jnp.sqrt(jnp.finfo(covariance.dtype).eps) * deviations[:, None] * deviations
    if violated(jnp.abs(covariance - covariance.T) <= most):
        raise ValueError(
            f"MultivariateNormal: `covariance` must be symmetric, got {covariance}. "
            "Of a triangular factor L give L @ L.T."
        )


class Mixture(AbstractDistribution):
    r"""$p(x) = \sum_k \pi_k\, p_k(x)$.

    Args:
        components: Distributions over events of one shape.
        weights: $\pi_k > 0$, made to sum to 1; default equal. Shape `(len(components),)`.

    Raises:
        ValueError: If there is no component, the event shapes differ, or a weight is not positive.
    """

    components: tuple[AbstractDistribution, ...]
    logits: Float[Array, " components"]

    def __init__(self, components: Sequence[AbstractDistribution], weights: ArrayLike | Sequence[float] | None = None):
        both = isinstance(weights, AbstractDistribution)  # `Mixture(a, b)`
        components = check_parts("Mixture", components, (weights,) if both else (), AbstractDistribution)
        shapes = {c.event_shape for c in components}
        if len(shapes) != 1:
            raise ValueError(f"Mixture: components must share one event shape, got {sorted(shapes)}.")
        shared_cond_shape(components, "Mixture")
        weights = jnp.ones(len(components)) if weights is None else jnp.asarray(weights, jnp.result_type(float))
        if weights.shape != (len(components),):
            raise ValueError(f"Mixture: needs {len(components)} weights, got shape {weights.shape}.")
        if violated(weights > 0):
            raise ValueError(f"Mixture: weights must be positive, got {weights}.")
        self.components, self.logits = components, jnp.log(weights)

    @property
    def event_shape(self) -> Shape:
        return self.components[0].event_shape

    @property
    def cond_shape(self) -> Shape | None:
        return shared_cond_shape(self.components, "Mixture")

    @property
    def exact(self) -> bool:
        return all(c.exact for c in self.components)

    @property
    def support(self) -> Support:
        each = [c.support for c in self.components]
        widest = [s for s in each if not isinstance(s, PartOf) and all(fits(other, s) for other in each)]
        return widest[0] if widest else PartOf(REAL)

    @property
    def kinds(self) -> tuple[Kind, Kind]:
        density, sampling = zip(*(c.kinds for c in self.components), strict=True)
        return worst_kind(list(density)), worst_kind(list(sampling))

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        # Arrays of their own, so that components that are alike are compiled once.
        each = jnp.stack([own_array(c._log_prob_many(x, condition, key)) for c in self.components])
        return log_sum(each + jax.nn.log_softmax(self.logits)[:, None])

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        which_key, *keys = jax.random.split(key, len(self.components) + 1)
        which = jax.random.categorical(which_key, self.logits, shape=(n,))
        draws = [c._sample_many(k, n, condition, temperature) for c, k in zip(self.components, keys, strict=True)]
        chosen = draws[0]
        for i, draw in enumerate(draws[1:], start=1):
            chosen = jnp.where(which == i, draw, chosen)
        return chosen

    def _mean(self, condition: Array | None) -> Array:
        return self._average([c._mean(condition) for c in self.components])

    def _variance(self, condition: Array | None) -> Array:
        means = [c._mean(condition) for c in self.components]
        centre = self._average(means)
        each = [c._variance(condition) for c in self.components]
        return self._average([v + (m - centre) ** 2 for v, m in zip(each, means, strict=True)])

    def _cdf_many(self, x: Array, condition: Array | None) -> Array:
        return self._average([c._cdf_many(x, condition) for c in self.components])

    def _quantile_many(self, q: Array, condition: Array | None) -> Array:
        each = jnp.stack([c._quantile_many(q, condition) for c in self.components])
        low, high = jnp.min(each, axis=0), jnp.max(each, axis=0)
        return solve_between(lambda x: self._cdf_many(x, condition), q, low, high)

    def _average(self, each: Sequence[Array]) -> Array:
        return jnp.tensordot(jax.nn.softmax(self.logits), jnp.stack(each), axes=1)

    def _raise_unsolved_density(self, x: Array, condition: Array | None, log_prob: Array) -> None:
        for component in self.components:
            found = component._log_prob_many(x, condition, None)
            if any_unsolved(found, x, condition):
                component._raise_unsolved_density(x, condition, found)

    def _raise_unsolved_samples(
        self, key: PRNGKeyArray, condition: Array | None, temperature: ArrayLike | None, events: Array
    ) -> None:
        keys = jax.random.split(key, len(self.components) + 1)[1:]
        for component, component_key in zip(self.components, keys, strict=True):
            draws = component._sample_many(component_key, events.shape[-1], condition, temperature)
            if any_unsolved(draws, condition):
                component._raise_unsolved_samples(component_key, condition, temperature, draws)


class ConditionalBase(AbstractDistribution):
    r"""$p(x; \theta_0 + \text{net}(\text{condition}))$: a base whose parameters depend on the condition.

    Args:
        inner: The distribution, a template to whose trained parameters the network adds, e.g. `Normal(jnp.zeros(3))`.
        cond_dim: Size of the condition.
        net: A network of your own in place of ours, from `(cond_dim,)` to `bijections.count_raw(inner)` numbers; see
            `bijections.Conditioned`.
        width: Units of each hidden layer of the network.
        depth: Hidden layers of the network.
        activation: Of the network.
        key: For the initial weights, not needed with a `net`. It starts as `inner` itself.

    Raises:
        ValueError: If `inner` is conditional already or has nothing to train, or `net` gives other sizes or NaN.
    """

    inner: AbstractDistribution
    net: AbstractConditioner

    def __init__(
        self,
        inner: AbstractDistribution,
        cond_dim: int,
        *,
        net: AbstractConditioner | eqx.Module | None = None,
        width: int = 128,
        depth: int = 2,
        activation: Activation = "relu",
        key: PRNGKeyArray | None = None,
    ):
        check_part("ConditionalBase", "inner", inner, AbstractDistribution, "Write `ConditionalBase(base, cond_dim)`.")
        if inner.cond_shape is not None or count_raw(inner) == 0:
            raise ValueError("ConditionalBase: `inner` must be unconditional and have parameters, e.g. `Normal(loc)`.")
        self.inner = inner
        options: dict[str, Any] = {"width": width, "depth": depth, "activation": activation}
        if net is not None:
            self.net = own_net("ConditionalBase", net, (cond_dim,), (count_raw(inner),), None, options=options)
        else:
            self.net = MLP(cond_dim, (count_raw(inner),), key=needed_key("ConditionalBase", key), **options)

    @property
    def event_shape(self) -> Shape:
        return self.inner.event_shape

    @property
    def cond_shape(self) -> Shape | None:
        return self.net.in_shape

    @property
    def support(self) -> Support:
        # Limits that are numbers move with the condition; the line and circles do not.
        return PartOf(REAL) if isinstance(self.inner, Uniform) else self.inner.support

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        return self._one_by_one(lambda d, event: d._log_prob_many(event[..., None], None, None)[0], condition, x)

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        keys = jax.random.split(key, n)
        filled = self._filled(condition, n)
        draw = jax.vmap(lambda d, k: d._sample_many(k, 1, None, temperature)[..., 0], (-1, 0), -1)
        return draw(filled, keys)

    def _mean(self, condition: Array | None) -> Array:
        return self._of_each("_mean", condition)

    def _variance(self, condition: Array | None) -> Array:
        return self._of_each("_variance", condition)

    def _entropy(self, condition: Array | None) -> Array:
        return self._of_each("_entropy", condition)

    def _cdf_many(self, x: Array, condition: Array | None) -> Array:
        return self._of_each("_cdf_many", condition, x)

    def _quantile_many(self, q: Array, condition: Array | None) -> Array:
        return self._of_each("_quantile_many", condition, q)

    def _of_each(self, method: str, condition: Any, *events: Array) -> Array:
        """An answer of the inner law of each condition, perhaps at the event beside it."""

        def answer(law: AbstractDistribution, *event: Array) -> Array:
            return getattr(law, method)(*(e[..., None] for e in event), None)[..., 0]

        filled = self._filled(condition, condition.shape[-1])
        return jax.vmap(answer, in_axes=-1, out_axes=-1)(filled, *events)

    def _one_by_one(self, method, condition: Array | None, x: Array) -> Array:
        return jax.vmap(method, (-1, -1))(self._filled(condition, x.shape[-1]), x)

    def _filled(self, condition: Any, n: int) -> AbstractDistribution:
        filled = fill(self.inner, self.net(condition))
        return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (*leaf.shape[:-1], n)), filled)
