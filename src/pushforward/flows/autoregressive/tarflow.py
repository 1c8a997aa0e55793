"""TarFlow: transformers as conditioners of autoregressive blocks."""

import jax
from jaxtyping import PRNGKeyArray

from pushforward._types import Activation
from pushforward.bijections import AbstractBijection, Affine, Chain, Flip, Scan, TransformerAutoregressive
from pushforward.distributions import Normal, Transformed
from pushforward.flows._recipe import compiled

MAX_GROUPS = 8
"""Groups by default: attention costs as the square of them, and a vector has no natural patches."""


@compiled
def tarflow(
    dim: int,
    *,
    group_size: int | None = None,
    num_layers: int = 8,
    width: int = 32,
    depth: int = 2,
    num_heads: int = 2,
    activation: Activation = "gelu",
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Autoregressive blocks over groups of columns, seen through causal attention; the order reversed between blocks.

    Args:
        dim: Number of coordinates.
        group_size: Neighbouring coordinates that are mapped at once, without seeing each other; the last group may be
            smaller. Default: 1 up to 8 coordinates, then as many as make 8 groups.
        num_layers: Blocks; 8 in the paper.
        width: Numbers that stand for a group; 768 in the paper.
        depth: Attention layers of a block; 8 in the paper.
        num_heads: Attentions side by side; a divisor of `width`.
        activation: Of the networks between attentions.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Raises:
        ValueError: If a size is below 1, or `num_heads` does not divide `width`.

    Reference:
        Zhai et al. (2025), Normalizing flows are capable generative models (TarFlow).

    Note:
        For vectors; the paper's groups are patches of an image. The scale is `exp(arcsinh(raw))`, not `exp(raw)`. The
        first group of a block is moved too, by constants or by the condition. No noise, guidance or denoising.
    """
    if num_layers < 1:
        raise ValueError(f"tarflow: `num_layers` must be at least 1, got {num_layers}.")
    size = -(-dim // MAX_GROUPS) if group_size is None else group_size

    def block(block_key: PRNGKeyArray) -> AbstractBijection:
        options = {"width": width, "depth": depth, "num_heads": num_heads, "activation": activation}
        layer = TransformerAutoregressive(Affine(), dim, group_size=size, cond_dim=cond_dim, key=block_key, **options)
        return Chain([layer, Flip((dim,))])

    stacked = jax.vmap(block)(jax.random.split(key, num_layers))
    return Transformed(Normal.standard((dim,)), Scan.of_stacked(stacked, num_layers))
