"""Codes of categories as zeros and ones, which is what networks see of them."""

from collections.abc import Sequence
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from pushforward._params import static
from pushforward._types import Kind, Shape
from pushforward.bijections._base import AbstractSurjection
from pushforward.supports import REAL, Categories, Integers, PartOf, Support
from pushforward.supports._events import gathered


class OneHot(AbstractSurjection):
    r"""Each code $c \in \{0, \dots, K - 1\}$ as $K$ numbers, 1 at place $c$ and 0 elsewhere; numbers stay as they are.

    An embedding of conditions, whose `inverse` is used. Forward, the code is the place of the largest number. The
    log-det is 0: categories are counted, not measured.

    Args:
        sizes: How many categories each coordinate has; 0 for one that is a number.

    Example:
        >>> OneHot((3, 0)).inverse(jnp.array([2.0, 0.7])).tolist()
        [0.0, 0.0, 1.0, 0.699999988079071]
    """

    sizes: tuple[int, ...] = static()

    cond_shape: ClassVar[Shape | None] = None
    forward_kind: ClassVar[Kind] = "analytic"
    inverse_kind: ClassVar[Kind] = "analytic"

    @property
    def in_shape(self) -> Shape:
        return (one_hot_size(self.sizes),)

    @property
    def out_shape(self) -> Shape:
        return (len(self.sizes),)

    @property
    def domain(self) -> Support:
        hot = PartOf(Integers(0, 1))
        return gathered([kind for size in self.sizes for kind in ([hot] * size if size else [REAL])])

    @property
    def image(self) -> Support:
        return gathered([Categories(size) if size else REAL for size in self.sizes])

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        pieces = jnp.split(x, one_hot_ends(self.sizes))
        codes = [
            jnp.argmax(piece, axis=0).astype(x.dtype) if size else piece[0]
            for piece, size in zip(pieces, self.sizes, strict=True)
        ]
        return jnp.stack(codes), jnp.zeros(x.shape[-1], x.dtype)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return one_hot(x, self.sizes), jnp.zeros(x.shape[-1], x.dtype)


def one_hot(codes: Array, sizes: Sequence[int]) -> Array:
    """`(len(sizes), batch) -> (one_hot_size(sizes), batch)`; a code that is out of range becomes zeros alone."""
    widths = np.maximum(sizes, 1)
    spread = codes[np.repeat(np.arange(len(sizes)), widths)]
    places = np.concatenate([np.arange(width) for width in widths])[:, None]
    hot = (spread == places).astype(codes.dtype)
    return hot if all(sizes) else jnp.where(np.repeat(np.equal(sizes, 0), widths)[:, None], spread, hot)


def one_hot_size(sizes: Sequence[int]) -> int:
    """How many numbers stand for an event."""
    return int(np.sum(np.maximum(sizes, 1)))


def one_hot_ends(sizes: Sequence[int]) -> list[int]:
    """Where the numbers of each coordinate but the last one end."""
    return np.cumsum(np.maximum(sizes, 1))[:-1].tolist()
