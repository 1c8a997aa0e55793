"""WaveNets: gated dilated convolutions along time, channels first inside, batch last."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from pushforward._errors import as_key
from pushforward._params import static
from pushforward._types import Shape
from pushforward.nets._along_time import Frames, delayed, dilated
from pushforward.nets._conditioner import AbstractCausal
from pushforward.nets._conv import random_weights
from pushforward.nets._products import times_first

Memory = tuple[tuple[Array, ...], Array | None]
"""Of each layer the inputs that its kernel still reaches, and what was made of the condition."""


class WaveNet(AbstractCausal):
    r"""Gated dilated convolutions along time with residual and skip connections, for `Coupling` and `Autoregressive`.

    Layer $l$ has dilation $2^{l \bmod \text{depth}}$: $g = \tanh(a) \odot \sigma(b)$ with $(a, b)$ from a convolution
    of $h$ and the condition, then $h \leftarrow h + W g$, and $W' g$ is added to the sum that the head reads. The last
    matrix starts at zero, so that a flow starts from the values of its templates. Sequences are continued with zeros.

    Args:
        in_shape: `(time,)`, or `(time, channels)`.
        out_shape: `(params, time)`, or `(params, time, out channels)`, of the same time.
        width: Channels of the hidden layers.
        skip: Channels of the sum that the head reads; None for `width`.
        depth: Layers of a block, whose dilations are $1, 2, 4, \dots$
        num_blocks: Blocks, each of which starts again from dilation 1.
        kernel: Places that a convolution sees: odd where it is not causal.
        causal: Whether output $t$ sees inputs before $t$ alone, as `Autoregressive` asks; otherwise as many to the
            right as to the left.
        head: Hidden 1x1 layers behind the sum, with relu: 1 as in WaveNet, 0 as in WaveGlow.
        cond_dim: None; the size of a condition that is the same at all times, such as a speaker; or
            `(frames, channels)` of one along time, such as a spectrogram, whose frames share the time evenly.
        frames: How a condition along time is spread: each frame "repeat"ed, or "linear" between middles of frames.
        key: For the initial weights, normal with variance 1 / inputs.

    Raises:
        ValueError: If the shapes do not fit, or an option is out of its range.

    Example:
        >>> net = WaveNet((16, 4), (2, 16, 4), width=8, depth=3, key=key)
        >>> net(jnp.ones((16, 4, 10))).shape
        (2, 16, 4, 10)
        >>> net.reach
        (7, 7)

    Reference:
        van den Oord et al. (2016), WaveNet: A generative model for raw audio, section 2; Prenger, Valle & Catanzaro
        (2019), WaveGlow, section 2.2, for kernels that are not causal.
    """

    first: Float[Array, "width channels"]
    first_bias: Float[Array, " width"]
    kernels: Float[Array, "layers gates inputs"]
    biases: Float[Array, "layers gates"]
    mixes: tuple[Array, ...]
    mix_biases: tuple[Array, ...]
    head: tuple[Array, ...]
    head_biases: tuple[Array, ...]
    embedding: Array | None
    in_shape: Shape = static()
    out_shape: Shape = static()
    depth: int = static()
    kernel: int = static()
    causal: bool = static()
    cond_dim: int | Shape | None = static()
    frames: str = static(default="repeat")

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        *,
        width: int = 64,
        skip: int | None = None,
        depth: int = 6,
        num_blocks: int = 1,
        kernel: int = 3,
        causal: bool = False,
        head: int = 1,
        cond_dim: int | Shape | None = None,
        frames: str = "repeat",
        key: PRNGKeyArray,
    ):
        key, skip = as_key("WaveNet", key), width if skip is None else skip
        counts = {"width": width, "skip": skip, "depth": depth, "num_blocks": num_blocks, "kernel": kernel - 1}
        _check_options(counts, kernel, causal, head)
        self.in_shape, self.out_shape = tuple(in_shape), tuple(out_shape)
        if not 1 <= len(in_shape) <= 2 or len(out_shape) != len(in_shape) + 1 or in_shape[0] != out_shape[1]:
            raise ValueError(
                "WaveNet: needs shapes (time,) and (params, time), or (time, channels) and (params, time, out "
                f"channels), of the same time, got {in_shape} and {out_shape}."
            )
        self.depth, self.kernel, self.causal = depth, kernel, causal
        self.cond_dim = tuple(cond_dim) if isinstance(cond_dim, tuple | list) else cond_dim
        self.frames = frames
        seen = 0 if cond_dim is None else Frames.of("WaveNet", self.cond_dim, in_shape[0], frames).channels
        layers, out = depth * num_blocks, math.prod(out_shape) // out_shape[1]
        mixes = [(width + skip, width)] * (layers - 1) + [(skip, width)]
        shapes = [(width, math.prod(in_shape[1:])), (2 * width * layers, kernel * width), (2 * width * layers, seen)]
        drawn = [array * math.sqrt(0.5) for array in random_weights([*shapes, *mixes, *[(skip, skip)] * head], key)]
        self.first, kernels, embedding, *others = drawn
        self.kernels = kernels.reshape(layers, 2 * width, kernel * width)
        self.embedding = None if cond_dim is None else embedding
        self.mixes, self.head = tuple(others[:layers]), (*others[layers:], jnp.zeros((out, skip)))
        self.first_bias, self.biases = jnp.zeros(width), jnp.zeros((layers, 2 * width))
        self.mix_biases = tuple(jnp.zeros(len(mix)) for mix in self.mixes)
        self.head_biases = tuple(jnp.zeros(len(matrix)) for matrix in self.head)

    @property
    def width(self) -> int:
        """Channels of the hidden layers."""
        return self.first.shape[0]

    @property
    def dilations(self) -> tuple[int, ...]:
        """Of each layer."""
        return tuple(2 ** (layer % self.depth) for layer in range(len(self.kernels)))

    @property
    def reach(self) -> tuple[int, int]:
        """How many times before and after its own an output sees, in steps of its input."""
        total = (self.kernel - 1) * sum(self.dilations)
        return (total + 1, 0) if self.causal else (total // 2, total // 2)

    def __call__(self, x: Array, condition: Array | None = None) -> Array:
        h = jnp.moveaxis(x, 1, 0) if x.ndim == 3 else x[None]
        time, batch = h.shape[1:]
        h = _matrix(self.first, delayed(h, 1) if self.causal else h, self.first_bias)
        told, spread = self._told(condition), self._frames
        total = jnp.zeros(())
        for layer, dilation in enumerate(self.dilations):
            gates = dilated(h, self.kernels[layer], dilation, self.kernel, causal=self.causal)
            gates = gates + self.biases[layer][:, None, None]
            if told is not None:
                gates = spread.added(gates, told[layer])
            h, total = self._mixed(layer, gates, h, total)
        out = self._read(total).reshape(self.out_shape[0], math.prod(self.out_shape[2:]), time, batch)
        return jnp.moveaxis(out, 1, 2).reshape(*self.out_shape, batch)

    def begin(self, batch: int, condition: Array | None, dtype: Any) -> Memory:
        queues = tuple(jnp.zeros(((self.kernel - 1) * d + 1, self.width, batch), dtype) for d in self.dilations)
        return queues, self._told(condition)

    def step(self, memory: Memory, before: Array, place: Array) -> tuple[Array, Memory]:
        queues, told = memory
        now = None if told is None else self._frames.at(told, place)
        h = self.first * before + self.first_bias[:, None]
        kept, total = [], jnp.zeros(())
        for layer, (queue, dilation) in enumerate(zip(queues, self.dilations, strict=True)):
            # Written before it is read, and longer by one for that: else XLA copies the whole queue at every step.
            queue = queue.at[place % len(queue)].set(h)
            seen = [queue[(place - back * dilation) % len(queue)] for back in reversed(range(1, self.kernel))]
            gates = self.kernels[layer] @ jnp.concatenate([*seen, h]) + self.biases[layer][:, None]
            kept.append(queue)
            h, total = self._mixed(layer, gates if now is None else gates + now[layer], h, total)
        return self._read(total), (tuple(kept), told)

    def _mixed(self, layer: int, gates: Array, h: Array, total: Array) -> tuple[Array, Array]:
        """What goes on to the next layer, and the sum for the head."""
        value, gate = jnp.split(gates, 2)
        mixed = _matrix(self.mixes[layer], jnp.tanh(value) * jax.nn.sigmoid(gate), self.mix_biases[layer])
        if layer == len(self.kernels) - 1:
            return h, total + mixed
        return h + mixed[: self.width], total + mixed[self.width :]

    def _read(self, total: Array) -> Array:
        """The head: `(skip, ...)` to `(params * out channels, ...)`."""
        for matrix, bias in zip(self.head[:-1], self.head_biases[:-1], strict=True):
            total = _matrix(matrix, jax.nn.relu(total), bias)
        return _matrix(self.head[-1], jax.nn.relu(total) if len(self.head) > 1 else total, self.head_biases[-1])

    @property
    def _frames(self) -> Frames:
        return Frames.of("WaveNet", self.cond_dim, self.in_shape[0], self.frames)

    def _told(self, condition: Array | None) -> Array | None:
        """What every layer is told by each frame, `(layers, gates, frames, batch)`."""
        if condition is None or self.embedding is None:
            return None
        rows = self._frames.as_columns(condition)
        return jnp.tensordot(self.embedding, rows, 1).reshape(*self.biases.shape, *rows.shape[1:])


def _matrix(matrix: Array, x: Array, bias: Array) -> Array:
    return times_first(matrix, x) + bias.reshape(-1, *(1,) * (x.ndim - 1))


def _check_options(counts: dict[str, int], kernel: int, causal: bool, head: int) -> None:
    for name, count in counts.items():
        if count < 1:
            least = 2 if name == "kernel" else 1
            raise ValueError(f"WaveNet: `{name}` must be at least {least}, got {count + (name == 'kernel')}.")
    if head < 0:
        raise ValueError(f"WaveNet: `head` must be at least 0, got {head}.")
    if not causal and kernel % 2 == 0:
        raise ValueError(f"WaveNet: a `kernel` that is not causal has a middle, so an odd size; got {kernel}.")
