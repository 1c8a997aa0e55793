"""Convolutional networks whose pixels also look at each other, channels first inside, batch last."""

import math
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, PRNGKeyArray

from pushforward._errors import as_key
from pushforward._params import static
from pushforward._types import Activation, Part, Shape
from pushforward.nets._activations import ACTIVATIONS, activation_name
from pushforward.nets._conditioner import AbstractConditioner
from pushforward.nets._conv import convolve, wide
from pushforward.nets._precision import check_precision, lowered
from pushforward.nets._products import times_first
from pushforward.nets._transformer import Memory, attend, normed

SMALL = 0.1
"""What a block adds starts this much smaller than what it adds to, so that deep stacks keep activations in size."""


class AttentionBlock(Part):
    r"""A gated convolution and a gated attention over all pixels, each behind a norm and beside a shortcut.

    A gate is $h + a \odot \sigma(g)$ with $(a, g)$ a linear function at every pixel of what the convolution or the
    attention gives. Norms are over the channels of a pixel and have no weights of their own: the matrix that follows
    makes up for them.

    Args:
        grid: `(height, width)`.
        width: Channels.
        num_heads: Attentions side by side.
        activation: A name in `ACTIVATIONS`, or the function of JAX of that name.
        key: For the initial weights.
    """

    kernel: Array
    matrices: tuple[Array, Array, Array]
    biases: tuple[Array, Array, Array, Array]
    places: Array
    num_heads: int = static()
    activation: str = static()

    def __init__(self, grid: Shape, width: int, *, num_heads: int, activation: Activation, key: PRNGKeyArray):
        # One draw for all weights: every call of the generator costs compile time.
        draws = jax.random.normal(key, (9 + 2 + 3 + 2, width, width), jnp.result_type(float)) / math.sqrt(width)
        self.kernel = draws[:9].reshape(3, 3, width, width).transpose(2, 0, 1, 3) * math.sqrt(2 / 9)
        gate, query, mix = draws[9:11], draws[11:14], draws[14:]
        self.matrices = (SMALL * gate.reshape(-1, width), query.reshape(-1, width), SMALL * mix.reshape(-1, width))
        self.biases = (jnp.zeros(width), jnp.zeros(2 * width), jnp.zeros(3 * width), jnp.zeros(2 * width))
        self.places = jnp.zeros((width, *grid))
        self.num_heads, self.activation = num_heads, activation_name("ConvAttentionNet", activation)

    def __call__(self, h: Float[Array, "width height w batch"]) -> Float[Array, "width height w batch"]:
        act, (gate, _, mix) = ACTIVATIONS[self.activation], self.matrices
        inside = convolve(act(_normed(h)), self.kernel) + wide(self.biases[0])
        h = h + jax.nn.glu(_product(gate, act(inside), self.biases[1]), axis=0)
        return h + jax.nn.glu(_product(mix, self._seen(_normed(h) + self.places[..., None]), self.biases[3]), axis=0)

    def _seen(self, h: Array) -> Array:
        """What every pixel finds at the others."""
        width, *_, batch = h.shape
        together = _product(self.matrices[1], h, self.biases[2])
        split = together.reshape(3, self.num_heads, width // self.num_heads, -1, batch)
        query, key, value = jnp.transpose(split, (0, 4, 1, 3, 2))  # each (batch, heads, pixels, size)
        return jnp.transpose(attend(query, Memory(key, value), True), (1, 3, 2, 0)).reshape(h.shape)


class ConvAttentionNet(AbstractConditioner):
    """A network `(height, width, channels, batch) -> (params, height, width, out channels, batch)` with attention.

    A 3x3 convolution, `depth` blocks of a gated 3x3 convolution and a gated self-attention over all pixels, a norm, and
    a 3x3 convolution that starts at zero, so that a flow starts from the values of its templates. Attention costs
    pixels x pixels x `num_heads` numbers for each image and block.

    Args:
        in_shape: `(height, width, channels)` of the input.
        out_shape: `(params, height, width, channels)` of the output.
        width: Channels of the hidden layers.
        depth: Blocks, at least 1.
        num_heads: Attentions side by side; a divisor of `width`.
        cond_dim: Size of the condition, a vector of which a linear function is added to all pixels; or the shape
            `(height, width, channels)` of an image, whose channels the network sees beside those of the input; or None.
        activation: A name in `ACTIVATIONS`, or the function of JAX of that name.
        unit: What makes 1 for the network: it sees the input divided by this.
        precision: "full", or "bfloat16" inside, but for norms and the shares of attention: weights stay as they are,
            and so does what the network gives, which the last convolution sums up in full.
        key: For the initial weights.

    Raises:
        ValueError: If the shapes do not fit, a size is below 1, `num_heads` does not divide `width`, or the activation
            is unknown.

    Example:
        >>> net = ConvAttentionNet((4, 4, 1), (2, 4, 4, 3), width=8, depth=1, num_heads=2, key=key)
        >>> net(jnp.ones((4, 4, 1, 10))).shape
        (2, 4, 4, 3, 10)

    Reference:
        Ho, Chen, Srinivas, Duan & Abbeel (2019), Flow++, section 3.3.

    Note:
        Norms stand before a convolution or an attention, where the paper has them behind the sum. No dropout.
    """

    first: Array
    blocks: AttentionBlock
    last: Array
    biases: tuple[Array, Array]
    embedding: Array | None
    in_shape: Shape = static()
    out_shape: Shape = static()
    cond_dim: int | Shape | None = static()
    unit: float = static(default=1.0)
    precision: str = static(default="full")

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        *,
        width: int = 96,
        depth: int = 10,
        num_heads: int = 4,
        cond_dim: int | Shape | None = None,
        activation: Activation = "relu",
        unit: float = 1.0,
        precision: str = "full",
        key: PRNGKeyArray,
    ):
        key = as_key("ConvAttentionNet", key)
        check_precision("ConvAttentionNet", precision)
        _check(in_shape, out_shape, cond_dim, {"width": width, "depth": depth, "num_heads": num_heads})
        self.in_shape, self.out_shape = tuple(in_shape), tuple(out_shape)
        self.cond_dim, self.unit, self.precision = cond_dim, unit, precision
        first_key, cond_key, blocks_key = jax.random.split(key, 3)
        channels = in_shape[-1] + (cond_dim[-1] if isinstance(cond_dim, tuple) else 0)
        self.first = _normal(first_key, (width, 3, 3, channels), 9 * channels)
        self.embedding = _normal(cond_key, (width, cond_dim), cond_dim) if isinstance(cond_dim, int) else None
        options = {"num_heads": num_heads, "activation": activation}
        make = partial(AttentionBlock, tuple(in_shape[:2]), width, **options)
        self.blocks = jax.vmap(lambda block_key: make(key=block_key))(jax.random.split(blocks_key, depth))
        out = out_shape[0] * out_shape[-1]
        self.last, self.biases = jnp.zeros((out, 3, 3, width)), (jnp.zeros(width), jnp.zeros(out))

    def __call__(
        self, x: Float[Array, "height width channels batch"], condition: Array | None = None
    ) -> Float[Array, "params height width out batch"]:
        seen = x if self.unit == 1.0 else x / self.unit
        if condition is not None and isinstance(self.cond_dim, tuple):
            seen = jnp.concatenate([seen, condition], axis=2)
        first, last, blocks, bias = lowered(self.precision, (self.first, self.last, self.blocks, self.biases[0]))
        h = convolve(lowered(self.precision, jnp.moveaxis(seen, 2, 0)), first) + wide(bias)
        if condition is not None and self.embedding is not None:
            h = h + lowered(self.precision, self.embedding @ condition)[:, None, None, :]
        h, _ = lax.scan(lambda h, block: (block(h), None), h, blocks)
        # Summed up in full: what the network gives enters a log-det.
        h = convolve(_normed(h), last, x.dtype) + wide(self.biases[1])
        count, height, width, channels = self.out_shape
        return jnp.moveaxis(h.reshape(count, channels, height, width, -1), 1, 3)


def _normed(h: Array) -> Array:
    """The channels of every pixel with mean 0 and variance 1, found in float32 at least."""
    full = h.astype(jnp.promote_types(h.dtype, jnp.float32))
    return jnp.moveaxis(normed(jnp.moveaxis(full, 0, -1)), -1, 0).astype(h.dtype)


def _product(matrix: Array, h: Array, bias: Array) -> Array:
    return times_first(matrix, h) + wide(bias)


def _normal(key: PRNGKeyArray, shape: Shape, fan_in: int) -> Array:
    return jax.random.normal(key, shape, jnp.result_type(float)) / math.sqrt(max(fan_in, 1))


def _check(in_shape: Shape, out_shape: Shape, cond_dim: int | Shape | None, sizes: dict[str, int]) -> None:
    grid = tuple(in_shape[:2])
    if len(in_shape) != 3 or len(out_shape) != 4 or grid != tuple(out_shape[1:3]):
        raise ValueError(
            "ConvAttentionNet: needs shapes (height, width, channels) and (params, height, width, channels) of the "
            f"same height and width, got {in_shape} and {out_shape}."
        )
    if isinstance(cond_dim, tuple) and (len(cond_dim) != 3 or cond_dim[:2] != grid):
        raise ValueError(f"ConvAttentionNet: a condition that is an image must be {grid} too, got shape {cond_dim}.")
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"ConvAttentionNet: `{name}` must be at least 1, got {size}.")
    if sizes["width"] % sizes["num_heads"]:
        raise ValueError(
            f"ConvAttentionNet: `num_heads` must divide `width`, got {sizes['num_heads']} and {sizes['width']}."
        )
