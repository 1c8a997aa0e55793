"""Images that are flipped and moved on their way into an objective."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from pushforward.objectives._batch import Batch, Objective


@dataclasses.dataclass(frozen=True)
class Augmented:
    """An objective that sees every image mirrored or moved at random.

    Args:
        objective: What is told of the changed images.
        flip: Whether half of the images are mirrored left to right.
        shift: Largest move in pixels, up, down, left and right; the image is continued by its own edge.

    Example:
        >>> objective = pf.objectives.Augmented(pf.objectives.nll, flip=True, shift=2)
        >>> flow = pf.distributions.Normal.standard((4, 4, 1))
        >>> loss, _ = objective(flow, pf.objectives.Batch(jnp.zeros((3, 4, 4, 1))), key=key)
    """

    objective: Objective
    flip: bool = False
    shift: int = 0

    def __call__(self, flow: Any, batch: Batch, *, key: PRNGKeyArray) -> tuple[Float[Array, ""], dict[str, Array]]:
        flip_key, shift_key, key = jax.random.split(key, 3)
        x = batch.x
        if self.flip:
            mirrored = jax.random.bernoulli(flip_key, 0.5, (len(x), 1, 1, 1))
            x = jnp.where(mirrored, x[:, :, ::-1], x)
        if self.shift:
            x = _moved(x, self.shift, shift_key)
        return self.objective(flow, batch._replace(x=x), key=key)


def _moved(x: Array, most: int, key: PRNGKeyArray) -> Array:
    padded = jnp.pad(x, ((0, 0), (most, most), (most, most), (0, 0)), mode="edge")
    starts = jax.random.randint(key, (len(x), 2), 0, 2 * most + 1)

    def crop(image: Array, start: Array) -> Array:
        return jax.lax.dynamic_slice(image, (start[0], start[1], 0), x.shape[1:])

    return jax.vmap(crop)(padded, starts)
