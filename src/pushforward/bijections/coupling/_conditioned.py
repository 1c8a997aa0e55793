"""Any bijection, with parameters that depend on the condition."""

from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, PRNGKeyArray

from pushforward._errors import check_part
from pushforward._types import Activation, Kind, Shape
from pushforward.bijections._base import AbstractBatched, AbstractBijection
from pushforward.bijections.coupling._templates import count_raw, fill
from pushforward.nets import MLP, AbstractConditioner
from pushforward.nets._own import needed_key, own_net
from pushforward.supports import Support
from pushforward.supports._events import Passage


class Conditioned(AbstractBatched):
    r"""$y = f(x;\, \theta_0 + \text{net}(\text{condition}))$: amortises the parameters of an unconditional map.

    Args:
        inner: The map, a template to whose trained parameters the network adds.
        cond_dim: Size of the condition.
        net: A network of your own in place of ours: an Equinox module from `(cond_dim,)` to `count_raw(inner)` numbers,
            or a `nets.AbstractConditioner` without a condition of its own. The options of our network are then refused.
        width: Units of each hidden layer of the network.
        depth: Hidden layers of the network.
        activation: Of the network.
        key: For the initial weights, not needed with a `net`. The layer starts as `inner` itself.

    Raises:
        ValueError: If `inner` is conditional already, or `net` gives other sizes, NaN, or cannot be called.
    """

    inner: AbstractBijection
    net: AbstractConditioner

    def __init__(
        self,
        inner: AbstractBijection,
        cond_dim: int,
        *,
        net: AbstractConditioner | eqx.Module | None = None,
        width: int = 128,
        depth: int = 2,
        activation: Activation = "relu",
        key: PRNGKeyArray | None = None,
    ):
        check_part("Conditioned", "inner", inner, AbstractBijection, "Write `Conditioned(inner, cond_dim, key=key)`.")
        if inner.cond_shape is not None:
            raise ValueError(f"Conditioned: `inner` is conditional already, on shape {inner.cond_shape}.")
        self.inner = inner
        options: dict[str, Any] = {"width": width, "depth": depth, "activation": activation}
        if net is not None:
            self.net = own_net("Conditioned", net, (cond_dim,), (count_raw(inner),), None, options=options)
        else:
            self.net = MLP(cond_dim, (count_raw(inner),), key=needed_key("Conditioned", key), **options)

    @property
    def in_shape(self) -> Shape:
        return self.inner.in_shape

    @property
    def out_shape(self) -> Shape:
        return self.inner.out_shape

    @property
    def cond_shape(self) -> Shape | None:
        return self.net.in_shape

    @property
    def forward_kind(self) -> Kind:
        return self.inner.forward_kind

    @property
    def inverse_kind(self) -> Kind:
        return self.inner.inverse_kind

    @property
    def domain(self) -> Support:
        return self.inner.domain

    @property
    def image(self) -> Support:
        return self.inner.image

    def _carry(self, support: Support, passage: Passage) -> Support:
        return self.inner._carry(support, passage)

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return self._filled(condition, x)._forward_each(x)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return self._filled(condition, x)._inverse_each(x)

    def _filled(self, condition: Array | None, x: Array) -> AbstractBijection:
        assert condition is not None  # checked at the public edge
        filled = fill(self.inner, self.net(condition))
        return jax.tree.map(lambda leaf: jax.numpy.broadcast_to(leaf, (*leaf.shape[:-1], x.shape[-1])), filled)
