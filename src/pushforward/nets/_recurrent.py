"""Encoders that read a series step by step and carry a state."""

import abc
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, PRNGKeyArray

from pushforward._errors import as_key
from pushforward._types import Part


class Dropout(NamedTuple):
    """Numbers that are left out while a network learns, others for every batch.

    Attributes:
        key: What is left out.
        share: Of the numbers; the others are divided by what is left.
    """

    key: PRNGKeyArray
    share: float

    def __call__(self, x: Array, layer: int) -> Array:
        """`x` with zeros in the place of some numbers."""
        kept = jax.random.bernoulli(jax.random.fold_in(self.key, layer), 1.0 - self.share, x.shape)
        return jnp.where(kept, x / (1.0 - self.share), 0.0)


class AbstractEncoder(Part):
    """A causal network over time, batches last.

    `read` takes many steps and gives what it says of each, and the state behind the last; reading some steps and then,
    from the state, the others gives the same as reading all of them.
    """

    @property
    @abc.abstractmethod
    def out_size(self) -> int:
        """Numbers that it says of a step."""

    @abc.abstractmethod
    def empty(self, batch: int, dtype: Any) -> Any:
        """The state before the first step."""

    @abc.abstractmethod
    def read(
        self, x: Float[Array, "steps inputs batch"], state: Any, drop: Dropout | None = None
    ) -> tuple[Float[Array, "steps outputs batch"], Any]:
        """What it says of each step, and the state behind the last; with `drop` as while it learns."""


class GRU(AbstractEncoder):
    r"""Layers of gated recurrent units.

    $r, u = \sigma(W x_t + V h_{t-1} + b)$, $c = \tanh(W_c x_t + b_c + r \odot (V_c h_{t-1} + d))$ and
    $h_t = u \odot h_{t-1} + (1 - u) \odot c$. Dropout lies between the layers.

    Args:
        in_size: Numbers of a step.
        width: Units of each layer.
        depth: Layers.
        key: For the initial weights, uniform in ±1/sqrt(width).

    Raises:
        ValueError: If a size is below 1.

    Example:
        >>> net = GRU(3, width=8, depth=2, key=key)
        >>> net.read(jnp.ones((5, 3, 10)), net.empty(10, jnp.float32))[0].shape
        (5, 8, 10)

    Reference:
        Cho et al. (2014), Learning phrase representations using RNN encoder-decoder, eq. 5-8, with the reset behind the
        matrix, as it is implemented since, so that all products with the state are one.
    """

    inner: tuple[Array, ...]
    carried: tuple[Array, ...]
    biases: tuple[Array, ...]
    late: tuple[Array, ...]

    def __init__(self, in_size: int, *, width: int = 40, depth: int = 2, key: PRNGKeyArray):
        self.inner, self.carried, self.biases = _drawn("GRU", 3, in_size, width, depth, key)
        self.late = tuple(jnp.zeros(width) for _ in range(depth))

    @property
    def out_size(self) -> int:
        return self.carried[0].shape[-1]

    def empty(self, batch: int, dtype: Any) -> tuple[Array, ...]:
        return tuple(jnp.zeros((self.out_size, batch), dtype) for _ in self.inner)

    def read(self, x: Array, state: tuple[Array, ...], drop: Dropout | None = None) -> tuple[Array, tuple[Array, ...]]:
        behind = []
        for inner, carried, bias, late, h in zip(self.inner, self.carried, self.biases, self.late, state, strict=True):
            x = drop(x, len(behind)) if drop is not None and behind else x

            def step(h: Array, seen: Array, carried: Array = carried, late: Array = late) -> tuple[Array, Array]:
                size = h.shape[0]
                own = carried @ h
                reset, keep = jnp.split(jax.nn.sigmoid(seen[: 2 * size] + own[: 2 * size]), 2)
                new = jnp.tanh(seen[2 * size :] + reset * (own[2 * size :] + late[:, None]))
                h = keep * h + (1.0 - keep) * new
                return h, h

            h, x = lax.scan(step, h, _seen(inner, bias, x))
            behind.append(h)
        return x, tuple(behind)


class LSTM(AbstractEncoder):
    r"""Layers of long short-term memory.

    $i, f, o = \sigma(\cdot)$, $g = \tanh(\cdot)$ of $W x_t + V h_{t-1} + b$; $c_t = f \odot c_{t-1} + i \odot g$ and
    $h_t = o \odot \tanh c_t$. The bias of $f$ starts at 1. Dropout lies between the layers.

    Args:
        in_size: Numbers of a step.
        width: Units of each layer.
        depth: Layers.
        key: For the initial weights, uniform in ±1/sqrt(width).

    Raises:
        ValueError: If a size is below 1.

    Reference:
        Hochreiter & Schmidhuber (1997), Long short-term memory; Gers, Schmidhuber & Cummins (2000), Learning to forget.
    """

    inner: tuple[Array, ...]
    carried: tuple[Array, ...]
    biases: tuple[Array, ...]

    def __init__(self, in_size: int, *, width: int = 40, depth: int = 2, key: PRNGKeyArray):
        self.inner, self.carried, biases = _drawn("LSTM", 4, in_size, width, depth, key)
        self.biases = tuple(bias.at[width : 2 * width].set(1.0) for bias in biases)

    @property
    def out_size(self) -> int:
        return self.carried[0].shape[-1]

    def empty(self, batch: int, dtype: Any) -> tuple[tuple[Array, Array], ...]:
        zeros = jnp.zeros((self.out_size, batch), dtype)
        return tuple((zeros, zeros) for _ in self.inner)

    def read(
        self, x: Array, state: tuple[tuple[Array, Array], ...], drop: Dropout | None = None
    ) -> tuple[Array, tuple[tuple[Array, Array], ...]]:
        behind = []
        for inner, carried, bias, last in zip(self.inner, self.carried, self.biases, state, strict=True):
            x = drop(x, len(behind)) if drop is not None and behind else x

            def step(
                last: tuple[Array, Array], seen: Array, carried: Array = carried
            ) -> tuple[tuple[Array, Array], Array]:
                h, c = last
                let_in, keep, new, out = jnp.split(seen + carried @ h, 4)
                c = jax.nn.sigmoid(keep) * c + jax.nn.sigmoid(let_in) * jnp.tanh(new)
                h = jax.nn.sigmoid(out) * jnp.tanh(c)
                return (h, c), h

            last, x = lax.scan(step, last, _seen(inner, bias, x))
            behind.append(last)
        return x, tuple(behind)


def _seen(inner: Array, bias: Array, x: Array) -> Array:
    """What all steps bring to the gates, in one product: `(steps, inputs, batch) -> (steps, gates, batch)`."""
    if len(x) == 1:  # of which nothing has to be turned
        return (inner @ x[0] + bias[:, None])[None]
    return jnp.einsum("gi,tib->tgb", inner, x) + bias[:, None]


def _drawn(
    name: str, gates: int, in_size: int, width: int, depth: int, key: PRNGKeyArray
) -> tuple[tuple[Array, ...], tuple[Array, ...], tuple[Array, ...]]:
    """Weights of the inputs and of the state, and biases, of every layer."""
    key = as_key(name, key)
    for what, size in {"in_size": in_size, "width": width, "depth": depth}.items():
        if size < 1:
            raise ValueError(f"{name}: `{what}` must be at least 1, got {size}.")
    sizes = [in_size, *[width] * (depth - 1)]
    counts = [gates * width * (size + width) for size in sizes]
    # One draw for all matrices: every call of the generator costs compile time.
    draws = jax.random.uniform(key, (sum(counts),), jnp.result_type(float), -1.0, 1.0) / math.sqrt(width)
    inner, carried, start = [], [], 0
    for size, count in zip(sizes, counts, strict=True):
        both = draws[start : start + count].reshape(gates * width, size + width)
        inner.append(both[:, :size])
        carried.append(both[:, size:])
        start += count
    return tuple(inner), tuple(carried), tuple(jnp.zeros(gates * width) for _ in sizes)
