"""MAF: masked autoregressive flow, fast at densities."""

from typing import Any

from jaxtyping import PRNGKeyArray

from pushforward._types import Activation
from pushforward.bijections import AbstractBijection, Autoregressive, Chain, LongTails, TanhAffine
from pushforward.distributions import Normal, Transformed
from pushforward.flows._recipe import compiled
from pushforward.flows.autoregressive._order import Adjacency, Order, ordered_stack


@compiled
def maf(
    dim: int,
    *,
    num_layers: int = 5,
    width: int = 128,
    depth: int = 2,
    activation: Activation = "relu",
    order: Order = "reversed",
    adjacency: Adjacency = None,
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Autoregressive layers `x_i = s(x_<i) z_i + t(x_<i)`, the order reversed between layers.

    Args:
        dim: Number of coordinates.
        num_layers: Layers; the paper uses 5 and 10.
        width: Hidden units; the paper uses 100 to 1024 depending on the data.
        depth: Hidden layers; the paper uses 1 and 2.
        activation: Of the networks.
        order: "reversed" from layer to layer, "random" in each, or a permutation: that of the layer next to the data.
        adjacency: Instead of an order a graph, `adjacency[i][j]` true where column i depends on column j.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Reference:
        Papamakarios, Pavlakou & Murray (2017), Masked autoregressive flow for density estimation.

    Note:
        Without batch normalisation between layers. The scale is `exp(g tanh(raw))` with a learned `g`, 1 at the start,
        not `exp(raw)`, and latents beyond 4 deviations have long tails (`LongTails`): a row unlike all others costs
        tens of nats and not millions.
    """

    def layer(layer_key: PRNGKeyArray, order_options: dict[str, Any]) -> AbstractBijection:
        options = {"width": width, "depth": depth, "cond_dim": cond_dim, "activation": activation}
        return Autoregressive(TanhAffine(), dim, key=layer_key, **options, **order_options)

    layers = ordered_stack(layer, dim, num_layers, order=order, adjacency=adjacency, key=key)
    return Transformed(Normal.standard((dim,)), Chain([LongTails(shape=(dim,)), layers]))
