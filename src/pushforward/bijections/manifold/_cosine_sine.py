"""Angles as cosine and sine, which is what networks see of them."""

from collections.abc import Sequence
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from pushforward._params import static
from pushforward._types import Kind, Shape
from pushforward.bijections._base import AbstractSurjection
from pushforward.supports import REAL, Circle, Support
from pushforward.supports._events import gathered


class CosineSine(AbstractSurjection):
    """Each angle as its cosine and sine, next to each other; numbers stay as they are.

    An embedding of conditions, whose `inverse` is used. Forward, two numbers become the angle of their direction. The
    log-det is 0: a condition has no density.

    Args:
        circular: Which coordinates are angles, in radians.

    Raises:
        ValueError: If there are no coordinates.

    Example:
        >>> CosineSine((True, False)).inverse(jnp.array([0.0, 7.0])).tolist()
        [1.0, 0.0, 7.0]
    """

    circular: tuple[bool, ...] = static()

    cond_shape: ClassVar[Shape | None] = None
    forward_kind: ClassVar[Kind] = "analytic"
    inverse_kind: ClassVar[Kind] = "analytic"

    def __init__(self, circular: Sequence[bool]):
        if not circular:
            raise ValueError("CosineSine: `circular` is empty.")
        self.circular = tuple(map(bool, circular))

    @property
    def in_shape(self) -> Shape:
        return (len(self.circular) + sum(self.circular),)

    @property
    def out_shape(self) -> Shape:
        return (len(self.circular),)

    @property
    def image(self) -> Support:
        return gathered([Circle() if circular else REAL for circular in self.circular])

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        last = np.cumsum(np.add(self.circular, 1)) - 1
        angles = jnp.arctan2(x[last], x[np.maximum(last - 1, 0)])
        return jnp.where(np.array(self.circular)[:, None], angles, x[last]), jnp.zeros(x.shape[-1], x.dtype)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        rows = [row for x_i, circular in zip(x, self.circular, strict=True) for row in _seen(x_i, circular)]
        return jnp.stack(rows), jnp.zeros(x.shape[-1], x.dtype)


def _seen(x: Array, circular: bool) -> tuple[Array, ...]:
    return (jnp.cos(x), jnp.sin(x)) if circular else (x,)
