"""MADE with mixtures of Gaussians, the density model of the MAF paper."""

from jaxtyping import PRNGKeyArray

from pushforward._types import Activation
from pushforward.distributions import Autoregression
from pushforward.flows._recipe import compiled


@compiled
def made_mog(
    dim: int,
    *,
    num_components: int = 10,
    num_orders: int = 1,
    width: int = 128,
    depth: int = 2,
    activation: Activation = "relu",
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Autoregression:
    """A mixture of Gaussians for each coordinate given those before it.

    Args:
        dim: Number of coordinates.
        num_components: Gaussians in each mixture; 10 in the MAF paper.
        num_orders: Orders and connectivities to train and to average over; 1 keeps the columns' order.
        width: Hidden units.
        depth: Hidden layers.
        activation: Of the network.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Reference:
        Papamakarios, Pavlakou & Murray (2017), Masked autoregressive flow for density estimation, section 4.1.
    """
    return Autoregression(
        dim,
        law="mixture",
        num_components=num_components,
        num_orders=num_orders,
        width=width,
        depth=depth,
        activation=activation,
        cond_dim=cond_dim,
        key=key,
    )
