"""Fit a flow."""

import contextlib
import math
import os
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
import optax
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._errors import UsageError, as_key, check_part, did_you_mean
from pushforward._functions import hashable, name_of
from pushforward._params import Where, partition
from pushforward._types import starts_from_data
from pushforward.data.shards._rows import RowGroups
from pushforward.distributions._base import AbstractDistribution
from pushforward.objectives import Batch, Objective, nll
from pushforward.train._callbacks import Callback
from pushforward.train._checkpoint import Checkpoint
from pushforward.train._devices import chosen_devices, settled
from pushforward.train._healing import find_cause
from pushforward.train._inputs import first_blocks, rows_at_once, rows_of_first
from pushforward.train._interrupt import Interrupt
from pushforward.train._loop import Loop
from pushforward.train._memory import memory_told
from pushforward.train._prepare import GUARD_ROWS, START_ROWS, is_endless, prepare
from pushforward.train._progress import progress_on
from pushforward.train._result import FitResult
from pushforward.train._run import Job, Run, new_run, on_devices, run_on_devices
from pushforward.train._schedule import SCHEDULES, adam, as_given
from pushforward.train._step import Plan, evaluate
from pushforward.train._team import ending_together, is_first, require_same
from pushforward.train.private._fit import private_fit
from pushforward.train.private._privacy import Privacy
from pushforward.train.reading._source import FileSource


@ending_together()
def fit(
    flow: AbstractDistribution,
    data: Any,
    *,
    condition: Any = None,
    weights: Any = None,
    log_det: Any = None,
    objective: Objective = nll,
    optimizer: optax.GradientTransformation | None = None,
    learning_rate: float = 3e-3,
    frozen: Where | None = None,
    schedule: str | Callable[[Array], Array] = "cosine",
    clip: float | None = 5.0,
    weight_decay: float = 0.0,
    batch_size: int | None = None,
    max_epochs: int = 100,
    steps_per_epoch: int = 100,
    patience: int | None = 10,
    validation: Any = 0.1,
    ema: float | None = None,
    privacy: Privacy | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
    progress: bool = True,
    devices: Sequence[Any] | None = None,
    shard_parameters: bool | None = None,
    key: PRNGKeyArray,
) -> FitResult:
    """Train a flow on data, keep the best, and mend what can be mended on the way.

    A step whose loss or gradient is not finite is skipped, counted and explained. After five in a row, or when an
    epoch leaves the flow worse than it was before training, training goes back to the best parameters with a lower
    learning rate. With the same arguments the result is the same, bit for bit, stopped and resumed or not.

    After `jax.distributed.initialize()` all processes call it with the same arguments, and train one flow on all of
    their devices; the first of them reports and writes the checkpoint, which all of them must be able to read.

    Losses are computed in JAX's own precision, float32 or, under `jax_enable_x64`, float64, whatever the type of the
    data; half-precision data stay small on the device. Parameters keep their type.

    Args:
        flow: Any distribution; it is not changed.
        data: An array `(rows, *event_shape)`, of which a memory-mapped one above 64 MiB, and any of NumPy above 4 GiB,
            stays where it is and goes to the device a window of steps at a time; or a JAX function
            `(key, batch_size) -> x` or `(x, condition)` that draws new data for every step; or an iterable of arrays of
            any length or of such tuples; or `data.ParquetRows`, of which each process reads its share while the steps
            run; or None for an objective that needs no data.
        condition: `(rows, *cond_shape)` for a conditional flow.
        weights: Non-negative `(rows,)`; a row of weight 2 counts like two rows, one of weight 0 is left out. Only their
            ratios count, in float64. A row that outweighs a quarter of the held-out rows is, in parts, on both sides.
        log_det: `(rows,)`, of a map that the rows went through before they are given here: `nll` adds it to their
            log-densities, so that losses are in the data's own units.
        objective: `(flow, batch, *, key) -> (loss, metrics)`.
        optimizer: From Optax, used as it is; `learning_rate`, `schedule`, `clip` and `weight_decay` then do
            nothing.
        learning_rate: Of Adam, at its highest; the default was the best or close to it on six data sets.
        frozen: What is not trained: a function from the flow to a part of it, an array, or a tuple of these, such as
            `lambda flow: flow.base`.
        schedule: `"cosine"` falls to zero at `max_epochs`, `"constant"` stays; both begin with a short linear rise.
            Or a JAX function from the step to a factor.
        clip: Longest gradient, as the norm over all parameters, in running means of it; None for no bound.
        weight_decay: Share of the weights of networks, times the learning rate, that a step takes away (AdamW), such as
            0.1: the flow is then less sure of the rows that it has seen. All other parameters do not decay.
        batch_size: Rows per step; all rows if there are fewer. By default a power of two of at most a tenth of
            the rows, from 32 to 256, so that a small table gets enough steps.
        max_epochs: Passes through the data at most.
        steps_per_epoch: Length of an epoch of data without an end.
        patience: Epochs without a better loss on the held-out rows before training ends; None for never. With the
            cosine schedule it ends after a cool-down: half as many epochs from the best parameters, in which the
            learning rate falls to zero.
        validation: What is held out: a share of the rows in [0, 1), at most 2**26 numbers (of a function: as many new
            draws as needed; an iterator has none), or an array, a tuple `(x, condition)` or an `objectives.Batch`. With
            0 or None the last flow is kept, and training never ends early.
        ema: Decay in (0, 1) of a running mean of the parameters, such as 0.999; the mean is what is kept.
        privacy: What is promised to single rows, `train.Privacy(epsilon=3, delta=1e-5)`: then `data` are arrays without
            weights, nothing is held out of them, no loss is measured, nothing is resumed or written, and `key` must be
            secret and new: who knows it can take the noise away.
        checkpoint: A `.safetensors` file to write to every few seconds, at the end and on Ctrl-C.
        resume: Go on from `checkpoint` if it exists. `max_epochs`, `patience` and the callbacks may differ.
        callbacks: Functions of an `EpochInfo`, called after every epoch; one that returns True ends the training.
        progress: Whether to report on stderr.
        devices: Over which the rows of every batch are spread: some of `jax.devices()`. The losses are those of one
            device within rounding. By default all, or `jax.default_device` if it is set.
        shard_parameters: Whether each of several devices has its share of the parameters, their gradients and the
            optimizer's state instead of all, and gathers what a layer needs. The flow returned lies on all of them; of
            several processes, in the memory of each machine. By default where these would take more than half of a
            device's memory.
        key: From `jax.random.key`; decides the split, the order of the rows and all noise.

    Returns:
        The fitted flow with its history; print it for a summary.

    Raises:
        ValueError: If a shape or a setting is wrong.
        DataError: If the data or weights cannot be used, with the rows at fault, or processes differ in what they ask.
        TrainingError: If training fails again and again, with the layer at fault, or runs out of memory, or another
            process ended.
        FileError: If the first checkpoint cannot be written, or the one to resume from is of another fit. A later one
            that cannot be written is reported, and training goes on.

    Example:
        >>> x = 3 + 2 * jax.random.normal(jax.random.key(0), (1000, 2))
        >>> flow = pf.flows.affine(2, key=jax.random.key(1))
        >>> result = pf.fit(flow, x, max_epochs=5, key=jax.random.key(2), progress=False)
        >>> result.best_loss < result.start_loss
        True
    """
    check_part("fit", "flow", flow, AbstractDistribution, "Write `fit(flow, x, key=jax.random.key(0))`, in this order.")
    key = as_key("fit", key)
    _check_settings(learning_rate, schedule, clip, batch_size, max_epochs, steps_per_epoch, patience, ema)
    _check_decay(weight_decay)
    if resume and checkpoint is None:
        raise ValueError("fit: `resume=True` needs `checkpoint=`, the file to go on from.")
    if privacy is not None:
        others = {"weights": weights, "optimizer": optimizer, "checkpoint": checkpoint, "devices": devices}
        others["weight_decay"] = weight_decay or None
        _check_private(privacy, data, others, validation)
        return private_fit(
            flow, data, condition=condition, log_det=log_det, objective=objective, privacy=privacy,
            learning_rate=learning_rate, frozen=frozen, schedule=schedule, batch_size=batch_size,
            max_epochs=max_epochs, ema=ema, callbacks=callbacks, progress=progress, key=key,
        )  # fmt: skip
    source, held_out = prepare(flow, data, condition, weights, log_det, validation, batch_size, steps_per_epoch, key)
    own = optimizer is not None
    spread = chosen_devices(devices, source.batch_size, shard_parameters=shard_parameters, parameters=_bytes_of(flow))
    plan = Plan(
        objective=hashable(objective),
        optimizer=_hashable(optimizer) if own else adam(clip, float(weight_decay)),
        take=source.take,
        schedule=as_given if own else schedule if isinstance(schedule, str) else hashable(schedule),
        ema=ema is not None,
        devices=spread,
        packs=spread is None and not own and not weight_decay,
    )
    head = source.peek(key, min(START_ROWS, rows_at_once(flow.event_shape, source.batch_size, flow.cond_shape)))
    job = Job(
        plan=plan,
        source=source,
        monitor=first_blocks(head, GUARD_ROWS, source.batch_size) if held_out is None else held_out,
        held_out=held_out is not None,
        key=key,
        learning_rate=1.0 if own else learning_rate,
        ema_decay=ema or 0.0,
        max_epochs=max_epochs,
        patience=None if held_out is None else patience,
        callbacks=tuple(callbacks),
        event_size=math.prod(flow.event_shape),
    )
    store = Checkpoint(checkpoint, _fingerprint(job, head, clip, weight_decay))
    going_on = resume and store.exists()
    require_same(_of_all_processes(job, flow, (data, condition, weights, log_det), store, going_on=going_on))
    job = job if spread is None else on_devices(job, spread)
    with memory_told(source.batch_size):
        run = _first_run(job, flow, head, frozen)
        if going_on:
            run = store.read(run) if spread is None else run_on_devices(store.read(run), spread)
        store.write(run)  # a path that cannot be written to is told now, not after hours
        show = progress_on(progress and is_first())
        with contextlib.closing(show), Interrupt(enabled=checkpoint is not None) as interrupt:
            Loop(job, run, store, show, interrupt).to_the_end()
        return run.result()


def _first_run(job: Job, flow: AbstractDistribution, head: Batch, frozen: Where | None) -> Run:
    """A run at step 0: data-dependent parameters are set from the head of the data, and the loss is measured."""
    params, rest = partition(_started(flow, head) if starts_from_data(flow) else flow, frozen=frozen)
    if frozen is not None and not jax.tree.leaves(params):
        raise ValueError("fit: there is nothing to train: all parameters of the flow are `frozen`.")
    devices = job.plan.devices
    if devices is not None:
        params, rest = devices.place_state((params, rest))
    loss, metrics = evaluate(job.plan.objective, params, rest, job.monitor, job.key, devices)
    run = new_run(params, rest, job.plan, tuple(sorted(metrics)))
    if math.isfinite(loss):
        run.start_loss = run.best_loss = float(loss)
    else:
        first = settled((params, rest, rows_of_first(job.monitor), job.key))
        cause = find_cause(job.plan, *first)
        run.events.append(f"the loss before training is not finite: {cause}")
    return run


@jax.jit
def _started(flow: AbstractDistribution, head: Batch) -> AbstractDistribution:
    if head.x is None:
        return flow
    return flow._data_init(*head.columns(flow))


def _check_private(privacy: Any, data: Any, others: dict[str, Any], validation: Any) -> None:
    check_part("fit", "privacy", privacy, Privacy, "Write `privacy=train.Privacy(epsilon=3, delta=1e-5)`.")
    if is_endless(data) or isinstance(data, RowGroups):
        raise UsageError("fit: a private fit is to an array of rows.", "give all rows at once, one for each person")
    held_out = validation is not None and not isinstance(validation, int | float)
    if jax.process_count() > 1:
        raise UsageError("fit: a private fit is one of a single process.", "start one alone")
    for name, value in (others | {"validation": held_out or None}).items():
        if value is not None:
            raise UsageError(f"fit: `privacy` and `{name}` exclude each other.", f"leave `{name}` out")


def _fingerprint(job: Job, head: Batch, clip: float | None, weight_decay: float) -> dict[str, Any]:
    """What must be the same for a fit to be resumed."""
    plan = job.plan
    schedule = plan.schedule if isinstance(plan.schedule, str) else name_of(plan.schedule)
    return {
        **(job.source.facts if isinstance(job.source, FileSource) else {}),
        "data": [_checksum(leaf) for leaf in jax.tree.leaves((head, job.monitor))],
        "key": [int(word) for word in np.asarray(jax.random.key_data(job.key)).ravel()],
        "batch_size": job.source.batch_size,
        "steps_per_epoch": job.source.steps_per_epoch,
        "objective": name_of(plan.objective),
        "learning_rate": job.learning_rate,
        "schedule": schedule,
        "clip": clip,
        "ema": job.ema_decay,
        "weight_decay": float(weight_decay),
    }


def _of_all_processes(
    job: Job, flow: AbstractDistribution, data: tuple[Any, ...], store: Checkpoint, *, going_on: bool
) -> dict[str, Any]:
    """What must be the same in all processes, beside what a fit that is resumed must have; nothing for one process."""
    if jax.process_count() == 1:
        return {}
    leaves, structure = jax.tree.flatten(flow)
    return {
        **store.fingerprint,
        "rows": [_checksum(part) for part in data if hasattr(part, "__array__")],
        "flow": [str(structure), [_checksum(leaf) for leaf in leaves]],
        "max_epochs": job.max_epochs,
        "patience": job.patience,
        "shard_parameters": job.plan.devices is not None and job.plan.devices.sharded,
        "the checkpoint to resume from": going_on,
    }


def _bytes_of(flow: AbstractDistribution) -> int:
    return sum(getattr(leaf, "nbytes", 0) for leaf in jax.tree.leaves(flow))


def _checksum(array: ArrayLike) -> str:
    values = np.asarray(array, order="C")
    return f"{values.shape} {zlib.crc32(values.tobytes()):08x}"


def _hashable(optimizer: optax.GradientTransformation) -> optax.GradientTransformationExtraArgs:
    init, update = optax.with_extra_args_support(optimizer)
    return optax.GradientTransformationExtraArgs(hashable(init), hashable(update))


def _check_settings(
    learning_rate: float,
    schedule: str | Callable[[Array], Array],
    clip: float | None,
    batch_size: int | None,
    max_epochs: int,
    steps_per_epoch: int,
    patience: int | None,
    ema: float | None,
) -> None:
    counts = {"batch_size": batch_size, "max_epochs": max_epochs, "steps_per_epoch": steps_per_epoch}
    for name, value in {**counts, "patience": patience}.items():
        if value is not None and not (isinstance(value, int | float | np.number) and _counts(float(value))):
            raise ValueError(f"fit: `{name}` must be a whole number of at least 1, got {value}.")
    for name, value in {"learning_rate": learning_rate, "clip": clip}.items():
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"fit: `{name}` must be positive and finite, got {value}.")
    if ema is not None and not 0 < ema < 1:
        raise ValueError(f"fit: `ema` must be in (0, 1), got {ema}. It is the decay of a running mean, such as 0.999.")
    if isinstance(schedule, str) and schedule not in SCHEDULES:
        raise ValueError(f"fit: unknown schedule {schedule!r}; {did_you_mean(schedule, SCHEDULES)}")


def _check_decay(weight_decay: Any) -> None:
    if not (isinstance(weight_decay, int | float | np.number) and 0 <= weight_decay < math.inf):
        raise ValueError(
            f"fit: `weight_decay` must be a number from 0 on, and finite, got {weight_decay!r}. 0.1 is usual."
        )


def _counts(value: float) -> bool:
    return value >= 1 and value.is_integer()
