"""MADE: an autoregressive density with Gaussian or Bernoulli factors."""

from jaxtyping import PRNGKeyArray

from pushforward._types import Activation
from pushforward.distributions import Autoregression
from pushforward.flows._recipe import compiled


@compiled
def made(
    dim: int,
    *,
    num_orders: int = 1,
    width: int = 128,
    depth: int = 2,
    activation: Activation = "relu",
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Autoregression:
    """One Gaussian for each coordinate given those before it.

    Args:
        dim: Number of coordinates.
        num_orders: Orders and connectivities to train and to average over; 1 keeps the columns' order.
        width: Hidden units.
        depth: Hidden layers.
        activation: Of the network.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Reference:
        Germain, Gregor, Murray & Larochelle (2015), MADE; Papamakarios et al. (2017), section 3.
    """
    return Autoregression(
        dim,
        law="gaussian",
        num_orders=num_orders,
        width=width,
        depth=depth,
        activation=activation,
        cond_dim=cond_dim,
        key=key,
    )


@compiled
def made_bernoulli(
    dim: int,
    *,
    num_orders: int = 1,
    width: int = 500,
    depth: int = 1,
    activation: Activation = "relu",
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Autoregression:
    """A Bernoulli for each binary coordinate given those before it: probabilities, not densities.

    Args:
        dim: Number of coordinates, each 0 or 1.
        num_orders: Orders and connectivities to train and to average over; 1 keeps the columns' order.
        width: Hidden units; 500 for several sets of the paper.
        depth: Hidden layers; 1 and 2 in the paper.
        activation: Of the network.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Reference:
        Germain, Gregor, Murray & Larochelle (2015), MADE: Masked autoencoder for distribution estimation.

    Note:
        Without the paper's optional direct connections from inputs to outputs.
    """
    return Autoregression(
        dim,
        law="bernoulli",
        num_orders=num_orders,
        width=width,
        depth=depth,
        activation=activation,
        cond_dim=cond_dim,
        key=key,
    )
