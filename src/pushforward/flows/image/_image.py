"""The multi-scale architecture that image flows share."""

import math
from collections.abc import Callable
from typing import Protocol

import jax
from jaxtyping import PRNGKeyArray

from pushforward._types import Shape
from pushforward.bijections import AbstractBijection, Chain, Inverse, MultiScale, Reshape, Squeeze, to_levels
from pushforward.distributions import AbstractDistribution, Normal, Transformed


class Level(Protocol):
    """Builds a level that gives an image of `shape`; the last, next to the base, has nothing to split off."""

    def __call__(self, shape: Shape, *, last: bool, key: PRNGKeyArray) -> AbstractBijection: ...


def multi_scale(name: str, shape: Shape, num_levels: int, level: Level, key: PRNGKeyArray) -> MultiScale:
    """Levels from the image to the base, half of the channels leaving behind each: `(h, w, c)`, `(h/2, w/2, 2c)`, ...

    Args:
        name: Of the recipe, for messages.
        shape: Of the image.
        num_levels: At least 1; every one halves height and width.
        level: One of them.
        key: Split among the levels.

    Raises:
        ValueError: If the image cannot be halved so often.
    """
    check_levels(name, shape, num_levels, num_levels)
    height, width, channels = shape
    keys = jax.random.split(key, num_levels)
    shapes = [(height >> i, width >> i, channels << i) for i in range(num_levels)]
    levels = [level(shapes[i], last=i == num_levels - 1, key=keys[i]) for i in range(num_levels)]
    return MultiScale(levels[::-1])


def kept_levels(
    name: str,
    shape: Shape,
    num_levels: int,
    level: Callable[[Shape, PRNGKeyArray], AbstractBijection],
    key: PRNGKeyArray,
) -> Chain:
    """Levels with a squeeze between two and all variables kept: `(h, w, c)`, `(h/2, w/2, 4c)`, ..., from a vector.

    Args:
        name: Of the recipe, for messages.
        shape: Of the image.
        num_levels: At least 1; every one but the first, at the image, halves height and width.
        level: From a shape and a key, maps that keep the shape.
        key: Split among the levels.

    Raises:
        ValueError: If the image cannot be halved so often.
    """
    check_levels(name, shape, num_levels, num_levels - 1)
    height, width, channels = shape
    shapes = [(height >> i, width >> i, channels << 2 * i) for i in range(num_levels)]
    parts: list[AbstractBijection] = [Reshape((math.prod(shape),), shapes[-1])]
    for i, level_key in reversed(list(enumerate(jax.random.split(key, num_levels)))):
        parts += [level(shapes[i], level_key), *([Inverse(Squeeze(shapes[i - 1]))] if i else [])]
    return Chain(parts)


def image_flow(
    bijection: AbstractBijection,
    grey_levels: int | None,
    *,
    alpha: float | None = None,
    equalize: bool = False,
    noise: AbstractBijection | None = None,
    base: Callable[[Shape], AbstractDistribution] = Normal.standard,
) -> Transformed:
    """A flow of whole grey values 0 to `grey_levels - 1`, or of real numbers if that is None.

    Args:
        bijection: From the base to real numbers.
        grey_levels: How many.
        alpha: Of the logit of grey values; None for a linear map.
        equalize: Whether their histogram takes the place of both.
        noise: What makes whole numbers of real ones, in place of rounding down, whose inverse is uniform noise.
        base: From a shape to the distribution of the noise.

    Raises:
        ValueError: If there is a histogram to even out, and there are no grey values.
    """
    if equalize and grey_levels is None:
        raise ValueError("`equalize` evens out a histogram of grey values, and `grey_levels` is None: leave it out.")
    if grey_levels is not None:
        side = to_levels(bijection.out_shape, grey_levels, alpha=None if equalize else alpha, equalize=equalize)
        bijection = Chain([bijection, side if noise is None else Chain([side.bijections[0], noise])])
    return Transformed(base(bijection.in_shape), bijection)


def check_levels(name: str, shape: Shape, num_levels: int, halvings: int) -> None:
    """A ValueError where an image of this shape cannot be halved so often, with sizes and levels that can."""
    height, width, _ = shape
    if num_levels < 1:
        raise ValueError(f"{name}: `num_levels` must be at least 1, got {num_levels}.")
    factor = 2**halvings
    if height % factor or width % factor:
        at_most = num_levels - halvings + _halvings(math.gcd(height, width))
        fewer = f"this one fits num_levels={at_most}." if at_most else "an odd side cannot be halved at all."
        raise ValueError(
            f"{name}: a {height} x {width} image cannot be halved {halvings} times. Sides that are multiples of "
            f"{factor} can, such as {_up(height, factor)} x {_up(width, factor)}; {fewer}"
        )


def _halvings(size: int) -> int:
    return (size & -size).bit_length() - 1


def _up(size: int, factor: int) -> int:
    return -(-size // factor) * factor
