"""Glow: actnorm, an invertible 1x1 convolution and a coupling, many times, at several scales."""

import jax
from jaxtyping import PRNGKeyArray

from pushforward._types import Activation, Shape
from pushforward.bijections import (
    LU,
    AbstractBijection,
    ActNorm,
    Affine,
    Chain,
    Coupling,
    EachPixel,
    Flip,
    Inverse,
    Linear,
    Shift,
    SigmoidAffine,
    Squeeze,
    repeat,
)
from pushforward.distributions import Transformed
from pushforward.flows._recipe import compiled
from pushforward.flows.image._image import image_flow, multi_scale

COUPLINGS = {"affine": SigmoidAffine, "additive": Shift}


@compiled
def glow(
    shape: Shape,
    *,
    num_levels: int = 3,
    num_steps: int = 32,
    width: int = 512,
    depth: int = 2,
    coupling: str = "affine",
    linear: str = "plain",
    learned_prior: bool = True,
    activation: Activation = "relu",
    alpha: float | None = None,
    equalize: bool = False,
    grey_levels: int | None = 256,
    memory: str = "store",
    precision: str = "full",
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Squeeze, `num_steps` steps of flow, split off half of the channels, and again: images of whole grey values.

    `log_prob` bounds the log-probability of an image in nats from below, in the mean over the keys that it is given.

    Args:
        shape: `(height, width, channels)`; both sides multiples of `2**num_levels`.
        num_levels: Scales, L in the paper: 3 for CIFAR-10, 6 for faces of 256 x 256.
        num_steps: Steps of flow for each scale, K in the paper: 32.
        width: Channels of the hidden layers; 512 in the paper.
        depth: Hidden layers: 2 are convolutions of 3x3, 1x1 and 3x3.
        coupling: "affine", or "additive", which keeps volumes.
        linear: The 1x1 convolution: "plain" starts as a random rotation, "lu" as the identity behind a reversal of the
            channels, with a log-det that costs O(channels).
        learned_prior: Whether the mean and the scale of what is split off depend on what stays.
        activation: Of the networks.
        alpha: Of the logit of grey values, 0.05 in RealNVP, which helps where many pixels are black or white; None for
            the paper's linear map.
        equalize: Whether the histogram of grey values is evened out before the first layer, in place of `alpha` and of
            the linear map: see `bijections.Equalize`. It helps where many pixels are black or white.
        grey_levels: How many grey values: 256 for 8 bits. None for images of real numbers, without noise.
        memory: What is kept for the gradient: "store" everything, "recompute" layers from what they were given, or
            "invert" them and keep what comes out at the end. Numbers are the same; see `bijections.Scan`.
        precision: Of what networks compute inside, "full" or "bfloat16"; log-dets are full.
        cond_dim: Size of the condition, such as a one-hot class, which all couplings see, or None.
        key: For the initial weights.

    Reference:
        Kingma & Dhariwal (2018), Glow: Generative flow with invertible 1x1 convolutions, figure 2.

    Note:
        Networks have no actnorm inside. What the released code calls a learned prior is a coupling of one convolution
        here, whose scale is `exp(arcsinh(raw))`.
    """
    if coupling not in COUPLINGS:
        raise ValueError(f"glow: `coupling` must be one of {', '.join(COUPLINGS)}, got {coupling!r}.")
    if linear not in ("plain", "lu"):
        raise ValueError(f"glow: `linear` must be plain or lu, got {linear!r}.")
    net = {"width": width, "depth": depth, "cond_dim": cond_dim, "activation": activation, "precision": precision}

    def level(shape: Shape, *, last: bool, key: PRNGKeyArray) -> AbstractBijection:
        squeeze = Squeeze(shape)
        *grid, channels = squeeze.out_shape
        steps_key, prior_key = jax.random.split(key)

        def step(step_key: PRNGKeyArray) -> AbstractBijection:
            coupling_key, linear_key = jax.random.split(step_key)
            layer = Coupling(COUPLINGS[coupling](), squeeze.out_shape, key=coupling_key, **net)
            # Turned round, so that a density needs a product with the matrix, and sampling solves.
            mixed = Inverse(Linear(channels, key=linear_key) if linear == "plain" else LU(channels))
            mixed = mixed if linear == "plain" else Chain([Flip((channels,)), mixed])
            return Chain([layer, EachPixel(mixed, tuple(grid)), ActNorm(squeeze.out_shape)])

        steps = [repeat(step, num_steps, steps_key, memory=memory), Inverse(squeeze)]
        if last or not learned_prior:
            return Chain(steps)
        prior = Coupling(Affine(), squeeze.out_shape, depth=0, cond_dim=cond_dim, key=prior_key)
        return Chain([prior, *steps])

    return image_flow(multi_scale("glow", shape, num_levels, level, key), grey_levels, alpha=alpha, equalize=equalize)
