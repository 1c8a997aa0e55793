"""Many training steps in one compiled call."""

import dataclasses
import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward.objectives import Batch, Objective, nll
from pushforward.train._batches import DATA, MONITOR, NOISE
from pushforward.train._devices import Devices
from pushforward.train._packed import Packing, packing_of
from pushforward.train._schedule import rate_factor
from pushforward.train._state import Sums, TrainState

DATALESS_BLOCKS = 8  # evaluations of an objective that draws its own samples


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is compiled into the step; fits with equal plans and shapes share one compilation.

    Attributes:
        objective: The loss.
        optimizer: Turns gradients into updates.
        take: `(feed, key, index) -> Batch`.
        schedule: Name of the schedule, or a function from the step to a factor.
        ema: Whether a running mean of the parameters is kept.
        devices: Over which the rows of a batch are spread; None for one device.
        packs: Whether the optimizer treats every number alike, so that small arrays may be given to it as one.
    """

    objective: Objective
    optimizer: optax.GradientTransformationExtraArgs
    take: Callable[[Any, PRNGKeyArray, ArrayLike], Batch]
    schedule: str | Callable[[Array], Array]
    ema: bool
    devices: Devices | None = None
    packs: bool = False


class Knobs(NamedTuple):
    """Numbers that a step reads; another value does not compile again.

    Attributes:
        key: The key of the whole fit.
        rate: Multiplies every update, beside the schedule.
        warm_up: Steps of the schedule's linear start.
        total_steps: Length of the schedule.
        ema_decay: Share of the running mean that a step keeps.
        ceiling: A loss above it counts as exploded.
        cool_from: Step from which on the rate falls to zero.
        cool_steps: How many steps that takes.
    """

    key: PRNGKeyArray
    rate: float
    warm_up: float
    total_steps: float
    ema_decay: float
    ceiling: float
    cool_from: float = math.inf
    cool_steps: float = 1.0


@partial(jax.jit, static_argnames="plan", donate_argnames="state")
def run_steps(
    plan: Plan,
    state: TrainState,
    frozen: Any,
    feed: Any,
    knobs: Knobs,
    first: ArrayLike,
    stop: ArrayLike,
    bad_limit: ArrayLike,
) -> TrainState:
    """Take steps until `state.step` is `stop` or `bad_limit` steps in a row were bad.

    Args:
        plan: What is compiled in.
        state: The state to go on from; its memory is reused.
        frozen: Buffers of the flow.
        feed: What `plan.take` makes batches of.
        knobs: Numbers that may change from call to call.
        first: The step that is number 0 of `feed`.
        stop: The step to stop before.
        bad_limit: Give the host a look after this many bad steps without a break.
    """
    packing = packing_of(state.params) if plan.packs else Packing()

    def unfinished(carry: tuple[TrainState, Any]) -> Array:
        state, _ = carry
        return (state.step < stop) & (state.bad_in_row < bad_limit)

    def step(carry: tuple[TrainState, Any]) -> tuple[TrainState, Any]:
        state, small = carry
        loss = partial(_loss_and_gradient, plan, packing.open(state.params, small), frozen)
        state = _step(plan, state, packing, loss, feed, knobs, first)
        return state, packing.small(state.params)

    packed = packing.pack(state)
    return packing.unpack(jax.lax.while_loop(unfinished, step, (packed, packing.small(packed.params)))[0], state)


def _step(
    plan: Plan,
    state: TrainState,
    packing: Packing,
    loss_and_gradient: Callable[[Batch, PRNGKeyArray], Any],
    feed: Any,
    knobs: Knobs,
    first: ArrayLike,
) -> TrainState:
    batch, key = batch_at(plan, feed, knobs.key, state.step, first)
    batch = batch if plan.devices is None else plan.devices.spread(batch)
    (loss, metrics), grads = loss_and_gradient(batch._replace(progress=state.step / knobs.total_steps), key)
    weight = jnp.ones(()) if batch.weights is None else jnp.mean(batch.weights)
    # A batch counts by its share of all weights, so that the mean over batches is the mean over rows.
    grads = grads if batch.weights is None else jax.tree.map(lambda g: g * weight.astype(g.dtype), grads)
    grads = packing.pack(grads)
    finite = jnp.isfinite(loss) & jnp.isfinite(_square(grads))
    rate = knobs.rate * state.rate_scale * _scheduled(plan, state.step, knobs)

    def update(state: TrainState) -> TrainState:
        updates, opt_state = plan.optimizer.update(grads, state.opt_state, state.params, value=loss)
        params = jax.tree.map(lambda p, u: p + (rate * u).astype(p.dtype), state.params, updates)
        ema = _running_mean(state, params, knobs) if plan.ema else None
        return state._replace(params=params, opt_state=opt_state, ema=ema)

    # Not a `where` over all arrays: that made the step of a small flow 1.3 times as long, and compiling 1.8 times.
    state = jax.lax.cond(finite, update, lambda state: state, state)
    state = state._replace(
        step=state.step + 1,
        bad_in_row=jnp.where(finite & (loss <= knobs.ceiling), 0, state.bad_in_row + 1),
        sums=_add(state.sums, loss, metrics, weight, finite)._replace(rate=rate),
    )
    return state if plan.devices is None else plan.devices.hold_state(state)


def _loss_and_gradient(plan: Plan, params: Any, frozen: Any, batch: Batch, key: PRNGKeyArray) -> Any:
    def loss(params: Any, frozen: Any, batch: Batch, key: PRNGKeyArray) -> tuple[Array, dict[str, Array]]:
        return plan.objective(eqx.combine(params, frozen), batch, key=key)

    given = params, frozen, batch, key
    of_all = jax.value_and_grad(loss, has_aux=True)
    if plan.devices is None or not plan.devices.divide(batch) or not _is_by_rows(plan.objective, loss, given):
        return of_all(*given)
    return plan.devices.mean_of_shares(of_all, *given)


def _is_by_rows(objective: Objective, loss: Callable[..., Any], given: tuple[Any, ...]) -> bool:
    """Whether the loss is a mean over rows, each of which is what it is without the others."""
    return objective is nll and not any(name in str(jax.make_jaxpr(loss)(*given)) for name in OF_ALL_ROWS)


OF_ALL_ROWS = ("random_bits", "threefry2x32", "rng_bit_generator", "while[")
"""Operations of JAX of which a device with a share of the rows makes something else: it would draw other noise, and a
solver that ends when all rows are done, or has one step for all, would take other steps."""


def batch_at(plan: Plan, feed: Any, key: PRNGKeyArray, step: ArrayLike, first: ArrayLike) -> tuple[Batch, PRNGKeyArray]:
    """The batch and the objective's key of a step: functions of the seed and the step alone."""
    data_key = jax.random.fold_in(jax.random.fold_in(key, DATA), step)
    return plan.take(feed, data_key, jnp.asarray(step) - first), jax.random.fold_in(
        jax.random.fold_in(key, NOISE), step
    )


@partial(jax.jit, static_argnames=("objective", "devices"))
def evaluate(
    objective: Objective, params: Any, frozen: Any, blocks: Batch, key: PRNGKeyArray, devices: Devices | None = None
) -> tuple[Array, dict[str, Array]]:
    """The weighted mean of the loss and metrics over blocks `(num_blocks, rows, ...)`; the noise never changes."""

    def one(_: None, numbered: tuple[Array, Batch]) -> tuple[None, tuple[Array, Array, dict[str, Array]]]:
        index, block = numbered
        block = block if devices is None else devices.spread(block)
        loss, metrics = objective(eqx.combine(params, frozen), block, key=jax.random.fold_in(monitor_key, index))
        weight = jnp.ones(()) if block.weights is None else jnp.mean(block.weights)
        return None, (weight, loss, metrics)

    monitor_key = jax.random.fold_in(key, MONITOR)
    leaves = jax.tree.leaves(blocks)
    count = leaves[0].shape[0] if leaves else DATALESS_BLOCKS
    _, (weight, loss, metrics) = jax.lax.scan(one, None, (jnp.arange(count), blocks))
    return jax.tree.map(lambda value: jnp.sum(weight * value) / jnp.sum(weight), (loss, metrics))


def _scheduled(plan: Plan, step: Array, knobs: Knobs) -> Array:
    return rate_factor(
        plan.schedule,
        step,
        warm_up=knobs.warm_up,
        total_steps=knobs.total_steps,
        cool_from=knobs.cool_from,
        cool_steps=knobs.cool_steps,
    )


def _square(tree: Any) -> Array:
    return sum((jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(tree)), start=jnp.zeros(()))


def _running_mean(state: TrainState, params: Any, knobs: Knobs) -> Any:
    # The first steps are far from the last ones: a short memory at the start (Adam's authors' debiasing, bounded).
    decay = jnp.minimum(knobs.ema_decay, (1.0 + state.step) / (10.0 + state.step))
    return jax.tree.map(lambda e, p: e + ((1.0 - decay) * (p - e)).astype(e.dtype), state.ema, params)


def _add(sums: Sums, loss: Array, metrics: dict[str, Array], weight: Array, finite: Array) -> Sums:
    def add(total: Array, value: Array) -> Array:
        return total + jnp.where(finite, weight * value, 0.0).astype(total.dtype)

    return Sums(
        loss=add(sums.loss, loss),
        weight=add(sums.weight, jnp.ones(())),
        metrics={name: add(total, metrics[name]) for name, total in sums.metrics.items()},
        skipped=sums.skipped + jnp.where(finite, 0, 1),
        rate=sums.rate,
    )
