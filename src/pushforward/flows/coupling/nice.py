"""NICE: additive couplings and one diagonal scale."""

import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from pushforward._types import Activation
from pushforward.bijections import AbstractBijection, Chain, Coupling, Flip, Scale, Shift, repeat
from pushforward.distributions import Logistic, Transformed
from pushforward.flows._recipe import compiled


@compiled
def nice(
    dim: int,
    *,
    num_layers: int = 4,
    width: int = 128,
    depth: int = 2,
    activation: Activation = "relu",
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Volume-preserving couplings `y2 = x2 + m(x1)` with alternating halves, a diagonal scale, a logistic base.

    Args:
        dim: Number of coordinates.
        num_layers: Couplings; the paper uses 4, and 3 are needed for every coordinate to influence every other.
        width: Hidden units; 1000 in the paper for MNIST, which takes seconds a step.
        depth: Hidden layers; 5 in the paper for MNIST.
        activation: Of the networks.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Reference:
        Dinh, Krueger & Bengio (2015), NICE: Non-linear independent components estimation, section 5.
    """

    def layer(layer_key: PRNGKeyArray) -> AbstractBijection:
        return Chain(
            [
                Coupling(
                    Shift(), dim, width=width, depth=depth, cond_dim=cond_dim, activation=activation, key=layer_key
                ),
                Flip((dim,)),
            ]
        )

    return Transformed(Logistic.standard((dim,)), Chain([repeat(layer, num_layers, key), Scale(jnp.ones(dim))]))
