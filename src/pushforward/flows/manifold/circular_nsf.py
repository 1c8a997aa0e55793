"""Circular splines: neural spline flows on a torus of any dimension."""

import numpy as np
from jaxtyping import PRNGKeyArray

from pushforward._types import Activation
from pushforward.bijections import (
    AbstractBijection,
    Autoregressive,
    Chain,
    CircularShift,
    CircularSpline,
    Coupling,
    Flip,
    Inverse,
    Permute,
    repeat,
)
from pushforward.distributions import CircularUniform, Transformed
from pushforward.flows._recipe import compiled


@compiled
def circular_nsf(
    dim: int,
    *,
    num_layers: int = 6,
    num_bins: int = 8,
    width: int = 128,
    depth: int = 2,
    activation: Activation = "relu",
    autoregressive: bool = False,
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Couplings, or autoregressive layers, with splines and shifts of the circle, on angles in [-pi, pi).

    The networks see cosine and sine of the angles, so the density does not jump where a circle is cut open.

    Args:
        dim: Number of angles.
        num_layers: Layers.
        num_bins: Bins of each spline.
        width: Hidden units.
        depth: Hidden layers.
        activation: Of the networks.
        autoregressive: Whether layers are autoregressive: better densities, samples one by one.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Reference:
        Rezende, Papamakarios, Racanière, Albergo, Kanwar, Shanahan & Cranmer (2020), Normalizing flows on tori and
        spheres, sections 2.1.3 and 2.2.

    Note:
        The paper shows autoregressive layers; couplings sample in one pass. Angles take turns in staying: between
        couplings they are moved round by about half of their number.
    """

    def layer(layer_key: PRNGKeyArray) -> AbstractBijection:
        # Turned round, so that a density needs no root of the spline.
        inner = Inverse(Chain([CircularSpline(num_bins), CircularShift()]))
        options = {"width": width, "depth": depth, "activation": activation, "cond_dim": cond_dim}
        if autoregressive:
            return Chain([Autoregressive(inner, dim, circular=True, key=layer_key, **options), Flip((dim,))])
        order = np.roll(np.arange(dim), -max((dim - 1) // 2, 1))
        return Chain([Coupling(inner, dim, circular=True, key=layer_key, **options), Permute(order)])

    return Transformed(CircularUniform((dim,)), repeat(layer, num_layers, key))
