"""RealNVP on images: affine couplings of checkerboards and channels, at several scales."""

import jax
from jaxtyping import PRNGKeyArray

from pushforward._types import Activation, Shape
from pushforward.bijections import (
    AbstractBijection,
    ActNorm,
    Chain,
    Coupling,
    EachPixel,
    Flip,
    Inverse,
    Squeeze,
    TanhAffine,
    repeat,
    sparing,
)
from pushforward.distributions import Transformed
from pushforward.flows._recipe import compiled
from pushforward.flows.image._image import image_flow, multi_scale


@compiled
def realnvp_image(
    shape: Shape,
    *,
    num_levels: int = 2,
    width: int = 64,
    depth: int = 5,
    activation: Activation = "relu",
    alpha: float | None = 0.05,
    equalize: bool = False,
    grey_levels: int | None = 256,
    memory: str = "store",
    precision: str = "full",
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Three couplings of checkerboards, squeeze, three of channels, split off half, and again; at the end four more.

    `log_prob` bounds the log-probability of an image in nats from below, in the mean over the keys that it is given.

    Args:
        shape: `(height, width, channels)`; both sides multiples of `2**num_levels`.
        num_levels: Scales with a squeeze.
        width: Channels of the hidden layers; 64 in the paper for CIFAR-10, 32 for larger images.
        depth: Hidden layers, all but the first of them gated residual blocks; 8 blocks in the paper for CIFAR-10, 4 for
            larger images.
        activation: Of the networks.
        alpha: Of the logit of grey values; None for a linear map.
        equalize: Whether the histogram of grey values is evened out before the first layer, in place of `alpha` and of
            the linear map: see `bijections.Equalize`. It helps where many pixels are black or white.
        grey_levels: How many grey values: 256 for 8 bits. None for images of real numbers, without noise.
        memory: What is kept for the gradient: "store" everything, "recompute" layers from what they were given, or
            "invert" them and keep what comes out at the end. Numbers are the same; see `bijections.Scan`.
        precision: Of what networks compute inside, "full" or "bfloat16"; log-dets are full.
        cond_dim: Size of the condition, such as a one-hot class, which all couplings see, or None.
        key: For the initial weights.

    Reference:
        Dinh, Sohl-Dickstein & Bengio (2017), Density estimation using Real NVP, section 3.6 and 4.1.

    Note:
        The last four couplings act on all that the last channel couplings gave, where the paper splits half off before
        them. Actnorm behind each coupling where the paper has batch normalisation there and weight normalisation in
        the networks, whose blocks are gated as in Flow++. The limit of the scale is one number for each coupling.
        What is split off are the last channels, two pixels of each block, where the paper orders blocks by colour.
    """
    net = {"width": width, "depth": depth, "residual": True, "activation": activation, "precision": precision}

    def layer(shape: Shape, key: PRNGKeyArray, checkerboard: int | None = None) -> AbstractBijection:
        coupling = Coupling(TanhAffine(), shape, checkerboard=checkerboard, cond_dim=cond_dim, key=key, **net)
        return sparing(Chain([coupling, ActNorm(shape)]), memory)

    def checkers(shape: Shape, count: int, key: PRNGKeyArray) -> list[AbstractBijection]:
        keys = jax.random.split(key, count)
        return [layer(shape, keys[i], checkerboard=i % 2) for i in range(count)]

    def channels(shape: Shape, count: int, key: PRNGKeyArray) -> AbstractBijection:
        flip = EachPixel(Flip(shape[2:]), shape[:2])
        return repeat(lambda layer_key: Chain([layer(shape, layer_key), flip]), count, key)

    def level(shape: Shape, *, last: bool, key: PRNGKeyArray) -> AbstractBijection:
        squeeze = Squeeze(shape)
        small, *keys = squeeze.out_shape, *jax.random.split(key, 3)
        end = checkers(small, 4, keys[2]) if last else []
        return Chain([*end, channels(small, 3, keys[1]), Inverse(squeeze), *checkers(shape, 3, keys[0])])

    return image_flow(
        multi_scale("realnvp_image", shape, num_levels, level, key), grey_levels, alpha=alpha, equalize=equalize
    )
