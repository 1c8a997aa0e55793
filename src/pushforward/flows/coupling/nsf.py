"""Neural spline flows: rational-quadratic splines in couplings and autoregressive layers."""

from typing import Any

from jaxtyping import PRNGKeyArray

from pushforward._types import Activation
from pushforward.bijections import (
    LU,
    AbstractBijection,
    Autoregressive,
    Chain,
    Coupling,
    Flip,
    Inverse,
    RationalQuadraticSpline,
    repeat,
)
from pushforward.distributions import Normal, Transformed
from pushforward.flows._recipe import compiled
from pushforward.flows.autoregressive._order import Adjacency, Order, ordered_stack


@compiled
def nsf_coupling(
    dim: int,
    *,
    num_layers: int = 10,
    num_bins: int = 8,
    bound: float = 5.0,
    width: int = 128,
    depth: int = 2,
    activation: Activation = "relu",
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Spline couplings with alternating halves and a linear map between them: one pass in both directions.

    Args:
        dim: Number of coordinates.
        num_layers: Couplings; 10 in the paper.
        num_bins: Bins of each spline; 8 in the paper.
        bound: The splines act on `[-bound, bound]`; 3 in the paper.
        width: Hidden units.
        depth: Hidden layers.
        activation: Of the networks.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Reference:
        Durkan, Bekasov, Murray & Papamakarios (2019), Neural spline flows.

    Note:
        Plain networks where the paper has residual ones; halves alternate where the paper permutes at random.
    """

    def layer(layer_key: PRNGKeyArray) -> AbstractBijection:
        inner = Inverse(RationalQuadraticSpline(num_bins, bound=bound))
        return Coupling(inner, dim, width=width, depth=depth, cond_dim=cond_dim, activation=activation, key=layer_key)

    def step(layer_key: PRNGKeyArray) -> AbstractBijection:
        # Spline and LU map are both turned round, so that a density needs neither a root nor a triangular solve.
        return Chain([layer(layer_key), Inverse(LU(dim)), Flip((dim,))])

    return Transformed(Normal.standard((dim,)), repeat(step, num_layers, key))


@compiled
def nsf_autoregressive(
    dim: int,
    *,
    num_layers: int = 5,
    num_bins: int = 8,
    bound: float = 5.0,
    width: int = 128,
    depth: int = 2,
    activation: Activation = "relu",
    order: Order = "reversed",
    adjacency: Adjacency = None,
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Autoregressive spline layers with a linear map between them: the best densities, samples one by one.

    Args:
        dim: Number of coordinates.
        num_layers: Layers; 10 in the paper.
        num_bins: Bins of each spline; 8 in the paper.
        bound: The splines act on `[-bound, bound]`; 3 in the paper.
        width: Hidden units; 256 in the paper.
        depth: Hidden layers.
        activation: Of the networks.
        order: "reversed" from layer to layer, "random" in each, or a permutation: that of the layer next to the data.
        adjacency: Instead of an order a graph, `adjacency[i][j]` true where column i depends on column j; without
            linear maps, which would link all columns.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Reference:
        Durkan, Bekasov, Murray & Papamakarios (2019), Neural spline flows.

    Note:
        Plain masked networks where the paper has residual ones; the order is reversed where the paper permutes at
        random.
    """

    def layer(layer_key: PRNGKeyArray, order_options: dict[str, Any]) -> AbstractBijection:
        inner = Inverse(RationalQuadraticSpline(num_bins, bound=bound))
        options = {"width": width, "depth": depth, "cond_dim": cond_dim, "activation": activation}
        return Autoregressive(inner, dim, key=layer_key, **options, **order_options)

    linear = lambda _: [Inverse(LU(dim))]  # noqa: E731
    layers = ordered_stack(layer, dim, num_layers, order=order, adjacency=adjacency, key=key, between=linear)
    return Transformed(Normal.standard((dim,)), layers)
