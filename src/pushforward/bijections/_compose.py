"""Maps made of maps: one after another, stacked and scanned, turned round."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from pushforward._errors import as_key, check_part, check_parts
from pushforward._params import static
from pushforward._types import Kind, Shape, of_parts, starts_from_data, worst_kind
from pushforward.bijections._base import AbstractBijection
from pushforward.bijections._memory import Way, check_memory, in_turn, run_layers, run_stack
from pushforward.bijections._neighbours import carried, check_neighbours
from pushforward.supports import Support
from pushforward.supports._events import FORWARD, NEEDED, Passage


class Chain(AbstractBijection):
    r"""Bijections one after another, $f = f_n \circ \dots \circ f_1$; the log-dets add up.

    Args:
        bijections: In the order in which `forward` applies them: the first is next to the base.

    Raises:
        ValueError: If neighbouring shapes or supports do not fit, or two conditions have different shapes.
        TypeError: If what is given is not a list of bijections.

    Example:
        >>> chain = Chain([Scale(2.0 * jnp.ones(2)), Shift(jnp.ones(2))])
        >>> chain.forward(jnp.array([0.0, 1.0])).tolist()
        [1.0, 3.0]
    """

    bijections: tuple[AbstractBijection, ...]

    def __init__(self, bijections: Sequence[AbstractBijection], *more: AbstractBijection):
        bijections = check_parts("Chain", bijections, more, AbstractBijection)
        if not bijections:
            raise ValueError("Chain: needs at least one bijection, got none. `Identity(shape)` maps nothing.")
        for i, (a, b) in enumerate(itertools.pairwise(bijections)):
            if a.out_shape != b.in_shape:
                raise ValueError(
                    f"Chain: bijection {i} ({type(a).__name__}) gives shape {a.out_shape}, but bijection {i + 1} "
                    f"({type(b).__name__}) takes {b.in_shape}. Put a `Reshape` between them, or mend one."
                )
        shared_cond_shape(bijections, "Chain")
        self.bijections = bijections
        check_neighbours(self)

    @property
    def in_shape(self) -> Shape:
        return self.bijections[0].in_shape

    @property
    def out_shape(self) -> Shape:
        return self.bijections[-1].out_shape

    @property
    def cond_shape(self) -> Shape | None:
        return shared_cond_shape(self.bijections, "Chain")

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
        return carried(self.bijections[-2::-1], self.bijections[-1].domain, NEEDED)

    @property
    def image(self) -> Support:
        return self._carry(self.domain, FORWARD)

    def _carry(self, support: Support, passage: Passage) -> Support:
        return carried(self.bijections if passage.forward else self.bijections[::-1], support, passage)

    def _forward(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return in_turn([b._forward for b in self.bijections], x, condition, key)

    def _inverse(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return in_turn([b._inverse for b in self.bijections[::-1]], x, condition, key)

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        way = Way("_forward_many", "_inverse_many", reverse=False)
        return run_layers(way, self.forward_kind, self.bijections, x, condition, key)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        way = Way("_inverse_many", "_forward_many", reverse=False)
        return run_layers(way, self.inverse_kind, self.bijections[::-1], x, condition, key)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        return in_turn([_ignore_rest(b._forward_pointwise) for b in self.bijections], x, None, None)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        return in_turn([_ignore_rest(b._inverse_pointwise) for b in self.bijections[::-1]], x, None, None)

    @of_parts
    def _data_init(self, x: Array, condition: Array | None) -> "tuple[Chain, Array]":
        started = []
        for bijection in self.bijections[::-1]:
            bijection, x = bijection._data_init(x, condition)
            started.append(bijection)
        return Chain(started[::-1]), x


class Scan(AbstractBijection):
    """Layers of the same structure, stacked and run by `jax.lax.scan`: compile time does not grow with depth.

    Args:
        layers: Equal in everything but the values of their arrays, in the order in which `forward` applies them.
        memory: What is kept for the gradient. `"store"`: all that the layers compute. `"recompute"`: the input of each
            layer, which is then run a second time. `"invert"`: the output of the last layer alone; the input of each is
            found by its other direction, so that memory does not grow with the number of layers. Such a stack has no
            forward-mode derivatives (`jax.jvp`), and rounding errors of the inverse enter the gradient. Values are the
            same whichever it is (design record 0017).

    Raises:
        ValueError: If the layers differ in structure, or do not keep the event's shape, or `memory` is `"invert"` and a
            direction of the layers is not in closed form.

    Example:
        >>> scan = Scan([Shift(jnp.ones(2)), Shift(2 * jnp.ones(2))])
        >>> scan.forward(jnp.zeros(2)).tolist()
        [3.0, 3.0]
    """

    stacked: AbstractBijection
    num_layers: int = static()
    memory: str = static(default="store")

    def __init__(self, layers: Sequence[AbstractBijection], *more: AbstractBijection, memory: str = "store"):
        layers = check_parts("Scan", layers, more, AbstractBijection)
        if not layers:
            raise ValueError("Scan: needs at least one layer, got none.")
        first = layers[0]
        if first.in_shape != first.out_shape:
            raise ValueError(
                f"Scan: layers must keep the event's shape, got {first.in_shape} -> {first.out_shape}. Use `Chain`."
            )
        if any(jax.tree.structure(layer) != jax.tree.structure(first) for layer in layers):
            raise ValueError("Scan: all layers must have the same structure. Use `Chain` for layers that differ.")
        check_memory(first, memory)
        self.stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *layers)
        self.num_layers, self.memory = len(layers), memory
        check_neighbours(self)

    @property
    def in_shape(self) -> Shape:
        return self.stacked.in_shape

    @property
    def out_shape(self) -> Shape:
        return self.stacked.out_shape

    @property
    def cond_shape(self) -> Shape | None:
        return self.stacked.cond_shape

    @property
    def forward_kind(self) -> Kind:
        return self.stacked.forward_kind

    @property
    def inverse_kind(self) -> Kind:
        return self.stacked.inverse_kind

    @property
    def exact(self) -> bool:
        return self.stacked.exact

    @property
    def domain(self) -> Support:
        return carried((self.stacked,) * (self.num_layers - 1), self.stacked.domain, NEEDED)

    @property
    def image(self) -> Support:
        return self._carry(self.domain, FORWARD)

    def _carry(self, support: Support, passage: Passage) -> Support:
        return carried((self.stacked,) * self.num_layers, support, passage)

    @classmethod
    def of_stacked(cls, stacked: AbstractBijection, num_layers: int, *, memory: str = "store") -> "Scan":
        """From a bijection whose leaves have the layers as their first axis."""
        check_memory(stacked, memory)
        scan = object.__new__(cls)
        for name, value in {"stacked": stacked, "num_layers": num_layers, "memory": memory}.items():
            object.__setattr__(scan, name, value)
        check_neighbours(scan)
        return scan

    def layers(self) -> list[AbstractBijection]:
        """The layers, unstacked."""
        return [jax.tree.map(lambda leaf, i=i: leaf[i], self.stacked) for i in range(self.num_layers)]

    def _forward(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return self._run(Way("_forward", "_inverse", reverse=False), x, condition, key)

    def _inverse(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return self._run(Way("_inverse", "_forward", reverse=True), x, condition, key)

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return self._run(Way("_forward_many", "_inverse_many", reverse=False), x, condition, key)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return self._run(Way("_inverse_many", "_forward_many", reverse=True), x, condition, key)

    def _run(self, way: Way, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        keys = None if key is None else jax.random.split(key, self.num_layers)
        return run_stack(way, self.memory, self.stacked, x, condition, keys)

    @of_parts
    def _data_init(self, x: Array, condition: Array | None) -> "tuple[Scan, Array]":
        if not starts_from_data(self.stacked):
            return self, self._inverse_many(x, condition, None)[0]
        chain, x = Chain(self.layers())._data_init(x, condition)
        return Scan(chain.bijections, memory=self.memory), x


class Inverse(AbstractBijection):
    """A bijection turned round: its `forward` is the other's `inverse`.

    Args:
        bijection: The map to turn round.

    Example:
        >>> Inverse(Exp(())).forward(jnp.array(1.0)).item()
        0.0
    """

    bijection: AbstractBijection

    def __check_init__(self):
        check_part("Inverse", "bijection", self.bijection, AbstractBijection, "Write `Inverse(bijection)`.")

    @property
    def in_shape(self) -> Shape:
        return self.bijection.out_shape

    @property
    def out_shape(self) -> Shape:
        return self.bijection.in_shape

    @property
    def cond_shape(self) -> Shape | None:
        return self.bijection.cond_shape

    @property
    def forward_kind(self) -> Kind:
        return self.bijection.inverse_kind

    @property
    def inverse_kind(self) -> Kind:
        return self.bijection.forward_kind

    @property
    def exact(self) -> bool:
        return self.bijection.exact

    @property
    def domain(self) -> Support:
        return self.bijection.image

    @property
    def image(self) -> Support:
        return self.bijection.domain

    def _carry(self, support: Support, passage: Passage) -> Support:
        return self.bijection._carry(support, passage.back)

    def _forward(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return self.bijection._inverse(x, condition, key)

    def _inverse(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return self.bijection._forward(x, condition, key)

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return self.bijection._inverse_many(x, condition, key)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return self.bijection._forward_many(x, condition, key)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        return self.bijection._inverse_pointwise(x)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        return self.bijection._forward_pointwise(x)


def repeat(
    make: Callable[[PRNGKeyArray], AbstractBijection], num_layers: int, key: PRNGKeyArray, *, memory: str = "store"
) -> AbstractBijection:
    """Layers that differ in their weights alone: a `Chain` when shallow, a `Scan` from `SCAN_FROM` layers on.

    Unrolled layers run faster, but compile slower. The weights of all layers are drawn at once, by `jax.vmap`.

    Args:
        make: A layer from a key.
        num_layers: How many, at least 1.
        key: Split among the layers.
        memory: What is kept for the gradient, see `Scan`; if not everything, it is a `Scan` however shallow.
    """
    if num_layers < 1:
        raise ValueError(f"`num_layers` must be at least 1, got {num_layers}.")
    stacked = jax.vmap(make)(jax.random.split(as_key("repeat", key), num_layers))
    scan = Scan.of_stacked(stacked, num_layers, memory=memory)
    return scan if memory != "store" or num_layers >= SCAN_FROM else Chain(scan.layers())


SCAN_FROM = 10


def sparing(bijection: AbstractBijection, memory: str) -> AbstractBijection:
    """The same map, a `Scan` of one layer that saves memory for its gradient, see there; itself if all is kept."""
    return bijection if memory == "store" else Scan([bijection], memory=memory)


def shared_cond_shape(parts: Sequence[Any], name: str) -> Shape | None:
    """The one condition shape among parts, None if none is conditional."""
    # Asked for once: parts ask theirs, so that twice would be 2 to the depth of a flow.
    shapes = {shape for part in parts if (shape := part.cond_shape) is not None}
    if len(shapes) > 1:
        raise ValueError(f"{name}: all parts see the same condition, but theirs have shapes {sorted(shapes)}.")
    return shapes.pop() if shapes else None


def _ignore_rest(pointwise: Any) -> Any:
    return lambda x, condition, key: pointwise(x)
