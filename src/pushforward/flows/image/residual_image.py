"""Residual Flow on images: convolutional residual networks that are invertible because they are contractions."""

from jaxtyping import PRNGKeyArray

from pushforward._types import Activation, Shape
from pushforward.bijections import AbstractBijection, ActNorm, Chain, Contractive, repeat
from pushforward.distributions import Transformed
from pushforward.flows._recipe import compiled
from pushforward.flows.image._image import image_flow, kept_levels


@compiled
def residual_image(
    shape: Shape,
    *,
    num_levels: int = 3,
    num_layers: int = 16,
    width: int = 512,
    depth: int = 2,
    coeff: float = 0.98,
    num_terms: int = 2,
    activation: Activation = "lipswish",
    log_det: str = "roulette",
    alpha: float | None = 0.05,
    equalize: bool = False,
    grey_levels: int | None = 256,
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Blocks `z = x + g(x)` of convolutions behind actnorms, squeeze, and again; the log-det is estimated in training.

    `log_prob` with a key bounds the log-probability of an image in nats from below, in the mean over the keys that it
    is given.

    Args:
        shape: `(height, width, channels)`; both sides multiples of `2**(num_levels - 1)`.
        num_levels: Scales; 3 in the paper.
        num_layers: Blocks of each scale; 16 in the paper for CIFAR-10.
        width: Channels of the hidden layers; 512 in the paper.
        depth: Hidden layers of each block; 2 are convolutions of 3x3, 1x1 and 3x3.
        coeff: Lipschitz bound of each block, below 1.
        num_terms: Terms of the log-det's series that are always taken.
        activation: Of the networks.
        log_det: In training: "roulette", without bias, "series", or "exact", which takes one pass for each number of an
            image.
        alpha: Of the logit of grey values; None for a linear map.
        equalize: Whether the histogram of grey values is evened out before the first layer, in place of `alpha` and of
            the linear map: see `bijections.Equalize`. It helps where many pixels are black or white.
        grey_levels: How many grey values: 256 for 8 bits. None for images of real numbers, without noise.
        cond_dim: Size of the condition, such as a one-hot class, which all blocks see, or None.
        key: For the initial weights.

    Reference:
        Chen, Behrmann, Duvenaud & Jacobsen (2019), Residual flows for invertible generative modeling, section 4.

    Note:
        The bound holds for each block, not for each of its convolutions, and is one of the convolution at the image's
        size; the number of terms is geometric and drawn for each image, as in `residual`. No activation
        in front of a block's first convolution, which the paper has in all blocks but the first. No fully connected
        blocks at the end.
    """
    net = {
        "log_det": log_det,
        "num_terms": num_terms,
        "coeff": coeff,
        "width": width,
        "depth": depth,
        "activation": activation,
        "cond_dim": cond_dim,
    }

    def level(shape: Shape, key: PRNGKeyArray) -> AbstractBijection:
        def layer(layer_key: PRNGKeyArray) -> AbstractBijection:
            return Chain([Contractive(shape, key=layer_key, **net), ActNorm(shape)])

        return repeat(layer, num_layers, key)

    return image_flow(
        kept_levels("residual_image", shape, num_levels, level, key), grey_levels, alpha=alpha, equalize=equalize
    )
