"""UMNN: autoregressive layers of integrals of a positive network."""

from jaxtyping import PRNGKeyArray

from pushforward.bijections import MonotoneNetwork
from pushforward.distributions import Transformed
from pushforward.flows._autoregressive import autoregressive_stack
from pushforward.flows._recipe import compiled


@compiled
def umnn(
    dim: int,
    *,
    num_layers: int = 3,
    embedding: int = 16,
    integrand_width: int = 32,
    integrand_depth: int = 2,
    num_nodes: int = 17,
    bound: float = 5.0,
    width: int = 128,
    depth: int = 2,
    activation: str = "relu",
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Autoregressive layers of integrated networks: both ways in closed form, on a grid.

    Args:
        dim: Number of coordinates.
        num_layers: Autoregressive layers; 5 in the paper.
        embedding: Numbers that the network predicts for each coordinate; 30 in the paper.
        integrand_width: Hidden units of the integrand; 50 in the paper.
        integrand_depth: Hidden layers of the integrand; 4 in the paper.
        num_nodes: Places at which the network is evaluated, an odd number; 20 to 50 in the paper.
        bound: The integral acts on `[-bound, bound]`, with lines beyond.
        width: Hidden units of the networks that predict the embedding; 512 in the paper.
        depth: Hidden layers of those networks.
        activation: Of those networks.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Reference:
        Wehenkel & Louppe (2019), Unconstrained monotonic neural networks.

    Note:
        Smaller networks than in the paper. The trapezoid rule on a fixed grid in place of Clenshaw-Curtis quadrature
        from 0 to each point, whose values need not increase; lines beyond `bound`.
    """

    def integral(key: PRNGKeyArray) -> MonotoneNetwork:
        return MonotoneNetwork(
            embedding, width=integrand_width, depth=integrand_depth, num_nodes=num_nodes, bound=bound, key=key
        )

    return autoregressive_stack(integral, dim, num_layers, width, depth, activation, cond_dim, key)
