"""Monotone maps that are integrals of a positive network."""

import itertools
import math
from functools import lru_cache
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from pushforward._errors import as_key
from pushforward._params import positive, shared, static
from pushforward._roots import solve_increasing
from pushforward._types import Activation, Kind, Part, Shape
from pushforward.bijections._base import AbstractElementwise
from pushforward.bijections.elementwise._bins import exclusive_sum, pick
from pushforward.nets import ACTIVATIONS
from pushforward.nets._activations import activation_name

SLOPE_LIMIT = 7.0
"""Slopes lie between `exp(-7)` and `exp(7)`: flatter cells would vanish in the sum over steep ones."""


class PositiveNetwork(Part):
    r"""A positive function $g(t)$ of one number, a network that also sees an embedding $e$.

    Args:
        embedding: Size of $e$, which is what a conditioner predicts; the weights are shared.
        width: Units of each hidden layer.
        depth: Hidden layers.
        activation: Of the hidden layers.
        shape: The event's shape.
        key: For the initial weights.
    """

    embedding: Array
    weights: tuple[Array, ...] = shared()
    biases: tuple[Array, ...] = shared()
    activation: str = static()

    def __init__(self, embedding: int, width: int, depth: int, activation: Activation, shape: Shape, key: PRNGKeyArray):
        sizes = [1 + embedding, *[width] * depth, 1]
        self.embedding = jnp.zeros((embedding, *shape))
        self.weights = tuple(
            _first_weight(k, pair, shape)
            for k, pair in zip(jax.random.split(key, depth + 1), itertools.pairwise(sizes), strict=True)
        )
        self.biases = tuple(jnp.zeros((size, *shape)) for size in sizes[1:])
        self.activation = activation_name("PositiveNetwork", activation)

    def log_value(self, t: Array) -> Array:
        """`log g(t)`; further axes of `t` stand in front of the event's."""
        extra = (1,) * (t.ndim - self.embedding.ndim + 1)
        first, *rest = [w.reshape(*w.shape[:2], *extra, *w.shape[2:]) for w in self.weights]
        biases = [b.reshape(b.shape[0], *extra, *b.shape[1:]) for b in self.biases]
        seen = self.embedding.reshape(self.embedding.shape[0], *extra, *self.embedding.shape[1:])
        h = first[:, 0] * t + _dense(first[:, 1:], seen) + biases[0]
        for weight, bias in zip(rest, biases[1:], strict=True):
            h = _dense(weight, ACTIVATIONS[self.activation](h)) + bias
        return SLOPE_LIMIT * jnp.tanh(h[0] / SLOPE_LIMIT)


class MonotoneNetwork(AbstractElementwise):
    r"""$y = c + s\int_0^x g(t)\,dt$ with a positive network $g$, integrated by the trapezoid rule on a fixed grid.

    What is integrated is $g$ at `num_nodes` places, drawn through by straight lines. The integral of that is exact:
    value, log-det and inverse belong to one and the same increasing map, whatever the weights. `quadrature_error`
    tells how far it is from the integral of $g$ itself. The places lie closer together around 0. Outside
    `[-bound, bound]` the map is a line of the slope at the bound. Starts near the identity.

    Args:
        embedding: Size of what a network predicts for each coordinate, beside $c$ and $s$.
        width: Units of each hidden layer of $g$.
        depth: Hidden layers of $g$.
        num_nodes: Places at which $g$ is evaluated, 0 and both bounds among them; an odd number of them.
        activation: Of $g$.
        bound: Where the lines begin; standardise the data so that most of it lies inside.
        shape: The event's shape.
        key: For the initial weights of $g$.

    Raises:
        ValueError: If a size is below 1, `num_nodes` is even or below 3, or `bound` is not positive and finite.

    Reference:
        Wehenkel & Louppe (2019), Unconstrained monotonic neural networks.

    Note:
        The paper takes Clenshaw-Curtis quadrature from 0 to each $x$: `ClenshawCurtisNetwork`. Its values need not
        increase where the network is sharper than its nodes, while the log-det, that of the integral, does not tell.
        The last activation is an exponential function with limits, the paper's is ELU + 1.
    """

    net: PositiveNetwork
    loc: Array
    scale_raw: Array
    num_nodes: int = static()
    bound: float = static()
    shape: Shape = static()

    forward_kind: ClassVar[Kind] = "analytic"
    inverse_kind: ClassVar[Kind] = "analytic"

    def __init__(
        self,
        embedding: int = 16,
        *,
        width: int = 32,
        depth: int = 2,
        num_nodes: int = 17,
        activation: Activation = "silu",
        bound: float = 5.0,
        shape: Shape = (),
        key: PRNGKeyArray,
    ):
        key = as_key("MonotoneNetwork", key)
        name = type(self).__name__
        if min(embedding, width, depth) < 1 or num_nodes < 3 or num_nodes % 2 == 0:
            raise ValueError(
                f"{name}: sizes must be at least 1 and `num_nodes` odd and at least 3, got "
                f"embedding={embedding}, width={width}, depth={depth}, num_nodes={num_nodes}."
            )
        if not 0 < bound < math.inf:
            raise ValueError(f"{name}: `bound` must be positive and finite, got {bound}.")
        self.net = PositiveNetwork(embedding, width, depth, activation, tuple(shape), key)
        self.loc, self.scale_raw, self.num_nodes = jnp.zeros(shape), jnp.zeros(shape), num_nodes
        self.bound, self.shape = float(bound), tuple(shape)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        scale, log_scale = positive(self.scale_raw)
        inner = jax.lax.clamp(-self.bound, x, self.bound)
        y, slope = self._integral(self.num_nodes, inner)
        return self.loc + scale * (y + slope * (x - inner)), log_scale + jnp.log(slope)

    def quadrature_error(self, x: Array) -> Array:
        """How far `forward` is off from the integral of the network at one event, by eight times as many nodes."""
        inner = jax.lax.clamp(-self.bound, jnp.asarray(x), self.bound)
        once, finer = (self._integral(n, inner)[0] for n in (self.num_nodes, 8 * self.num_nodes - 7))
        return positive(self.scale_raw)[0] * jnp.abs(once - finer)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        scale, log_scale = positive(self.scale_raw)
        y, log_slope = self._cells(self.num_nodes, x).back_from((x - self.loc) / scale)
        return y, -log_scale - log_slope

    def _integral(self, num_nodes: int, x: Array) -> tuple[Array, Array]:
        """The integral from 0 to places within the bound, and the slope there."""
        return self._cells(num_nodes, x).at(x)

    def _cells(self, num_nodes: int, x: Array) -> "Cells":
        places = jnp.asarray(_places(num_nodes, self.bound), x.dtype).reshape(-1, *(1,) * x.ndim)
        slopes = jnp.exp(self.net.log_value(places))
        slopes = jnp.broadcast_to(slopes, (num_nodes, *jnp.broadcast_shapes(slopes.shape[1:], x.shape)))
        lefts, widths = (
            jnp.broadcast_to(v, (num_nodes - 1, *slopes.shape[1:])) for v in (places[:-1], jnp.diff(places, axis=0))
        )
        areas = 0.5 * (slopes[1:] + slopes[:-1]) * widths
        bottoms = exclusive_sum(areas)
        middle = num_nodes // 2
        return Cells(lefts, widths, bottoms - bottoms[middle], slopes)


class ClenshawCurtisNetwork(MonotoneNetwork):
    r"""$y = c + s\int_0^x g(t)\,dt$ with a positive network $g$, by Clenshaw-Curtis quadrature from 0 to each $x$.

    The slope, and with it the log-det, is that of the integral, $s\,g(x)$, to the last digit; the value is off by
    `quadrature_error`, which falls faster than any power of `num_nodes` where $g$ is smooth on the scale of `bound`. A
    network that is sharper than its nodes gives values that need not increase: then take more nodes, or
    `MonotoneNetwork`. Arguments and the lines beyond `bound` are those of `MonotoneNetwork`. Starts near the identity.

    Reference:
        Wehenkel & Louppe (2019), Unconstrained monotonic neural networks.

    Note:
        The last activation is an exponential function with limits, the paper's is ELU + 1.
    """

    inverse_kind: ClassVar[Kind] = "iterative"

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        y = solve_increasing(lambda z: self._forward_pointwise(z)[0], x, x)
        return y, -self._forward_pointwise(y)[1]

    def _integral(self, num_nodes: int, x: Array) -> tuple[Array, Array]:
        ends, weights = (jnp.asarray(v, x.dtype).reshape(-1, *(1,) * x.ndim) for v in _clenshaw_curtis(num_nodes))
        values = jnp.exp(self.net.log_value(ends * x))
        return x * jnp.sum(weights * values, axis=0), values[-1]


class Cells(NamedTuple):
    """A function that is linear between nodes, and its integral; cells along the first axis.

    Attributes:
        lefts: Left ends of the cells.
        widths: Of the cells.
        bottoms: The integral at the left ends.
        slopes: The function at the nodes, one more than cells; the integral's slope.
    """

    lefts: Array
    widths: Array
    bottoms: Array
    slopes: Array

    def at(self, x: Array) -> tuple[Array, Array]:
        """The integral up to a place in one of the cells, and its slope there."""
        left, width, bottom, low, high = self._cell(x, self.lefts)
        xi = (x - left) / width
        return bottom + width * xi * (low + 0.5 * (high - low) * xi), low + (high - low) * xi

    def back_from(self, y: Array) -> tuple[Array, Array]:
        """The place of a value, and the log-slope there; lines go on from the first and the last node."""
        top = self.bottoms[-1] + 0.5 * (self.slopes[-2] + self.slopes[-1]) * self.widths[-1]
        inner = jnp.clip(y, self.bottoms[0], top)
        left, width, bottom, low, high = self._cell(inner, self.bottoms)
        # 0.5 (high - low) xi^2 + low xi - c = 0 by the root that does not cancel.
        c = (inner - bottom) / width  # not below 0: the cell was chosen by `bottom <= inner`
        discriminant = jnp.maximum(low * low + 2.0 * (high - low) * c, jnp.finfo(y.dtype).tiny)
        xi = 2.0 * c / (low + jnp.sqrt(discriminant))
        slope = low + (high - low) * xi
        return left + width * xi + (y - inner) / slope, jnp.log(slope)

    def _cell(self, value: Array, ends: Array) -> tuple[Array, ...]:
        return pick(value, ends, self.lefts, self.widths, self.bottoms, self.slopes[:-1], self.slopes[1:])


CROWDING = 2.0
"""How much closer the nodes lie around 0: by `sinh(2) / 2`, 1.8 times, than if they were evenly spread."""


@lru_cache
def _places(count: int, bound: float) -> np.ndarray:
    even = np.linspace(-1.0, 1.0, count)
    return bound * np.sinh(CROWDING * even) / np.sinh(CROWDING)


@lru_cache
def _clenshaw_curtis(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Places in [0, 1], the last of them 1, and weights that integrate polynomials below the degree `count` exactly."""
    angles = np.pi * np.arange(count)[::-1] / (count - 1)
    even = np.arange(0, count, 2)
    # The weights of Chebyshev's polynomials of even degree, whose integrals over [-1, 1] are 2 / (1 - k^2).
    moments = 2.0 / (1.0 - even**2.0)
    ends = np.ones(count)
    ends[[0, -1]] = 0.5
    halved = np.ones(len(even))
    halved[[0, -1]] = 0.5
    weights = 2.0 / (count - 1) * ends * (np.cos(np.outer(angles, even)) @ (halved * moments))
    return 0.5 * (np.cos(angles) + 1.0), 0.5 * weights


def _dense(weight: Array, h: Array) -> Array:
    """`(out, in, ...)` times `(in, ...)`; one matrix product where the weight is the same for all coordinates."""
    out, units = weight.shape[:2]
    if weight.size == out * units:
        return (weight.reshape(out, units) @ h.reshape(units, -1)).reshape(out, *h.shape[1:])
    return jnp.einsum("oi...,i...->o...", weight, h)


def _first_weight(key: PRNGKeyArray, pair: tuple[int, int], shape: Shape) -> Array:
    units, out = pair
    return jax.random.uniform(key, (out, units, *shape), jnp.result_type(float), -1.0, 1.0) * math.sqrt(3.0 / units)
