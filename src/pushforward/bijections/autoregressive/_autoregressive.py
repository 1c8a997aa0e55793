"""Autoregressive layers: each coordinate is mapped by what came before it."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._errors import did_you_mean
from pushforward._graphs import Parents, graph
from pushforward._params import buffer
from pushforward._types import Activation, Kind, Shape
from pushforward.bijections._base import AbstractBatched, AbstractBijection, sum_event
from pushforward.bijections.autoregressive._blocked import solve_by_passes, solve_by_steps, solve_in_order
from pushforward.bijections.coupling._templates import back_from, check_template, count_raw, fill, forth_to
from pushforward.nets import MADE, AbstractCausal, AbstractConditioner
from pushforward.nets._own import check_masked, needed_key, own_net
from pushforward.supports import Support
from pushforward.supports._events import Passage, by_coordinate

Matrix = ArrayLike | Sequence[Sequence[int]]


class Autoregressive(AbstractBatched):
    r"""$x_i = g(z_i;\, \theta(x_{1:i-1}))$ with an elementwise $g$: the layer of MAF.

    `inverse` (density) is one pass of the network. `forward` (sampling) computes every hidden unit once, as soon as
    the coordinates that it sees are known, so it costs about one pass too, in `dim` dependent steps.
    `Inverse(Autoregressive(...))` is the layer of IAF.

    With an `adjacency`, coordinate $i$ sees its parents alone: the Jacobian of `inverse` is zero exactly where the
    matrix is, but for the diagonal. `forward` then takes one step for each level of the graph.

    Args:
        inner: The map $g$ of one scalar, a template whose parameters the network predicts.
        dim: Size of the event.
        net: A masked network of your own in place of ours: an Equinox module from `(dim,)`, with the condition behind
            the coordinates if there is one, to `(count_raw(inner), dim)`, or a `nets.AbstractConditioner`; output
            `[:, i]` must not depend on coordinates from `i` on in the order of the layer, which is tried once. The
            options of our network are then refused, and `forward` takes one pass of the network for each coordinate, or
            one step of a `nets.AbstractCausal`, such as a causal `nets.WaveNet`, which is not tried.
        width: Units of each hidden layer of the network.
        depth: Hidden layers of the network.
        cond_dim: Size of the condition, or None; its shape, for a network of your own that takes one.
        activation: Of the network.
        circular: Whether the coordinates are angles, of which the network sees cosine and sine.
        unit: What makes 1 for the network: it sees coordinates that are not angles divided by this.
        order: In which order coordinates are taken, a permutation of `0 .. dim - 1`; `"random"` draws one from `key`.
        adjacency: `adjacency[i][j]` is true where coordinate `i` depends on `j`, an acyclic graph; `(dim, dim)`.
        key: For the initial weights, not needed with a `net`. The layer starts as `inner` itself, whatever the key.

    Raises:
        ValueError: If `inner` is not a scalar map, `order` is not a permutation, `adjacency` has a cycle, or `net`
            sees what it must not, gives other sizes, NaN, or cannot be called.

    Example:
        >>> layer = Autoregressive(Affine(), dim=3, key=jax.random.key(0))
        >>> layer.inverse(jnp.zeros(3)).shape
        (3,)

    Reference:
        Papamakarios, Pavlakou & Murray (2017), Masked autoregressive flow for density estimation.
    """

    inner: AbstractBijection
    net: AbstractConditioner
    order: Array | None = buffer(default=None)

    def __init__(
        self,
        inner: AbstractBijection,
        dim: int,
        *,
        net: AbstractConditioner | eqx.Module | None = None,
        width: int = 128,
        depth: int = 2,
        cond_dim: int | Shape | None = None,
        activation: Activation = "relu",
        circular: bool = False,
        unit: float = 1.0,
        order: str | Sequence[int] | None = None,
        adjacency: Matrix | None = None,
        key: PRNGKeyArray | None = None,
    ):
        check_template("Autoregressive", inner)
        self.inner = inner
        options: dict[str, Any] = {"width": width, "depth": depth, "activation": activation}
        options |= {"circular": circular, "unit": unit}
        if net is not None:
            given = options | {"adjacency": None if adjacency is None else "given"}
            self.net = own_net("Autoregressive", net, (dim,), (count_raw(inner), dim), cond_dim, options=given)
            if not isinstance(self.net, AbstractCausal):
                check_masked("Autoregressive", self.net, dim, cond_dim)
        order_key = net_key = key
        if order == "random":
            order_key, net_key = jax.random.split(needed_key("Autoregressive", key))
        self.order, parents = _order_and_parents(dim, order, adjacency, order_key)
        if net is None:
            if isinstance(cond_dim, tuple):
                raise ValueError(f"Autoregressive: a condition of shape {cond_dim} needs a `net` that takes it.")
            drawn = needed_key("Autoregressive", net_key)
            self.net = MADE(dim, count_raw(inner), cond_dim=cond_dim, parents=parents, key=drawn, **options)

    @property
    def in_shape(self) -> Shape:
        return self.net.out_shape[-1:]

    @property
    def out_shape(self) -> Shape:
        return self.net.out_shape[-1:]

    @property
    def cond_shape(self) -> Shape | None:
        cond_dim = self.net.cond_dim
        return (cond_dim,) if isinstance(cond_dim, int) else cond_dim

    @property
    def forward_kind(self) -> Kind:
        return "iterative" if self.inner.forward_kind == "iterative" else "sequential"

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
        return by_coordinate(support, lambda part: self.inner._carry(part, passage))

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        def step(raw: Array, z: Array) -> tuple[Array, Array]:
            return forth_to(fill(self.inner, raw), z)

        given = step, self._in_order(x), condition
        net = self.net
        if isinstance(net, MADE):
            x, log_det = solve_in_order(net, *given)
        elif isinstance(net, AbstractCausal):
            x, log_det = solve_by_steps(net, *given)
        else:
            x, log_det = solve_by_passes(net, *given)
        return self._as_given(x), log_det

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        x = self._in_order(x)
        z, log_slope = back_from(fill(self.inner, self.net(x, condition)), x)
        return self._as_given(z), sum_event(log_slope)

    def _in_order(self, x: Array) -> Array:
        return x if self.order is None else x[self.order.astype(jnp.int32)]

    def _as_given(self, x: Array) -> Array:
        return x if self.order is None else x[jnp.argsort(self.order.astype(jnp.int32))]


def _order_and_parents(
    dim: int, order: str | Sequence[int] | None, adjacency: Matrix | None, key: PRNGKeyArray | None
) -> tuple[Array | None, Parents | None]:
    """The order as floats, as `Permute` has it, and the parents of each coordinate in that order."""
    if adjacency is not None:
        if order is not None:
            raise ValueError("Autoregressive: give `order` or `adjacency`; a graph has an order of its own.")
        found = graph("Autoregressive", adjacency, dim)
        return jnp.asarray(found.order, jnp.float32), found.parents
    if order is None:
        return None, None
    if isinstance(order, str):
        if order != "random":
            raise ValueError(f"Autoregressive: unknown order {order!r}; {did_you_mean(order, ['random'])}.")
        return jax.random.permutation(needed_key("Autoregressive", key), dim).astype(jnp.float32), None
    if sorted(np.asarray(order).tolist()) != list(range(dim)):
        raise ValueError(f"Autoregressive: `order` must hold each of 0 .. {dim - 1} once, got {list(order)}.")
    return jnp.asarray(order, jnp.float32), None
