"""The layer of MintNet: a masked residual network with a triangular Jacobian."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from pushforward._errors import PushforwardError, as_key, did_you_mean
from pushforward._params import positive, static
from pushforward._types import Activation, Kind, Part, Shape
from pushforward.bijections._base import AbstractBatched, sum_event
from pushforward.bijections.residual._fixed_point import Solve, iterate, solve
from pushforward.nets import ACTIVATIONS, convolve
from pushforward.nets._activations import as_name

INCREASING = ("elu", "leaky_relu", "relu", "softplus", "tanh")
SPARE_STEPS = 50
"""Beside one step for each number of the event, after which the iteration has ended near the solution; past them, it
is likely in a cycle."""


class MaskedLinear(Part):
    """A linear map of units at each coordinate that sees this coordinate and those before it.

    The coordinates of an image are its channels, one after another, each pixel by pixel: channel `i` sees the channels
    before it through whole kernels, its own through the pixels before in raster order. A vector is an image of one
    pixel, with a kernel of one place. What a coordinate's units get from that coordinate's units has positive weights.

    Args:
        channels: Of the image, or the size of the vector.
        num_in: Units that come in, at each coordinate.
        num_out: Units that go out, at each coordinate.
        kernel: Side of the convolution, odd; 1 for a vector.
        diagonal: Sum of the positive weights into a unit at the start.
        spread: Of the other weights and the biases at the start.
        key: For the initial weights.
    """

    diagonal: Float[Array, "out in channels"]
    before: Float[Array, "out channels places in channels"]
    bias: Float[Array, "out channels"]

    def __init__(
        self,
        channels: int,
        num_in: int,
        num_out: int,
        *,
        kernel: int = 1,
        diagonal: float,
        spread: float = 1.0,
        key: PRNGKeyArray,
    ):
        key = as_key("MaskedLinear", key)
        places = kernel * kernel
        shapes = [(num_out, num_in, channels), (num_out, channels, places, num_in, channels), (num_out, channels)]
        # One draw for all: every call of the generator costs compile time.
        draws = jax.random.uniform(key, (sum(map(math.prod, shapes)),), jnp.result_type(float), -1.0, 1.0)
        ends = np.cumsum([math.prod(shape) for shape in shapes])
        diagonal_draw, before, bias = (
            part.reshape(shape) for part, shape in zip(jnp.split(draws, ends[:-1]), shapes, strict=True)
        )
        self.diagonal = diagonal / num_in * (1.0 + 0.9 * diagonal_draw)
        self.before, self.bias = spread * before / np.sqrt(num_in * channels * places), spread * bias

    def __call__(self, h: Float[Array, "in channels *grid batch"]) -> Float[Array, "out channels *grid batch"]:
        num_out, channels, places, num_in, _ = self.before.shape
        side, grid = math.isqrt(places), h.shape[2:-1]
        kernel = self._masked().reshape(num_out * channels, side, side, num_in * channels)
        # A vector is an image of one pixel.
        image = h.reshape(num_in * channels, *(grid or (1, 1)), h.shape[-1])
        if places > 1:
            # Else XLA computes what comes in, and all layers before it, again for each place of the kernel.
            image = jax.lax.optimization_barrier(image)
        product = convolve(image, kernel).reshape(num_out, channels, *h.shape[2:])
        return product + jnp.expand_dims(self.bias, tuple(range(2, h.ndim)))

    def along(self, slope: Float[Array, "in channels *grid batch"]) -> Float[Array, "out channels *grid batch"]:
        """The derivatives of a coordinate's outputs for that coordinate, given those of its inputs."""
        return jnp.einsum("oic,ic...->oc...", jnp.abs(self.diagonal), slope)

    def _masked(self) -> Float[Array, "out channels places in channels"]:
        _, channels, places, _, _ = self.before.shape
        to, of = np.arange(channels)[:, None, None, None], np.arange(channels)
        place, centre = np.arange(places)[:, None, None], places // 2
        is_free = (of < to) | ((of == to) & (place < centre))
        on_diagonal = jnp.moveaxis(jnp.abs(self.diagonal), 2, 1)[:, :, None, :, None]  # (out, channels, 1, in, 1)
        return jnp.where(is_free, self.before, jnp.where((of == to) & (place == centre), on_diagonal, 0.0))


class MaskedResidual(AbstractBatched):
    r"""`inverse` is $z = t \odot x + g(x)$ with a masked network $g$: the layer of MintNet, of vectors and images.

    Coordinate $i$ of $g$ sees the coordinates up to $i$, and increases in coordinate $i$; $t > 0$. So the Jacobian is
    triangular, and $\log|\det| = \sum_i \log(t_i + \partial g_i / \partial x_i)$ is exact, from the same pass. Base to
    data iterates $x \leftarrow x - (f(x) - z) / \operatorname{diag}$ until the equation holds to rounding; `solution`
    says how that went. Where it does not end, the coordinates are solved one after another.

    The coordinates of an image are those of its first channel, row by row, then those of the second, and so on.

    Args:
        shape: Size of a vector, or `(height, width, channels)`, for which the network is one of convolutions.
        width: Units of each hidden layer at each coordinate.
        depth: Hidden layers.
        kernel: Side of the convolutions, odd; of no use to vectors.
        cond_dim: Size of the condition, which joins the first hidden layer, or None.
        activation: An increasing one: `"elu"`, `"leaky_relu"`, `"relu"`, `"softplus"` or `"tanh"`.
        key: For the initial weights. The layer starts near the identity.

    Raises:
        ValueError: If the activation does not increase, a count is below 1, or the shape or the kernel cannot be used.
        PushforwardError: When it is called, if the activation was edited to one that does not increase.

    Example:
        >>> layer = MaskedResidual((4, 4, 1), width=4, key=jax.random.key(0))
        >>> x, log_det = layer.inverse_and_log_det(jnp.zeros((4, 4, 1)))
        >>> x.shape, log_det.shape
        ((4, 4, 1), ())

    Reference:
        Song, Meng & Ermon (2019), MintNet: building invertible neural networks with masked convolutions, section 3.

    Note:
        Weights on the diagonal enter by their absolute values, where the paper flips their signs to agree. In vectors,
        masked linear maps stand in for masked convolutions.
    """

    scale_raw: Float[Array, "channels *grid"]
    layers: tuple[MaskedLinear, ...]
    cond_weight: Float[Array, "width channels cond"] | None
    shape: Shape = static()
    activation: str = static()

    forward_kind: ClassVar[Kind] = "iterative"
    inverse_kind: ClassVar[Kind] = "analytic"

    def __init__(
        self,
        shape: int | Shape,
        *,
        width: int = 16,
        depth: int = 2,
        kernel: int = 3,
        cond_dim: int | None = None,
        activation: Activation = "tanh",
        key: PRNGKeyArray,
    ):
        key = as_key("MaskedResidual", key)
        self.shape = (shape,) if isinstance(shape, int) else tuple(shape)
        self.activation = as_name("MaskedResidual", activation)
        _check_options(self.shape, width, depth, kernel, self.activation)
        *grid, channels = self.shape
        side = kernel if grid else 1
        *keys, last_key, cond_key = jax.random.split(key, depth + 2)
        counts = [1, *[width] * depth]
        self.layers = (
            *(
                MaskedLinear(channels, counts[i], width, kernel=side, diagonal=1.0, key=layer_key)
                for i, layer_key in enumerate(keys)
            ),
            MaskedLinear(channels, width, 1, kernel=side, diagonal=SMALL, spread=0.0, key=last_key),
        )
        self.cond_weight = None if cond_dim is None else jax.random.normal(cond_key, (width, channels, cond_dim)) / 2.0
        self.scale_raw = jnp.zeros((channels, *grid))

    @property
    def in_shape(self) -> Shape:
        return self.shape

    @property
    def out_shape(self) -> Shape:
        return self.shape

    @property
    def cond_shape(self) -> Shape | None:
        return None if self.cond_weight is None else self.cond_weight.shape[-1:]

    def solution(self, z: ArrayLike, condition: ArrayLike | None = None) -> Solve:
        """How the iteration of `forward` went for one event: its steps, and their rate."""
        event, given = self._checked(z, condition, self.in_shape)
        params = self, None if given is None else given[:, None]
        found = iterate(_value_and_diagonal, params, _channels_first(event[..., None]), self._max_steps)
        return Solve(_channels_last(found.x)[..., 0], found.steps, found.rate[0], found.residual[0])

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        y = solve(_value_and_diagonal, (self, condition), _channels_first(x), self._max_steps, True)
        y = _channels_last(y)
        return y, -self._inverse_many(y, condition, key)[1]

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        value, diagonal = _value_and_diagonal((self, condition), _channels_first(x))
        return _channels_last(value), sum_event(jnp.log(diagonal))

    def _shift(self, condition: Array | None) -> ArrayLike:
        if condition is None or self.cond_weight is None:
            return 0.0
        return jnp.expand_dims(self.cond_weight @ condition, tuple(range(2, 1 + len(self.shape))))

    @property
    def _max_steps(self) -> int:
        return math.prod(self.shape) + SPARE_STEPS


SMALL = 0.05
"""Slope of the network at the start, beside a slope of 1 of the rest."""


def _channels_first(x: Array) -> Array:
    """`(*grid, channels, batch) -> (channels, *grid, batch)`, in which order the Jacobian is triangular."""
    return jnp.moveaxis(x, -2, 0)


def _channels_last(x: Array) -> Array:
    """`(channels, *grid, batch) -> (*grid, channels, batch)`."""
    return jnp.moveaxis(x, 0, -2)


def _value_and_diagonal(params: tuple[MaskedResidual, Array | None], x: Array) -> tuple[Array, Array]:
    """The map's values and the diagonal of its Jacobian, both `(channels, *grid, batch)`."""
    layer, condition = params
    scale = positive(layer.scale_raw)[0][..., None]
    value, slope = masked_residual(layer.layers, x[None], layer._shift(condition), layer.activation)
    return scale * x + value[0], scale + slope[0]


def masked_residual(maps: Sequence[Any], x: Array, shift: ArrayLike, activation: str) -> tuple[Array, Array]:
    """A network of masked maps, and its derivative along the diagonal.

    Args:
        maps: Parts like `MaskedLinear`: called for values, `along` for derivatives.
        x: Units at each coordinate, `(1, channels, *grid, batch)`.
        shift: Added to the first hidden layer.
        activation: One of `INCREASING`.
    """
    if activation not in INCREASING:
        raise PushforwardError(
            f"MaskedResidual: activation={activation!r} does not increase, so the map need not be invertible.",
            f"the model was edited: restore one of {', '.join(INCREASING)}, or fit the model again",
        )
    value, slope = maps[0](x) + shift, maps[0].along(jnp.ones_like(x))
    for masked in maps[1:]:
        value, steepness = jax.jvp(ACTIVATIONS[activation], (value,), (jnp.ones_like(value),))
        value, slope = masked(value), masked.along(steepness * slope)
    return value, slope


def _check_options(shape: Shape, width: int, depth: int, kernel: int, activation: str) -> None:
    if len(shape) not in (1, 3) or min(shape) < 1:
        raise ValueError(f"MaskedResidual: `shape` must be a size or (height, width, channels), got {shape}.")
    if activation not in INCREASING:
        raise ValueError(
            f"MaskedResidual: `activation` {activation!r} does not increase; {did_you_mean(activation, INCREASING)}."
        )
    if width < 1 or depth < 1:
        raise ValueError(f"MaskedResidual: `width` and `depth` must be at least 1, got {width} and {depth}.")
    if kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"MaskedResidual: `kernel` must be odd and at least 1, got {kernel}.")
