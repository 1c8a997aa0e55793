"""A causal transformer: what it says of a token depends on the tokens before it alone."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from pushforward._errors import as_key
from pushforward._params import static
from pushforward._types import Activation, Part
from pushforward.nets._activations import ACTIVATIONS, activation_name
from pushforward.nets._products import times_last

EXPANSION = 4
"""Hidden units between two attentions, in widths; 4 in nearly every transformer."""

NORM_FLOOR = 1e-6
"""Added to a variance before it divides."""


class Memory(NamedTuple):
    """Keys and values of the tokens that one layer has seen, `(batch, heads, tokens, size)`; zero for the others."""

    keys: Array
    values: Array


class AttentionLayer(Part):
    """Causal attention and a network of one hidden layer, each behind a norm and beside a shortcut.

    Norms have no weights of their own: the matrix that follows makes up for them.

    Args:
        width: Numbers that stand for a token.
        num_heads: Attentions side by side.
        activation: A name in `ACTIVATIONS`, or the function of JAX of that name.
        key: For the initial weights, uniform in ±1/sqrt(inputs).
    """

    weights: tuple[Array, Array, Array, Array]
    biases: tuple[Array, Array, Array, Array]
    num_heads: int = static()
    activation: str = static()

    def __init__(self, width: int, *, num_heads: int, activation: Activation, key: PRNGKeyArray):
        hidden = EXPANSION * width
        sizes = [(width, 3 * width), (width, width), (width, hidden), (hidden, width)]
        counts = [fan_in * fan_out for fan_in, fan_out in sizes]
        # One draw for all matrices: every call of the generator costs compile time.
        draws = jax.random.uniform(key, (sum(counts),), jnp.result_type(float), -1.0, 1.0)
        ends = np.cumsum(counts).tolist()
        query, mix, up, down = (
            draws[end - count : end].reshape(fan_out, fan_in) / math.sqrt(fan_in)
            for (fan_in, fan_out), count, end in zip(sizes, counts, ends, strict=True)
        )
        self.weights = (query, mix, up, down)
        self.biases = (jnp.zeros(3 * width), jnp.zeros(width), jnp.zeros(hidden), jnp.zeros(width))
        self.num_heads, self.activation = num_heads, activation_name("CausalTransformer", activation)

    def heads(self, h: Array) -> tuple[Array, Array, Array]:
        """Queries, keys and values, each `(batch, heads, tokens, size)`, of tokens `(batch, tokens, width)`."""
        batch, tokens, width = h.shape
        together = times_last(self.weights[0], normed(h)) + self.biases[0]
        split = together.reshape(batch, tokens, 3, self.num_heads, width // self.num_heads)
        query, key, value = jnp.transpose(split, (2, 0, 3, 1, 4))
        return query, key, value

    def add(self, h: Array, seen: Array) -> Array:
        """Tokens with what attention found for them, `(batch, heads, tokens, size)`, and the network's output."""
        joined = jnp.transpose(seen, (0, 2, 1, 3)).reshape(h.shape)
        _, mix, up, down = self.weights
        h = h + times_last(mix, joined) + self.biases[1]
        inside = ACTIVATIONS[self.activation](times_last(up, normed(h)) + self.biases[2])
        return h + times_last(down, inside) + self.biases[3]


class CausalTransformer(Part):
    """A network whose output for token t depends on the tokens before t alone.

    Maps `(tokens, token_dim, batch)` to `(num_params, tokens, token_dim, batch)`. Batches come and go last, as in the
    whole package; inside they are first, as matrix products want them (design record 0014).

    Args:
        num_tokens: How many tokens an event has, at least 1.
        token_dim: Numbers of a token.
        num_params: Outputs for each number of a token.
        width: Numbers that stand for a token inside.
        depth: Attention layers.
        num_heads: Attentions side by side; a divisor of `width`.
        cond_dim: Size of the condition, which is added to every token, or None.
        activation: A name in `ACTIVATIONS`, or the function of JAX of that name.
        key: For the initial weights; the last layer starts at zero.

    Raises:
        ValueError: If a size is below 1, `num_heads` does not divide `width`, or the activation is unknown.

    Reference:
        Vaswani et al. (2017), Attention is all you need. Zhai et al. (2025), Normalizing flows are capable generative
        models, section 3.1.

    Note:
        The first token's output is what the network makes of its place and the condition, where TarFlow leaves it at
        zero; so a condition reaches it. A norm stands before the last matrix, which bounds the output far from the
        data.
    """

    embedding: Array
    places: Array
    cond_weight: Array | None
    layers: tuple[AttentionLayer, ...]
    weight: Array
    bias: Array
    num_params: int = static()
    cond_dim: int | None = static()

    def __init__(
        self,
        num_tokens: int,
        token_dim: int,
        num_params: int,
        *,
        width: int = 64,
        depth: int = 2,
        num_heads: int = 4,
        cond_dim: int | None = None,
        activation: Activation = "gelu",
        key: PRNGKeyArray,
    ):
        key = as_key("CausalTransformer", key)
        _check_sizes(num_tokens, token_dim, width, depth, num_heads)
        embedding_key, place_key, cond_key, *keys = jax.random.split(key, 3 + depth)
        self.embedding = _uniform(embedding_key, (width, token_dim), token_dim)
        self.places = _uniform(place_key, (num_tokens, width), 1)
        self.cond_weight = None if cond_dim is None else _uniform(cond_key, (width, cond_dim), cond_dim)
        self.layers = tuple(AttentionLayer(width, num_heads=num_heads, activation=activation, key=k) for k in keys)
        self.weight = jnp.zeros((num_params * token_dim, width))
        self.bias = jnp.zeros(num_params * token_dim)
        self.num_params, self.cond_dim = num_params, cond_dim

    @property
    def num_tokens(self) -> int:
        """How many tokens an event has."""
        return self.places.shape[-2]

    @property
    def token_dim(self) -> int:
        """Numbers of a token."""
        return self.embedding.shape[-1]

    def __call__(
        self, x: Float[Array, "tokens dim batch"], condition: Float[Array, "cond batch"] | None = None
    ) -> Float[Array, "params tokens dim batch"]:
        before = jnp.pad(jnp.transpose(x[:-1], (2, 0, 1)), ((0, 0), (1, 0), (0, 0)))
        h = self._embedded(before, self.places, condition)
        visible = np.tri(self.num_tokens, dtype=bool)
        for layer in self.layers:
            query, key, value = layer.heads(h)
            h = layer.add(h, attend(query, Memory(key, value), visible))
        return self._read(h)

    def empty(self, batch: int, dtype: Any) -> tuple[Memory, ...]:
        """The memory of every layer before the first token, in the type of the tokens."""
        heads, width = self.layers[0].num_heads, self.places.shape[-1]
        zeros = jnp.zeros((batch, heads, self.num_tokens, width // heads), dtype)
        return tuple(Memory(zeros, zeros) for _ in self.layers)

    def step(
        self,
        before: Float[Array, "dim batch"],
        place: ArrayLike,
        memories: tuple[Memory, ...],
        condition: Float[Array, "cond batch"] | None = None,
    ) -> tuple[Float[Array, "params dim batch"], tuple[Memory, ...]]:
        """The output for one token, and the memories with it.

        Args:
            before: The token before it; zero for the first.
            place: Which token, counted from 0; those before it must be in `memories`.
            memories: Of every layer.
            condition: As in a call.
        """
        here = lax.dynamic_slice_in_dim(self.places, place, 1)
        h = self._embedded(before.T[:, None], here, condition)
        visible = (jnp.arange(self.num_tokens) <= place)[None]
        grown = []
        for layer, memory in zip(self.layers, memories, strict=True):
            query, key, value = layer.heads(h)
            memory = Memory(
                lax.dynamic_update_slice_in_dim(memory.keys, key, place, 2),
                lax.dynamic_update_slice_in_dim(memory.values, value, place, 2),
            )
            h = layer.add(h, attend(query, memory, visible))
            grown.append(memory)
        return self._read(h)[:, 0], tuple(grown)

    def _embedded(self, before: Array, places: Array, condition: Array | None) -> Array:
        h = times_last(self.embedding, before) + places
        return h if condition is None or self.cond_weight is None else h + (condition.T @ self.cond_weight.T)[:, None]

    def _read(self, h: Array) -> Array:
        """`(batch, tokens, width) -> (num_params, tokens, token_dim, batch)`."""
        batch, tokens, _ = h.shape
        out = (times_last(self.weight, normed(h)) + self.bias).reshape(batch, tokens, self.num_params, self.token_dim)
        return jnp.transpose(out, (2, 1, 3, 0))


def normed(h: Array) -> Array:
    """The last axis with mean 0 and variance 1."""
    centred = h - jnp.mean(h, axis=-1, keepdims=True)
    return centred * lax.rsqrt(jnp.mean(centred * centred, axis=-1, keepdims=True) + NORM_FLOOR)


def attend(query: Array, memory: Memory, visible: ArrayLike) -> Array:
    """Means of the values, weighted by how keys fit the queries: `(batch, heads, queries, size)`.

    Args:
        query: `(batch, heads, queries, size)`.
        memory: Keys and values of all tokens.
        visible: Which token a query may see, at least one, `(queries, tokens)`.
    """
    wide = jnp.promote_types(query.dtype, jnp.float32)  # shares of bfloat16 would not add up to 1
    fit = jnp.einsum("bhqd,bhkd->bhqk", query, memory.keys, preferred_element_type=wide) / math.sqrt(query.shape[-1])
    share = jax.nn.softmax(jnp.where(visible, fit, -jnp.inf), axis=-1).astype(query.dtype)
    return jnp.einsum("bhqk,bhkd->bhqd", share, memory.values)


def _uniform(key: PRNGKeyArray, shape: tuple[int, int], fan_in: int) -> Array:
    return jax.random.uniform(key, shape, jnp.result_type(float), -1.0, 1.0) / math.sqrt(fan_in)


def _check_sizes(num_tokens: int, token_dim: int, width: int, depth: int, num_heads: int) -> None:
    sizes = {"num_tokens": num_tokens, "token_dim": token_dim, "width": width, "depth": depth, "num_heads": num_heads}
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"CausalTransformer: `{name}` must be at least 1, got {size}.")
    if width % num_heads:
        raise ValueError(f"CausalTransformer: `num_heads` must divide `width`, got {num_heads} and {width}.")
