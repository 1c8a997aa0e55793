"""iUNet: an invertible U-Net, whose gradient takes the same memory at any depth."""

import math

import jax
from jaxtyping import PRNGKeyArray

from pushforward._types import Activation, Shape
from pushforward.bijections import (
    AbstractBijection,
    ActNorm,
    Chain,
    Coupling,
    EachPixel,
    Householder,
    Inverse,
    OrthogonalSqueeze,
    Reshape,
    SetAside,
    Shift,
    repeat,
)
from pushforward.distributions import Transformed
from pushforward.flows._recipe import compiled
from pushforward.flows.image._image import check_levels, image_flow


@compiled
def iunet(
    shape: Shape,
    *,
    num_levels: int = 3,
    num_steps: int = 4,
    width: int = 64,
    depth: int = 2,
    activation: Activation = "relu",
    alpha: float | None = None,
    equalize: bool = False,
    grey_levels: int | None = 256,
    memory: str = "invert",
    precision: str = "full",
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """At every level additive couplings, half of the channels set aside, half sampled down, and back up again.

    `log_prob` bounds the log-probability of an image in nats from below, in the mean over the keys that it is given.
    The net keeps volumes; one learned scale for each number of the latent vector makes it a density.

    Args:
        shape: `(height, width, channels)`; both sides multiples of `2**num_levels`.
        num_levels: Scales. The first works on the image sampled down once, with 4 times its channels.
        num_steps: Couplings at each level on the way down, and as many on the way up.
        width: Channels of the hidden layers.
        depth: Hidden layers, all but the first of them gated residual blocks.
        activation: Of the networks.
        alpha: Of the logit of grey values, 0.05 in RealNVP; None for a linear map.
        equalize: Whether the histogram of grey values is evened out before the first layer, in place of `alpha` and of
            the linear map: see `bijections.Equalize`. It helps where many pixels are black or white.
        grey_levels: How many grey values: 256 for 8 bits. None for images of real numbers, without noise.
        memory: What is kept for the gradient: "store" everything, "recompute" layers from what they were given, or
            "invert" them and keep what comes out at the end. Numbers are the same; see `bijections.Scan`.
        precision: Of what networks compute inside, "full" or "bfloat16"; log-dets are full.
        cond_dim: Size of the condition, such as a one-hot class, which all couplings see, or None.
        key: For the initial weights.

    Reference:
        Etmann, Ke & Schoenlieb (2020), iUNets: Learnable invertible up- and downsampling for large-scale inverse
        problems, figure 3.

    Note:
        The paper's net is a part of a model, not a density: the scale is that of NICE, started from data. Channels are
        mixed by Householder reflections, where the released code has Cayley's map or the matrix exponential.
    """
    check_levels("iunet", shape, num_levels, num_levels)
    net = {"width": width, "depth": depth, "residual": True, "activation": activation, "precision": precision}

    def steps(shape: Shape, key: PRNGKeyArray) -> AbstractBijection:
        def step(step_key: PRNGKeyArray) -> AbstractBijection:
            coupling_key, mixing_key = jax.random.split(step_key)
            coupling = Coupling(Shift(), shape, cond_dim=cond_dim, key=coupling_key, **net)
            return Chain([coupling, EachPixel(Householder(shape[-1], key=mixing_key), shape[:2])])

        return repeat(step, num_steps, key, memory=memory)

    def level(shape: Shape, below: int, key: PRNGKeyArray) -> AbstractBijection:
        """Steps down, the levels below with half of the channels, steps up."""
        down_key, below_key, up_key = jax.random.split(key, 3)
        down = steps(shape, down_key)
        if not below:
            return down
        *grid, channels = shape
        inside = sampled_down((*grid, channels // 2), below - 1, below_key)
        return Chain([down, SetAside(inside, channels // 2), steps(shape, up_key)])

    def sampled_down(shape: Shape, below: int, key: PRNGKeyArray) -> AbstractBijection:
        down, up = OrthogonalSqueeze(shape), Inverse(OrthogonalSqueeze(shape))
        return Chain([down, level(down.out_shape, below, key), up])

    size = math.prod(shape)
    latent = Chain([ActNorm(size), Reshape((size,), shape)])
    return image_flow(
        Chain([latent, sampled_down(shape, num_levels - 1, key)]), grey_levels, alpha=alpha, equalize=equalize
    )
