"""Flow++: couplings by mixtures of logistic laws, networks with attention, and noise that is learned."""

import jax
from jaxtyping import PRNGKeyArray

from pushforward._types import Activation, Shape
from pushforward.bijections import (
    AbstractBijection,
    ActNorm,
    Chain,
    Checkerboard,
    Coupling,
    EachPixel,
    Inverse,
    Linear,
    Squeeze,
    mixture_cdf,
    repeat,
    sparing,
)
from pushforward.distributions import Transformed
from pushforward.flows._recipe import compiled
from pushforward.flows.image._image import image_flow
from pushforward.flows.image._learned_noise import learned_noise


@compiled
def flowpp(
    shape: Shape,
    *,
    num_checkers: int = 4,
    num_channels: int = 2,
    num_coarse: int = 3,
    num_noise: int = 4,
    num_components: int = 32,
    width: int = 96,
    depth: int = 10,
    num_heads: int = 4,
    activation: Activation = "elu",
    alpha: float | None = 0.05,
    equalize: bool = False,
    grey_levels: int | None = 256,
    memory: str = "store",
    precision: str = "full",
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Couplings of checkerboards, squeeze, couplings of channels and of checkerboards; their noise is a flow as well.

    `log_prob` bounds the log-probability of an image in nats from below, in the mean over the keys that it is given.
    Without a key it is the density at the middle of the grey values. Sampling solves equations, one for each number.

    Args:
        shape: `(height, width, channels)` with even sides; with `num_coarse`, a width that is a multiple of 4.
        num_checkers: Couplings of checkerboards on the image itself.
        num_channels: Couplings of channels on the squeezed image.
        num_coarse: Couplings of checkerboards on the squeezed image.
        num_noise: Couplings of the flow that draws noise for an image; 0 for uniform noise.
        num_components: Logistic laws in each mixture; 32 in the paper for CIFAR-10, 4 for 64 x 64.
        width: Channels of the hidden layers, 96 in the paper for CIFAR-10.
        depth: Blocks of convolution and attention in a network, 10 in the paper.
        num_heads: Attentions side by side.
        activation: Of the networks.
        alpha: Of the logit of grey values; None for a linear map.
        equalize: Whether the histogram of grey values is evened out before the first layer, in place of `alpha` and of
            the linear map: see `bijections.Equalize`. It helps where many pixels are black or white.
        grey_levels: How many grey values: 256 for 8 bits. None for images of real numbers, without noise.
        memory: What is kept for the gradient: "store" everything, or "recompute" layers from what they were given.
            Numbers are the same; see `bijections.Scan`.
        precision: Of what networks compute inside, "full" or "bfloat16"; log-dets are full.
        cond_dim: Size of the condition, such as a one-hot class, which all couplings but those of the noise see.
        key: For the initial weights.

    Reference:
        Ho, Chen, Srinivas, Duan & Abbeel (2019), Flow++: Improving flow-based generative models with variational
        dequantization and architecture design.

    Note:
        Between couplings of checkerboards, the linear map of every pixel mixes the two colours, where the paper's mix
        the channels of each. Networks have no dropout. The noise starts near the uniform one, from a logistic base,
        and its networks see the image itself.
    """
    if min(num_checkers, num_channels, num_coarse, num_noise) < 0:
        given = f"{num_checkers=}, {num_channels=}, {num_coarse=} and {num_noise=}"
        raise ValueError(f"flowpp: numbers of couplings are at least 0, got {given}.")
    if num_heads < 1:
        raise ValueError(f"flowpp: `num_heads` must be at least 1, got {num_heads}.")
    options = {"width": width, "depth": depth, "attention": num_heads, "activation": activation, "precision": precision}

    def layers(shape: Shape, count: int, key: PRNGKeyArray) -> list[AbstractBijection]:
        *grid, channels = shape

        def layer(key: PRNGKeyArray) -> AbstractBijection:
            net_key, turn_key = jax.random.split(key)
            coupling = Coupling(mixture_cdf(num_components), shape, cond_dim=cond_dim, key=net_key, **options)
            # Turned round, so that a density needs a product with the matrix, and sampling solves.
            turn = EachPixel(Inverse(Linear(channels, key=turn_key)), tuple(grid))
            return sparing(Chain([coupling, turn, ActNorm(shape)]), memory)

        return [repeat(layer, count, key)] if count else []

    def checkers(shape: Shape, count: int, key: PRNGKeyArray) -> list[AbstractBijection]:
        board = Checkerboard(shape)
        return [board, *layers(board.out_shape, count, key), Inverse(board)]

    squeeze = Squeeze(shape)
    if num_coarse and shape[1] % 4:
        wide = -(-shape[1] // 4) * 4
        raise ValueError(
            f"flowpp: needs a width that is a multiple of 4, such as {wide}, or num_coarse=0; got {shape}."
        )
    coarse_key, channels_key, fine_key, noise_key = jax.random.split(key, 4)
    coarse = checkers(squeeze.out_shape, num_coarse, coarse_key) if num_coarse else []
    channels = layers(squeeze.out_shape, num_channels, channels_key)
    flow = Chain([*coarse, *channels, Inverse(squeeze), *checkers(shape, num_checkers, fine_key)])
    noise = None
    if num_noise and grey_levels is not None:
        sizes = (grey_levels, num_noise, num_components)
        noise = learned_noise(shape, *sizes, options=options, memory=memory, key=noise_key)
    return image_flow(flow, grey_levels, alpha=alpha, equalize=equalize, noise=noise)
