"""Block neural autoregressive maps: one network whose Jacobian is triangular with a positive diagonal."""

import itertools
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, PRNGKeyArray

from pushforward._errors import as_key
from pushforward._params import positive, static
from pushforward._roots import solve_increasing
from pushforward._types import Kind, Shape
from pushforward.bijections._base import AbstractBatched, sum_event

LEAK = 0.05
"""Least slope of the activation: with a plain tanh, and the gate shut on the input, the map would not be onto."""


class BlockAutoregressive(AbstractBatched):
    r"""$y = \sigma(\gamma)\,f(x) + \sigma(-\gamma)\,x$ with a network $f$ of which $f_i(x_{\le i})$ increases in $x_i$.

    Every coordinate has `width` units in each hidden layer. Weights between units of one coordinate are positive,
    those from later coordinates are 0, all others are free. The activation is a $\tanh$ with a leak, onto the whole
    line. $\log|\det| = \sum_i \log \partial y_i/\partial x_i$, each a product of positive matrices taken in log space.
    `inverse` finds one root for each coordinate in turn.

    Args:
        dim: Size of the event.
        width: Units of each coordinate in a hidden layer.
        depth: Hidden layers.
        cond_dim: Size of the condition, which every unit of the first layer sees, or None.
        key: For the initial weights.

    Raises:
        ValueError: If a size is below 1.

    Reference:
        De Cao, Titov & Aziz (2019), Block neural autoregressive flow.

    Note:
        The paper's tanh is not onto the line. Positive weights are `exp(arcsinh(raw))` instead of `exp(raw)`, without
        weight normalisation.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    cond_weight: Array | None
    gate: Float[Array, ""]
    dim: int = static()

    forward_kind: ClassVar[Kind] = "analytic"
    inverse_kind: ClassVar[Kind] = "iterative"

    def __init__(self, dim: int, *, width: int = 8, depth: int = 2, cond_dim: int | None = None, key: PRNGKeyArray):
        if min(dim, width, depth) < 1:
            raise ValueError(
                f"BlockAutoregressive: sizes must be at least 1, got dim={dim}, width={width}, depth={depth}."
            )
        self.dim = dim
        keys = iter(jax.random.split(as_key("BlockAutoregressive", key), 2 * depth + 3))
        pairs = list(itertools.pairwise([1, *[width] * depth, 1]))
        self.weights = tuple(_first_weight(next(keys), dim, units, out) for units, out in pairs)
        self.biases = tuple(_uniform(next(keys), (dim, out)) for _, out in pairs)
        self.cond_weight = None if cond_dim is None else _uniform(next(keys), (dim, width, cond_dim))
        self.gate = jnp.zeros(())

    @property
    def in_shape(self) -> Shape:
        return (self.dim,)

    @property
    def out_shape(self) -> Shape:
        return (self.dim,)

    @property
    def cond_shape(self) -> Shape | None:
        return None if self.cond_weight is None else self.cond_weight.shape[-1:]

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        y, log_slope = self._evaluate(self._layers(condition), x)
        return y, sum_event(log_slope)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        layers = self._layers(condition)

        def find(i: Array, known: Array) -> Array:
            root = solve_increasing(lambda trial: self._evaluate(layers, known.at[i].set(trial))[0][i], x[i], x[i])
            return known.at[i].set(root)

        y = lax.fori_loop(0, self.dim, find, jnp.zeros_like(x))
        return y, -sum_event(self._evaluate(layers, y)[1])

    def _layers(self, condition: Array | None) -> "list[_Layer]":
        row, column = jnp.arange(self.dim)[:, None, None, None], jnp.arange(self.dim)[None, None, :, None]
        layers = []
        for weight, bias in zip(self.weights, self.biases, strict=True):
            own = positive(jnp.einsum("ioij->ioj", weight))[0] / weight.shape[-1]
            full = jnp.where(row > column, weight, jnp.where(row == column, own[:, :, None, :], 0.0))
            layers.append(_Layer(full, own, bias[..., None]))
        if condition is not None and self.cond_weight is not None:
            seen = jnp.einsum("ioc,cn->ion", self.cond_weight, condition)
            layers[0] = layers[0]._replace(bias=layers[0].bias + seen)
        return layers

    def _evaluate(self, layers: "list[_Layer]", x: Array) -> tuple[Array, Array]:
        """`y` and the logs of the diagonal of the Jacobian, both `(dim, batch)`."""
        h, slope, log_scale = x[:, None], jnp.ones_like(x)[:, None], jnp.zeros_like(x)
        for i, layer in enumerate(layers):
            if i > 0:
                bend = jnp.tanh(h)
                slope = slope * (1.0 - (1.0 - LEAK) * bend * bend)
                h = LEAK * h + (1.0 - LEAK) * bend
            h = jnp.einsum("ioju,jun->ion", layer.weight, h) + layer.bias
            slope = jnp.einsum("iou,iun->ion", layer.own, slope)
            # Log-sum-exp with one shift for all units of a coordinate: its terms are positive and of one size.
            top = lax.stop_gradient(jnp.max(slope, axis=1))
            slope, log_scale = slope / top[:, None], log_scale + jnp.log(top)
        log_f = jnp.log(slope[:, 0]) + log_scale
        mix, log_mix, log_rest = (
            jax.nn.sigmoid(self.gate),
            jax.nn.log_sigmoid(self.gate),
            jax.nn.log_sigmoid(-self.gate),
        )
        return mix * h[:, 0] + (1.0 - mix) * x, jnp.logaddexp(log_mix + log_f, log_rest)


class _Layer(NamedTuple):
    """One layer: all weights `(dim, out, dim, in)`, the blocks of each coordinate `(dim, out, in)`, a bias."""

    weight: Array
    own: Array
    bias: Array


def _first_weight(key: PRNGKeyArray, dim: int, units: int, out: int) -> Array:
    """Raw numbers: of order 1 on the diagonal, where positive values around 1 result, as for a network elsewhere."""
    weight = _uniform(key, (dim, out, dim, units))
    own = jnp.eye(dim)[:, None, :, None]
    return weight * jnp.where(own > 0, 1.0, (dim * units) ** -0.5)


def _uniform(key: PRNGKeyArray, shape: Shape) -> Array:
    return jax.random.uniform(key, shape, jnp.result_type(float), -1.0, 1.0)
