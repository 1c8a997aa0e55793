"""What the recipes for sound share."""

from collections.abc import Callable
from typing import Any

import jax
from jaxtyping import PRNGKeyArray

from pushforward._types import Shape
from pushforward.bijections import AbstractBijection, Affine, Autoregressive, Chain, Coupling, Scan, count_raw
from pushforward.nets import WaveNet


def check_length(name: str, length: int, multiple: int) -> None:
    """A ValueError where a length is no multiple, with the nearest lengths that are."""
    if length % multiple:
        below, above = length // multiple * multiple, -(-length // multiple) * multiple
        near = f"{below} or {above}" if below else f"{above}"
        raise ValueError(
            f"{name}: with these options `length` must be a multiple of {multiple}, got {length}. Cut or fill up the "
            f"sound to {near} samples."
        )


def check_condition(name: str, length: int, cond_dim: Any) -> None:
    """A ValueError where a condition is neither a size nor `(frames, channels)` that share the length evenly."""
    sizes = cond_dim if isinstance(cond_dim, tuple) else (cond_dim,)
    if cond_dim is not None and (
        not all(isinstance(size, int) and not isinstance(size, bool) and size >= 1 for size in sizes)
        or (isinstance(cond_dim, tuple) and (len(sizes) != 2 or length % sizes[0]))
    ):
        raise ValueError(
            f"{name}: `cond_dim` must be None, a size, or (frames, channels) of a condition along time whose frames "
            f"share the {length} samples evenly, got {cond_dim!r}."
        )


def check_counts(name: str, **counts: int) -> None:
    """A ValueError where a count is below 1."""
    for option, count in counts.items():
        if count < 1:
            raise ValueError(f"{name}: `{option}` must be at least 1, got {count}.")


def wave_coupling(
    shape: Shape, *, split: int | None = None, cond_dim: int | Shape | None, key: PRNGKeyArray, **net: Any
) -> Coupling:
    """An affine coupling of a sequence `(time, channels)`, the first channels of which a WaveNet sees both ways."""
    time, channels = shape
    kept = channels // 2 if split is None else split
    seen = WaveNet((time, kept), (2, time, channels - kept), cond_dim=cond_dim, key=key, **net)
    return Coupling(Affine(), shape, net=seen, split=split, cond_dim=cond_dim)


def causal_layer(
    inner: AbstractBijection, length: int, *, cond_dim: int | Shape | None, key: PRNGKeyArray, **net: Any
) -> Autoregressive:
    """An autoregressive layer of samples in the order of time, whose network is a causal WaveNet."""
    shape = (count_raw(inner), length)
    seen = WaveNet((length,), shape, causal=True, cond_dim=cond_dim, key=key, **net)
    return Autoregressive(inner, length, net=seen, cond_dim=cond_dim)


def stacked(
    make: Callable[[PRNGKeyArray], AbstractBijection], num_layers: int, key: PRNGKeyArray, memory: str
) -> AbstractBijection:
    """Layers that differ in their weights alone, as one loop from two on: a WaveNet takes long to compile."""
    layers = jax.vmap(make)(jax.random.split(key, num_layers))
    scan = Scan.of_stacked(layers, num_layers, memory=memory)
    return scan if num_layers > 1 or memory != "store" else Chain(scan.layers())
