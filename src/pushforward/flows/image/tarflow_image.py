"""TarFlow on images: transformers over patches, in one order and then in the other."""

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from pushforward._types import Activation, Shape
from pushforward.bijections import (
    AbstractBijection,
    Affine,
    Chain,
    Flip,
    GaussianDequantize,
    Inverse,
    Reshape,
    Scan,
    Squeeze,
    Standardize,
    TransformerAutoregressive,
)
from pushforward.distributions import Normal, Transformed
from pushforward.flows._recipe import compiled
from pushforward.flows.image._image import image_flow


@compiled
def tarflow_image(
    shape: Shape,
    *,
    patch: int = 2,
    num_layers: int = 8,
    width: int = 768,
    depth: int = 8,
    num_heads: int = 12,
    activation: Activation = "gelu",
    noise: float = 0.0,
    alpha: float | None = None,
    equalize: bool = False,
    grey_levels: int | None = 256,
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Autoregressive blocks over the patches of an image, seen through causal attention; turned round between blocks.

    `log_prob` bounds the log-probability of an image in nats from below, in the mean over the keys that it is given.
    Sampling takes one step for each patch of each block, and keeps keys and values.

    Args:
        shape: `(height, width, channels)`; both sides multiples of `patch`.
        patch: Height and width of a patch, whose numbers are mapped at once. Twice the patch is a quarter of the steps.
        num_layers: Blocks; 8 in the paper.
        width: Numbers that stand for a patch; 768 in the paper for 64 x 64.
        depth: Attention layers of a block; 8 in the paper.
        num_heads: Attentions side by side; a divisor of `width`.
        activation: Of the networks between attentions.
        noise: 0 for uniform noise, as for bits per dimension. Or the standard deviation of Gaussian noise where grey
            values range from -1 to 1, 0.05 in the paper: for samples, from which `denoise` takes it away again.
        alpha: Of the logit of grey values; None for the paper's linear map. Only with uniform noise.
        equalize: Whether the histogram of grey values is evened out before the first layer, in place of `alpha` and of
            the linear map: see `bijections.Equalize`. It helps where many pixels are black or white.
        grey_levels: How many grey values: 256 for 8 bits. None for images of real numbers, without noise.
        cond_dim: Size of the condition, such as a one-hot class, which every patch sees, or None.
        key: For the initial weights.

    Raises:
        ValueError: If a size does not fit, `noise` is negative, or it stands beside `alpha`, `equalize` or no grey
            values.

    Reference:
        Zhai et al. (2025), Normalizing flows are capable generative models (TarFlow).

    Note:
        The scale is `exp(arcsinh(raw))`, not `exp(raw)`. The first patch of a block is moved too, by constants or by
        the condition. A condition of zeros stands for none, where the released code takes the mean of all classes.
    """
    if num_layers < 1:
        raise ValueError(f"tarflow_image: `num_layers` must be at least 1, got {num_layers}.")
    if noise < 0 or (noise and (alpha is not None or equalize or grey_levels is None)):
        raise ValueError(
            f"tarflow_image: `noise` is at least 0, for grey values and without `alpha` and `equalize`, got {noise=}, "
            f"{alpha=}, {equalize=} and {grey_levels=}."
        )
    patches = Squeeze(shape, patch)
    size = patches.out_shape[0] * patches.out_shape[1] * patches.out_shape[2]

    def block(block_key: PRNGKeyArray) -> AbstractBijection:
        options = {"width": width, "depth": depth, "num_heads": num_heads, "activation": activation}
        group_size = patches.out_shape[2]
        layer = TransformerAutoregressive(
            Affine(), size, group_size=group_size, cond_dim=cond_dim, key=block_key, **options
        )
        return Chain([layer, Flip((size,))])

    stacked = jax.vmap(block)(jax.random.split(key, num_layers))
    blocks = Scan.of_stacked(stacked, num_layers)
    flow = Chain([blocks, Reshape((size,), patches.out_shape), Inverse(patches)])
    if noise and grey_levels is not None:
        middle, reach = (grey_levels - 1) / 2, grey_levels / 2
        line = Standardize(jnp.full(shape, middle), reach)
        noisy = GaussianDequantize(tuple(shape), noise * reach, grey_levels)
        return Transformed(Normal.standard((size,)), Chain([flow, line, noisy]))
    return image_flow(flow, grey_levels, alpha=alpha, equalize=equalize)
