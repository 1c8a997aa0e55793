"""Windows of series as a flow takes them: events, and conditions made of their past."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pushforward._errors import DataError
from pushforward.data.series._series import Item, SeriesData, filled
from pushforward.modalities.series._facts import SeriesFacts


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


def windows(
    facts: SeriesFacts, items: Sequence[Item], starts: Sequence[tuple[int, int]], past: int, horizon: int
) -> Windows:
    """The windows that begin at some steps of some items; what lies before the first step is missing."""
    padded = {place: _padded(facts, items[place], past, horizon) for place in {place for place, _ in starts}}
    rows = np.stack([padded[place][start : start + past + horizon] for place, start in starts])
    size = len(facts.names)
    x = rows[:, past:, :size].copy()
    rows[:, past:, :size] = 0.0
    return Windows(x.astype(np.float32), rows.astype(np.float32), np.array(starts))


def _padded(facts: SeriesFacts, item: Item, past: int, horizon: int) -> np.ndarray:
    """Values, marks and covariates of every step behind `past` missing ones, and before a horizon of them."""
    values, missing = filled(item.values)
    rows = np.concatenate([values, missing, facts.covariates(item)], axis=1)
    front, back = np.repeat(rows[:1], past, axis=0), np.repeat(rows[-1:], horizon, axis=0)
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
