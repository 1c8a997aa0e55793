"""The layer of MintNet: a masked residual network with a triangular Jacobian."""

from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from pushforward._errors import PushforwardError, did_you_mean
from pushforward._params import positive, static
from pushforward._types import Kind, Part, Shape
from pushforward.bijections._base import AbstractBatched
from pushforward.bijections._fixed_point import Solve, iterate, solve
from pushforward.nets import ACTIVATIONS

INCREASING = ("elu", "leaky_relu", "relu", "softplus", "tanh")
SPARE_STEPS = 50
"""Beside the `dim` steps after which the iteration has ended near the solution; past them, it is likely in a cycle."""


class MaskedDense(Part):
    """A linear map of units at each coordinate that sees this coordinate and those before it.

    What a coordinate's units get from that coordinate's units has positive weights. A residual network asks a masked
    map for two things only, its value and its action along the diagonal; a masked convolution can give the same two.

    Args:
        dim: Number of coordinates.
        num_in: Units that come in, at each coordinate.
        num_out: Units that go out, at each coordinate.
        diagonal: Sum of the positive weights into a unit at the start.
        spread: Of the other weights and the biases at the start.
        key: For the initial weights.
    """

    diagonal: Float[Array, "out in dim"]
    below: Float[Array, "out dim in dim"]
    bias: Float[Array, "out dim"]

    def __init__(self, dim: int, num_in: int, num_out: int, *, diagonal: float, spread: float = 1.0, key: PRNGKeyArray):
        shapes = [(num_out, num_in, dim), (num_out, dim, num_in, dim), (num_out, dim)]
        # One draw for all: every call of the generator costs compile time.
        draws = jax.random.uniform(key, (sum(map(np.prod, shapes)),), jnp.result_type(float), -1.0, 1.0)
        ends = np.cumsum([np.prod(shape) for shape in shapes])
        diagonal_draw, below, bias = (
            part.reshape(shape) for part, shape in zip(jnp.split(draws, ends[:-1]), shapes, strict=True)
        )
        self.diagonal = diagonal / num_in * (1.0 + 0.9 * diagonal_draw)
        self.below, self.bias = spread * below / np.sqrt(num_in * dim), spread * bias

    def __call__(self, h: Float[Array, "in dim batch"]) -> Float[Array, "out dim batch"]:
        num_out, dim, num_in, _ = self.below.shape
        rows, columns = np.arange(dim)[:, None, None], np.arange(dim)
        on_diagonal = jnp.moveaxis(jnp.abs(self.diagonal), 2, 1)[..., None]  # (out, dim, in, 1)
        matrix = jnp.where(columns < rows, self.below, jnp.where(columns == rows, on_diagonal, 0.0))
        product = matrix.reshape(num_out * dim, -1) @ h.reshape(num_in * dim, -1)
        return product.reshape(num_out, dim, -1) + self.bias[..., None]

    def along(self, slope: Float[Array, "in dim batch"]) -> Float[Array, "out dim batch"]:
        """The derivatives of a coordinate's outputs for that coordinate, given those of its inputs."""
        return jnp.einsum("oid,idb->odb", jnp.abs(self.diagonal), slope)


class MaskedResidual(AbstractBatched):
    r"""`inverse` is $z = t \odot x + g(x)$ with a masked network $g$: the layer of MintNet.

    Coordinate $i$ of $g$ sees the coordinates up to $i$, and increases in coordinate $i$; $t > 0$. So the Jacobian is
    triangular, and $\log|\det| = \sum_i \log(t_i + \partial g_i / \partial x_i)$ is exact, from the same pass. Base to
    data iterates $x \leftarrow x - (f(x) - z) / \operatorname{diag}$ until the equation holds to rounding; `solution`
    says how that went. Where it does not end, the coordinates are solved one after another.

    Args:
        dim: Size of the event.
        width: Units of each hidden layer at each coordinate.
        depth: Hidden layers.
        cond_dim: Size of the condition, which joins the first hidden layer, or None.
        activation: An increasing one: `"elu"`, `"leaky_relu"`, `"relu"`, `"softplus"` or `"tanh"`.
        key: For the initial weights. The layer starts near the identity.

    Raises:
        ValueError: If the activation does not increase, or a count is below 1.
        PushforwardError: When it is called, if the activation was edited to one that does not increase.

    Example:
        >>> layer = MaskedResidual(2, key=jax.random.key(0))
        >>> x, log_det = layer.inverse_and_log_det(jnp.zeros(2))
        >>> x.shape, log_det.shape
        ((2,), ())

    Reference:
        Song, Meng & Ermon (2019), MintNet: building invertible neural networks with masked convolutions, section 3.

    Note:
        Weights on the diagonal enter by their absolute values, where the paper flips their signs to agree; masked
        linear maps stand in for masked convolutions.
    """

    scale_raw: Float[Array, " dim"]
    layers: tuple[MaskedDense, ...]
    cond_weight: Array | None
    dim: int = static()
    activation: str = static()

    forward_kind: ClassVar[Kind] = "iterative"
    inverse_kind: ClassVar[Kind] = "analytic"

    def __init__(
        self,
        dim: int,
        *,
        width: int = 16,
        depth: int = 2,
        cond_dim: int | None = None,
        activation: str = "tanh",
        key: PRNGKeyArray,
    ):
        if activation not in INCREASING:
            raise ValueError(
                f"MaskedResidual: `activation` {activation!r} does not increase; "
                f"{did_you_mean(activation, INCREASING)}."
            )
        if width < 1 or depth < 1:
            raise ValueError(f"MaskedResidual: `width` and `depth` must be at least 1, got {width} and {depth}.")
        *keys, last_key, cond_key = jax.random.split(key, depth + 2)
        counts = [1, *[width] * depth]
        self.layers = (
            *(MaskedDense(dim, counts[i], width, diagonal=1.0, key=k) for i, k in enumerate(keys)),
            MaskedDense(dim, width, 1, diagonal=SMALL, spread=0.0, key=last_key),
        )
        self.cond_weight = None if cond_dim is None else jax.random.normal(cond_key, (width, dim, cond_dim)) / 2.0
        self.scale_raw, self.dim, self.activation = jnp.zeros(dim), dim, activation

    @property
    def in_shape(self) -> Shape:
        return (self.dim,)

    @property
    def out_shape(self) -> Shape:
        return (self.dim,)

    @property
    def cond_shape(self) -> Shape | None:
        return None if self.cond_weight is None else self.cond_weight.shape[-1:]

    def solution(self, z: ArrayLike, condition: ArrayLike | None = None) -> Solve:
        """How the iteration of `forward` went for one event: its steps, and their rate."""
        event, given = self._checked(z, condition, self.in_shape)
        params = self, None if given is None else given[:, None]
        found = iterate(_value_and_diagonal, params, event[:, None], self.dim + SPARE_STEPS)
        return Solve(found.x[:, 0], found.steps, found.rate[0], found.residual[0])

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        y = solve(_value_and_diagonal, (self, condition), x, self.dim + SPARE_STEPS, True)
        return y, -self._inverse_many(y, condition, key)[1]

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        value, diagonal = _value_and_diagonal((self, condition), x)
        return value, jnp.sum(jnp.log(diagonal), axis=0)

    def _shift(self, condition: Array | None) -> ArrayLike:
        return 0.0 if condition is None or self.cond_weight is None else self.cond_weight @ condition


SMALL = 0.05
"""Slope of the network at the start, beside a slope of 1 of the rest."""


def _value_and_diagonal(params: tuple[MaskedResidual, Array | None], x: Array) -> tuple[Array, Array]:
    """The map's values and the diagonal of its Jacobian, both `(dim, batch)`."""
    layer, condition = params
    scale = positive(layer.scale_raw)[0][:, None]
    value, slope = masked_residual(layer.layers, x[None], layer._shift(condition), layer.activation)
    return scale * x + value[0], scale + slope[0]


def masked_residual(maps: Sequence[Any], x: Array, shift: ArrayLike, activation: str) -> tuple[Array, Array]:
    """A network of masked maps, and its derivative along the diagonal.

    Args:
        maps: Parts like `MaskedDense`: called for values, `along` for derivatives.
        x: Units at each coordinate, `(1, dim, batch)`.
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
