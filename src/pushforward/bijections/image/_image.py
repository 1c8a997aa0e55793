"""Parts of image flows: pixels to channels, vector maps at every pixel, grey values."""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from pushforward._params import static
from pushforward._types import Kind, Shape, of_parts
from pushforward.bijections._base import AbstractBatched, AbstractBijection
from pushforward.bijections._compose import Chain
from pushforward.bijections._shape import AbstractRearrangement
from pushforward.bijections.discrete._dequantize import Dequantize
from pushforward.bijections.elementwise._affine import Standardize
from pushforward.bijections.elementwise._elementwise import Sigmoid
from pushforward.bijections.elementwise._equalize import Equalize
from pushforward.supports import Product, Support
from pushforward.supports._events import Passage, gathered, spread


class Squeeze(AbstractRearrangement):
    r"""Blocks of $k \times k$ pixels as channels: `forward` is $(h, w, c) \to (h/k, w/k, k^2 c)$, log-det 0.

    The pixels of one channel become neighbours, row by row: new channel $k^2 c + k i + j$ is channel $c$ of the pixel
    in row $i$ and column $j$ of its block. In a flow, towards the data, it stands as `Inverse(Squeeze(shape))`.

    Args:
        shape: `(height, width, channels)` of the larger image.
        factor: $k$, a divisor of height and width.

    Raises:
        ValueError: If the shape is not that of an image, or `factor` does not divide its sides.

    Example:
        >>> Squeeze((2, 2, 1)).forward(jnp.arange(4.0).reshape(2, 2, 1)).tolist()
        [[[0.0, 1.0, 2.0, 3.0]]]

    Reference:
        Dinh, Sohl-Dickstein & Bengio (2017), Density estimation using Real NVP, section 3.6.
    """

    shape: Shape = static()
    factor: int = static(default=2)

    def __check_init__(self):
        check_image("Squeeze", self.shape)
        height, width, _ = self.shape
        if self.factor < 1:
            raise ValueError(f"Squeeze: `factor` must be at least 1, got {self.factor}.")
        if height % self.factor or width % self.factor:
            raise ValueError(
                f"Squeeze: a {height} x {width} image cannot be cut into blocks of {self.factor} x {self.factor}. "
                f"Both sides must be multiples of {self.factor}: crop or resize to "
                f"{_below(height, self.factor)} x {_below(width, self.factor)}."
            )

    @property
    def in_shape(self) -> Shape:
        return self.shape

    @property
    def out_shape(self) -> Shape:
        height, width, channels = self.shape
        return height // self.factor, width // self.factor, channels * self.factor**2

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        (height, width, _), k, n = self.out_shape, self.factor, x.shape[-1]
        blocks = x.reshape(height, k, width, k, self.shape[-1], n)
        y = jnp.transpose(blocks, (0, 2, 4, 1, 3, 5)).reshape(*self.out_shape, n)
        return y, jnp.zeros(n, x.dtype)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        (height, width, _), k, n = self.out_shape, self.factor, x.shape[-1]
        blocks = x.reshape(height, width, self.shape[-1], k, k, n)
        y = jnp.transpose(blocks, (0, 3, 1, 4, 2, 5)).reshape(*self.shape, n)
        return y, jnp.zeros(n, x.dtype)


class Checkerboard(AbstractRearrangement):
    r"""The two colours of a checkerboard as channels: `forward` is $(h, w, c) \to (h, w/2, 2c)$, log-det 0.

    Each pixel goes with its neighbour in the same row: first the channels of the one whose row + column is even. What
    maps channels then maps checkerboards, at half of the cost of networks that see one colour among zeros.

    Args:
        shape: `(height, width, channels)` of the larger image, of an even width.

    Raises:
        ValueError: If the shape is not that of an image, or the width is odd.

    Example:
        >>> Checkerboard((2, 2, 1)).forward(jnp.arange(4.0).reshape(2, 2, 1)).tolist()
        [[[0.0, 1.0]], [[3.0, 2.0]]]

    Reference:
        Ho, Chen, Srinivas, Duan & Abbeel (2019), Flow++, the released code.
    """

    shape: Shape = static()

    def __check_init__(self):
        check_image("Checkerboard", self.shape)
        if self.shape[1] % 2:
            raise ValueError(
                f"Checkerboard: rows of {self.shape[1]} pixels, in an image of shape {self.shape}, are no pairs. "
                "Crop or resize to an even width."
            )

    @property
    def in_shape(self) -> Shape:
        return self.shape

    @property
    def out_shape(self) -> Shape:
        height, width, channels = self.shape
        return height, width // 2, 2 * channels

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        height, width, channels = self.shape
        pairs = self._odd_rows_swapped(x.reshape(height, width // 2, 2, channels, -1))
        return pairs.reshape(*self.out_shape, -1), jnp.zeros(x.shape[-1], x.dtype)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        height, width, channels = self.shape
        pairs = self._odd_rows_swapped(x.reshape(height, width // 2, 2, channels, -1))
        return pairs.reshape(*self.shape, -1), jnp.zeros(x.shape[-1], x.dtype)

    def _odd_rows_swapped(self, pairs: Array) -> Array:
        odd = jnp.arange(self.shape[0])[:, None, None, None, None] % 2 == 1
        return jnp.where(odd, pairs[:, :, ::-1], pairs)


class EachPixel(AbstractBatched):
    r"""One map of vectors at every pixel or time, `(*grid, *in_shape) -> (*grid, *out_shape)`; the log-dets add up.

    With a linear map this is the invertible 1x1 convolution of Glow, log-det $h w \log|\det W|$: `Linear` is the plain
    one, which starts as a random rotation and costs $O(c^3)$; `LU` costs $O(c)$; `Householder` stays a rotation. With
    `Flip` or `Permute` it reorders channels. `EachPixel` of a `Householder(4 * c)` and then
    `Inverse(Squeeze(shape))` is a learned orthogonal up-sampling, as in iUNets.

    Args:
        bijection: Of the vector that stands at a pixel.
        grid: `(height, width)`, or `(time,)` of a sequence.

    Example:
        >>> convolution = EachPixel(Linear(3, key=key), (8, 8))
        >>> convolution.forward(jnp.ones((8, 8, 3))).shape
        (8, 8, 3)

    Reference:
        Kingma & Dhariwal (2018), Glow, section 3.2.
    """

    bijection: AbstractBijection
    grid: Shape = static()

    @property
    def in_shape(self) -> Shape:
        return (*self.grid, *self.bijection.in_shape)

    @property
    def out_shape(self) -> Shape:
        return (*self.grid, *self.bijection.out_shape)

    @property
    def cond_shape(self) -> Shape | None:
        return self.bijection.cond_shape

    @property
    def forward_kind(self) -> Kind:
        return self.bijection.forward_kind

    @property
    def inverse_kind(self) -> Kind:
        return self.bijection.inverse_kind

    @property
    def exact(self) -> bool:
        return self.bijection.exact

    @property
    def domain(self) -> Support:
        return self._at_each(self.bijection.domain)

    @property
    def image(self) -> Support:
        return self._at_each(self.bijection.image)

    def _carry(self, support: Support, passage: Passage) -> Support:
        if not isinstance(support, Product):
            return self._at_each(self.bijection._carry(support, passage))
        pixels = spread(support, (math.prod(self.grid), -1))
        found = {kinds: self.bijection._carry(gathered(kinds), passage) for kinds in dict.fromkeys(map(tuple, pixels))}
        size = math.prod(self.bijection.out_shape if passage.forward else self.bijection.in_shape)
        return gathered(np.stack([spread(found[tuple(kinds)], (size,)) for kinds in pixels]))

    def _at_each(self, support: Support) -> Support:
        """The support of an image from that of a pixel."""
        return Product(support.parts * math.prod(self.grid)) if isinstance(support, Product) else support

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return self._at_pixels(self.bijection._forward_many, x, condition, key)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return self._at_pixels(self.bijection._inverse_many, x, condition, key)

    def _at_pixels(self, method, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        n = x.shape[-1]
        y, log_det = method(self._as_batch(x), self._for_pixels(condition), key)
        return self._as_image(y, n), jnp.sum(log_det.reshape(math.prod(self.grid), n), axis=0)

    @of_parts
    def _data_init(self, x: Array, condition: Array | None) -> "tuple[EachPixel, Array]":
        begun, y = self.bijection._data_init(self._as_batch(x), self._for_pixels(condition))
        return EachPixel(begun, self.grid), self._as_image(y, x.shape[-1])

    def _as_batch(self, x: Array) -> Array:
        """`(*grid, *event, n) -> (*event, pixels * n)`."""
        axes = len(self.grid)
        event = x.shape[axes:-1]
        moved = jnp.transpose(x, (*range(axes, x.ndim - 1), *range(axes), x.ndim - 1))
        return moved.reshape(*event, -1)

    def _as_image(self, y: Array, n: int) -> Array:
        """`(*event, pixels * n) -> (*grid, *event, n)`."""
        event, axes = y.ndim - 1, len(self.grid)
        moved = y.reshape(*y.shape[:-1], *self.grid, n)
        return jnp.transpose(moved, (*range(event, event + axes), *range(event), event + axes))

    def _for_pixels(self, condition: Array | None) -> Array | None:
        if condition is None or self.bijection.cond_shape is None:
            return None
        pixels = math.prod(self.grid)
        spread = jnp.broadcast_to(condition[..., None, :], (*condition.shape[:-1], pixels, condition.shape[-1]))
        return spread.reshape(*condition.shape[:-1], -1)


def to_levels(shape: Shape, levels: int = 256, *, alpha: float | None = None, equalize: bool = False) -> Chain:
    r"""The data side of an image flow: from real numbers to whole grey values 0 to `levels - 1`, and back.

    Towards the base: uniform noise makes $x + u \in [0, n)$; then either $(x + u)/n - \frac12$, or with $\alpha$ the
    logit $\log\frac{v}{1 - v}$ of $v = \alpha + (1 - 2\alpha)(x + u)/n$, or the normal quantile of the share of grey
    values below, as the first images have them (`Equalize`). Log-dets are in units of a grey level, so a
    flow's `log_prob` bounds the log of a probability, and needs no constant to become bits.

    Args:
        shape: The event's shape.
        levels: $n$, 256 for 8 bits.
        alpha: $\alpha$, from 0 on and below 1/2, 0.05 in RealNVP; None for the linear map, as in Glow.
        equalize: Whether the histogram of the first images takes the place of the linear map.

    Raises:
        ValueError: If `levels` is below 2, `alpha` is not in [0, 1/2), or there is one beside `equalize`.

    Example:
        >>> to_levels((1, 1, 1), alpha=0.05).forward(jnp.zeros((1, 1, 1))).item()
        128.0

    Reference:
        Dinh, Sohl-Dickstein & Bengio (2017), section 4.1; Papamakarios, Pavlakou & Murray (2017), section 4.3.
    """
    if levels < 2:
        raise ValueError(f"to_levels: `levels` must be at least 2, got {levels}.")
    if equalize and alpha is not None:
        raise ValueError(f"to_levels: `equalize` takes the place of `alpha`, got both, {alpha=}.")
    if equalize:
        line = Equalize(shape, levels)
    elif alpha is None:
        line = Standardize(jnp.full(shape, levels / 2), float(levels))
    elif 0 <= alpha < 0.5:
        width = levels / (1.0 - 2.0 * alpha)
        line = Sigmoid(shape, -alpha * width, (1.0 - alpha) * width)
    else:
        raise ValueError(f"to_levels: `alpha` must be at least 0 and below 1/2, got {alpha}.")
    return Chain([line, Dequantize(shape, levels)])


def check_image(name: str, shape: Shape) -> None:
    """A ValueError where a shape is not (height, width, channels)."""
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"{name}: an image has shape (height, width, channels), got {tuple(shape)}.")


def _below(size: int, factor: int) -> int:
    """The nearest multiple that is not larger, or the smallest there is."""
    return max(size // factor, 1) * factor
