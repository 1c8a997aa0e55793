"""Gaussians as flows of one layer: the baselines that every flow should beat."""

import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from pushforward.bijections import Affine, Conditioned, TriangularAffine
from pushforward.distributions import Normal, Transformed
from pushforward.flows._recipe import compiled


@compiled
def affine(dim: int, *, width: int = 64, depth: int = 2, cond_dim: int | None = None, key: PRNGKeyArray) -> Transformed:
    """A Gaussian with independent coordinates: one learned shift and scale each.

    Args:
        dim: Number of coordinates.
        width: Hidden units of the network on the condition; unused without one.
        depth: Hidden layers of that network.
        cond_dim: Size of the condition, on which shift and scale then depend.
        key: For the initial weights.
    """
    return _one_layer(Affine(jnp.zeros(dim)), dim, width, depth, cond_dim, key)


@compiled
def gaussian(
    dim: int, *, width: int = 64, depth: int = 2, cond_dim: int | None = None, key: PRNGKeyArray
) -> Transformed:
    """A Gaussian with a full covariance: one learned triangular map.

    Args:
        dim: Number of coordinates.
        width: Hidden units of the network on the condition; unused without one.
        depth: Hidden layers of that network.
        cond_dim: Size of the condition, on which mean and covariance then depend.
        key: For the initial weights.
    """
    return _one_layer(TriangularAffine(jnp.zeros(dim), jnp.eye(dim)), dim, width, depth, cond_dim, key)


def _one_layer(layer, dim: int, width: int, depth: int, cond_dim: int | None, key: PRNGKeyArray) -> Transformed:
    if cond_dim is not None:
        layer = Conditioned(layer, cond_dim, width=width, depth=depth, key=key)
    return Transformed(Normal.standard((dim,)), layer)
