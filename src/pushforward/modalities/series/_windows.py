"""Windows of series as a flow takes them: events, and conditions made of their past."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pushforward._errors import DataError
from pushforward.data.series._series import Item, SeriesData
from pushforward.modalities.series._facts import SeriesFacts

Starts = np.ndarray | Sequence[tuple[int, int]]
"""Number of the item and of the first step of each window."""


class Windows(NamedTuple):
    """Some windows.

    Attributes:
        x: `(windows, horizon, series)`; the last value before in the place of a missing one.
        condition: `(windows, past + horizon, 2 series + covariates)`.
        starts: Item and first step of each, `(windows, 2)`.
    """

    x: np.ndarray
    condition: np.ndarray
    starts: np.ndarray


def windows(facts: SeriesFacts, items: Sequence[Item], starts: Starts, past: int, horizon: int) -> Windows:
    """The windows that begin at some steps of some items; what lies before the first step is missing.

    Args:
        facts: What the flow is told.
        items: Where from.
        starts: Number of the item and of the first step of each window, `(windows, 2)`.
        past: Steps before a window.
        horizon: Steps of a window.
    """
    starts = np.asarray(starts, np.int64).reshape(-1, 2)
    size = len(facts.names)
    x = np.empty((len(starts), horizon, size), np.float32)
    condition = np.empty((len(starts), past + horizon, 2 * size + facts.size), np.float32)
    for first in range(0, len(starts), BLOCK):
        block = starts[first : first + BLOCK]
        for place in np.unique(block[:, 0]).tolist():
            own = np.flatnonzero(block[:, 0] == place)
            at = block[own, 1]
            rows = _rows(facts, items[place], int(at.min()) - past, int(at.max()) + horizon)
            cut = rows[(at - at.min())[:, None] + np.arange(past + horizon)]
            x[first + own], condition[first + own] = cut[:, past:, :size], cut
    condition[:, past:, :size] = 0.0
    return Windows(x, condition, starts)


BLOCK = 4096
"""Windows that are cut out at once, so that no more is held in float64."""


def _rows(facts: SeriesFacts, item: Item, start: int, stop: int) -> np.ndarray:
    """Values, marks and covariates of some steps, which are missing before the first one and behind the last."""
    low, high = max(start, 0), min(stop, len(item))
    parts = [each[low:high] for each in item.filled]
    rows = np.concatenate([*parts, facts.covariates(item.part(low, high))], axis=1)
    front, back = np.repeat(rows[:1], low - start, axis=0), np.repeat(rows[-1:], stop - high, axis=0)
    size = len(facts.names)
    front[:, size : 2 * size] = back[:, size : 2 * size] = 1.0
    return np.concatenate([front, rows, back])


def future(facts: SeriesFacts, data: SeriesData, horizon: int) -> tuple[tuple[Item, ...], list[tuple[int, int]]]:
    """Every item with the steps of a horizon behind its last value, and where these begin.

    Raises:
        DataError: If covariates that are to be known ahead are missing.
    """
    longer, starts = [], []
    for place, item in enumerate(data.items):
        there = np.flatnonzero(np.isfinite(item.values).any(axis=1))
        if not len(there):
            raise DataError(f"{data.label}: {item.name or 'the table'} has no value at all.", "give the history")
        first = int(there[-1]) + 1
        ahead = len(item) - first
        if facts.known and ahead < horizon:
            of = f" of {facts.item} {item.name!r}" if facts.item else ""
            raise DataError(
                f"{data.label}: {ahead} rows{of} behind the last value say what is known ahead, but {horizon} are "
                "forecast.",
                f"add {horizon - ahead} rows with {facts.time} and {', '.join(facts.known)}, and the series left empty",
            )
        more = max(horizon - ahead, 0)
        times = np.concatenate([item.times, facts.grid.after(float(item.times[-1]), more)])
        values = np.concatenate([item.values, np.full((more, len(facts.names)), np.nan)])
        known = np.concatenate([item.known, np.zeros((more, len(facts.known)))])
        rows = np.concatenate([item.rows, np.zeros(more, np.int64)])
        longer.append(replace(item, times=times, values=values, known=known, rows=rows))
        starts.append((place, first))
    return tuple(longer), starts


def to_draw(found: Windows, past: int) -> np.ndarray:
    """Conditions of windows of which every step is to be drawn."""
    condition = found.condition.copy()
    size = found.x.shape[-1]
    condition[:, past:, size : 2 * size] = 0.0
    return condition
