"""Steps whose gradients no single row can move far."""

import dataclasses
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward.objectives import Batch, Objective
from pushforward.train._batches import DATA, NOISE, rows_of
from pushforward.train._schedule import rate_factor

CHUNK = 64
"""Rows whose gradients are in memory at once. A step takes as many chunks as it needs, so that no row is cut off."""
GAUSS = 5
"""The stream of random numbers of the noise, beside those of `_batches`."""


@dataclasses.dataclass(frozen=True)
class PrivatePlan:
    """What is compiled into the step.

    Attributes:
        objective: The loss.
        optimizer: Turns gradients into updates.
        schedule: Name of the schedule.
        ema: Whether a running mean of the parameters is kept.
    """

    objective: Objective
    optimizer: optax.GradientTransformationExtraArgs
    schedule: Any
    ema: bool


class PrivateKnobs(NamedTuple):
    """Numbers that a step reads.

    Attributes:
        key: Of rows and noise; who knows it can take the noise away.
        rate: Learning rate, beside the schedule.
        sampling: Probability of a row to take part.
        clip: Longest gradient of a row.
        noise: Standard deviation of the noise on the sum.
        warm_up: Steps of the schedule's linear start.
        total_steps: Length of the schedule.
        ema_decay: Share of the running mean that a step keeps.
    """

    key: PRNGKeyArray
    rate: float
    sampling: float
    clip: float
    noise: float
    warm_up: float
    total_steps: float
    ema_decay: float


class PrivateState(NamedTuple):
    """What a step changes."""

    params: Any
    opt_state: Any
    ema: Any
    step: Array


def taking_part(key: PRNGKeyArray, rows: int, sampling: ArrayLike) -> tuple[Array, Array]:
    """The numbers of the rows of one step, each there with this probability, and how many: the others are -1."""
    there = jax.random.uniform(key, (rows,)) < sampling
    places = jnp.nonzero(there, size=rows + CHUNK, fill_value=-1)[0]
    return places, jnp.sum(there)


def clipped_sum(
    objective: Objective, params: Any, frozen: Any, batch: Batch, real: Array, clip: ArrayLike, key: PRNGKeyArray
) -> Any:
    """The sum of the rows' gradients, each of norm at most `clip`.

    Args:
        objective: The loss.
        params: What is trained.
        frozen: The rest of the flow.
        batch: Rows `(n, ...)`.
        real: Which of them count, `(n,)`; the others are fillers.
        clip: Longest gradient.
        key: Of the objective.
    """

    def loss(params: Any, row: Batch, key: PRNGKeyArray) -> Array:
        one = jax.tree.map(lambda a: a[None], row)
        return objective(eqx.combine(params, frozen), one, key=key)[0]

    keys = jax.random.split(key, len(real))
    grads = jax.vmap(jax.grad(loss), (None, 0, 0))(params, batch, keys)
    leaves, tree = jax.tree.flatten(grads)
    finite = real
    for leaf in leaves:
        finite = finite & jnp.all(jnp.isfinite(leaf), axis=range(1, leaf.ndim))
    # A row whose gradient is not finite has none: it would carry everything with it.
    kept = [jnp.where(finite.reshape(-1, *[1] * (leaf.ndim - 1)), leaf, 0.0) for leaf in leaves]
    total: Any = optax.per_example_global_norm_clip(kept, clip)[0]
    return jax.tree.unflatten(tree, total)


def private_gradient(
    plan: PrivatePlan, params: Any, frozen: Any, data: Batch, knobs: PrivateKnobs, step: ArrayLike
) -> Any:
    """The noisy mean of the clipped gradients of the rows of a step: their sum by how many are expected."""
    rows = data.x.shape[0]

    def stream(number: int) -> PRNGKeyArray:
        return jax.random.fold_in(jax.random.fold_in(knobs.key, number), step)

    places, count = taking_part(stream(DATA), rows, knobs.sampling)

    def add(number: Array, total: Any) -> Any:
        some = jax.lax.dynamic_slice(places, (number * CHUNK,), (CHUNK,))
        real = some >= 0
        batch = rows_of(data, jnp.where(real, some, 0))
        own = jax.random.fold_in(stream(NOISE), number)
        found = clipped_sum(plan.objective, params, frozen, batch, real, knobs.clip, own)
        return jax.tree.map(jnp.add, total, found)

    total = jax.lax.fori_loop(0, -(-count // CHUNK), add, jax.tree.map(jnp.zeros_like, params))
    leaves, tree = jax.tree.flatten(total)
    keys = jax.random.split(stream(GAUSS), len(leaves))
    noisy = [g + knobs.noise * jax.random.normal(k, g.shape, g.dtype) for g, k in zip(leaves, keys, strict=True)]
    return jax.tree.unflatten(tree, [g / (knobs.sampling * rows) for g in noisy])


@partial(jax.jit, static_argnames="plan", donate_argnames="state")
def run_private(
    plan: PrivatePlan, state: PrivateState, frozen: Any, data: Batch, knobs: PrivateKnobs, stop: ArrayLike
) -> PrivateState:
    """Take steps until `state.step` is `stop`."""

    def step(state: PrivateState) -> PrivateState:
        grads = private_gradient(plan, state.params, frozen, data, knobs, state.step)
        updates, opt_state = plan.optimizer.update(grads, state.opt_state, state.params)
        rate = knobs.rate * rate_factor(plan.schedule, state.step, warm_up=knobs.warm_up, total_steps=knobs.total_steps)
        params = jax.tree.map(lambda p, u: p + (rate * u).astype(p.dtype), state.params, updates)
        decay = jnp.minimum(knobs.ema_decay, (1.0 + state.step) / (10.0 + state.step))
        ema = jax.tree.map(lambda e, p: e + (1.0 - decay) * (p - e), state.ema, params) if plan.ema else None
        return PrivateState(params, opt_state, ema, state.step + 1)

    return jax.lax.while_loop(lambda state: state.step < stop, step, state)
