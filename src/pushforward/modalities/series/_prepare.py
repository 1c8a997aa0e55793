"""From series to what training needs."""

from functools import partial
from typing import Any

import jax
import numpy as np

from pushforward._errors import DataError
from pushforward.data.series._series import Item, SeriesData, numbers_of, refuse_constant
from pushforward.distributions import SeriesFlow
from pushforward.modalities._events import by_name, recipe_for
from pushforward.modalities._learn import Prepared, fitted
from pushforward.modalities._settings import Settings
from pushforward.modalities.series._facts import SeriesFacts
from pushforward.modalities.series._settings import SeriesSettings
from pushforward.modalities.series._windows import Windows, windows
from pushforward.objectives import nll
from pushforward.train import FitResult

MOST_NUMBERS = 2**26
"""Numbers of all conditions together, 256 MiB of floats; of more windows an even choice is taken."""
SEASONS = 7
"""That are read before a forecast, a week of days or of hours, in a history of four times as many."""
ROUGH = 0.5
"""Where the mean step is smaller than this share of the mean distance from the median, changes are modelled."""


def build(data: SeriesData, settings: SeriesSettings, key: jax.Array) -> SeriesFlow:
    """The untrained flow."""
    if settings.horizon < 1:
        raise DataError(f"the horizon must be at least 1, got {settings.horizon}.", "say how many steps to forecast")
    facts = SeriesFacts.of(data, calendar=settings.calendar)
    season = data.grid.season
    longest = max(map(len, data.items))
    if settings.horizon >= longest:
        raise DataError(
            f"{data.label}: a horizon of {settings.horizon} steps, but a history of {longest}.",
            f"forecast at most {max((longest - 1) // 2, 1)} steps with --horizon, or give a longer history",
        )
    if settings.context is not None and settings.context >= longest:
        raise DataError(
            f"{data.label}: {settings.context} steps that are read, but a history of {longest}.",
            f"read at most {longest - 1} with --context, or leave it out",
        )
    lags = (1, 2) if season < 3 or longest < 3 * season + settings.horizon else (1, 2, season)
    own: dict[str, Any] = {
        "horizon": settings.horizon,
        "context": settings.context or max(settings.horizon, min(SEASONS * season, longest // 4) if season > 2 else 1),
        "lags": lags,
        "scaling": "steps" if _moves_slowly(data) else "mean",
        "covariates": facts.size,
        "numbers": numbers_of(data),
    }
    options = own | by_name(settings.options)
    flow = recipe_for("series", settings.flow, "series", settings.options).build(len(data.names), **options, key=key)
    assert isinstance(flow, SeriesFlow)
    return flow


def prepare(data: SeriesData, settings: SeriesSettings, key: jax.Array) -> Prepared:
    """Windows, the flow, and held-out windows that are the last in time.

    Raises:
        DataError: If a series does not change or holds other numbers than are said, or the history is too short.
    """
    refuse_constant(data)
    flow = build(data, settings, key)
    _check_numbers(data, flow)
    facts = SeriesFacts.of(data, calendar=settings.calendar)
    first, last = _starts(data.items, flow, settings.validation or 0.0)
    starts = _some(first, flow)
    found = windows(facts, data.items, starts, flow.past, flow.horizon)
    ready = Prepared(flow, found.x, found.condition, None, nll, facts)
    if not len(last):
        return ready
    later = windows(facts, data.items, _some(last, flow), flow.past, flow.horizon)
    return ready._replace(learn=partial(_held_against, later))


def _held_against(later: Windows, ready: Prepared, settings: Settings, key: jax.Array) -> tuple[FitResult, Prepared]:
    """A fit whose held-out windows are these."""
    return fitted(ready, settings, key, (later.x, later.condition)), ready


def _check_numbers(data: SeriesData, flow: SeriesFlow) -> None:
    for name, said, found in zip(data.names, flow.numbers, numbers_of(data), strict=False):
        if said != "real" and found != said and (said, found) != ("whole", "count"):
            what = "is below 0" if found == "whole" else "is not a whole number"
            raise DataError(
                f"{data.label}: `numbers` says {said!r} for series {name!r}, of which a value {what}.",
                "leave the option out: what each series holds is found",
            )


def _starts(items: tuple[Item, ...], flow: SeriesFlow, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Windows to learn from, and those held out: the last ones, which share no step with the others."""
    first, last = [], []
    for place, item in enumerate(items):
        stops = np.arange(min(2, len(item) - 1), len(item) - flow.horizon + 1)
        held = round(share * len(item)) if share else 0
        learned, later = stops[stops + flow.horizon <= len(item) - held], stops[stops >= len(item) - held]
        if held and not (len(learned) and len(later)):
            learned, later = stops, stops[:0]
        first.append(np.column_stack([np.full_like(learned, place), learned]))
        last.append(np.column_stack([np.full_like(later, place), later]))
    learned, later = np.concatenate(first), np.concatenate(last)
    if not len(learned):
        raise DataError("no item is longer than the horizon.", "forecast fewer steps with --horizon")
    return learned, later


def _some(starts: np.ndarray, flow: SeriesFlow) -> np.ndarray:
    most = max(MOST_NUMBERS // int(np.prod(flow.cond_shape)), 1)
    if len(starts) <= most:
        return starts
    return starts[np.linspace(0, len(starts) - 1, most).astype(int)]


def _moves_slowly(data: SeriesData) -> bool:
    """Whether most series change little from step to step, beside how far they go."""
    slow = []
    for item in data.items[:100]:
        for values in item.values.T:
            there = values[np.isfinite(values)]
            if len(there) > 1:
                slow.append(np.mean(np.abs(np.diff(there))) < ROUGH * np.mean(np.abs(there - np.median(there))))
    return bool(slow) and float(np.mean(slow)) > 0.5
