"""What events are on their way from the noise: the state after each layer of a flow."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pushforward.bijections import AbstractBijection, ActNorm, Chain, EachPixel, Inverse, MultiScale, Scan
from pushforward.bijections._base import AbstractElementwise, AbstractSurjection
from pushforward.bijections._shape import AbstractRearrangement

Op = AbstractBijection | None
"""A map of what has been reached; None takes in the next variables of a multi-scale flow."""


class _State(NamedTuple):
    """What has been reached, `(*event, count)`, and the variables that levels still to come take in."""

    value: Array
    rest: tuple[Array, ...] = ()


def states(bijection: AbstractBijection, z: Array, condition: Array | None, columns: int) -> list[tuple[int, Array]]:
    """How many layers were run, and the events `(count, *event)` that they gave, from none to all.

    Where a layer works on a part of the variables, the others are shown as the noise that they still are, each at its
    place: what is left of the flow is run without its layers, so that it moves numbers and does not change them.

    Args:
        bijection: From the base to the data.
        z: `(*base, count)`.
        condition: `(*cond_shape, count)`, or None.
        columns: How many, evenly spread over the layers; less if there are fewer layers.
    """
    ops = _ops(bijection)
    loud = [place for place, op in enumerate(ops) if not _is_quiet(op)] or list(range(len(ops)))
    ends = [0, *loud[1:], len(ops)]  # a layer ends where the next begins
    shown = {int(k) for k in np.linspace(0, len(loud), min(columns, len(loud) + 1)).round()}
    state, found = _State(z), []
    for number, end in enumerate(ends):
        for op in ops[ends[max(number - 1, 0)] : end]:
            state = _after(op, state, condition)
        if number in shown:
            found.append((number, jnp.moveaxis(_moved(ops[end:], state), -1, 0)))
    return found


def _ops(bijection: AbstractBijection) -> list[Op]:
    if isinstance(bijection, Chain):
        return [op for part in bijection.bijections for op in _ops(part)]
    if isinstance(bijection, Scan):
        return [op for layer in bijection.layers() for op in _ops(layer)]
    if isinstance(bijection, MultiScale):
        first, *others = (_ops(level) for level in bijection.levels)
        return [bijection, *first, *(op for level in others for op in (None, *level))]
    if isinstance(bijection, Inverse) and isinstance(bijection.bijection, Chain | Scan):
        return [Inverse(op) for op in reversed(_ops(bijection.bijection)) if op is not None]
    return [bijection]


def _is_move(op: Op) -> bool:
    """Whether it puts numbers elsewhere and does not change them."""
    if isinstance(op, Inverse | EachPixel):
        return _is_move(op.bijection)
    return op is None or isinstance(op, AbstractRearrangement | MultiScale)


def _is_quiet(op: Op) -> bool:
    """Whether it is no layer of its own, but belongs to the one before."""
    return _is_move(op) or isinstance(op, ActNorm | EachPixel | AbstractElementwise | AbstractSurjection)


def _after(op: Op, state: _State, condition: Array | None) -> _State:
    if op is None:
        return _State(jnp.concatenate([state.value, state.rest[0]], axis=-2), state.rest[1:])
    if isinstance(op, MultiScale):
        first, *rest = op.latents(state.value)
        return _State(first, tuple(rest))
    return state._replace(value=_pushed(op, state.value, None if op.cond_shape is None else condition))


def _moved(later: list[Op], state: _State) -> Array:
    for op in later:
        if _is_move(op):
            state = _after(op, state, None)
    return state.value


@jax.jit
def _pushed(op: AbstractBijection, x: Array, condition: Array | None) -> Array:
    return op._forward_many(x, condition, None)[0]
