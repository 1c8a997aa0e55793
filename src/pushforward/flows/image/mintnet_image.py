"""MintNet on images: masked convolutions with exact log-dets."""

import math

from jaxtyping import PRNGKeyArray

from pushforward._types import Activation, Shape
from pushforward.bijections import AbstractBijection, ActNorm, Chain, Flip, MaskedResidual, Reshape, repeat
from pushforward.distributions import Transformed
from pushforward.flows._recipe import compiled
from pushforward.flows.image._image import image_flow, kept_levels


@compiled
def mintnet_image(
    shape: Shape,
    *,
    num_levels: int = 3,
    num_layers: int = 14,
    width: int = 85,
    depth: int = 2,
    activation: Activation = "elu",
    alpha: float | None = 0.05,
    equalize: bool = False,
    grey_levels: int | None = 256,
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Layers `z = t x + g(x)` with masked convolutions `g`, the image turned round between two; squeeze, and again.

    `log_prob` bounds the log-probability of an image in nats from below, in the mean over the keys that it is given.

    Args:
        shape: `(height, width, channels)`; both sides multiples of `2**(num_levels - 1)`.
        num_levels: Scales; 3 in the paper.
        num_layers: Layers of each scale, in both directions by turns.
        width: Hidden units of each pixel and channel, so `width * channels` channels in each hidden layer; 85 in the
            paper for CIFAR-10, 45 for MNIST.
        depth: Hidden layers of each network; 2 in the paper.
        activation: Of the networks, one that increases.
        alpha: Of the logit of grey values; None for a linear map.
        equalize: Whether the histogram of grey values is evened out before the first layer, in place of `alpha` and of
            the linear map: see `bijections.Equalize`. It helps where many pixels are black or white.
        grey_levels: How many grey values: 256 for 8 bits. None for images of real numbers, without noise.
        cond_dim: Size of the condition, such as a one-hot class, which all layers see, or None.
        key: For the initial weights.

    Reference:
        Song, Meng & Ermon (2019), MintNet: building invertible neural networks with masked convolutions.

    Note:
        Actnorm in front of each layer, which the paper has not.
    """
    net = {"width": width, "depth": depth, "activation": activation, "cond_dim": cond_dim}

    def level(shape: Shape, key: PRNGKeyArray) -> AbstractBijection:
        size = math.prod(shape)
        # Rows, columns and channels at once: the last number of the image becomes the first.
        turned = [Reshape(shape, (size,)), Flip((size,)), Reshape((size,), shape)]

        def layer(layer_key: PRNGKeyArray) -> AbstractBijection:
            return Chain([MaskedResidual(shape, key=layer_key, **net), ActNorm(shape), *turned])

        return repeat(layer, num_layers, key)

    return image_flow(
        kept_levels("mintnet_image", shape, num_levels, level, key), grey_levels, alpha=alpha, equalize=equalize
    )
