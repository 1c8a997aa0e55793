"""Convolutional networks from an image to a vector and back, gated or not: encoders and decoders of images."""

import itertools
import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from pushforward._errors import as_key
from pushforward._params import static
from pushforward._types import Shape
from pushforward.nets._conditioner import AbstractConditioner
from pushforward.nets._conv import convolve, random_weights, wide
from pushforward.nets._mlp import check_hidden, in_units

SMALLEST = 4
"""Images are halved until their shorter side has at most so many pixels, once at least."""


class ConvEncoder(AbstractConditioner):
    r"""A network `(height, width, channels, batch) -> (features, batch)`.

    3x3 convolutions halve the image until its shorter side has at most 4 pixels; at each size `depth - 1` more follow,
    each added to what it sees; a linear layer makes features of the smallest image. All layers are gated,
    $(Wx + b)\,\sigma(Vx + c)$, or have a rectifier. Unlike in a `ConvNet`, no layer starts at zero.

    Args:
        in_shape: `(height, width, channels)`.
        out_shape: `(features,)`.
        channels: Of the image of half the size; smaller ones have twice as many.
        depth: Convolutions at each size.
        gated: Whether layers are gated.
        unit: What makes 1 for the network: it sees the image divided by this.
        key: For the initial weights, of variance 2 / inputs; biases start at 0.

    Raises:
        ValueError: If a shape does not fit, or `channels` or `depth` is below 1.

    Example:
        >>> net = ConvEncoder((8, 8, 1), (6,), channels=4, key=key)
        >>> net(jnp.ones((8, 8, 1, 10))).shape
        (6, 10)

    Reference:
        van den Berg, Hasenclever, Tomczak & Welling (2018), Sylvester normalizing flows for variational inference,
        whose networks are gated convolutions.

    Note:
        The paper's convolutions are 5x5, and the first of them at full size, at more than ten times the cost.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    in_shape: Shape = static()
    out_shape: Shape = static()
    depth: int = static()
    gated: bool = static()
    unit: float = static()

    cond_dim = None

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        *,
        channels: int = 32,
        depth: int = 2,
        gated: bool = True,
        unit: float = 1.0,
        key: PRNGKeyArray,
    ):
        key = as_key("ConvEncoder", key)
        _check("ConvEncoder", in_shape, out_shape, channels, depth)
        self.in_shape, self.out_shape = tuple(in_shape), tuple(out_shape)
        self.depth, self.gated, self.unit = depth, gated, unit
        sizes = _sizes(self.in_shape)
        counts, shapes = [self.in_shape[-1], *_channels(channels, sizes)], []
        for before, after in itertools.pairwise(counts):
            shapes += [(after, 3, 3, before), *[(after, 3, 3, after)] * (depth - 1)]
        shapes.append((*self.out_shape, counts[-1] * math.prod(sizes[-1])))
        self.weights = random_weights([_doubled(shape, gated) for shape in shapes], key)
        self.biases = tuple(jnp.zeros(len(weight)) for weight in self.weights)

    def __call__(self, x: Float[Array, "height width channels batch"], condition: Array | None = None) -> Array:
        h = jnp.moveaxis(in_units(x, self.unit), 2, 0)
        for place, (weight, bias) in enumerate(zip(self.weights[:-1], self.biases[:-1], strict=True)):
            if place % self.depth == 0:
                h = _bent(convolve(h, weight, stride=2) + wide(bias), gated=self.gated)
            else:
                h = h + _bent(convolve(h, weight) + wide(bias), gated=self.gated)
        h = self.weights[-1] @ h.reshape(-1, h.shape[-1]) + self.biases[-1][:, None]
        return _bent(h, gated=self.gated)


class ConvDecoder(AbstractConditioner):
    r"""A network `(inputs, batch) -> (params height width channels, batch)`, the way of a `ConvEncoder` back.

    A linear layer makes the smallest image; at each size `depth - 1` convolutions are added to what they see; a 1x1
    convolution gives four pixels for each. The last layer, a 3x3 convolution at half the size, is linear.

    Args:
        in_shape: `(inputs,)`.
        out_shape: `(params, height, width, channels)`, or `(count,)` numbers in this order, with the `image`.
        image: `(height, width, channels)` of what is decoded.
        channels: Of the image of half the size; smaller ones have twice as many.
        depth: Convolutions at each size.
        gated: Whether layers are gated.
        key: For the initial weights, of variance 2 / inputs; biases start at 0.

    Raises:
        ValueError: If a shape does not fit, or `channels` or `depth` is below 1.

    Example:
        >>> net = ConvDecoder((6,), (2, 8, 8, 1), (8, 8, 1), channels=4, key=key)
        >>> net(jnp.ones((6, 10))).shape
        (2, 8, 8, 1, 10)

    Reference:
        As of `ConvEncoder`. Shi et al. (2016), Real-time single image and video super-resolution using an efficient
        sub-pixel convolutional neural network, section 3.2, for convolutions that give four pixels.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    in_shape: Shape = static()
    out_shape: Shape = static()
    image: Shape = static()
    depth: int = static()
    gated: bool = static()

    cond_dim = None

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        image: Shape,
        *,
        channels: int = 32,
        depth: int = 2,
        gated: bool = True,
        key: PRNGKeyArray,
    ):
        key = as_key("ConvDecoder", key)
        _check("ConvDecoder", image, in_shape, channels, depth)
        self.in_shape, self.out_shape, self.image = tuple(in_shape), tuple(out_shape), tuple(image)
        self.depth, self.gated = depth, gated
        if math.prod(self.out_shape) % math.prod(self.image):
            raise ValueError(
                f"ConvDecoder: {math.prod(self.out_shape)} numbers are no multiple of an image of shape {self.image}."
            )
        sizes = _sizes(self.image)[::-1]
        counts = _channels(channels, sizes)[::-1]
        shapes: list[Shape] = [(counts[0] * math.prod(sizes[0]), *self.in_shape)]
        for before, after in itertools.pairwise([*counts, 0]):
            shapes += [(before, 3, 3, before)] * (depth - 1) + ([(4 * after, 1, 1, before)] if after else [])
        count = 4 * self._params * self.image[-1]
        last = (count, 3, 3, counts[-1])
        self.weights = random_weights([*(_doubled(shape, gated) for shape in shapes), last], key)
        self.biases = tuple(jnp.zeros(len(weight)) for weight in self.weights)

    @property
    def _params(self) -> int:
        return math.prod(self.out_shape) // math.prod(self.image)

    def __call__(self, x: Float[Array, "inputs batch"], condition: Array | None = None) -> Array:
        sizes = [*_sizes(self.image)[::-1], self.image[:2]]
        layers = zip(self.weights, self.biases, strict=True)
        weight, bias = next(layers)
        h = _bent(weight @ x + bias[:, None], gated=self.gated).reshape(-1, *sizes[0], x.shape[-1])
        for size in sizes[1:]:
            for _ in range(self.depth - 1):
                weight, bias = next(layers)
                h = h + _bent(convolve(h, weight) + wide(bias), gated=self.gated)
            weight, bias = next(layers)
            h = convolve(h, weight) + wide(bias)
            h = _four_pixels(h if size is sizes[-1] else _bent(h, gated=self.gated), size)
        params = h.reshape(self._params, self.image[-1], *self.image[:2], -1)
        return jnp.moveaxis(params, 1, 3).reshape(*self.out_shape, -1)


def _four_pixels(h: Array, size: Shape) -> Array:
    """`(4 channels, h, w, batch) -> (channels, height, width, batch)`, of which the last row or column may be left."""
    count, height, width, batch = h.shape
    h = h.reshape(count // 4, 2, 2, height, width, batch).transpose(0, 3, 1, 4, 2, 5)
    return h.reshape(count // 4, 2 * height, 2 * width, batch)[:, : size[0], : size[1]]


def _bent(h: Array, *, gated: bool) -> Array:
    return jax.nn.glu(h, axis=0) if gated else jax.nn.relu(h)


def _sizes(image: Shape) -> list[tuple[int, int]]:
    """Heights and widths of the image halved again and again, the first of them of half the size."""
    height, width = image[:2]
    sizes = []
    while not sizes or min(sizes[-1]) > SMALLEST:
        height, width = -(-height // 2), -(-width // 2)
        sizes.append((height, width))
    return sizes


def _channels(channels: int, sizes: list[tuple[int, int]]) -> list[int]:
    return [channels, *[2 * channels] * (len(sizes) - 1)]


def _doubled(shape: Shape, gated: bool) -> Shape:
    """With gates beside the values."""
    return ((1 + gated) * shape[0], *shape[1:])


def _check(name: str, image: Shape, vector: Shape, channels: int, depth: int) -> None:
    check_hidden(name, channels, depth)
    if len(image) != 3 or len(vector) != 1 or min(*image, *vector) < 1:
        raise ValueError(
            f"{name}: needs an image (height, width, channels) and a vector (size,), got {tuple(image)} and "
            f"{tuple(vector)}."
        )
