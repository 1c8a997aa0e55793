"""The default optimizer, and how the learning rate changes from step to step."""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, ArrayLike

SCHEDULES = ("cosine", "constant")
WARM_UP = 100  # steps, or one epoch if that is shorter
COOLER = 0.3
COOLING = 0.5  # of `patience`, in epochs


@lru_cache(maxsize=16)
def adam(clip: float | None, weight_decay: float = 0.0) -> optax.GradientTransformationExtraArgs:
    """Adam after clipping gradients that are far longer than most; the learning rate is applied in the step.

    Equal settings give the same object, so that a second fit does not compile again.
    """
    first = [] if clip is None else [clip_by_running_norm(clip)]
    last = [optax.add_decayed_weights(weight_decay, mask=_weights)] if weight_decay else []
    return optax.with_extra_args_support(optax.chain(*first, optax.scale_by_adam(), *last, optax.scale(-1.0)))


def _weights(params: Any) -> Any:
    """Which parameters decay: the weights of networks, by their names, since layers that are stacked all have axes."""

    def decays(path: tuple[Any, ...], leaf: Array) -> bool:
        names = [part.name for part in path if isinstance(part, jax.tree_util.GetAttrKey)]
        return leaf.ndim >= 2 and bool(names) and names[-1] in WEIGHTS

    return jax.tree_util.tree_map_with_path(decays, params)


OF_SERIES = ("first", "last", "mixes", "head", "inner", "carried")
WEIGHTS = {"weight", "weights", "weight_ih", "weight_hh", "cond_weight", "kernel", "kernels", *OF_SERIES}
"""Names of the weights of networks; those of networks along time are apart."""


class RunningNorm(NamedTuple):
    """Sum of the norms of all steps, each worth less the older it is, and the sum of what they are worth."""

    total: Array
    weight: Array


def clip_by_running_norm(factor: float) -> optax.GradientTransformation:
    """Shorten a gradient to `factor` times the running mean of the norm, if it is longer.

    A bound that is a number would have to be another for every flow, number of columns and objective.
    """

    def init(params: Any) -> RunningNorm:
        return RunningNorm(jnp.zeros(()), jnp.zeros(()))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, RunningNorm]:
        norm = optax.tree.norm(updates).astype(state.total.dtype)
        longest = factor * state.total / jnp.where(state.weight > 0, state.weight, 1.0)
        share = jnp.where((state.weight > 0) & (norm > longest), longest / norm, 1.0)
        total = NORM_MEMORY * state.total + (1.0 - NORM_MEMORY) * share * norm
        shorter = jax.tree.map(lambda g: (share * g).astype(g.dtype), updates)
        return shorter, RunningNorm(total, NORM_MEMORY * state.weight + (1.0 - NORM_MEMORY))

    return optax.GradientTransformation(init, update)


NORM_MEMORY = 0.99
"""Share of the running mean that a step keeps."""


def as_given(step: Array) -> Array:
    """The schedule beside an optimizer that has its own: always 1."""
    return jnp.ones(())


def rate_factor(
    schedule: str | Callable[[Array], Array],
    step: ArrayLike,
    *,
    warm_up: ArrayLike,
    total_steps: ArrayLike,
    cool_from: ArrayLike = math.inf,
    cool_steps: ArrayLike = 1.0,
) -> Array:
    r"""The factor of the learning rate at a step, in [0, 1] for the named schedules.

    `cosine` is $\tfrac12(1 + \cos(\pi t / T))$ times a linear start over `warm_up` steps; from the step `cool_from`
    on it falls to zero within `cool_steps` steps, from `COOLER` times what it was. `constant` is the linear start
    alone. Counting is in steps tried, so that going back does not restart it.
    """
    step = jnp.asarray(step)
    if callable(schedule):
        return jnp.asarray(schedule(step))
    start = jnp.minimum(1.0, (step + 1.0) / warm_up)
    if schedule == "constant":
        return start
    cooling = jnp.where(step < cool_from, 1.0, COOLER * _half_cosine((step - cool_from) / cool_steps))
    return start * _half_cosine(jnp.minimum(step, jnp.asarray(cool_from)) / total_steps) * cooling


def _half_cosine(share: Array) -> Array:
    return 0.5 * (1.0 + jnp.cos(jnp.pi * jnp.clip(share, 0.0, 1.0)))
