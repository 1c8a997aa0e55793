"""Convolutional networks on images, channels first inside, batch last."""

import itertools
import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from pushforward._errors import as_key
from pushforward._params import static
from pushforward._types import Activation, Shape
from pushforward.nets._activations import ACTIVATIONS, activation_name
from pushforward.nets._conditioner import AbstractConditioner
from pushforward.nets._mlp import check_hidden
from pushforward.nets._precision import check_precision, lowered
from pushforward.nets._products import times_first


class ConvNet(AbstractConditioner):
    r"""A network `(height, width, channels, batch) -> (params, height, width, out channels, batch)`.

    A 3x3 convolution, `depth - 1` hidden layers, and a 3x3 convolution that starts at zero and whose channels are
    multiplied by $e^{3s}$ with a learned $s$, so that a flow starts from the values of its templates. Hidden layers are
    1x1 convolutions, as in Glow, or gated residual blocks: $h + a \odot \sigma(g)$ with $(a, g)$ from a 3x3 and a 1x1
    convolution of $h$. At the border, images are continued with zeros.

    Args:
        in_shape: `(height, width, channels)` of the input.
        out_shape: `(params, height, width, channels)` of the output.
        width: Channels of the hidden layers.
        depth: Hidden layers; 2 is the 3x3, 1x1, 3x3 of Glow, and 0 a single convolution.
        residual: Whether hidden layers after the first are gated residual blocks.
        cond_dim: Size of the condition, a vector such as a one-hot class, of which a linear function is added to all
            pixels of the first hidden layer.
        activation: A name in `ACTIVATIONS`, or the function of JAX of that name.
        unit: What makes 1 for the network: it sees the image divided by this.
        precision: "full", or "bfloat16" inside: weights stay as they are, and so does what the network gives, which the
            last convolution sums up in full.
        key: For the initial weights, normal with variance 2 / inputs.

    Raises:
        ValueError: If the shapes do not fit, `width` is below 1 or `depth` below 0, or the activation or the precision
            is unknown.

    Example:
        >>> net = ConvNet((4, 4, 1), (2, 4, 4, 3), width=8, key=key)
        >>> net(jnp.ones((4, 4, 1, 10))).shape
        (2, 4, 4, 3, 10)

    Reference:
        Kingma & Dhariwal (2018), Glow, section 4; Ho et al. (2019), Flow++, section 3.3, for the gates.

    Note:
        Glow puts ActNorm behind its hidden convolutions; here weights start such that activations keep their size.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    log_gain: Array
    embedding: Array | None
    in_shape: Shape = static()
    out_shape: Shape = static()
    residual: bool = static()
    cond_dim: int | None = static()
    activation: str = static()
    unit: float = static(default=1.0)
    precision: str = static(default="full")

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        *,
        width: int = 128,
        depth: int = 2,
        residual: bool = False,
        cond_dim: int | None = None,
        activation: Activation = "relu",
        unit: float = 1.0,
        precision: str = "full",
        key: PRNGKeyArray,
    ):
        key = as_key("ConvNet", key)
        check_hidden("ConvNet", width, depth, least_depth=0)
        self.activation = activation_name("ConvNet", activation)
        check_precision("ConvNet", precision)
        if len(in_shape) != 3 or len(out_shape) != 4 or tuple(in_shape[:2]) != tuple(out_shape[1:3]):
            raise ValueError(
                "ConvNet: needs shapes (height, width, channels) and (params, height, width, channels) of the same "
                f"height and width, got {in_shape} and {out_shape}."
            )
        self.in_shape, self.out_shape = tuple(in_shape), tuple(out_shape)
        self.residual, self.cond_dim, self.unit = residual, cond_dim, unit
        self.precision = precision
        shapes = _kernels(in_shape[-1], width, depth, out_shape[0] * out_shape[-1], residual)
        *kernels, embedding = random_weights([*shapes[:-1], (shapes[0][0], cond_dim or 0)], key)
        self.weights = (*kernels, jnp.zeros(shapes[-1]))
        self.biases = tuple(jnp.zeros(shape[0]) for shape in shapes)
        self.log_gain = jnp.zeros(shapes[-1][0])
        self.embedding = None if cond_dim is None else embedding * (depth > 0)

    def __call__(
        self, x: Float[Array, "height width channels batch"], condition: Float[Array, "cond batch"] | None = None
    ) -> Float[Array, "params height width out batch"]:
        seen = x if self.unit == 1.0 else x / self.unit
        h = self._hidden(lowered(self.precision, jnp.moveaxis(seen, 2, 0)), condition)
        # Summed up in full: what the network gives enters a log-det.
        h = convolve(h, lowered(self.precision, self.weights[-1]), x.dtype) + wide(self.biases[-1])
        if len(self.weights) == 1:
            h = self._told(h, condition)
        gain = jnp.exp(jnp.clip(3.0 * self.log_gain, -LOG_GAIN_MAX, LOG_GAIN_MAX))
        h = h * wide(gain)
        count, height, width, channels = self.out_shape
        return jnp.moveaxis(h.reshape(count, channels, height, width, -1), 1, 3)

    def _hidden(self, h: Array, condition: Array | None) -> Array:
        """What the last convolution sees, `(width, height, w, batch)`."""
        act = ACTIVATIONS[self.activation]
        layers = lowered(self.precision, list(zip(self.weights[:-1], self.biases[:-1], strict=True)))
        if not layers:
            return h
        h = self._told(_layer(h, *layers[0]), condition)
        if self.residual:
            for first, second in zip(layers[1::2], layers[2::2], strict=True):
                h = h + jax.nn.glu(_layer(act(_layer(act(h), *first)), *second), axis=0)
        else:
            for layer in layers[1:]:
                h = _layer(act(h), *layer)
        return act(h)

    def _told(self, h: Array, condition: Array | None) -> Array:
        """The first layer with what it makes of the condition added to all pixels."""
        if condition is None or self.embedding is None:
            return h
        return h + (self.embedding @ condition)[:, None, None, :].astype(h.dtype)


LOG_GAIN_MAX = 4.0
"""A channel may become 55 times as large or small; without a limit, several layers overflow float32."""


def convolve(
    x: Float[Array, "channels height width batch"],
    weight: Float[Array, "out k k channels"],
    dtype: Any = None,
    *,
    stride: int = 1,
) -> Array:
    """`(channels, height, width, batch) -> (out, height, width, batch)`, zeros beyond the border.

    On a CPU as matrix products, of all patches or, where the output is narrower, with shifted sums of the products:
    XLA's own convolution is up to 3 times as fast there, but 20 times slower inside a loop, as training is (design
    record 0015). On accelerators it is XLA's own, where sums have the type of the image.

    Args:
        x: The image.
        weight: The kernels.
        dtype: In which products are summed up and given; by default that of the image.
        stride: Of the pixels, one in so many each way gets an answer, the first of them included.
    """
    if weight.shape[1] == 1:
        return times_first(weight[:, 0, 0], x[:, ::stride, ::stride], dtype)
    by_patches = partial(_by_patches, dtype=dtype, stride=stride)
    products = partial(_by_shifts, dtype=dtype) if weight.shape[0] < weight.shape[3] and stride == 1 else by_patches
    # A gradient through XLA's convolution fails where it sums up in another type.
    default = partial(_by_xla, stride=stride) if dtype in (None, x.dtype) else products
    return jax.lax.platform_dependent(x, weight, cpu=products, default=default)


def _by_xla(x: Array, weight: Array, stride: int) -> Array:
    weight = weight.astype(x.dtype)  # unlike products, it takes no two types
    margin = weight.shape[1] // 2
    return jax.lax.conv_general_dilated(
        x, weight, (stride, stride), [(margin, margin)] * 2, dimension_numbers=("CHWN", "OHWI", "CHWN")
    )


def _by_patches(x: Array, weight: Array, dtype: Any, stride: int) -> Array:
    kernel = weight.shape[1]
    patches = jnp.stack([_shift(x, i, j, kernel, stride) for i in range(kernel) for j in range(kernel)])
    shape = patches.shape[2:]
    rows = weight.reshape(weight.shape[0], -1)
    patches = patches.reshape(kernel**2 * len(x), math.prod(shape))
    return jnp.matmul(rows, patches, preferred_element_type=dtype).reshape(len(rows), *shape)


def _by_shifts(x: Array, weight: Array, dtype: Any) -> Array:
    out, kernel, _, channels = weight.shape
    rows = jnp.moveaxis(weight, 0, 2).reshape(-1, channels)
    products = jnp.matmul(rows, x.reshape(channels, -1), preferred_element_type=dtype)
    # Split, as the gradient of each by an index is an array as large as all of them.
    images = jax.lax.split(products.reshape(kernel**2 * out, *x.shape[1:]), [out] * kernel**2)
    margin, (height, width) = kernel // 2, x.shape[1:3]
    # Added in place, one after another: XLA makes a sum of nine anew for each that reads it.
    total = images[kernel * margin + margin]
    for image, (i, j) in zip(images, itertools.product(range(kernel), repeat=2), strict=True):
        if (i, j) != (margin, margin):
            (here, there), (left, right) = _meeting(i - margin, height), _meeting(j - margin, width)
            total = total.at[:, here, left].add(image[:, there, right])
    return total


def _meeting(shift: int, size: int) -> tuple[slice, slice]:
    """Which of `size` places have one that is `shift` further, and which are those."""
    far = min(abs(shift), size)
    before, behind = slice(0, size - far), slice(far, size)
    return (before, behind) if shift >= 0 else (behind, before)


def _shift(x: Array, i: int, j: int, kernel: int, stride: int = 1) -> Array:
    """The image as place (i, j) of a kernel sees it."""
    margin = kernel // 2
    padded = jnp.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    return padded[:, i : i + x.shape[1] : stride, j : j + x.shape[2] : stride]


def _layer(x: Array, weight: Array, bias: Array) -> Array:
    return convolve(x, weight) + wide(bias)


def wide(channels: Array) -> Array:
    """Numbers of channels, to be combined with all pixels of all images."""
    return channels[:, None, None, None]


def _kernels(channels: int, width: int, depth: int, out: int, residual: bool) -> list[Shape]:
    """Shapes `(out, k, k, in)` of all convolutions, the last of which starts at zero."""
    if depth == 0:
        return [(out, 3, 3, channels)]
    block = [(width, 3, 3, width), (2 * width, 1, 1, width)] if residual else [(width, 1, 1, width)]
    return [(width, 3, 3, channels), *block * (depth - 1), (out, 3, 3, width)]


def random_weights(shapes: list[Shape], key: PRNGKeyArray) -> tuple[Array, ...]:
    """Normal arrays with variance 2 / inputs; one draw for all, as every call of the generator costs compile time."""
    sizes = [math.prod(shape) for shape in shapes]
    draws = jax.random.normal(key, (sum(sizes),), jnp.result_type(float))
    arrays, start = [], 0
    for shape, size in zip(shapes, sizes, strict=True):
        spread = math.sqrt(2.0 / max(math.prod(shape[1:]), 1))
        arrays.append(spread * draws[start : start + size].reshape(shape))
        start += size
    return tuple(arrays)
