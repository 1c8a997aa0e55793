"""The noise of Flow++: a flow of couplings like those of the image."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from pushforward._types import Shape
from pushforward.bijections import (
    LU,
    AbstractBijection,
    AbstractSurjection,
    Chain,
    Checkerboard,
    Coupling,
    EachPixel,
    Flip,
    Inverse,
    Sigmoid,
    Standardize,
    VariationalDequantize,
    mixture_cdf,
    repeat,
    sparing,
)
from pushforward.distributions import Embedded, Logistic, Transformed


def learned_noise(
    shape: Shape,
    grey_levels: int,
    num_layers: int,
    num_components: int,
    *,
    options: dict[str, Any],
    memory: str,
    key: PRNGKeyArray,
) -> AbstractSurjection:
    """Dequantization by couplings of checkerboards, whose networks see the image.

    Args:
        shape: Of the image, of an even width.
        grey_levels: How many.
        num_layers: Couplings.
        num_components: Of the mixture in each.
        options: Of the couplings.
        memory: What is kept for the gradient.
        key: For the initial weights.
    """
    board = Checkerboard(shape)
    *grid, channels = board.out_shape

    def layer(key: PRNGKeyArray) -> AbstractBijection:
        # Turned round: noise is drawn, so the way from its base is the one in closed form.
        inner = Inverse(mixture_cdf(num_components))
        coupling = Coupling(inner, board.out_shape, cond_dim=board.out_shape, key=key, **options)
        turn = EachPixel(Chain([LU(channels), Flip((channels,))]), tuple(grid))
        return sparing(Chain([turn, coupling]), memory)

    drawn = Chain([repeat(layer, num_layers, key), Inverse(board), Sigmoid(shape)])
    image = Chain([Inverse(board), Standardize(jnp.full(shape, grey_levels / 2), grey_levels / 2)])
    return VariationalDequantize(Embedded(Transformed(Logistic.standard(board.out_shape), drawn), image), grey_levels)
