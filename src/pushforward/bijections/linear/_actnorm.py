"""Activation normalisation for vectors, sequences and images."""

import math
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from pushforward._params import buffer, positive, positive_raw, static
from pushforward._types import Kind, Shape
from pushforward.bijections._base import AbstractBatched


class ActNorm(AbstractBatched):
    r"""$y = s \odot x + t$, started so that `inverse` of the first batch has mean 0 and spread 1 in each channel.

    Channels are the last axis of the event: the coordinates of a vector, the channels of an image, of which all $n$
    pixels share a scale. The log-det is $n \sum_c \log s_c$. `pushforward.fit` starts it once; whether it was started
    is saved with the model, so neither loading nor resuming starts it again.

    Args:
        shape: The event's shape, or the size of a vector.
        joint: Whether all numbers of an event share one scale, as the samples of a sound do.

    Reference:
        Kingma & Dhariwal (2018), Glow, section 3.1.
    """

    loc: Float[Array, " channels"]
    scale_raw: Float[Array, " channels"]
    started: Float[Array, ""] = buffer()
    shape: Shape = static()
    joint: bool = static(default=False)

    forward_kind: ClassVar[Kind] = "analytic"
    inverse_kind: ClassVar[Kind] = "analytic"
    cond_shape: ClassVar[Shape | None] = None

    def __init__(self, shape: int | Shape, *, joint: bool = False):
        self.shape, self.joint = (shape,) if isinstance(shape, int) else tuple(shape), joint
        channels = 1 if joint else self.shape[-1]
        self.loc, self.scale_raw, self.started = jnp.zeros(channels), jnp.zeros(channels), jnp.zeros(())

    @property
    def in_shape(self) -> Shape:
        return self.shape

    @property
    def out_shape(self) -> Shape:
        return self.shape

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        scale, log_scale = positive(self.scale_raw)
        return x * scale[:, None] + self.loc[:, None], self._log_det(log_scale, x)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        scale, log_scale = positive(self.scale_raw)
        return (x - self.loc[:, None]) / scale[:, None], -self._log_det(log_scale, x)

    def _log_det(self, log_scale: Array, x: Array) -> Array:
        return jnp.broadcast_to(math.prod(self.shape) // len(self.loc) * jnp.sum(log_scale), x.shape[-1:])

    def _data_init(self, x: Array, condition: Array | None) -> "tuple[ActNorm, Array]":
        x_all = x.reshape(-1, 1, x.shape[-1]) if self.joint else x
        others = (*range(x_all.ndim - 2), x_all.ndim - 1)
        spread = jnp.std(x_all, axis=others)
        # A channel without spread (one row, a constant column) keeps scale 1.
        raw = jnp.where(spread > MIN_SPREAD, positive_raw(jnp.maximum(spread, MIN_SPREAD)), 0.0)
        fresh = self.started == 0
        loc = jnp.where(fresh, jnp.mean(x_all, axis=others), self.loc)
        values = (loc, jnp.where(fresh, raw, self.scale_raw), jnp.ones_like(self.started))
        begun = eqx.tree_at(lambda a: (a.loc, a.scale_raw, a.started), self, values)
        return begun, begun._inverse_many(x, condition, None)[0]


MIN_SPREAD = 1e-6
