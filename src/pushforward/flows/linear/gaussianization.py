"""Gaussianization flow: each coordinate is made normal by a mixture's distribution function, then all are rotated."""

from statistics import NormalDist

import jax
from jaxtyping import PRNGKeyArray

from pushforward.bijections import (
    AbstractBijection,
    Chain,
    Conditioned,
    DeepSigmoidal,
    Householder,
    Inverse,
    NormalQuantile,
    repeat,
)
from pushforward.distributions import Normal, Transformed
from pushforward.flows._recipe import compiled


@compiled
def gaussianization(
    dim: int,
    *,
    num_layers: int = 8,
    num_units: int = 32,
    slope: float = 5.0,
    width: int = 64,
    depth: int = 2,
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Mixtures of logistic distribution functions, normal quantiles, rotations: densities in one pass, no networks.

    Args:
        dim: Number of coordinates.
        num_layers: Layers.
        num_units: Logistic laws in the mixture of each coordinate.
        slope: One over the width of the kernels at the start.
        width: Hidden units of the networks on the condition; unused without one.
        depth: Hidden layers of those networks.
        cond_dim: Size of the condition, on which the mixtures then depend.
        key: For the initial rotations.

    Reference:
        Meng, Song, Song & Ermon (2020), Gaussianization flows.

    Note:
        Kernels start at the quantiles of a normal law, not of the data. The condition is an addition.
    """
    # Kernels at the quantiles of a normal law, which the coordinates of standardised data resemble.
    centres = [0.93 * NormalDist().inv_cdf((j + 0.5) / num_units) for j in range(num_units)]

    def layer(layer_key: PRNGKeyArray) -> AbstractBijection:
        turn_key, net_key = jax.random.split(layer_key)
        mixture: AbstractBijection = Inverse(DeepSigmoidal(num_units, slope=slope, centres=centres, shape=(dim,)))
        if cond_dim is not None:
            mixture = Conditioned(mixture, cond_dim, width=width, depth=depth, key=net_key)
        return Chain([Householder(dim, key=turn_key), Inverse(NormalQuantile((dim,))), mixture])

    return Transformed(Normal.standard((dim,)), repeat(layer, num_layers, key))
