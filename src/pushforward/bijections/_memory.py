"""What a stack of layers keeps for its gradient: everything, the input of each layer, or its output alone."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from pushforward._types import Kind
from pushforward.bijections._base import AbstractBijection

MEMORY = ("store", "recompute", "invert")


class Way(NamedTuple):
    """One direction through a stack.

    Attributes:
        method: Of a layer.
        undo: The layer's method that goes back.
        reverse: Whether the last layer is the first to be run.
    """

    method: str
    undo: str
    reverse: bool


def check_memory(layer: AbstractBijection, memory: str) -> None:
    """A ValueError where a stack of such layers cannot save memory in this way."""
    if memory not in MEMORY:
        raise ValueError(f"Scan: `memory` must be one of {', '.join(MEMORY)}, got {memory!r}.")
    if memory != "invert":
        return
    if layer.in_shape != layer.out_shape:
        raise ValueError(
            f"Scan: memory='invert' needs layers that keep the event's shape, got {layer.in_shape} -> "
            f"{layer.out_shape}."
        )
    if not layer.exact or {layer.forward_kind, layer.inverse_kind} != {"analytic"}:
        what = f"forward {layer.forward_kind}, inverse {layer.inverse_kind}" if layer.exact else "a loss of information"
        raise ValueError(
            "Scan: memory='invert' finds the input of a layer by its other direction, so both must be in closed form, "
            f"got {what}. Use memory='recompute'."
        )


def stacked_if_alike(layers: Sequence[AbstractBijection]) -> AbstractBijection | None:
    """Two layers or more that differ in the values of their arrays alone, stacked; None for others.

    Their events keep their shape, so that one can be run after another in a loop.
    """
    first = layers[0]
    if len(layers) < 2 or first.in_shape != first.out_shape:
        return None
    kinds = [([(a.shape, a.dtype) for a in jax.tree.leaves(one)], jax.tree.structure(one)) for one in layers]
    if any(kind != kinds[0] for kind in kinds):
        return None
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *layers)


def run_layers(
    way: Way,
    kind: Kind,
    layers: Sequence[AbstractBijection],
    x: Array,
    condition: Array | None,
    key: PRNGKeyArray | None,
) -> tuple[Array, Array]:
    """Layers in turn; those of a long program that are equal but for their arrays as the body of one loop."""
    stacked = stacked_if_alike(layers) if kind in ("sequential", "iterative") else None
    if stacked is None:
        return in_turn([partial(_mapped, way.method, layer) for layer in layers], x, condition, key)
    keys = None if key is None else jax.random.split(key, len(layers))
    return run_stack(way, "store", stacked, x, condition, keys)


@partial(jax.jit, static_argnums=0)
def _mapped(
    method: str, layer: AbstractBijection, x: Array, condition: Array | None, key: PRNGKeyArray | None
) -> tuple[Array, Array]:
    """A layer's method, traced once for all layers that are equal but for the values of their arrays."""
    return getattr(layer, method)(x, condition, key)


def in_turn(methods: Sequence[Any], x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
    """Methods of layers, one after another, and the sum of their log-dets."""
    keys = [None] * len(methods) if key is None else jax.random.split(key, len(methods))
    total: Any = None
    for method, method_key in zip(methods, keys, strict=True):
        x, log_det = method(x, condition, method_key)
        total = log_det if total is None else total + log_det
    return x, total


def run_stack(
    way: Way, memory: str, stacked: AbstractBijection, x: Array, condition: Array | None, keys: Array | None
) -> tuple[Array, Array]:
    """Layers one after another, and the sum of their log-dets.

    Args:
        way: The direction.
        memory: What is kept for the gradient.
        stacked: The layers, stacked along the first axis of every leaf.
        x: `(*event)` or `(*event, batch)`, as the method wants.
        condition: As the method wants, or None.
        keys: One for each layer, or None. A layer that is run again gets its key again.
    """
    if memory == "invert":
        return _keeping_output(way, stacked, x, condition, keys)
    return _scanned(way, stacked, x, condition, keys, recompute=memory == "recompute")


def _scanned(
    way: Way, stacked: Any, x: Array, condition: Array | None, keys: Array | None, *, recompute: bool = False
) -> tuple[Array, Array]:
    def step(carry: tuple[Array, Array], layer_and_key: Any) -> tuple[tuple[Array, Array], None]:
        (value, total), (layer, key) = carry, layer_and_key
        value, log_det = getattr(layer, way.method)(value, condition, key)
        return (value, total + log_det), None

    step = jax.checkpoint(step) if recompute else step
    start = (x, jnp.zeros(x.shape[len(stacked.in_shape) :], x.dtype))
    return jax.lax.scan(step, start, (stacked, keys), reverse=way.reverse)[0]


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _keeping_output(
    way: Way, stacked: Any, x: Array, condition: Array | None, keys: Array | None
) -> tuple[Array, Array]:
    return _scanned(way, stacked, x, condition, keys)


def _run(
    way: Way, stacked: Any, x: Array, condition: Array | None, keys: Array | None
) -> tuple[tuple[Array, Array], Any]:
    y, total = _scanned(way, stacked, x, condition, keys)
    return (y, total), (stacked, y, condition, keys)


def _gradient(way: Way, kept: Any, cotangents: tuple[Array, Array]) -> tuple[Any, Array, Array | None, None]:
    """Back through the layers: the input of each from its output, then the gradient of that layer alone."""
    stacked, y, condition, keys = kept
    y_bar, total_bar = cotangents

    def step(carry: Any, layer_and_key: Any) -> tuple[Any, Any]:
        (y, y_bar, condition_bar), (layer, key) = carry, layer_and_key
        x = getattr(layer, way.undo)(y, condition, key)[0]
        pull = jax.vjp(lambda layer, x, c: getattr(layer, way.method)(x, c, key), layer, x, condition)[1]
        layer_bar, x_bar, more = pull((y_bar, total_bar))
        return (x, x_bar, jax.tree.map(jnp.add, condition_bar, more)), layer_bar

    start = (y, y_bar, jax.tree.map(jnp.zeros_like, condition))
    (_, x_bar, condition_bar), stacked_bar = jax.lax.scan(step, start, (stacked, keys), reverse=not way.reverse)
    return stacked_bar, x_bar, condition_bar, None


_keeping_output.defvjp(_run, _gradient)
