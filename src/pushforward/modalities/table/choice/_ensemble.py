"""Several flows in place of one: the mean of their densities."""

import dataclasses
from collections.abc import Callable
from functools import partial

import jax
import numpy as np

from pushforward._errors import DataError, UsageError
from pushforward.distributions import AbstractDistribution, Mixture
from pushforward.modalities._learn import Prepared, fitted, identity, plain
from pushforward.modalities._model import Model
from pushforward.modalities._settings import Settings
from pushforward.modalities._talk import Talk
from pushforward.modalities.table._flow import stands_alone, with_ends, without_ends
from pushforward.modalities.table._prepare import prepare_flow
from pushforward.modalities.table._rows import Rows, taken
from pushforward.modalities.table._settings import TableSettings
from pushforward.modalities.table.choice._folds import scores_of
from pushforward.modalities.table.choice._spread import MOST_HELD_OUT, row_counts
from pushforward.objectives import nll
from pushforward.train import FitResult


def check_ensemble(settings: TableSettings) -> None:
    """Refuse a number of flows that is none, and a fit of several that is to be kept on the way, or resumed.

    Raises:
        DataError: If the number is no whole number from 1 on.
        UsageError: If the fit is to be kept on the way, or resumed.
    """
    count = settings.ensemble
    if not isinstance(count, int | np.integer) or isinstance(count, bool) or count < 1:
        raise DataError(
            f"ensemble must be a whole number of flows, got {count!r}.", "4 are often enough, 1 is no ensemble"
        )
    if count > 1 and settings.resume:
        raise UsageError(f"a fit of {count} flows cannot be resumed.", "leave out `resume` (`--resume`)")
    if count > 1 and settings.checkpoint is not None:
        raise UsageError(f"a fit of {count} flows keeps no checkpoint.", "leave out `checkpoint` (`--checkpoint`)")


def in_ensemble(ready: Prepared, rows: Rows, settings: TableSettings, key: jax.Array) -> Prepared:
    """What is prepared, to be fitted as many times as the settings say.

    Each flow has first weights of its own, all hold out the same rows, and the model is their mean, with equal weights
    (design record 0062).

    Args:
        ready: Of one flow.
        rows: As the user has them.
        settings: Of the fit.
        key: That the flow was built by.
    """
    if settings.ensemble == 1:
        return ready
    return ready._replace(learn=partial(_learned, build=partial(_untrained, rows, settings, key)))


def _untrained(rows: Rows, settings: TableSettings, key: jax.Array, number: int) -> AbstractDistribution:
    return prepare_flow(rows, settings, jax.random.fold_in(key, number)).flow


def _learned(
    ready: Prepared, settings: Settings, key: jax.Array, *, build: Callable[[int], AbstractDistribution]
) -> tuple[FitResult, Prepared]:
    """The mean of several fits, in the units of the user.

    Args:
        ready: With the first flow.
        settings: Of each fit.
        key: Of each fit: all hold out the same rows.
        build: The untrained flow of a number, from 1 on.
    """
    assert isinstance(settings, TableSettings)
    talk, results = Talk(quiet=not settings.progress), []
    for number in range(settings.ensemble):
        talk.say(f"flow {number + 1} of {settings.ensemble}")
        flow = build(number) if number else ready.flow
        results.append(fitted(ready._replace(flow=flow), settings, key, settings.validation))
    whole = _mean([ready.finish(result.flow) for result in results], ready)
    ready = ready._replace(finish=identity)
    return _joined(results, whole, ready), ready


def _mean(flows: list[AbstractDistribution], ready: Prepared) -> AbstractDistribution:
    """The mean of densities in the units of the user, which share their ends."""
    columns, conditions = not stands_alone(flows[0]), ready.condition is not None
    parts = [without_ends(flow, columns=columns, conditions=conditions) for flow in flows]
    _, units, embedding = parts[0]
    return with_ends(Mixture([flow for flow, _, _ in parts]), units, embedding)


def _joined(results: list[FitResult], whole: AbstractDistribution, ready: Prepared) -> FitResult:
    """The result of the first, with the mean of all in place of its flow, and the time of all."""
    first = results[0]
    events = (f"flow {number}: {event}" for number, result in enumerate(results, start=1) for event in result.events)
    found = dataclasses.replace(
        first,
        flow=whole,
        stopped_because=f"{first.stopped_because}, of the first of {len(results)} flows",
        events=tuple(events),
        seconds=sum(result.seconds for result in results),
    )
    loss = _loss(found, ready)
    return found if loss is None else dataclasses.replace(found, best_loss=loss)


def _loss(result: FitResult, ready: Prepared) -> float | None:
    """Of the mean, on the rows that were held out; None where there are none, or the loss is no likelihood."""
    held_out = None if ready.held_out is None else ready.held_out(ready)
    if held_out is None or not len(held_out.rows) or ready.objective is not nll or ready.data.streamed is not None:
        return None
    apart = taken(ready.data, held_out.rows[:MOST_HELD_OUT])
    scores = scores_of(Model("table", result.flow, ready.facts, plain(TableSettings()), result), apart)
    return -float(np.average(scores, weights=row_counts(len(scores), held_out.weights)))
