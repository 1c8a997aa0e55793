"""A convolutional network with a bound on its slope that holds for any weights, at the size of its images."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from pushforward._errors import as_key
from pushforward._params import positive, positive_raw, static
from pushforward._types import Activation, Part, Shape
from pushforward.nets._activations import as_name
from pushforward.nets._conv import convolve
from pushforward.nets._lipschitz import LIPSCHITZ_ACTIVATIONS, bounded, check_contraction, check_options, spectral_bound

FREQUENCIES = 16
"""Along each side, at most; the bound of a 3x3 convolution of a large image is then 1.04 times as large as need be."""


def conv_spectral_bound(kernel: Float[Array, "out k k in"], size: tuple[int, int]) -> Float[Array, ""]:
    r"""An upper bound of the norm of the convolution of images of this size that are zero beyond their border.

    The images are a part of a torus with a margin of zeros, where the convolution is one matrix of channels for each
    frequency; each is bounded by `spectral_bound`. On a large torus the frequencies are 16 for each side, and the bound
    is divided by $\cos(\pi m / 16)$ for each, with $m = \lfloor k/2 \rfloor$: between two of them a trigonometric
    polynomial of degree $m$ falls no further below its largest value (M. Riesz).

    Args:
        kernel: $K$, with an odd side $k$ up to 15.
        size: Height and width of the images.

    Reference:
        Delattre, Barthelemy, Araujo & Allauzen (2023), Efficient bound of Lipschitz constant for convolutional layers
        by Gram iteration; design record 0019.
    """
    margin = kernel.shape[1] // 2
    (rows, down), (columns, across) = (_frequencies(side + margin, margin) for side in size)
    steps = np.arange(-margin, margin + 1)
    # Frequencies and their negatives have the same norm, as the kernel is real.
    phase = rows[: len(rows) // 2 + 1, None, None, None] * steps[:, None] + columns[:, None, None] * steps
    phase = phase.reshape(-1, *phase.shape[2:])
    waves = (jnp.asarray(wave(phase), kernel.dtype) for wave in (np.cos, np.sin))
    real, imaginary = (jnp.einsum("fij,oijc->foc", wave, kernel) for wave in waves)
    # A complex matrix as a real one of the same norm.
    matrices = jnp.block([[real, -imaginary], [imaginary, real]])
    return jnp.max(jax.vmap(spectral_bound)(matrices)) / (down * across)


def _frequencies(torus: int, margin: int) -> tuple[np.ndarray, float]:
    """The frequencies of one side, and what the bound is divided by between them."""
    count = min(torus, FREQUENCIES)
    return 2 * np.pi * np.arange(count) / count, math.cos(math.pi * margin / count) if count < torus else 1.0


def bounded_kernel(kernel: Float[Array, "out k k in"], norm: float, size: tuple[int, int]) -> Array:
    """The kernel, scaled down if the norm of its convolution is above `norm`."""
    if kernel.shape[1] == 1:
        return bounded(kernel[:, 0, 0], norm)[:, None, None]
    # The norms of the places add up at most, and at zero the bound has no derivative.
    small = kernel.shape[1] ** 2 * jnp.sum(kernel * kernel) <= norm * norm
    bound = conv_spectral_bound(jnp.where(small, jnp.ones_like(kernel), kernel), size)
    return kernel * jnp.where(small, 1.0, norm / jnp.maximum(bound, norm))


class LipschitzConvNet(Part):
    r"""A network of images `(channels, height, width, batch)` with $\|g(x) - g(y)\| \le c \|x - y\|$.

    A 3x3 convolution, 1x1 convolutions between hidden layers, and a 3x3 convolution. Like `LipschitzMLP`, it divides
    every kernel by a bound of the norm of its convolution whenever it runs, and applies $h(sx)/s$ with a trained
    sharpness $s > 0$. The condition is a vector of which a linear function is added to all pixels.

    Args:
        in_shape: `(height, width, channels)`, of input and output.
        coeff: $c$, above 0 and below 1.
        width: Channels of each hidden layer.
        depth: Number of hidden layers; 2 is 3x3, 1x1, 3x3.
        cond_dim: Size of the condition, or None.
        activation: A name in `LIPSCHITZ_ACTIVATIONS`.
        key: For the initial weights; the last layer starts at zero.

    Raises:
        ValueError: If `coeff` is not between 0 and 1, `width` or `depth` is below 1, or the activation is unknown.

    Reference:
        Chen et al. (2019), Residual flows, sections 3.3 and 4; the bound: `conv_spectral_bound`.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    cond_weight: Float[Array, "width cond"] | None
    sharpness_raw: Float[Array, " depth"]
    in_shape: Shape = static()
    cond_dim: int | None = static()
    activation: str = static()
    coeff: float = static()

    def __init__(
        self,
        in_shape: Shape,
        *,
        coeff: float = 0.9,
        width: int = 128,
        depth: int = 2,
        cond_dim: int | None = None,
        activation: Activation = "lipswish",
        key: PRNGKeyArray,
    ):
        key = as_key("LipschitzConvNet", key)
        self.activation = as_name("LipschitzConvNet", activation)
        check_options("LipschitzConvNet", coeff, width, depth, self.activation)
        channels = in_shape[-1]
        shapes = [(width, 3, 3, channels), *[(width, 1, 1, width)] * (depth - 1), (channels, 3, 3, width)]
        *hidden, embedding = _draw([*shapes[:-1], (width, cond_dim or 0)], key)
        self.weights = (*hidden, jnp.zeros(shapes[-1]))
        self.biases = tuple(jnp.zeros(shape[0]) for shape in shapes)
        self.cond_weight = None if cond_dim is None else embedding
        # As in `LipschitzMLP`: the mean square of what units get is about channels / width.
        self.sharpness_raw = jnp.full(depth, positive_raw(max(1.0, math.sqrt(width / channels))))
        self.in_shape, self.cond_dim = tuple(in_shape), cond_dim
        self.coeff = float(coeff)

    def __call__(
        self, x: Float[Array, "channels height width batch"], condition: Float[Array, "cond batch"] | None = None
    ) -> Float[Array, "channels height width batch"]:
        return self.run(self.bounded_weights(), x, condition)

    def bounded_weights(self) -> tuple[Array, ...]:
        """The kernels that the network runs with: the product of the norms of their convolutions is at most `coeff`.

        Raises:
            PushforwardError: If `coeff` or `activation`, which a file holds as plain data, cannot give a contraction.
        """
        check_contraction(self.coeff, self.activation)
        share = self.coeff ** (1.0 / len(self.weights))
        height, width, _ = self.in_shape
        return tuple(bounded_kernel(weight, share, (height, width)) for weight in self.weights)

    def run(self, weights: tuple[Array, ...], x: Array, condition: Array | None) -> Array:
        """The network with kernels from `bounded_weights`, which many runs may share."""
        act = LIPSCHITZ_ACTIVATIONS[self.activation]
        shift = 0.0
        if condition is not None and self.cond_weight is not None:
            shift = (self.cond_weight @ condition)[:, None, None]
        h = x
        for weight, bias, sharpness in zip(
            weights[:-1], self.biases[:-1], positive(self.sharpness_raw)[0], strict=True
        ):
            h = act(sharpness * (_convolved(h, weight) + bias[:, None, None, None] + shift)) / sharpness
            shift = 0.0
        return _convolved(h, weights[-1]) + self.biases[-1][:, None, None, None]


def _convolved(x: Array, kernel: Array) -> Array:
    # Without a barrier XLA computes what comes in, and all blocks before it, again for each place of the kernel.
    return convolve(jax.lax.optimization_barrier(x) if kernel.shape[1] > 1 else x, kernel)


def _draw(shapes: list[Shape], key: PRNGKeyArray) -> tuple[Array, ...]:
    """Normal arrays with variance 1 / inputs; one draw for all, as every call of the generator costs compile time."""
    sizes = [math.prod(shape) for shape in shapes]
    draws = jax.random.normal(key, (sum(sizes),), jnp.result_type(float))
    parts = zip(jnp.split(draws, np.cumsum(sizes)[:-1].tolist()), shapes, strict=True)
    return tuple(part.reshape(shape) / math.sqrt(max(math.prod(shape[1:]), 1)) for part, shape in parts)
