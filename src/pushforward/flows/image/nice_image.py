"""NICE on images: additive couplings of pixel vectors and a logistic base."""

import math
from typing import cast

from jaxtyping import PRNGKeyArray

from pushforward._types import Activation, Shape
from pushforward.bijections import Chain, Reshape
from pushforward.distributions import Logistic, Transformed
from pushforward.flows._recipe import compiled
from pushforward.flows.coupling.nice import nice
from pushforward.flows.image._image import image_flow


@compiled
def nice_image(
    shape: Shape,
    *,
    num_layers: int = 4,
    width: int = 1000,
    depth: int = 5,
    activation: Activation = "relu",
    equalize: bool = False,
    grey_levels: int | None = 256,
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """`nice` of an image's pixels in one vector: four additive couplings, a diagonal scale, a logistic base.

    `log_prob` bounds the log-probability of an image in nats from below, in the mean over the keys that it is given.

    Args:
        shape: `(height, width, channels)`.
        num_layers: Couplings; 4 in the paper.
        width: Hidden units, 1000 in the paper for MNIST.
        depth: Hidden layers, 5 in the paper for MNIST.
        activation: Of the networks.
        equalize: Whether the histogram of grey values is evened out before the first layer, in place of the
            linear map: see `bijections.Equalize`. It helps where many pixels are black or white.
        grey_levels: How many grey values: 256 for 8 bits. None for images of real numbers, without noise.
        cond_dim: Size of the condition, such as a one-hot class, or None.
        key: For the initial weights.

    Reference:
        Dinh, Krueger & Bengio (2015), NICE: Non-linear independent components estimation, section 5.

    Note:
        Halves are the upper and the lower half of the image, in turns, where the paper takes even and odd pixels.
    """
    options = {"num_layers": num_layers, "width": width, "depth": depth, "activation": activation, "cond_dim": cond_dim}
    size = math.prod(shape)
    vector = cast(Transformed, nice(size, key=key, **options)).bijection
    return image_flow(Chain([vector, Reshape((size,), shape)]), grey_levels, equalize=equalize, base=Logistic.standard)
