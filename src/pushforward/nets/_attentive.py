"""A causal transformer over the steps of a series, which remembers what it has read."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, PRNGKeyArray

from pushforward._errors import as_key
from pushforward._types import Activation
from pushforward.nets._recurrent import AbstractEncoder, Dropout
from pushforward.nets._transformer import AttentionLayer, Memory, attend, normed


class Read(NamedTuple):
    """What a transformer remembers.

    Attributes:
        memories: Of every layer.
        place: How many steps it has read.
    """

    memories: tuple[Memory, ...]
    place: Array


class Attentive(AbstractEncoder):
    """Causal attention over the steps that were read, at most `num_steps`; dropout lies on what attention finds.

    Args:
        in_size: Numbers of a step.
        num_steps: How many steps it can read.
        width: Numbers that stand for a step inside, and that it says of one.
        depth: Attention layers.
        num_heads: Attentions side by side; a divisor of `width`.
        activation: A name in `ACTIVATIONS`, or the function of JAX of that name.
        key: For the initial weights.

    Raises:
        ValueError: If a size is below 1, or `num_heads` does not divide `width`.

    Reference:
        Vaswani et al. (2017), Attention is all you need. Rasul et al. (2021), Multivariate probabilistic time series
        forecasting via conditioned normalizing flows, section 4.3.

    Note:
        One causal network reads context and forecast, where the paper has an encoder for the one and a decoder for the
        other.
    """

    embedding: Array
    places: Array
    layers: tuple[AttentionLayer, ...]

    def __init__(
        self,
        in_size: int,
        num_steps: int,
        *,
        width: int = 40,
        depth: int = 2,
        num_heads: int = 4,
        activation: Activation = "gelu",
        key: PRNGKeyArray,
    ):
        key = as_key("Attentive", key)
        sizes = {"in_size": in_size, "num_steps": num_steps, "width": width, "depth": depth, "num_heads": num_heads}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"Attentive: `{name}` must be at least 1, got {size}.")
        if width % num_heads:
            raise ValueError(f"Attentive: `num_heads` must divide `width`, got {num_heads} and {width}.")
        first, second, *keys = jax.random.split(key, 2 + depth)
        own = jnp.result_type(float)
        self.embedding = jax.random.uniform(first, (width, in_size), own, -1.0, 1.0) / math.sqrt(in_size)
        self.places = jax.random.uniform(second, (num_steps, width), own, -1.0, 1.0)
        self.layers = tuple(AttentionLayer(width, num_heads=num_heads, activation=activation, key=k) for k in keys)

    @property
    def out_size(self) -> int:
        return self.embedding.shape[0]

    @property
    def num_steps(self) -> int:
        """How many steps it can read."""
        return self.places.shape[0]

    def empty(self, batch: int, dtype: Any) -> Read:
        heads = self.layers[0].num_heads
        zeros = jnp.zeros((batch, heads, self.num_steps, self.out_size // heads), dtype)
        return Read(tuple(Memory(zeros, zeros) for _ in self.layers), jnp.zeros((), jnp.int32))

    def read(self, x: Array, state: Read, drop: Dropout | None = None) -> tuple[Array, Read]:
        steps, place = x.shape[0], state.place
        h = jnp.transpose(x, (2, 0, 1)) @ self.embedding.T + lax.dynamic_slice_in_dim(self.places, place, steps)
        visible = jnp.arange(self.num_steps) <= place + jnp.arange(steps)[:, None]
        grown = []
        for layer, memory in zip(self.layers, state.memories, strict=True):
            query, key, value = layer.heads(h)
            memory = Memory(
                lax.dynamic_update_slice_in_dim(memory.keys, key, place, 2),
                lax.dynamic_update_slice_in_dim(memory.values, value, place, 2),
            )
            found = attend(query, memory, visible)
            h = layer.add(h, found if drop is None else drop(found, len(grown)))
            grown.append(memory)
        return jnp.transpose(normed(h), (1, 2, 0)), Read(tuple(grown), place + steps)
