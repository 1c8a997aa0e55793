"""Training in rounds: fit, draw the missing cells from the fit, and go on (design record 0048)."""

import dataclasses
import math
from typing import Any

import jax
import numpy as np

from pushforward.distributions import AbstractDistribution
from pushforward.modalities._learn import HeldOut, Prepared, fitted, on_device, plain, training_of
from pushforward.modalities._model import Model
from pushforward.modalities._settings import Settings
from pushforward.modalities.table._rows import Rows
from pushforward.modalities.table.choice._comparison import mean_and_error
from pushforward.modalities.table.conditionals._rows import TableJoint
from pushforward.modalities.table.incomplete._cells import MANY, drawn_anew
from pushforward.modalities.table.incomplete._start import begun
from pushforward.objectives import Batch
from pushforward.train import FitResult

ROUNDS = 8
"""After each of which the missing cells are drawn anew: the first is a whole fit, the others are short."""
SHARE = 0.1
"""Of the epochs that a fit may have, in each of the short ones."""
COPIES = 3
"""Of the table in the last round, each with draws of its own."""


def in_rounds(ready: Prepared, settings: Settings, key: jax.Array) -> tuple[FitResult, Prepared]:
    """The fit to rows with missing cells, and the rows as they were filled in the end.

    Args:
        ready: With `holes` in its rows.
        settings: Of the fit.
        key: Of the fit, which also decides what is held out.
    """
    assert ready.held_out is not None
    split = ready.held_out(ready)
    quiet = {"checkpoint": None, "callbacks": ()}
    epochs = training_of(settings)["max_epochs"]
    first = dataclasses.replace(settings, **quiet)
    short = dataclasses.replace(first, max_epochs=max(1, round(SHARE * epochs)))
    copies, results = [_begun(ready, key)], []
    for number in range(ROUNDS):
        own = jax.random.fold_in(key, number)
        # Held-out rows that the flow has drawn itself would say that it cannot get better.
        results.append(
            _fit_to(copies, split, short, own, judged=False) if number else _fit_to(copies, split, first, own)
        )
        ready = ready._replace(flow=results[-1].flow)
        wanted = COPIES if number == ROUNDS - 1 else 1
        copies = [_drawn(ready, copies[0], jax.random.fold_in(own, i)) for i in range(wanted)]
    last = dataclasses.replace(settings, checkpoint=None, max_epochs=math.ceil(epochs / COPIES))
    results.append(_fit_to(copies, split, last, key))
    ready = copies[0]._replace(flow=results[-1].flow)
    return _joined(results), _with_nats(ready, split, key)


def _begun(ready: Prepared, key: jax.Array) -> Prepared:
    rows: Rows = ready.data
    assert rows.holes is not None
    random = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    return _with_values(ready, rows, begun(ready.facts.units, rows.x.values.astype(np.float64), rows.holes, random))


def joint_of_fit(flow: AbstractDistribution, ready: Prepared, settings: Settings) -> TableJoint:
    """The columns as coordinates of a flow that is on its way.

    Raises:
        DataError: If what is missing cannot be drawn from such a flow.
    """
    result = FitResult(flow, (), 0, math.nan, math.nan, "", (), 0.0)
    model = Model("table", ready.finish(flow), ready.facts, plain(settings), result)
    return TableJoint.of(model, "incomplete rows")


def _fit_to(
    copies: list[Prepared], split: HeldOut, settings: Settings, key: jax.Array, *, judged: bool = True
) -> FitResult:
    """One fit to all copies; what is held out is so in each, and decides what is kept where the fit is judged."""
    stacked = copies[0]._replace(**{name: _stacked(copies, name, split.train) for name in ("x", "log_det", "weights")})
    if not (judged and len(split.rows)):
        return fitted(stacked, settings, key, None)
    apart = {name: _stacked(copies, name, split.rows) for name in ("x", "log_det")}
    weights: Any = None if split.weights is None else np.tile(split.weights, len(copies))
    return fitted(stacked, settings, key, Batch(apart["x"], None, weights, apart["log_det"]))


def _stacked(copies: list[Prepared], name: str, rows: np.ndarray) -> Any:
    parts = [getattr(copy, name) for copy in copies]
    if parts[0] is None:
        return None
    return np.concatenate([np.asarray(part)[rows] for part in parts])


def _drawn(ready: Prepared, before: Prepared, key: jax.Array) -> Prepared:
    """A copy of the table whose missing cells go on from those of another."""
    rows: Rows = before.data
    assert rows.holes is not None
    table = joint_of_fit(ready.flow, ready, ready.settings or Settings())
    values, _ = drawn_anew(table, rows.x.values, rows.holes, key)
    return _with_values(ready, rows, values)


def _with_values(ready: Prepared, rows: Rows, values: np.ndarray) -> Prepared:
    """What is fitted to, with these values of all cells."""
    x, log_det = values, None
    if ready.facts.units is not None:
        x, log_det = ready.facts.units.for_training(values)
    data = rows._replace(x=dataclasses.replace(rows.x, values=values))
    return ready._replace(x=on_device(x), log_det=None if log_det is None else on_device(log_det), data=data)


def _with_nats(ready: Prepared, split: HeldOut, key: jax.Array) -> Prepared:
    """With the log-density of the cells that are there of the rows that were held out."""
    rows: Rows = ready.data
    if len(split.rows) < 2 or rows.holes is None:
        return ready
    table = joint_of_fit(ready.flow, ready, ready.settings or Settings())
    _, there = drawn_anew(table, rows.x.values[split.rows], rows.holes[split.rows], key, MANY)
    nats, error = mean_and_error(there, split.weights)
    if not math.isfinite(nats + error):
        return ready
    completed = dataclasses.replace(ready.facts.completed, nats=nats, error=error)
    return ready._replace(facts=dataclasses.replace(ready.facts, completed=completed))


def _joined(results: list[FitResult]) -> FitResult:
    """One result of all rounds, whose epochs are counted on."""
    first, last = results[0], results[-1]
    before = sum(len(result.history) for result in results[:-1])
    history = [epoch for result in results for epoch in result.history]
    numbered = tuple(dataclasses.replace(epoch, number=i) for i, epoch in enumerate(history, start=1))
    return FitResult(
        flow=last.flow,
        history=numbered,
        best_epoch=before + last.best_epoch,
        best_loss=last.best_loss,
        start_loss=first.start_loss,
        stopped_because=f"{last.stopped_because}, after {len(results) - 1} rounds of drawing missing cells",
        events=tuple(event for result in results for event in result.events),
        seconds=sum(result.seconds for result in results),
    )
