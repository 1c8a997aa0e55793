"""The stack that the monotone flows share: autoregressive layers with one kind of elementwise map."""

from collections.abc import Callable

import jax
from jaxtyping import PRNGKeyArray

from pushforward._types import Activation
from pushforward.bijections import AbstractBijection, Autoregressive, Chain, Flip, Inverse, repeat
from pushforward.distributions import Normal, Transformed


def autoregressive_stack(
    make: Callable[[PRNGKeyArray], AbstractBijection],
    dim: int,
    num_layers: int,
    width: int,
    depth: int,
    activation: Activation,
    cond_dim: int | None,
    key: PRNGKeyArray,
) -> Transformed:
    """Layers whose density direction is the elementwise map itself; the order is reversed between layers.

    Args:
        make: A scalar map from a key; it maps data to the base.
        dim: Number of coordinates.
        num_layers: Layers.
        width: Hidden units of the networks.
        depth: Hidden layers of the networks.
        activation: Of the networks.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.
    """

    def layer(layer_key: PRNGKeyArray) -> AbstractBijection:
        map_key, net_key = jax.random.split(layer_key)
        options = {"width": width, "depth": depth, "cond_dim": cond_dim, "activation": activation}
        return Chain([Autoregressive(Inverse(make(map_key)), dim, **options, key=net_key), Flip((dim,))])

    return Transformed(Normal.standard((dim,)), repeat(layer, num_layers, key))
