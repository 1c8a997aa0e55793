"""Everything that a training step changes."""

from functools import partial
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array

T = TypeVar("T")


class Sums(NamedTuple):
    """Totals over the accepted steps of one epoch, each step counted by its weight.

    Attributes:
        loss: Sum of weight times loss.
        weight: Sum of weights.
        metrics: Sums of weight times metric, by name.
        skipped: Number of steps that were not taken.
        rate: Learning rate of the latest step; it is not a total.
    """

    loss: Array
    weight: Array
    metrics: dict[str, Array]
    skipped: Array
    rate: Array


def zero_sums(metrics: tuple[str, ...]) -> Sums:
    """Totals of an epoch that has not begun."""
    # In NumPy: the arrays are donated with the state, and a compiled call for five scalars takes longer.
    zero: Any = np.zeros((), jnp.result_type(float))
    none: Any = np.zeros((), np.int32)
    totals: Any = dict.fromkeys(metrics, zero)
    return Sums(zero, zero, totals, none, zero)


class TrainState(NamedTuple):
    """What a step reads and writes; it stays on the device and is donated from call to call.

    Attributes:
        params: Trained leaves of the flow, None at its buffers.
        opt_state: State of the optimizer.
        ema: Running mean of `params`, or None.
        rate_scale: Multiplies every update; 1 until training had to go back.
        step: Steps tried since the start, skipped ones included.
        bad_in_row: Latest steps without a break whose loss or gradient was not finite, or whose loss had exploded.
        sums: Totals of the present epoch.
    """

    params: Any
    opt_state: Any
    ema: Any
    rate_scale: Array
    step: Array
    bad_in_row: Array
    sums: Sums


@partial(jax.jit, static_argnames=("optimizer", "ema", "metrics"))
def first_state(
    params: Any,
    rate_scale: Any,
    step: Any,
    *,
    optimizer: optax.GradientTransformation,
    ema: bool,
    metrics: tuple[str, ...],
) -> TrainState:
    """A state that starts from a copy of `params` with a fresh optimizer."""
    return TrainState(
        params=copied(params),
        opt_state=optimizer.init(params),
        ema=copied(params) if ema else None,
        rate_scale=jnp.asarray(rate_scale, jnp.result_type(float)),
        step=jnp.asarray(step, jnp.int32),
        bad_in_row=jnp.zeros((), jnp.int32),
        sums=zero_sums(metrics),
    )


@jax.jit
def copied(tree: T) -> T:
    """New arrays, so that the old ones may be donated."""
    return jax.tree.map(jnp.copy, tree)
