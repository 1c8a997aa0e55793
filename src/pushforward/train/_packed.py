"""Small parameters as one array while training steps run, for optimizers that treat each number alike.

An optimizer's few operations for each of hundreds of arrays are half of the program of a step, and a third of the time
to compile it. Between calls of the compiled steps, and in files, everything is a tree of arrays as the flow is.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from pushforward._types import Shape


class Packing(NamedTuple):
    """How the small arrays of a tree lie in one array; all trees are left as they are where there is no structure.

    Attributes:
        tree: The structure of the parameters, without their values.
        shapes: Of its arrays, in turn.
    """

    tree: Any = None
    shapes: tuple[Shape, ...] = ()

    def pack(self, state: Any) -> Any:
        """A state in which each tree of the parameters' structure is one array of all small ones, and the others."""

        def packed(node: Any) -> Any:
            if not self._is_mine(node):
                return node
            leaves = jax.tree.leaves(node)
            small = jnp.concatenate([leaf.ravel() for leaf in leaves if _is_small(leaf.shape)])
            return small, [leaf for leaf in leaves if not _is_small(leaf.shape)]

        return jax.tree.map(packed, state, is_leaf=self._is_mine)

    def small(self, packed: Any) -> list[Array]:
        """The small arrays of packed parameters, one by one."""
        if self.tree is None:
            return []
        shapes = [shape for shape in self.shapes if _is_small(shape)]
        parts = jax.lax.split(packed[0], [math.prod(shape) for shape in shapes])
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]

    def open(self, packed: Any, small: list[Array]) -> Any:
        """The tree of all arrays, of packed parameters and their small arrays."""
        if self.tree is None:
            return packed
        each, large = iter(small), iter(packed[1])
        return self.tree.unflatten([next(each if _is_small(shape) else large) for shape in self.shapes])

    def unpack(self, state: Any, like: Any) -> Any:
        """What `pack` has made of a state such as `like`, as it was."""

        def opened(node: Any, now: Any) -> Any:
            return self.open(now, self.small(now)) if self._is_mine(node) else now

        return jax.tree.map(opened, like, state, is_leaf=self._is_mine)

    def _is_mine(self, node: Any) -> bool:
        return self.tree is not None and jax.tree.structure(node) == self.tree


SMALL = 4_096
"""Numbers of an array that is packed. Larger ones are few, and to copy them would take longer than it saves."""


def _is_small(shape: Shape) -> bool:
    return math.prod(shape) <= SMALL


def packing_of(params: Any) -> Packing:
    """How to pack parameters: not at all where fewer than two arrays are small, or they are of several types."""
    leaves = jax.tree.leaves(params)
    if sum(_is_small(leaf.shape) for leaf in leaves) < 2 or len({leaf.dtype for leaf in leaves}) > 1:
        return Packing()
    return Packing(jax.tree.structure(params), tuple(leaf.shape for leaf in leaves))
