"""What is done when a step or an epoch goes wrong."""

import math
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._errors import TrainingError
from pushforward._functions import held
from pushforward.bijections import AbstractBijection, Chain
from pushforward.distributions import AbstractDistribution, Embedded, Transformed
from pushforward.objectives import Batch
from pushforward.objectives._batch import Explaining
from pushforward.train._batches import Feed
from pushforward.train._devices import settled
from pushforward.train._run import Job, Run, restart_from_best
from pushforward.train._step import Plan, batch_at

BAD_IN_ROW = 5  # steps; then the parameters are at fault, not the batch
SKIPPED_SHARE = 0.2  # of an epoch's steps
EXPLAINED = 10  # skipped steps of one fit; walking the layers costs a moment
SETBACKS = 6  # in a row; the learning rate is then 2^-21 of what it was, and not to blame
WORSE = 0.1  # of `span` above the start, after an epoch
NOISE_SHARE = 0.01  # of `span`
EXPLODED = 10.0  # of `span` above the start, for one batch


def exploded_above(job: Job, run: Run) -> float:
    """A batch loss above this counts as a bad step."""
    return run.start_loss + EXPLODED * _span(job, run)


def divergence(job: Job, run: Run, loss: float, skipped: int) -> str | None:
    """Why the epoch that ended must be taken back, or None."""
    when = f"epoch {len(run.history)}"
    if skipped - run.forgiven > SKIPPED_SHARE * job.source.steps_per_epoch:
        return f"{when}: {skipped} of {job.source.steps_per_epoch} steps were skipped"
    if not math.isfinite(loss):
        return f"{when}: the loss is {loss}"
    if loss > run.start_loss + WORSE * _span(job, run):
        return f"{when}: the loss rose to {loss:.4g}, from {run.start_loss:.4g} before training"
    return None


def noise_of_start(job: Job, run: Run) -> float:
    """How far two measurements of the same loss may be apart."""
    return NOISE_SHARE * _span(job, run)


def _span(job: Job, run: Run) -> float:
    """A scale for losses: one nat for each coordinate, and the size of the loss at the start."""
    return job.event_size + abs(run.start_loss) if math.isfinite(run.start_loss) else math.inf


def bad_limit(run: Run) -> int:
    """After how many bad steps in a row the loop hands over: one if it will be explained."""
    fresh = int(run.state.bad_in_row) == 0
    return 1 if fresh and len(run.events) < EXPLAINED else BAD_IN_ROW


def heal(job: Job, run: Run, feed: Feed, skipped_before: int) -> None:
    """After some steps: go back if several in a row were bad, explain a step that was skipped."""
    bad = int(run.state.bad_in_row)
    step = int(run.state.step) - len(run.history) * job.source.steps_per_epoch
    when = f"epoch {len(run.history) + 1}, step {step}"
    if int(run.state.sums.skipped) > skipped_before and len(run.events) < EXPLAINED:
        run.events.append(f"{when}: step skipped, {_cause_of_latest(job, run, feed)}")
    if bad >= BAD_IN_ROW:
        go_back(job, run, f"{when}: the loss exploded or was not finite in {bad} steps in a row")


def go_back(job: Job, run: Run, reason: str) -> None:
    """Return to the best parameters with a fresh optimizer and a lower learning rate: 1/2, then 1/4, 1/8, ...

    Raises:
        TrainingError: If that happened too often and the flow never got better than at the start.
    """
    run.setbacks += 1
    if run.setbacks > SETBACKS:
        _give_up(run, reason)
        return
    scale = float(run.state.rate_scale) * 0.5**run.setbacks
    restart_from_best(job, run, scale)
    run.forgiven = int(run.state.sums.skipped)
    where = f"epoch {run.best_epoch}" if run.best_epoch else "the start"
    run.events.append(f"{reason}; went back to {where}, learning rate now {job.learning_rate * scale:.3g}")


def _give_up(run: Run, reason: str) -> None:
    if run.best_epoch == 0:
        raise TrainingError(
            f"Training failed {SETBACKS + 1} times, at ever lower learning rates. "
            f"First: {run.events[0]}. Last: {reason}.",
            "Check the scale of the data and the part that is named; standardise, or try float64.",
        )
    run.stopped = f"training kept failing ({reason}); the flow of epoch {run.best_epoch} is kept"


def _cause_of_latest(job: Job, run: Run, feed: Feed) -> str:
    # A skipped step left the parameters as they were, so it can be looked at again.
    batch, key = _batch_at(job.plan, feed.arrays, job.key, int(run.state.step) - 1, feed.first)
    return find_cause(job.plan, *settled((run.state.params, run.frozen, batch, key)))


def find_cause(plan: Plan, params: Any, frozen: Any, batch: Batch, key: PRNGKeyArray) -> str:
    """The first thing on the way from the data to the gradient that is not finite, in words."""
    flow = eqx.combine(params, frozen)
    for name, values in batch._asdict().items():
        if values is not None and (rows := _bad_rows(values)):
            return f"the batch itself has {name} that is not finite in {rows}"
    if batch.x is not None and (cause := _walk(flow, batch, key)):
        return cause
    objective = held(plan.objective)
    if isinstance(objective, Explaining) and (cause := objective.cause(flow, key)):
        return cause
    loss, grads = _loss_and_grads(plan, params, frozen, batch, key)
    for path, leaf in jax.tree_util.tree_leaves_with_path(grads):
        if not np.isfinite(np.asarray(leaf)).all():
            return f"the loss is {float(loss):.4g} and its gradient is not finite at `flow{jax.tree_util.keystr(path)}`"
    return f"the loss is {float(loss):.4g} and the gradient's norm overflows"


def _walk(flow: AbstractDistribution, batch: Batch, key: PRNGKeyArray) -> str | None:
    """The first layer, from the data to the base, whose output is not finite."""
    value, condition = batch.columns(flow)
    while isinstance(flow, Embedded):
        condition, embedding, flow = flow._embed(condition), flow.embedding, flow.distribution
        if condition is not None and (bad := _bad_rows(jnp.moveaxis(condition, -1, 0))):
            return f"the embedding of the condition ({type(embedding).__name__}) is not finite in {bad}"
    if isinstance(flow, Transformed):
        layers = _layers(flow.bijection)
        for number in range(len(layers), 0, -1):
            value, log_det = _inverse(layers[number - 1], value, condition, key)
            if bad := _bad_rows(jnp.moveaxis(value, -1, 0)) or _bad_rows(log_det):
                name = type(layers[number - 1]).__name__
                return f"layer {number} of {len(layers)}, counted from the base ({name}), is not finite in {bad}"
        flow = flow.base
    if bad := _bad_rows(_log_prob(flow, value, condition, key)):
        return f"the log-density of {type(flow).__name__} is not finite in {bad}"
    return None


def _layers(bijection: AbstractBijection) -> tuple[AbstractBijection, ...]:
    if isinstance(bijection, Chain):
        return tuple(layer for part in bijection.bijections for layer in _layers(part))
    return (bijection,)


def _bad_rows(values: Array) -> str | None:
    finite = np.isfinite(np.asarray(values)).reshape(values.shape[0], -1).all(axis=1)
    return None if finite.all() else f"{np.count_nonzero(~finite)} of {values.shape[0]} rows"


@partial(jax.jit, static_argnums=0)
def _loss_and_grads(plan: Plan, params: Any, frozen: Any, batch: Batch, key: PRNGKeyArray) -> tuple[Array, Any]:
    def loss(params: Any) -> Array:
        return plan.objective(eqx.combine(params, frozen), batch, key=key)[0]

    return jax.value_and_grad(loss)(params)


@partial(jax.jit, static_argnums=0)
def _batch_at(
    plan: Plan, feed: Any, key: PRNGKeyArray, step: ArrayLike, first: ArrayLike
) -> tuple[Batch, PRNGKeyArray]:
    batch, key = batch_at(plan, feed, key, step, first)
    # Whole on every device: the host looks at all rows.
    return (batch if plan.devices is None else plan.devices.hold(batch)), key


_inverse = jax.jit(lambda layer, x, condition, key: layer._inverse_many(x, condition, key))
_log_prob = jax.jit(lambda base, x, condition, key: base._log_prob_many(x, condition, key))
