"""Planar and radial flows: the maps of the paper that began variational inference with flows."""

from collections.abc import Sequence

import jax
from jaxtyping import PRNGKeyArray

from pushforward.bijections import AbstractBijection, Conditioned, Planar, Radial, stack_layers
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
    keys = jax.random.split(key, 2 * num_layers)
    layers = [Planar(dim, key=k) for k in keys[:num_layers]]
    return _stacked(dim, layers, width, depth, cond_dim, keys[num_layers:])


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
    keys = jax.random.split(key, 2 * num_layers)
    layers = [Radial(dim, key=k) for k in keys[:num_layers]]
    return _stacked(dim, layers, width, depth, cond_dim, keys[num_layers:])


def _stacked(dim: int, layers: Sequence[AbstractBijection], width: int, depth: int, cond_dim: int | None, keys):
    if cond_dim is not None:
        layers = [
            Conditioned(layer, cond_dim, width=width, depth=depth, key=k) for layer, k in zip(layers, keys, strict=True)
        ]
    return Transformed(Normal.standard((dim,)), stack_layers(layers))
