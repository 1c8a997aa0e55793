"""A fit of which nothing but noisy gradients has seen the data (design record 0049)."""

import contextlib
import math
import warnings
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from pushforward._errors import DataError
from pushforward._functions import hashable
from pushforward._params import Where, partition
from pushforward._types import sets_itself
from pushforward.distributions._base import AbstractDistribution
from pushforward.objectives import Batch, Objective
from pushforward.train._callbacks import Callback, EpochInfo
from pushforward.train._inputs import checked_batch
from pushforward.train._progress import Progress, Report, progress_on
from pushforward.train._result import CALLBACK, Epoch, FitResult
from pushforward.train._schedule import WARM_UP, adam
from pushforward.train._state import copied
from pushforward.train.private._privacy import Privacy, Spent
from pushforward.train.private._step import PrivateKnobs, PrivatePlan, PrivateState, run_private

BATCH_LEAST, BATCH_SHARE = 256, 0.02
"""Rows in a step where nothing is said, in the mean: noise costs less in large batches."""


def private_plan(privacy: Privacy, rows: int, batch_size: int | None, max_epochs: int) -> Spent:
    """What a fit to so many rows will cost.

    Raises:
        DataError: If there are fewer than two rows, or no noise is enough.
    """
    if rows < 2:
        raise DataError(f"fit: needs at least 2 rows to train on, got {rows}.", "Give more rows.")
    size = min(batch_size or max(BATCH_LEAST, math.ceil(BATCH_SHARE * rows)), rows)
    if privacy.delta >= 1.0 / rows:
        warnings.warn(
            f"delta={privacy.delta:g} is not below one over the number of rows ({1.0 / rows:.2g}): it would allow to "
            "publish a row. Give a smaller one, such as "
            f"{10.0 ** math.floor(math.log10(0.1 / rows)):g}.",
            stacklevel=4,
        )
    return privacy.spent(size / rows, max_epochs * max(rows // size, 1))


def private_fit(
    flow: AbstractDistribution,
    data: Any,
    *,
    condition: Any,
    log_det: Any,
    objective: Objective,
    privacy: Privacy,
    learning_rate: float,
    frozen: Where | None,
    schedule: Any,
    batch_size: int | None,
    max_epochs: int,
    ema: float | None,
    callbacks: Sequence[Callback],
    progress: bool,
    key: PRNGKeyArray,
) -> FitResult:
    """`fit` with `privacy`: no row is held out, and no loss is looked at.

    Raises:
        DataError: If the flow sets parameters from the data before it is trained.
    """
    batch = checked_batch(flow, data, condition, None, log_det, what="fit")
    batch = jax.tree.map(jnp.asarray, batch)
    refuse_start(flow)
    spent = private_plan(privacy, len(batch.x), batch_size, max_epochs)
    per_epoch = spent.steps // max_epochs
    params, rest = partition(flow, frozen=frozen)
    plan = PrivatePlan(
        hashable(objective), adam(None), schedule if isinstance(schedule, str) else hashable(schedule), ema is not None
    )
    knobs = PrivateKnobs(
        key, learning_rate, spent.sampling_rate, spent.clip_norm, spent.noise_multiplier * spent.clip_norm,
        float(min(WARM_UP, per_epoch)), float(spent.steps), ema or 0.0,
    )  # fmt: skip
    params = copied(params)
    state = PrivateState(params, plan.optimizer.init(params), copied(params) if ema else None, jnp.zeros((), jnp.int32))
    with contextlib.closing(progress_on(progress)) as show:
        return _epochs(state, rest, batch, plan, knobs, max_epochs, per_epoch, tuple(callbacks), spent, show)


def _epochs(
    state: PrivateState,
    rest: Any,
    batch: Batch,
    plan: PrivatePlan,
    knobs: PrivateKnobs,
    max_epochs: int,
    per_epoch: int,
    callbacks: tuple[Callback, ...],
    spent: Spent,
    show: Progress,
) -> FitResult:
    history: list[Epoch] = []
    stopped = f"all {max_epochs} epochs are done"
    for number in range(1, max_epochs + 1):
        state = run_private(plan, state, rest, batch, knobs, number * per_epoch)
        # Of time and losses nothing is kept: both are functions of the data.
        history.append(Epoch(number, math.nan, None, knobs.rate, 0.0))
        kept = copied(state.params if state.ema is None else state.ema)
        flow = eqx.combine(kept, rest)
        info = EpochInfo(number, tuple(history), number, lambda flow=flow: flow, lambda flow=flow: flow)
        show.update(Report(number * per_epoch, per_epoch, max_epochs, history, None, 0.0))
        answers = [callback(info) for callback in callbacks]
        if any(answers):
            stopped = CALLBACK
            break
    kept = state.params if state.ema is None else state.ema
    return FitResult(eqx.combine(kept, rest), tuple(history), len(history), math.nan, math.nan, stopped, (), 0.0, spent)


def refuse_start(flow: AbstractDistribution) -> None:
    """A DataError for a flow whose parameters are set from the first rows: they would be published as they are."""

    def begun(seed: int) -> list[Any]:
        rows = np.random.default_rng(seed).uniform(0.1, 0.9, (8, *flow.event_shape))
        condition = None if flow.cond_shape is None else jnp.full((8, *flow.cond_shape), 0.5 + 0.1 * seed)
        started = flow._data_init(*Batch(jnp.asarray(rows), condition).columns(flow))
        return jax.tree.leaves(started)

    first, second = begun(1), begun(2)
    same = all(np.array_equal(a, b, equal_nan=True) for a, b in zip(first, second, strict=True))
    parts = [part for part in _parts(flow) if sets_itself(type(part))]
    # Rows of all kinds may look the same to a part that has not begun.
    waiting = [part for part in parts if not np.all(getattr(part, "started", 1.0))]
    if not same or waiting:
        name = type((waiting or parts)[0]).__name__
        raise DataError(
            f"fit: {name} sets its parameters from the first rows, which a private fit must not see.",
            "choose a flow without it, or fit this one to public data first",
        )


def _parts(tree: Any) -> list[Any]:
    found: list[Any] = []
    jax.tree.map(lambda _: None, tree, is_leaf=lambda part: found.append(part) or False)
    return found
