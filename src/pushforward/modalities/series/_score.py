"""How likely each step of series is, given those before it."""

import numpy as np

from pushforward.data.series._series import Item, SeriesData, filled
from pushforward.distributions import SeriesFlow
from pushforward.modalities.series._facts import SeriesFacts
from pushforward.modalities.series._windows import windows

ROWS = 512


def step_scores(flow: SeriesFlow, facts: SeriesFacts, item: Item) -> np.ndarray:
    """The log-density of each step given those before it, `(steps,)`; NaN for the first, and where one is missing.

    The series are cut into windows of the horizon, one behind the other: a step is given the past of its window, and
    the steps of the window before it.
    """
    scores = np.full(len(item), np.nan)
    starts = list(range(min(2, len(item)), len(item), flow.horizon))
    for first in range(0, len(starts), ROWS):
        some = starts[first : first + ROWS]
        found = windows(facts, [item], [(0, start) for start in some], flow.past, flow.horizon)
        each = np.asarray(flow.step_log_prob(found.x, found.condition), np.float64)
        for start, row in zip(some, each, strict=True):
            stop = min(start + flow.horizon, len(item))
            scores[start:stop] = row[: stop - start]
    scores[filled(item.values)[1].any(axis=1)] = np.nan
    return scores


def scores_of(flow: SeriesFlow, facts: SeriesFacts, data: SeriesData) -> list[np.ndarray]:
    """`step_scores` of every item."""
    return [step_scores(flow, facts, item) for item in data.items]
