"""Sylvester flow: planar maps with more than one direction."""

import jax
from jaxtyping import PRNGKeyArray

from pushforward.bijections import AbstractBijection, Chain, Conditioned, Flip, Sylvester, repeat
from pushforward.distributions import Normal, Transformed
from pushforward.flows._recipe import compiled


@compiled
def sylvester(
    dim: int,
    *,
    variant: str = "orthogonal",
    num_layers: int = 32,
    num_directions: int | None = None,
    num_reflections: int = 8,
    width: int = 64,
    depth: int = 2,
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Maps `x + Q R tanh(R~ Q'x + b)`: one pass to sample, scalar roots for the density of a point.

    Args:
        dim: Number of coordinates.
        variant: `"orthogonal"` (O-SNF), `"householder"` (H-SNF) or `"triangular"` (T-SNF).
        num_layers: Maps; the paper uses 4 to 16, as the last part of a larger model.
        num_directions: Of the orthogonal variant; default `dim` up to 16.
        num_reflections: Of the Householder variant; the paper uses 8.
        width: Hidden units of the networks on the condition; unused without one.
        depth: Hidden layers of those networks.
        cond_dim: Size of the condition, on which every map's parameters then depend: the amortised form of the paper.
        key: For the initial directions.

    Reference:
        van den Berg, Hasenclever, Tomczak & Welling (2018), Sylvester normalizing flows for variational inference.

    Note:
        The triangular variant reverses the coordinates between layers, where the paper lets Q alternate between the
        identity and the reversal: the same maps.
    """

    def layer(layer_key: PRNGKeyArray) -> AbstractBijection:
        map_key, net_key = jax.random.split(layer_key)
        mapped: AbstractBijection = Sylvester(
            dim, variant=variant, num_directions=num_directions, num_reflections=num_reflections, key=map_key
        )
        if cond_dim is not None:
            mapped = Conditioned(mapped, cond_dim, width=width, depth=depth, key=net_key)
        return Chain([mapped, Flip((dim,))]) if variant == "triangular" else mapped

    return Transformed(Normal.standard((dim,)), repeat(layer, num_layers, key))
