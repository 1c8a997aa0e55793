"""Monotone maps that are integrals of a positive network."""

import itertools
import math
from functools import lru_cache, partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, PRNGKeyArray

from pushforward._params import positive, shared, static
from pushforward._types import Kind, Part, Shape
from pushforward.bijections._numerical import AbstractMonotone
from pushforward.nets import ACTIVATIONS
from pushforward.nets._mlp import check_activation


class PositiveNetwork(Part):
    r"""A positive function $g(t)$ of one number, a network that also sees an embedding $e$.

    Args:
        embedding: Size of $e$, which is what a conditioner predicts; the weights are shared.
        width: Units of each hidden layer.
        depth: Hidden layers.
        activation: A smooth one: the quadrature is as precise as the network is smooth.
        shape: The event's shape.
        key: For the initial weights.
    """

    embedding: Array
    weights: tuple[Array, ...] = shared()
    biases: tuple[Array, ...] = shared()
    activation: str = static()

    def __init__(self, embedding: int, width: int, depth: int, activation: str, shape: Shape, key: PRNGKeyArray):
        check_activation("PositiveNetwork", activation)
        sizes = [1 + embedding, *[width] * depth, 1]
        self.embedding = jnp.zeros((embedding, *shape))
        self.weights = tuple(
            _first_weight(k, pair, shape)
            for k, pair in zip(jax.random.split(key, depth + 1), itertools.pairwise(sizes), strict=True)
        )
        self.biases = tuple(jnp.zeros((size, *shape)) for size in sizes[1:])
        self.activation = activation

    def log_value(self, t: Array) -> Array:
        """`log g(t)`; further axes of `t` stand in front of the event's."""
        extra = (1,) * (t.ndim - self.embedding.ndim + 1)
        first, *rest = [w.reshape(*w.shape[:2], *extra, *w.shape[2:]) for w in self.weights]
        biases = [b.reshape(b.shape[0], *extra, *b.shape[1:]) for b in self.biases]
        seen = self.embedding.reshape(self.embedding.shape[0], *extra, *self.embedding.shape[1:])
        h = first[:, 0] * t + _dense(first[:, 1:], seen) + biases[0]
        for weight, bias in zip(rest, biases[1:], strict=True):
            h = _dense(weight, ACTIVATIONS[self.activation](h)) + bias
        return positive(h[0])[1]


class MonotoneNetwork(AbstractMonotone):
    r"""$y = c + s\int_0^x g(t)\,dt$ with a positive network $g$; $\log|dy/dx| = \log s + \log g(x)$, which is exact.

    The integral is taken by Clenshaw-Curtis quadrature with `num_nodes` nodes; `quadrature_error` measures how far it
    is off. The derivative is that of the integral, $s\,g(x)$, not of the quadrature. Outside `[-bound, bound]` the map
    is a line of the slope at the bound. Starts near the identity.

    Args:
        embedding: Size of what a network predicts for each coordinate, beside $c$ and $s$.
        width: Units of each hidden layer of $g$.
        depth: Hidden layers of $g$.
        num_nodes: Nodes of the quadrature.
        activation: Of $g$, a smooth one.
        bound: Where the lines begin; standardise the data so that most of it lies inside.
        shape: The event's shape.
        key: For the initial weights of $g$.

    Raises:
        ValueError: If a size is below 1, `num_nodes` is below 2, or `bound` is not positive.

    Reference:
        Wehenkel & Louppe (2019), Unconstrained monotonic neural networks.

    Note:
        The number of nodes is fixed, also in training. The last activation is `exp(arcsinh(.))`, the paper's is
        ELU + 1; linear ends make the map onto and keep the quadrature to an interval that its nodes resolve.
    """

    net: PositiveNetwork
    loc: Array
    scale_raw: Array
    num_nodes: int = static()
    bound: float = static()
    shape: Shape = static()

    forward_kind: ClassVar[Kind] = "analytic"

    def __init__(
        self,
        embedding: int = 16,
        *,
        width: int = 32,
        depth: int = 2,
        num_nodes: int = 20,
        activation: str = "silu",
        bound: float = 5.0,
        shape: Shape = (),
        key: PRNGKeyArray,
    ):
        if min(embedding, width, depth, num_nodes - 1) < 1:
            raise ValueError(
                "MonotoneNetwork: sizes must be at least 1 and `num_nodes` at least 2, got "
                f"embedding={embedding}, width={width}, depth={depth}, num_nodes={num_nodes}."
            )
        if not bound > 0:
            raise ValueError(f"MonotoneNetwork: `bound` must be positive, got {bound}.")
        self.net = PositiveNetwork(embedding, width, depth, activation, tuple(shape), key)
        self.loc, self.scale_raw, self.num_nodes = jnp.zeros(shape), jnp.zeros(shape), num_nodes
        self.bound, self.shape = float(bound), tuple(shape)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        inner = jnp.clip(x, -self.bound, self.bound)
        log_slope = self.net.log_value(inner)
        scale, log_scale = positive(self.scale_raw)
        integral = _integral(self.num_nodes, self.net, inner) + jnp.exp(log_slope) * (x - inner)
        return self.loc + scale * integral, log_scale + log_slope

    def quadrature_error(self, x: Array) -> Array:
        """How far `forward` is off at one event, by the same quadrature with twice the nodes."""
        inner = jnp.clip(jnp.asarray(x), -self.bound, self.bound)
        once, twice = (_quadrature(n, self.net, inner) for n in (self.num_nodes, 2 * self.num_nodes))
        return positive(self.scale_raw)[0] * jnp.abs(once - twice)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _integral(num_nodes: int, net: PositiveNetwork, x: Array) -> Array:
    return _quadrature(num_nodes, net, x)


def _integral_jvp(num_nodes: int, primals: Any, tangents: Any) -> tuple[Array, Array]:
    """By Leibniz: exact along `x`, a quadrature along the weights, which a root-finder does not ask for."""
    (net, x), (d_net, d_x) = primals, tangents
    leaves, structure = jax.tree.flatten(d_net)
    if all(isinstance(leaf, SymbolicZero) for leaf in leaves):
        value, tangent = _quadrature(num_nodes, net, x), jnp.zeros_like(x)
    else:
        primal = jax.tree.leaves(net)
        filled = [jnp.zeros_like(p) if isinstance(d, SymbolicZero) else d for d, p in zip(leaves, primal, strict=True)]
        d_net = jax.tree.unflatten(structure, filled)
        value, tangent = jax.jvp(lambda n: _quadrature(num_nodes, n, x), (net,), (d_net,))
    return value, tangent if isinstance(d_x, SymbolicZero) else tangent + jnp.exp(net.log_value(x)) * d_x


_integral.defjvp(_integral_jvp, symbolic_zeros=True)


@lru_cache
def _nodes(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of Clenshaw-Curtis quadrature on [0, 1], exact for polynomials of degree below `count`."""
    n = count - 1
    angles = math.pi * np.arange(count) / n
    weights = np.ones(count)
    for k in range(1, n // 2 + 1):
        weights -= (1.0 if 2 * k == n else 2.0) * np.cos(2 * k * angles) / (4 * k * k - 1)
    weights[1:-1] *= 2.0
    return 0.5 * (1.0 - np.cos(angles)), weights / (2.0 * n)


def _quadrature(num_nodes: int, net: PositiveNetwork, x: Array) -> Array:
    places, weights = (jnp.asarray(v, x.dtype) for v in _nodes(num_nodes))
    values = jnp.exp(net.log_value(places.reshape(-1, *(1,) * x.ndim) * x))
    return x * jnp.tensordot(weights, values, 1)


def _dense(weight: Array, h: Array) -> Array:
    """`(out, in, ...)` times `(in, ...)`; one matrix product where the weight is the same for all coordinates."""
    out, units = weight.shape[:2]
    if weight.size == out * units:
        return (weight.reshape(out, units) @ h.reshape(units, -1)).reshape(out, *h.shape[1:])
    return jnp.einsum("oi...,i...->o...", weight, h)


def _first_weight(key: PRNGKeyArray, pair: tuple[int, int], shape: Shape) -> Array:
    units, out = pair
    return jax.random.uniform(key, (out, units, *shape), jnp.result_type(float), -1.0, 1.0) * math.sqrt(3.0 / units)
