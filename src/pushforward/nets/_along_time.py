"""Convolutions along time, and conditions that change with it; channels first, batch last."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from pushforward._errors import did_you_mean
from pushforward._types import Shape
from pushforward.nets._products import times_first


def delayed(x: Float[Array, "channels time batch"], steps: int) -> Float[Array, "channels time batch"]:
    """`x` later by `steps`, or sooner where that is negative; zeros beyond the ends."""
    time = x.shape[1]
    steps = max(-time, min(time, steps))
    before, after = max(steps, 0), max(-steps, 0)
    kept = x[:, after : time - before]
    return jnp.pad(kept, ((0, 0), (before, after), (0, 0)))


def dilated(
    x: Float[Array, "channels time batch"],
    weight: Float[Array, "out inputs"],
    dilation: int,
    kernel: int,
    *,
    causal: bool,
) -> Float[Array, "out time batch"]:
    """A dilated convolution as one product with the copies of `x` that its places see, the earliest first.

    Args:
        x: The sequences.
        weight: `(out, kernel * channels)`.
        dilation: Steps from one place to the next.
        kernel: Places.
        causal: Whether the last place is now; otherwise the middle one is.
    """
    last = kernel - 1 if causal else kernel // 2
    copies = [delayed(x, (last - place) * dilation) for place in range(kernel)]
    return times_first(weight, jnp.concatenate(copies))


SPREADS = ("repeat", "linear")


class Frames(NamedTuple):
    """How a condition goes with time.

    Attributes:
        frames: Of which every one goes with `hop` steps of time; 1 for a condition that does not change.
        channels: Of the condition at each.
        hop: Steps of time in a frame.
        linear: Whether what lies between the middles of two frames is interpolated.
    """

    frames: int
    channels: int
    hop: int
    linear: bool

    @classmethod
    def of(cls, name: str, cond_dim: int | Shape | None, time: int, spread: str) -> "Frames":
        """From the shape of a condition; where frames are more than times, those of one time are its channels.

        Raises:
            ValueError: If neither number divides the other, or the spread is unknown.
        """
        if spread not in SPREADS:
            raise ValueError(f"{name}: unknown `frames` {spread!r}; {did_you_mean(spread, SPREADS)}")
        if not isinstance(cond_dim, tuple):
            return cls(1, cond_dim or 0, time, linear=False)
        if len(cond_dim) != 2 or min(cond_dim) < 1:
            raise ValueError(f"{name}: a condition along time has a shape (frames, channels), got {cond_dim}.")
        frames, channels = cond_dim
        if frames > time and frames % time == 0:
            return cls(time, channels * (frames // time), 1, linear=False)
        if time % frames:
            raise ValueError(
                f"{name}: {frames} frames of a condition cannot share {time} times evenly. Their number must divide it."
            )
        return cls(frames, channels, time // frames, linear=spread == "linear")

    def as_columns(self, condition: Array) -> Float[Array, "channels frames batch"]:
        """A condition `(channels, batch)` or `(frames, channels, batch)`."""
        batch = condition.shape[-1]
        return jnp.moveaxis(condition.reshape(self.frames, self.channels, batch), 0, 1)

    def added(self, x: Float[Array, "out time batch"], told: Float[Array, "out frames batch"]) -> Array:
        """`x` with what each frame says added to its times."""
        cut = x.reshape(x.shape[0], self.frames, self.hop, x.shape[-1])
        now = told[:, :, None]
        if self.linear:
            before, own, after = (w[:, None] for w in self._weights(jnp.arange(self.hop), x.dtype))
            now = own * now + before * _neighbour(told, -1)[:, :, None] + after * _neighbour(told, 1)[:, :, None]
        return (cut + now).reshape(x.shape)

    def at(self, told: Float[Array, "layers out frames batch"], place: Array) -> Float[Array, "layers out batch"]:
        """What is said at one time."""
        frame = place // self.hop
        now = jnp.take(told, frame, axis=2)
        if not self.linear:
            return now
        before, own, after = self._weights(place % self.hop, told.dtype)
        sides = [jnp.take(told, jnp.clip(frame + side, 0, self.frames - 1), axis=2) for side in (-1, 1)]
        return own * now + before * sides[0] + after * sides[1]

    def _weights(self, place: Array, dtype) -> tuple[Array, Array, Array]:
        """Shares of the frame before, the own and the one after at places within a frame."""
        off = ((place + 0.5) / self.hop - 0.5).astype(dtype)
        before, after = jnp.maximum(-off, 0.0), jnp.maximum(off, 0.0)
        return before, 1.0 - before - after, after


def _neighbour(told: Float[Array, "out frames batch"], side: int) -> Array:
    """Of each frame the one before (-1) or after (1), the first and the last their own."""
    first, last = told[:, :1], told[:, -1:]
    return jnp.concatenate([first, told[:, :-1]] if side < 0 else [told[:, 1:], last], axis=1)
