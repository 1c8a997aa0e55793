"""Checks of a user's own network, once, when the part that holds it is built."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, PRNGKeyArray

from pushforward._errors import as_key
from pushforward._params import trainable_mask
from pushforward._types import Shape
from pushforward.nets._conditioner import AbstractConditioner
from pushforward.nets._per_event import PerEvent

DEFAULTS = {
    "activation": "relu",
    "adjacency": None,
    "attention": 0,
    "circular": False,
    "depth": 2,
    "precision": "full",
    "residual": False,
    "unit": 1.0,
    "width": 128,
}
"""Of the options that describe a network of ours."""

PROBES = 16
"""Events that a network is tried at."""

ROUNDS = 3
"""Moves of the weights before a network is asked what it depends on: layers that start at zero hide what is behind."""

REACH = 1e-3
"""What an output moves by, as a share of its size, to count as depending on an input; rounding is far below."""


def own_net(
    name: str, net: Any, seen: Shape, out_shape: Shape, cond_dim: int | Shape | None, *, options: Mapping[str, Any]
) -> AbstractConditioner:
    """A network of the user's as a part of `name`, checked.

    Args:
        name: Of the part, for messages.
        net: An `AbstractConditioner`, or an Equinox module for one event.
        seen: Shape of what it sees of one event.
        out_shape: What it must give for one event.
        cond_dim: Size or shape of the condition, or None.
        options: Of a network of ours, which must have their defaults.

    Raises:
        TypeError: If it is neither.
        ValueError: If an option of our networks is given too, the output has another size or is not finite, or the
            network cannot be called.
    """
    given = [option for option, value in options.items() if value != DEFAULTS[option]]
    if given:
        raise ValueError(
            f"{name}: `net` is given, so {', '.join(f'`{o}`' for o in given)} would do nothing. Leave out."
        )
    wanted = f"{_shape(out_shape)} for one event of shape {seen}{_told(cond_dim)}"
    if isinstance(net, AbstractConditioner):
        own = net
        if own.cond_dim != cond_dim:
            raise ValueError(f"{name}: `net` has cond_dim={own.cond_dim}, but the layer has cond_dim={cond_dim}.")
        if own.in_shape != seen:
            raise ValueError(f"{name}: `net` sees events of shape {own.in_shape}, but the layer shows it {seen}.")
    else:
        _check_size(name, net, seen, out_shape, cond_dim, wanted)
        own = PerEvent(net, seen, out_shape, cond_dim=cond_dim)
    for batch in (PROBES, 1):
        like = _like(seen, batch), _condition_like(cond_dim, batch)
        found = _tried(name, partial(jax.eval_shape, _called, own, *like), wanted)
        if getattr(found, "shape", None) != (*out_shape, batch):
            raise ValueError(
                f"{name}: `net` must give {wanted}, batch last: {(*out_shape, batch)} for a batch of {batch}; "
                f"it gives {_given(found)}."
            )
    _check_finite(name, own, seen, cond_dim)
    return own


def needed_key(name: str, key: PRNGKeyArray | None) -> PRNGKeyArray:
    """The key, or a ValueError if there is none."""
    if key is None:
        raise ValueError(f"{name}: needs `key=` for the initial weights of its network, such as `jax.random.key(0)`.")
    return as_key(name, key)


def check_masked(name: str, net: AbstractConditioner, dim: int, cond_dim: int | Shape | None) -> None:
    """A ValueError where output `[:, i]` depends on an input from `i` on.

    The weights are first moved as training would move them, so that a mask that training would wear off, or a last
    layer that is still zero, hides nothing.
    """
    known = not any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(net))
    # NumPy draws them: random numbers of JAX would take longer to compile than all the rest.
    draws = np.random.default_rng(0)
    net = net if known else jax.tree.map(lambda leaf: _stand_in(leaf, draws), net)
    x, others = _normal(draws, (2, dim, PROBES))
    like = _condition_like(cond_dim, PROBES)
    condition = None if like is None else _normal(draws, like.shape)
    noise = jax.tree.map(lambda leaf: _noise(draws, (ROUNDS, *leaf.shape), leaf.dtype), net)
    ways = _normal(draws, (ROUNDS, *net.out_shape, PROBES))
    with jax.ensure_compile_time_eval():
        seen = np.asarray(_seen_too_early(net, (x, others, condition), (noise, ways)))
    if not seen.any():
        return
    output, given = (int(index) for index in np.argwhere(seen)[0])
    how = "" if known else " It was tried with random weights, as it is built inside of a transformation of JAX."
    raise ValueError(
        f"{name}: output {output} of `net` depends on coordinate {given}, and may see those before {output} alone. "
        "Mask its weights where they are used, and keep masks from being trained (arrays of bool are, or "
        f"`jax.lax.stop_gradient`), or use `nets.MADE`.{how}"
    )


@jax.jit
def _seen_too_early(net: AbstractConditioner, given: tuple[Array, Array, Array | None], moves: Any) -> Array:
    """`[i, j]`: whether output i depends on coordinate j >= i, `(dim, dim)`."""
    x, others, condition = given
    mask = trainable_mask(net)

    def move(net: AbstractConditioner, round: Any) -> tuple[AbstractConditioner, None]:
        """Noise on every number that has a gradient; a number without one is never trained."""
        noise, way = round
        grads = jax.grad(lambda net: jnp.sum(net(x, condition) * way))(net)
        step = lambda leaf, moved, grad, trained: leaf + jnp.where((grad != 0) & trained, moved, 0.0)  # noqa: E731
        return jax.tree.map(step, net, noise, grads, mask), None

    net, _ = jax.lax.scan(move, net, moves)
    start = net(x, condition)
    size = 1.0 + jnp.max(jnp.abs(start))

    def reached(place: Array) -> Array:
        changed = net(jnp.where(jnp.arange(len(x))[:, None] == place, others, x), condition)
        return jnp.any(jnp.abs(changed - start) > REACH * size, axis=(0, -1))

    return jnp.triu(jax.lax.map(reached, jnp.arange(len(x))).T)


def _normal(draws: np.random.Generator, shape: Shape, dtype: Any = None) -> np.ndarray:
    return draws.standard_normal(shape).astype(jnp.result_type(float) if dtype is None else dtype)


def _noise(draws: np.random.Generator, shape: Shape, dtype: Any) -> np.ndarray:
    """Draws for each round, `(rounds, *leaf)`, smaller for matrices by their fan-in."""
    return _normal(draws, shape, dtype) / np.asarray(math.sqrt(shape[-1] or 1) if len(shape) > 2 else 1.0, dtype)


def _stand_in(leaf: Array, draws: np.random.Generator) -> Any:
    """Random numbers for an array whose values are not known."""
    return _noise(draws, (1, *leaf.shape), leaf.dtype)[0] if isinstance(leaf, Tracer) else leaf


def _check_size(name: str, net: Any, seen: Shape, out_shape: Shape, cond_dim: int | Shape | None, wanted: str) -> None:
    """A ValueError where a module for one event gives another number of numbers."""
    if not isinstance(net, eqx.Module) or not callable(net):
        raise TypeError(
            f"{name}: `net` must be an Equinox module that can be called, or a `nets.AbstractConditioner`, got a "
            f"{type(net).__name__}."
        )
    if len(seen) == 1 and not isinstance(cond_dim, tuple):
        given = (jax.ShapeDtypeStruct((seen[0] + (cond_dim or 0),), jnp.result_type(float)),)
    else:
        shapes = [seen] if cond_dim is None else [seen, (cond_dim,) if isinstance(cond_dim, int) else cond_dim]
        given = tuple(jax.ShapeDtypeStruct(shape, jnp.result_type(float)) for shape in shapes)
    found = _tried(name, partial(eqx.filter_eval_shape, net, *given), wanted)
    size = math.prod(found.shape) if hasattr(found, "shape") else None
    if size != math.prod(out_shape):
        raise ValueError(f"{name}: `net` must give {wanted}; it gives {_given(found)}.")


def _tried(name: str, call: Callable[[], Any], wanted: str) -> Any:
    try:
        return call()
    except Exception as error:
        raise ValueError(
            f"{name}: `net` must give {wanted}, without a batch axis, but calling it fails: "
            f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        ) from error


@jax.jit
def _called(net: AbstractConditioner, x: Array, condition: Array | None) -> Array:
    return net(x, condition)


def _check_finite(name: str, net: AbstractConditioner, seen: Shape, cond_dim: int | Shape | None) -> None:
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(net)):
        return
    draws = np.random.default_rng(0)
    x = _normal(draws, (*seen, PROBES))
    x[..., 0] = 0.0
    like = _condition_like(cond_dim, PROBES)
    condition = None if like is None else _normal(draws, like.shape)
    with jax.ensure_compile_time_eval():
        out = np.asarray(_called(net, x, condition))
    if not np.isfinite(out).all():
        bad = int((~np.isfinite(out)).any(axis=tuple(range(out.ndim - 1))).sum())
        raise ValueError(
            f"{name}: `net` gives NaN or infinite numbers at {bad} of {PROBES} ordinary inputs (0 and draws of a "
            "standard normal), so no density could be finite. Mend the network, or its initial weights."
        )


def _like(shape: Shape, batch: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((*shape, batch), jnp.result_type(float))


def _condition_like(cond_dim: int | Shape | None, batch: int) -> jax.ShapeDtypeStruct | None:
    if cond_dim is None:
        return None
    return _like((cond_dim,) if isinstance(cond_dim, int) else cond_dim, batch)


def _given(found: Any) -> str:
    return f"shape {found.shape}" if hasattr(found, "shape") else f"a {type(found).__name__}"


def _shape(out_shape: Shape) -> str:
    return f"{math.prod(out_shape)} numbers, shape {out_shape},"


def _told(cond_dim: int | Shape | None) -> str:
    return (
        ""
        if cond_dim is None
        else f" and a condition of shape {(cond_dim,) if isinstance(cond_dim, int) else cond_dim}"
    )
