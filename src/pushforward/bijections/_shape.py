"""Maps that only move coordinates: log-det 0, except that `Concatenate` adds up those of its parts."""

import functools
from collections.abc import Sequence
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from pushforward._arrays import own_array
from pushforward._errors import as_shape, check_parts
from pushforward._params import buffer, static
from pushforward._types import Kind, Shape, of_parts, worst_kind
from pushforward.bijections._base import AbstractBatched, AbstractBijection
from pushforward.bijections._compose import shared_cond_shape
from pushforward.supports import Support
from pushforward.supports._events import Passage, divided, joined, moved


class AbstractRearrangement(AbstractBatched):
    """A map that moves coordinates; its log-det is 0."""

    forward_kind: ClassVar[Kind] = "analytic"
    inverse_kind: ClassVar[Kind] = "analytic"
    cond_shape: ClassVar[Shape | None] = None

    def _carry(self, support: Support, passage: Passage) -> Support:
        shape, move = (self.in_shape, self._forward) if passage.forward else (self.out_shape, self._inverse)
        return moved(support, shape, lambda event: move(event, None, None)[0])


class Identity(AbstractRearrangement):
    """The map that changes nothing.

    Args:
        shape: The event's shape.
    """

    shape: Shape = static(converter=as_shape)

    @property
    def in_shape(self) -> Shape:
        return self.shape

    @property
    def out_shape(self) -> Shape:
        return self.shape

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return x, jnp.zeros(x.shape[-1], x.dtype)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return x, jnp.zeros(x.shape[-1], x.dtype)


class Permute(AbstractRearrangement):
    """Reorder the first axis, `y[i] = x[order[i]]`.

    Args:
        order: A permutation of `0 .. d - 1`.
        shape: The event's shape; default `(d,)`.

    Raises:
        ValueError: If `order` is not a permutation of the first axis.

    Example:
        >>> Permute([2, 0, 1]).forward(jnp.array([10.0, 20.0, 30.0])).tolist()
        [30.0, 10.0, 20.0]
    """

    order: Array = buffer()
    shape: Shape = static()

    def __init__(self, order: Sequence[int] | np.ndarray | Array, shape: Shape | None = None):
        order = np.asarray(order)
        shape = (order.shape or (1,)) if shape is None else tuple(shape)
        if order.ndim != 1 or sorted(order.tolist()) != list(range(shape[0])):
            raise ValueError(
                f"Permute: `order` must hold each of 0 .. {shape[0] - 1} once, got {order.tolist()}. "
                "`jax.random.permutation(key, d)` makes one."
            )
        # Held as floats: every leaf of a flow is, so that `jax.grad` takes a whole flow; exact up to 2**24 places.
        self.order = jnp.asarray(order, dtype=jnp.float32)
        self.shape = shape

    @property
    def in_shape(self) -> Shape:
        return self.shape

    @property
    def out_shape(self) -> Shape:
        return self.shape

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return x[self.order.astype(jnp.int32)], jnp.zeros(x.shape[-1], x.dtype)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        back = jnp.argsort(self.order.astype(jnp.int32))
        return x[back], jnp.zeros(x.shape[-1], x.dtype)


class Flip(AbstractRearrangement):
    """Reverse the first axis: the order between the layers of MAF and IAF.

    Args:
        shape: The event's shape.
    """

    shape: Shape = static(converter=as_shape)

    @property
    def in_shape(self) -> Shape:
        return self.shape

    @property
    def out_shape(self) -> Shape:
        return self.shape

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return x[::-1], jnp.zeros(x.shape[-1], x.dtype)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        # Layers between flips are long chains of cheap steps. Samples are as soon compiled without, and sooner drawn.
        return own_array(x)[::-1], jnp.zeros(x.shape[-1], x.dtype)


class Reshape(AbstractRearrangement):
    """The same numbers in another shape, row-major.

    Args:
        in_shape: Shape on the base side.
        out_shape: Shape on the data side.

    Raises:
        ValueError: If the two shapes hold different numbers of elements.
    """

    in_shape: Shape = static(converter=as_shape)
    out_shape: Shape = static(converter=as_shape)

    def __check_init__(self):
        if np.prod(self.in_shape, dtype=int) != np.prod(self.out_shape, dtype=int):
            raise ValueError(f"Reshape: {self.in_shape} and {self.out_shape} hold different numbers of elements.")

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return x.reshape(*self.out_shape, -1), jnp.zeros(x.shape[-1], x.dtype)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return x.reshape(*self.in_shape, -1), jnp.zeros(x.shape[-1], x.dtype)


class Concatenate(AbstractBatched):
    """Maps side by side along the first axis: each takes its own slice of the event.

    Args:
        bijections: In the order of their slices; shapes agree but for the first axis.

    Raises:
        ValueError: If the other axes differ, or an event has no axis.

    Example:
        >>> both = Concatenate([Exp((1,)), Identity((2,))])
        >>> both.forward(jnp.zeros(3)).tolist()
        [1.0, 0.0, 0.0]
    """

    bijections: tuple[AbstractBijection, ...]

    def __init__(self, bijections: Sequence[AbstractBijection], *more: AbstractBijection):
        bijections = check_parts("Concatenate", bijections, more, AbstractBijection)
        for side in ("in_shape", "out_shape"):
            shapes = [getattr(b, side) for b in bijections]
            if any(len(shape) == 0 for shape in shapes) or len({shape[1:] for shape in shapes}) != 1:
                raise ValueError(
                    f"Concatenate: parts must have at least one axis and agree in all but the first, got {shapes}."
                )
        shared_cond_shape(bijections, "Concatenate")
        self.bijections = bijections

    @property
    def in_shape(self) -> Shape:
        return (sum(b.in_shape[0] for b in self.bijections), *self.bijections[0].in_shape[1:])

    @property
    def out_shape(self) -> Shape:
        return (sum(b.out_shape[0] for b in self.bijections), *self.bijections[0].out_shape[1:])

    @property
    def cond_shape(self) -> Shape | None:
        return shared_cond_shape(self.bijections, "Concatenate")

    @property
    def forward_kind(self) -> Kind:
        return worst_kind([b.forward_kind for b in self.bijections])

    @property
    def inverse_kind(self) -> Kind:
        return worst_kind([b.inverse_kind for b in self.bijections])

    @property
    def exact(self) -> bool:
        return all(b.exact for b in self.bijections)

    @property
    def domain(self) -> Support:
        return joined([b.domain for b in self.bijections], [b.in_shape for b in self.bijections])

    @property
    def image(self) -> Support:
        return joined([b.image for b in self.bijections], [b.out_shape for b in self.bijections])

    def _carry(self, support: Support, passage: Passage) -> Support:
        ins, outs = ([b.in_shape for b in self.bijections], [b.out_shape for b in self.bijections])
        before, after = (ins, outs) if passage.forward else (outs, ins)
        pieces = zip(self.bijections, divided(support, before), strict=True)
        return joined([b._carry(piece, passage) for b, piece in pieces], after)

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        sizes = [b.in_shape[0] for b in self.bijections]
        return _side_by_side([b._forward_many for b in self.bijections], sizes, x, condition, key)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        sizes = [b.out_shape[0] for b in self.bijections]
        return _side_by_side([b._inverse_many for b in self.bijections], sizes, x, condition, key)

    @of_parts
    def _data_init(self, x: Array, condition: Array | None) -> "tuple[Concatenate, Array]":
        pieces = _split(x, [b.out_shape[0] for b in self.bijections])
        pairs = [b._data_init(piece, condition) for b, piece in zip(self.bijections, pieces, strict=True)]
        return Concatenate([b for b, _ in pairs]), jnp.concatenate([piece for _, piece in pairs])


def _split(x: Array, sizes: Sequence[int]) -> list[Array]:
    return jnp.split(x, np.cumsum(sizes)[:-1].tolist())


def _side_by_side(methods, sizes: Sequence[int], x: Array, condition, key) -> tuple[Array, Array]:
    keys = [None] * len(methods) if key is None else jax.random.split(key, len(methods))
    results = [
        method(piece, condition, piece_key)
        for method, piece, piece_key in zip(methods, _split(x, sizes), keys, strict=True)
    ]
    return jnp.concatenate([y for y, _ in results]), functools.reduce(jnp.add, [log_det for _, log_det in results])
