"""How likely each step of series is, given those before it."""

import jax
import numpy as np

from pushforward.data.series._series import Item, SeriesData
from pushforward.distributions import SeriesFlow
from pushforward.modalities.series._facts import SeriesFacts
from pushforward.modalities.series._windows import windows

ROWS = 512


def step_scores(flow: SeriesFlow, facts: SeriesFacts, item: Item) -> np.ndarray:
    """The log-density of each step given those before it, `(steps,)`; NaN for the first, and where one is missing.

    The series are cut into windows of the horizon, one behind the other: a step is given the past of its window, and
    the steps of the window before it. The noise around whole numbers is the same every time.
    """
    scores = np.full(len(item), np.nan)
    starts = np.arange(min(2, len(item)), len(item), flow.horizon)
    for number in range(0, len(starts), ROWS):
        some = starts[number : number + ROWS]
        found = windows(facts, [item], np.column_stack([np.zeros_like(some), some]), flow.past, flow.horizon)
        key = jax.random.fold_in(jax.random.key(0), number)
        each = np.asarray(flow.step_log_prob(found.x, found.condition, key=key), np.float64).ravel()
        rest = scores[some[0] : some[-1] + flow.horizon]
        rest[:] = each[: len(rest)]
    scores[item.filled[1].any(axis=1)] = np.nan
    return scores


def scores_of(flow: SeriesFlow, facts: SeriesFacts, data: SeriesData) -> list[np.ndarray]:
    """`step_scores` of every item."""
    return [step_scores(flow, facts, item) for item in data.items]
