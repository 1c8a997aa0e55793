"""Supports of events taken apart into those of their numbers, and put together again."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np
from jax.core import Tracer

from pushforward._types import Shape
from pushforward.supports._kinds import REAL, Integers, Interval, OneHot, PartOf, Product, Sphere, Support


class Passage(NamedTuple):
    """How a support goes through a map.

    Attributes:
        forward: From the base side to the data side, or back.
        strict: Whether what does not fit is refused, and what is not known is `PartOf`. Otherwise the question is which
            numbers a map can be given, or can give: all that it takes, or gives, where nothing else can be said.
    """

    forward: bool
    strict: bool = True

    @property
    def back(self) -> "Passage":
        """The same in the other direction."""
        return Passage(not self.forward, self.strict)


FORWARD, BACKWARD = Passage(forward=True), Passage(forward=False)
NEEDED = Passage(forward=False, strict=False)
"""Which numbers a map can be given so that those of a support come out."""


def spread(support: Support, shape: Shape) -> np.ndarray:
    """The support of each number of an event, an array of objects of the event's shape."""
    if isinstance(support, Product):
        parts = np.empty(len(support.parts), object)
        parts[:] = support.parts
        return parts.reshape(shape)
    if isinstance(support, PartOf):
        cells = [PartOf(part) for part in spread(support.support, shape).flat]
        return _objects(cells).reshape(shape)
    whole = {Sphere: PartOf(Interval(-1.0, 1.0)), OneHot: PartOf(Integers(0, 1))}
    return np.full(shape, whole.get(type(support), support), object)


def gathered(parts: np.ndarray | Sequence[Support]) -> Support:
    """The support of an event from those of its numbers: one for all where they are equal."""
    cells = list(parts.flat) if isinstance(parts, np.ndarray) else list(parts)
    if not cells:
        return REAL
    return cells[0] if all(cell == cells[0] for cell in cells) else Product(tuple(cells))


def by_coordinate(support: Support, function: Callable[[Support], Support]) -> Support:
    """`function` of the support of each number, once for each kind."""
    if not isinstance(support, Product):
        return function(support)
    found = {kind: function(kind) for kind in dict.fromkeys(support.parts)}
    return gathered([found[part] for part in support.parts])


def joined(supports: Sequence[Support], shapes: Sequence[Shape], axis: int = 0) -> Support:
    """The support of events side by side along an axis."""
    if all(s == supports[0] for s in supports) and not isinstance(supports[0], Product | Sphere):
        return supports[0]
    return gathered(np.concatenate([spread(*pair) for pair in zip(supports, shapes, strict=True)], axis))


def divided(support: Support, shapes: Sequence[Shape], axis: int = 0) -> list[Support]:
    """The supports of the slices of an event along an axis."""
    if not isinstance(support, Product | Sphere | PartOf):
        return [support] * len(shapes)
    sizes = [shape[axis] for shape in shapes]
    whole = list(shapes[0])
    whole[axis] = sum(sizes)
    return [gathered(piece) for piece in np.split(spread(support, tuple(whole)), np.cumsum(sizes)[:-1].tolist(), axis)]


def moved(support: Support, shape: Shape, move: Callable[[jax.Array], jax.Array]) -> Support:
    """The support once the numbers of an event change places.

    Args:
        support: Of the event before.
        shape: Of the event before.
        move: What the map does to an event; it is given the places of its numbers.
    """
    if not isinstance(support, Product):
        return support
    with jax.ensure_compile_time_eval():
        places = move(jax.numpy.arange(np.prod(shape, dtype=int)).reshape(shape))
    if isinstance(places, Tracer):
        return PartOf(REAL)  # an order that is not known while tracing
    return gathered(spread(support, shape).reshape(-1)[np.asarray(places)])


def known(value: jax.Array, size: int) -> np.ndarray | None:
    """Fixed numbers of a map, `(size,)`; None while tracing, or where layers are stacked."""
    if isinstance(value, Tracer) or not isinstance(value, jax.Array | np.ndarray) or value.size != size:
        return None
    return np.asarray(value).reshape(-1)


def _objects(cells: Sequence[Support]) -> np.ndarray:
    array = np.empty(len(cells), object)
    array[:] = cells
    return array
