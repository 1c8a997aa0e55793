"""Fully connected networks, features first and batch last."""

import itertools
import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from pushforward._errors import as_key
from pushforward._params import static
from pushforward._types import Activation, Shape
from pushforward.nets._activations import ACTIVATIONS, activation_name
from pushforward.nets._conditioner import AbstractConditioner


class MLP(AbstractConditioner):
    """A network `(in_size + cond_dim, batch) -> (*out_shape, batch)`.

    The last layer starts at zero, so that a flow starts from the values of its templates.

    Args:
        in_size: Number of inputs; 0 is allowed.
        out_shape: Shape of the output of one event.
        width: Units of each hidden layer.
        depth: Number of hidden layers.
        cond_dim: Size of the condition, which joins the inputs, or None.
        activation: A name in `ACTIVATIONS`, or the function of JAX of that name.
        circular: Whether the inputs are angles, of which the network sees cosine and sine; the condition is seen as
            it is.
        unit: What makes 1 for the network: it sees inputs that are not angles divided by this.
        key: For the initial weights, uniform in ±1/sqrt(inputs).

    Raises:
        ValueError: If `width` is below 1, `depth` is negative, or the activation is unknown.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    in_size: int = static()
    out_shape: Shape = static()
    cond_dim: int | None = static()
    activation: str = static()
    circular: bool = static(default=False)
    unit: float = static(default=1.0)

    def __init__(
        self,
        in_size: int,
        out_shape: Shape,
        *,
        width: int = 128,
        depth: int = 2,
        cond_dim: int | None = None,
        activation: Activation = "relu",
        circular: bool = False,
        unit: float = 1.0,
        key: PRNGKeyArray,
    ):
        key = as_key("MLP", key)
        self.activation = activation_name("MLP", activation)
        check_hidden("MLP", width, depth, least_depth=0)
        self.circular, self.unit = circular, unit
        sizes = [in_size * self.num_features + (cond_dim or 0), *[width] * depth, math.prod(out_shape)]
        self.weights, self.biases = dense_layers(sizes, key)
        self.in_size, self.out_shape, self.cond_dim = in_size, tuple(out_shape), cond_dim

    def __call__(
        self, x: Float[Array, "inputs batch"], condition: Float[Array, "cond batch"] | None = None
    ) -> Float[Array, "*out batch"]:
        seen = features(x) if self.circular else in_units(x, self.unit)
        h = seen if condition is None or self.cond_dim is None else jnp.concatenate([seen, condition])
        act = ACTIVATIONS[self.activation]
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            h = act(weight @ h + bias[:, None])
        return (self.weights[-1] @ h + self.biases[-1][:, None]).reshape(*self.out_shape, -1)

    @property
    def in_shape(self) -> Shape:
        return (self.in_size,)

    @property
    def num_features(self) -> int:
        """Numbers that the network sees of each input."""
        return 2 if self.circular else 1


def features(angles: Array) -> Array:
    """Cosine and sine of each angle, next to each other: `(n, batch) -> (2 n, batch)`."""
    return jnp.stack([jnp.cos(angles), jnp.sin(angles)], axis=1).reshape(-1, angles.shape[-1])


def in_units(x: Array, unit: float) -> Array:
    """`x / unit`, and the same array where the unit is 1."""
    return x if unit == 1.0 else x / unit


def dense_layers(sizes: list[int], key: PRNGKeyArray) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """Weights `(out, in)` and biases `(out,)` between layers of these sizes; the last pair is zero."""
    pairs = list(itertools.pairwise(sizes))
    counts = [(fan_in + 1) * fan_out for fan_in, fan_out in pairs[:-1]]
    # One draw for all layers: every call of the generator costs compile time.
    draws = jax.random.uniform(key, (sum(counts),), jnp.result_type(float), -1.0, 1.0)
    weights, biases, start = [], [], 0
    for (fan_in, fan_out), count in zip(pairs, counts, strict=False):
        layer = draws[start : start + count].reshape(fan_out, fan_in + 1) / math.sqrt(max(fan_in, 1))
        weights.append(layer[:, :-1])
        biases.append(layer[:, -1])
        start += count
    fan_in, fan_out = pairs[-1]
    weights.append(jnp.zeros((fan_out, fan_in)))
    biases.append(jnp.zeros(fan_out))
    return tuple(weights), tuple(biases)


def check_hidden(name: str, width: int, depth: int, *, least_depth: int = 1) -> None:
    """A ValueError where a network would have no hidden units."""
    if width < 1:
        raise ValueError(f"{name}: `width` must be at least 1, got {width}.")
    if depth < least_depth:
        raise ValueError(f"{name}: `depth` must be at least {least_depth}, got {depth}.")
