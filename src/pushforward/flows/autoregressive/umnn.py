"""UMNN: autoregressive layers of integrals of a positive network."""

from jaxtyping import PRNGKeyArray

from pushforward._errors import did_you_mean
from pushforward._types import Activation
from pushforward.bijections import ClenshawCurtisNetwork, MonotoneNetwork
from pushforward.distributions import Transformed
from pushforward.flows._recipe import compiled
from pushforward.flows.autoregressive._autoregressive import autoregressive_stack

QUADRATURES = {"grid": MonotoneNetwork, "clenshaw-curtis": ClenshawCurtisNetwork}


@compiled
def umnn(
    dim: int,
    *,
    num_layers: int = 3,
    embedding: int = 16,
    integrand_width: int = 32,
    integrand_depth: int = 2,
    quadrature: str = "grid",
    num_nodes: int = 17,
    bound: float = 5.0,
    width: int = 128,
    depth: int = 2,
    activation: Activation = "relu",
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Autoregressive layers of integrated networks.

    Args:
        dim: Number of coordinates.
        num_layers: Autoregressive layers; 5 in the paper.
        embedding: Numbers that the network predicts for each coordinate; 30 in the paper.
        integrand_width: Hidden units of the integrand; 50 in the paper.
        integrand_depth: Hidden layers of the integrand; 4 in the paper.
        quadrature: `"grid"`, the trapezoid rule on a fixed grid, in closed form both ways; or `"clenshaw-curtis"`, from
            0 to each point as in the paper, with a root-finder for samples.
        num_nodes: Places at which the network is evaluated, an odd number; 20 to 50 in the paper.
        bound: The integral acts on `[-bound, bound]`, with lines beyond.
        width: Hidden units of the networks that predict the embedding; 512 in the paper.
        depth: Hidden layers of those networks.
        activation: Of those networks.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Raises:
        ValueError: If `quadrature` is unknown.

    Reference:
        Wehenkel & Louppe (2019), Unconstrained monotonic neural networks.

    Note:
        Smaller networks than in the paper, and lines beyond `bound`. The grid is the default because the values of
        Clenshaw-Curtis quadrature need not increase where the network is sharper than its nodes, and take four times
        as long.
    """
    if quadrature not in QUADRATURES:
        raise ValueError(f"umnn: unknown quadrature {quadrature!r}; {did_you_mean(quadrature, QUADRATURES)}.")
    kind = QUADRATURES[quadrature]

    def integral(key: PRNGKeyArray) -> MonotoneNetwork:
        return kind(embedding, width=integrand_width, depth=integrand_depth, num_nodes=num_nodes, bound=bound, key=key)

    return autoregressive_stack(integral, dim, num_layers, width, depth, activation, cond_dim, key)
