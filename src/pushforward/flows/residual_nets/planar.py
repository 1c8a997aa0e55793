"""Planar and radial flows: the maps of the paper that began variational inference with flows."""

from collections.abc import Callable

import jax
from jaxtyping import PRNGKeyArray

from pushforward.bijections import AbstractBijection, Conditioned, Planar, Radial, repeat
from pushforward.distributions import Normal, Transformed
from pushforward.flows._recipe import compiled


@compiled
def planar(
    dim: int,
    *,
    num_layers: int = 8,
    width: int = 64,
    depth: int = 2,
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Planar maps `x + u tanh(w'x + b)`: one pass to sample, a scalar root per layer for the density of a point.

    Args:
        dim: Number of coordinates.
        num_layers: Maps; the paper shows 2, 8 and 32.
        width: Hidden units of the networks on the condition; unused without one.
        depth: Hidden layers of those networks.
        cond_dim: Size of the condition, on which every map's parameters then depend.
        key: For the initial directions.

    Reference:
        Rezende & Mohamed (2015), Variational inference with normalizing flows.
    """
    return _repeated(lambda k: Planar(dim, key=k), dim, num_layers, width, depth, cond_dim, key)


@compiled
def radial(
    dim: int,
    *,
    num_layers: int = 8,
    width: int = 64,
    depth: int = 2,
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Radial maps `x + beta / (alpha + |x - c|) (x - c)`: closed form both ways.

    Args:
        dim: Number of coordinates.
        num_layers: Maps.
        width: Hidden units of the networks on the condition; unused without one.
        depth: Hidden layers of those networks.
        cond_dim: Size of the condition, on which every map's parameters then depend.
        key: For the initial centres.

    Reference:
        Rezende & Mohamed (2015), Variational inference with normalizing flows, eq. 14.
    """
    return _repeated(lambda k: Radial(dim, key=k), dim, num_layers, width, depth, cond_dim, key)


def _repeated(
    make: Callable[[PRNGKeyArray], AbstractBijection],
    dim: int,
    num_layers: int,
    width: int,
    depth: int,
    cond_dim: int | None,
    key: PRNGKeyArray,
) -> Transformed:
    def layer(layer_key: PRNGKeyArray) -> AbstractBijection:
        map_key, net_key = jax.random.split(layer_key)
        if cond_dim is None:
            return make(map_key)
        return Conditioned(make(map_key), cond_dim, width=width, depth=depth, key=net_key)

    return Transformed(Normal.standard((dim,)), repeat(layer, num_layers, key))
