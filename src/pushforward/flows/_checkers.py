"""What Flow++ uses twice: couplings of the two colours of a checkerboard in turn, of images and of their noise."""

from typing import Any, Protocol

import jax
from jaxtyping import PRNGKeyArray

from pushforward._types import Shape
from pushforward.bijections import (
    LU,
    AbstractBijection,
    AbstractSurjection,
    Chain,
    Coupling,
    EachPixel,
    Inverse,
    Sigmoid,
    Standardize,
    VariationalDequantize,
    mixture_cdf,
    repeat,
    sparing,
)
from pushforward.distributions import Embedded, Logistic, Transformed


class Layer(Protocol):
    """Builds a layer of images of `shape`; without a colour, it moves channels."""

    def __call__(self, shape: Shape, key: PRNGKeyArray, checkerboard: int | None = None) -> AbstractBijection: ...


def checkers(layer: Layer, shape: Shape, count: int, key: PRNGKeyArray) -> list[AbstractBijection]:
    """Layers that move the two colours of a checkerboard in turn."""
    pairs_key, odd_key = jax.random.split(key)

    def pair(pair_key: PRNGKeyArray) -> AbstractBijection:
        return Chain([layer(shape, k, checkerboard=i) for i, k in enumerate(jax.random.split(pair_key))])

    pairs = [repeat(pair, count // 2, pairs_key)] if count > 1 else []
    return pairs + [layer(shape, odd_key, checkerboard=0)] * (count % 2)


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
    """Dequantization by a flow of couplings like those of the image, whose networks see the image.

    Args:
        shape: Of the image.
        grey_levels: How many.
        num_layers: Couplings.
        num_components: Of the mixture in each.
        options: Of the couplings.
        memory: What is kept for the gradient.
        key: For the initial weights.
    """

    def layer(shape: Shape, key: PRNGKeyArray, checkerboard: int | None = None) -> AbstractBijection:
        # Turned round: noise is drawn, so the way from its base is the one in closed form.
        inner, (*grid, channels) = Inverse(mixture_cdf(num_components)), shape
        coupling = Coupling(inner, shape, checkerboard=checkerboard, cond_dim=shape, key=key, **options)
        turned = Chain([EachPixel(LU(channels), tuple(grid)), coupling]) if channels > 1 else coupling
        return sparing(turned, memory)

    drawn = Transformed(Logistic.standard(shape), Chain([*checkers(layer, shape, num_layers, key), Sigmoid(shape)]))
    centred = Embedded(drawn, Standardize(jax.numpy.full(shape, grey_levels / 2), grey_levels / 2))
    return VariationalDequantize(centred, grey_levels)
