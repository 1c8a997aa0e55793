"""Conditions that a flow sees through a network or a map."""

from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._errors import check_part
from pushforward._types import Kind, Shape, of_parts
from pushforward.bijections import AbstractBijection
from pushforward.distributions._base import AbstractDistribution
from pushforward.distributions._layout import most_rows
from pushforward.nets import AbstractConditioner
from pushforward.nets._own import own_net
from pushforward.supports import Support


class Embedded(AbstractDistribution):
    """A conditional distribution that sees its condition through an embedding.

    Args:
        distribution: Conditional on vectors that the embedding gives.
        embedding: A network from the condition to what the distribution is conditional on (see `embedded`), or a
            bijection on the condition (its `inverse` is used, as for data), e.g. a `Standardize`.

    Raises:
        ValueError: If the distribution is not conditional, or the shapes do not fit.
    """

    distribution: AbstractDistribution
    embedding: AbstractBijection | AbstractConditioner

    def __check_init__(self):
        order = "Write `Embedded(distribution, embedding)`, in this order."
        check_part("Embedded", "distribution", self.distribution, AbstractDistribution, order)
        found = self.embedding.in_shape if isinstance(self.embedding, AbstractBijection) else self.embedding.out_shape
        if self.distribution.cond_shape != found:
            raise ValueError(
                f"Embedded: the distribution is conditional on shape {self.distribution.cond_shape}, "
                f"but the embedding gives {found}."
            )

    @property
    def event_shape(self) -> Shape:
        return self.distribution.event_shape

    @property
    def cond_shape(self) -> Shape | None:
        return self.embedding.out_shape if isinstance(self.embedding, AbstractBijection) else self.embedding.in_shape

    @property
    def exact(self) -> bool:
        return self.distribution.exact

    @property
    def support(self) -> Support:
        return self.distribution.support

    @property
    def kinds(self) -> tuple[Kind, Kind]:
        return self.distribution.kinds

    def _embed(self, condition: Array | None) -> Array | None:
        if condition is None:
            return None
        if isinstance(self.embedding, AbstractBijection):
            return self.embedding._inverse_many(condition, None, None)[0]
        return self.embedding(condition)

    def _embedded_one(self, condition: Array) -> Array:
        """What the distribution sees of one condition, `(*cond_shape) -> (*inner cond_shape)`."""
        if isinstance(self.embedding, AbstractBijection):
            return self.embedding.inverse(condition)
        return self.embedding(condition[..., None])[..., 0]

    @property
    def _has_network(self) -> bool:
        """Whether a network stands between the condition and the innermost distribution."""
        inside = isinstance(self.distribution, Embedded) and self.distribution._has_network
        return inside or isinstance(self.embedding, AbstractConditioner)

    def _opened(self, condition: Array | None) -> tuple[AbstractDistribution, Array | None]:
        if condition is None or not self._has_network:
            return self, condition
        return self.distribution._opened(_embedded_rows(self, condition))

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        return self.distribution._log_prob_many(x, self._embed(condition), key)

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        return self.distribution._sample_many(key, n, self._embed(condition), temperature)

    def _sample_and_log_prob_many(self, key: PRNGKeyArray, n: int, condition: Array | None) -> tuple[Array, Array]:
        return self.distribution._sample_and_log_prob_many(key, n, self._embed(condition))

    def _mean(self, condition: Array | None) -> Array:
        return self.distribution._mean(self._embed(condition))

    def _variance(self, condition: Array | None) -> Array:
        return self.distribution._variance(self._embed(condition))

    def _entropy(self, condition: Array | None) -> Array:
        return self.distribution._entropy(self._embed(condition))

    def _cdf_many(self, x: Array, condition: Array | None) -> Array:
        return self.distribution._cdf_many(x, self._embed(condition))

    def _quantile_many(self, q: Array, condition: Array | None) -> Array:
        return self.distribution._quantile_many(q, self._embed(condition))

    def _raise_unsolved_density(self, x: Array, condition: Array | None, log_prob: Array) -> None:
        self.distribution._raise_unsolved_density(x, self._embed(condition), log_prob)

    def _raise_unsolved_samples(
        self, key: PRNGKeyArray, condition: Array | None, temperature: ArrayLike | None, events: Array
    ) -> None:
        self.distribution._raise_unsolved_samples(key, self._embed(condition), temperature, events)

    @of_parts
    def _data_init(self, x: Array, condition: Array | None) -> "Embedded":
        return Embedded(self.distribution._data_init(x, self._embed(condition)), self.embedding)


@jax.jit
def _embedded_rows(distribution: Embedded, condition: Array) -> Array:
    """`(*batch, *cond_shape)` as the inner distribution sees it, each condition once, in blocks."""
    shape: Shape = distribution.cond_shape or ()
    batch = condition.shape[: condition.ndim - len(shape)]

    def one(condition: Array) -> Any:
        found = distribution._embed(condition[..., None])
        return None if found is None else found[..., 0]

    found = jax.lax.map(one, condition.reshape(-1, *shape), batch_size=most_rows(shape))
    return found.reshape(*batch, *found.shape[1:])


def embedded(
    flow: AbstractDistribution,
    net: AbstractBijection | AbstractConditioner | eqx.Module,
    *,
    cond_shape: int | Shape | None = None,
) -> Embedded:
    """A conditional flow that sees its condition, an image or a series, through a network that is trained with it.

    The network is called with one condition, without a batch axis, and gives as many numbers as the flow is
    conditional on. `sample` and `log_prob` run it once for each condition, however many events there are.

    Args:
        flow: A conditional distribution, such as `pf.flows.nsf(2, cond_dim=8, key=key)`.
        net: Any Equinox module from `(*cond_shape,)` to `flow.cond_shape`: an `equinox.nn.MLP`, a small convolutional
            network in an `equinox.nn.Sequential`, a class of your own; or a `nets.AbstractConditioner`, or a bijection.
        cond_shape: Shape of one condition; may be left out where the network begins with a linear layer or says its
            `in_shape`.

    Raises:
        TypeError: If `net` is no network.
        ValueError: If `flow` is not conditional, or the network gives another number of numbers, a shape that depends
            on the batch, or NaN, or cannot be called with one condition.

    Example:
        >>> import equinox as eqx
        >>> flow = pf.flows.nsf_coupling(2, num_layers=2, width=8, cond_dim=4, key=key)
        >>> conditional = embedded(flow, eqx.nn.MLP(30, 4, width_size=16, depth=1, key=key))
        >>> conditional.log_prob(jnp.zeros((5, 2)), jnp.zeros((5, 30))).shape
        (5,)
    """
    if flow.cond_shape is None:
        raise ValueError("embedded: the flow is not conditional; build it with `cond_dim=`, the size of the embedding.")
    if isinstance(net, AbstractBijection):
        return Embedded(flow, net)
    shape = (cond_shape,) if isinstance(cond_shape, int) else cond_shape or _seen_by(net)
    return Embedded(flow, own_net("embedded", net, tuple(shape), flow.cond_shape, None, options={}))


def _seen_by(net: Any) -> Shape:
    """The shape of what a network takes, if it says so."""
    if isinstance(net, AbstractConditioner):
        return net.in_shape
    if isinstance(net, eqx.nn.MLP) and isinstance(net.in_size, int):
        return (net.in_size,)
    if isinstance(net, eqx.nn.Linear) and isinstance(net.in_features, int):
        return (net.in_features,)
    if isinstance(net, eqx.nn.Sequential) and net.layers:
        return _seen_by(net.layers[0])
    raise ValueError("embedded: give `cond_shape=`, the shape of one condition; the network does not say it.")
