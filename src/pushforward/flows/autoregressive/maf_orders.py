"""An ensemble of flows over orders of the coordinates."""

from collections.abc import Callable

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from pushforward._types import Activation
from pushforward.distributions import AbstractDistribution, Mixture
from pushforward.flows._recipe import compiled
from pushforward.flows.autoregressive.maf import maf


def over_orders(
    make: Callable[[tuple[int, ...], PRNGKeyArray], AbstractDistribution],
    dim: int,
    num_orders: int,
    *,
    order_seed: int = 0,
    key: PRNGKeyArray,
) -> Mixture:
    """A mixture of flows, each in an order of its own: it averages their densities, not their log-densities.

    Args:
        make: A flow from an order and a key, such as `lambda order, key: maf(4, order=order, key=key)`.
        dim: Number of coordinates.
        num_orders: How many; the first keeps the given order, the others are drawn.
        order_seed: Of the orders.
        key: For the initial weights.

    Raises:
        ValueError: If `num_orders` is below 1.

    Example:
        >>> ensemble = over_orders(lambda order, key: maf(3, order=order, key=key), 3, 2, key=jax.random.key(0))
        >>> ensemble.log_prob(jnp.zeros(3)).shape
        ()

    Reference:
        Uria, Murray & Larochelle (2014), A deep and tractable density estimator, section 4.

    Note:
        The weights of the mixture start equal, and are trained.
    """
    if num_orders < 1:
        raise ValueError(f"over_orders: `num_orders` must be at least 1, got {num_orders}.")
    random = np.random.default_rng(order_seed)
    orders = [tuple(range(dim)), *(tuple(random.permutation(dim).tolist()) for _ in range(num_orders - 1))]
    keys = jax.random.split(key, num_orders)
    return Mixture([make(order, order_key) for order, order_key in zip(orders, keys, strict=True)])


@compiled
def maf_orders(
    dim: int,
    *,
    num_orders: int = 4,
    num_layers: int = 3,
    width: int = 64,
    depth: int = 2,
    activation: Activation = "relu",
    order_seed: int = 0,
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Mixture:
    """MAFs in several orders of the columns, whose densities are averaged.

    Args:
        dim: Number of coordinates.
        num_orders: Orders; cost grows with them.
        num_layers: Layers of each flow.
        width: Hidden units.
        depth: Hidden layers.
        activation: Of the networks.
        order_seed: Of the orders.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Reference:
        Papamakarios, Pavlakou & Murray (2017), Masked autoregressive flow for density estimation; Uria, Murray &
        Larochelle (2014), A deep and tractable density estimator, section 4, for the ensemble.

    Note:
        The ensemble there shares one network among all orders; here each order has its own, trained together.
    """

    def make(order: tuple[int, ...], order_key: PRNGKeyArray) -> AbstractDistribution:
        return maf(
            dim,
            num_layers=num_layers,
            width=width,
            depth=depth,
            activation=activation,
            order=order,
            cond_dim=cond_dim,
            key=order_key,
        )

    return over_orders(make, dim, num_orders, order_seed=order_seed, key=key)
