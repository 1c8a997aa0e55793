"""Several flows in place of one: the mean of their densities."""

import dataclasses
from functools import partial

import jax
import numpy as np

from pushforward._errors import DataError, UsageError
from pushforward.distributions import AbstractDistribution, Mixture
from pushforward.modalities._learn import Prepared, fitted, identity, plain
from pushforward.modalities._model import Model
from pushforward.modalities._settings import Settings
from pushforward.modalities._talk import Talk, plural
from pushforward.modalities.table._flow import with_ends
from pushforward.modalities.table._prepare import ends_of
from pushforward.modalities.table._rows import taken
from pushforward.modalities.table._settings import TableSettings
from pushforward.modalities.table.choice._folds import scores_of
from pushforward.modalities.table.choice._spread import MOST_HELD_OUT, row_counts
from pushforward.objectives import nll
from pushforward.train import FitResult
from pushforward.train._result import CALLBACK


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


def in_ensemble(ready: Prepared, settings: TableSettings, key: jax.Array) -> Prepared:
    """What is prepared, to be fitted as many times as the settings say.

    Each flow has first weights of its own, all hold out the same rows, and the model is their mean, with equal weights
    (design record 0062).

    Args:
        ready: Of one flow.
        settings: Of the fit.
        key: That the flow was built by.
    """
    return ready if settings.ensemble == 1 else ready._replace(learn=partial(_learned, build_key=key))


def _learned(
    ready: Prepared, settings: Settings, key: jax.Array, *, build_key: jax.Array
) -> tuple[FitResult, Prepared]:
    """The mean of several fits, in the units of the user.

    Args:
        ready: With the first flow.
        settings: Of each fit.
        key: Of each fit: all hold out the same rows.
        build_key: Of which the other flows begin.
    """
    assert isinstance(settings, TableSettings)
    assert ready.again is not None
    talk, results = Talk(quiet=not settings.progress), []
    for number in range(settings.ensemble):
        talk.say(f"flow {number + 1} of {settings.ensemble}")
        flow = ready.again(jax.random.fold_in(build_key, number)) if number else ready.flow
        results.append(fitted(ready._replace(flow=flow), settings, key, settings.validation))
    whole = _mean([ready.finish(result.flow) for result in results], ready)
    ready = ready._replace(finish=identity)
    return _joined(results, whole, ready), ready


def _mean(flows: list[AbstractDistribution], ready: Prepared) -> AbstractDistribution:
    """The mean of densities in the units of the user, which share their ends; the parts of mixtures are parts of it."""
    parts, weights = [], []
    _, columns, embedding = ends_of(flows[0], ready.facts)
    for flow in flows:
        inner = ends_of(flow, ready.facts)[0]
        if isinstance(inner, Mixture):
            parts += inner.components
            weights += jax.nn.softmax(inner.logits).tolist()
        else:
            parts, weights = [*parts, inner], [*weights, 1.0]
    return with_ends(Mixture(parts, weights), columns, embedding)


def _joined(results: list[FitResult], whole: AbstractDistribution, ready: Prepared) -> FitResult:
    """The result of the best, with the mean of all in place of its flow, and the time of all."""
    best = min(results, key=lambda result: result.best_loss)
    found = dataclasses.replace(
        best,
        flow=whole,
        stopped_because=f"{best.stopped_because}, of the best of {len(results)} flows",
        events=tuple(f"flow {n}: {event}" for n, result in enumerate(results, start=1) for event in _events(result)),
        seconds=sum(result.seconds for result in results),
    )
    loss = _loss(found, ready)
    if loss is None:
        loss = float(np.mean([result.best_loss for result in results]))
    return dataclasses.replace(found, best_loss=loss)


def _events(result: FitResult) -> tuple[str, ...]:
    """Of one flow; that a callback ended it is one: if it watches the clock, the last flows are nearly untrained."""
    if result.stopped_because != CALLBACK:
        return result.events
    return (*result.events, f"{CALLBACK} after {plural(len(result.history), 'epoch')}")


def _loss(result: FitResult, ready: Prepared) -> float | None:
    """Of the mean, on the rows that were held out; None where there are none, or a score is another measure."""
    held_out = None if ready.held_out is None else ready.held_out(ready)
    other = ready.objective is not nll or not result.flow.exact or ready.data.streamed is not None
    if held_out is None or not len(held_out.rows) or other:
        return None
    apart = taken(ready.data, held_out.rows[:MOST_HELD_OUT])
    scores = scores_of(Model("table", result.flow, ready.facts, plain(TableSettings()), result), apart)
    return -float(np.average(scores, weights=row_counts(len(scores), held_out.weights)))
