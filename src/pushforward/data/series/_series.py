"""Series as they are held: items on one grid, missing cells as NaN."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from pushforward._errors import DataError
from pushforward.data._tables import quoted
from pushforward.data.moments._forms import texts_of
from pushforward.data.moments._moment import Moment
from pushforward.data.series._grid import Grid


@dataclass(frozen=True, eq=False)
class Item:
    """One item: a store, a sensor, or the whole of a table without items.

    Attributes:
        name: Of the item; "" where there is one alone.
        times: `(steps,)`, seconds since 1970, on the clock that the type of the times counts, or plain numbers; one
            step of the grid apart.
        values: `(steps, series)`, NaN where missing.
        known: `(steps, covariates)`.
        rows: `(steps,)`: the rows of the source, from 1; 0 for a step that was put in.
    """

    name: str
    times: np.ndarray
    values: np.ndarray
    known: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.times)

    @cached_property
    def filled(self) -> tuple[np.ndarray, np.ndarray]:
        """`filled(values)`, found once."""
        return filled(self.values)

    def part(self, start: int, stop: int) -> "Item":
        """The steps from `start` to before `stop`."""
        cut = slice(start, stop)
        return Item(self.name, self.times[cut], self.values[cut], self.known[cut], self.rows[cut])


class Clock(NamedTuple):
    """What the times of a model are.

    Attributes:
        grid: The step.
        moment: Their type; None for plain numbers.
    """

    grid: Grid
    moment: Moment | None


@dataclass(frozen=True, eq=False)
class SeriesData:
    """Series on a regular grid.

    Attributes:
        names: Of the series.
        items: One or more.
        grid: The step.
        time: Name of the column of times.
        moment: Its type; None for plain numbers.
        item: Name of the column of items; "" where there is none.
        known: Names of the covariates that are known ahead.
        label: What messages call the source.
        notes: Sentences on the reading.
    """

    names: tuple[str, ...]
    items: tuple[Item, ...]
    grid: Grid
    time: str
    moment: Moment | None
    item: str = ""
    known: tuple[str, ...] = ()
    label: str = "series"
    notes: tuple[str, ...] = ()

    def told(self) -> str:
        """`8 series of 6,071 business days`, `5 items of 2 series, 100 to 120 months each`."""
        lengths = [len(item) for item in self.items]
        span = f"{min(lengths):,}" if min(lengths) == max(lengths) else f"{min(lengths):,} to {max(lengths):,}"
        steps = f"{span} steps of {self.grid.length}"
        series = f"{len(self.names)} series"
        return f"{series} of {steps}" if not self.item else f"{len(self.items)} items of {series}, {steps} each"


def time_text(moment: Moment | None, time: float) -> str:
    """A time as it is written."""
    return f"{time:.15g}" if moment is None else str(texts_of(moment.of_clock(np.array([time])), moment, "")[0])


def refuse_constant(data: SeriesData) -> None:
    """A DataError that names the series that never change: there is nothing to forecast, and no density."""
    same = []
    for place, name in enumerate(data.names):
        cells = np.concatenate([item.values[:, place] for item in data.items])
        cells = cells[np.isfinite(cells)]
        if not len(cells) or np.ptp(cells) == 0:
            same.append(name)
    if same:
        verb = "does" if len(same) == 1 else "do"
        raise DataError(
            f"{data.label}: {quoted('series', same).replace('seriess', 'series')} {verb} not change.",
            f"leave {'it' if len(same) == 1 else 'them'} out: {' '.join(f'--drop {name}' for name in same)}",
        )


MOST_WHOLE = 2.0**24
"""Whole numbers up to this are whole in float32 too."""


def numbers_of(data: SeriesData) -> tuple[str, ...]:
    """What each series holds: "count" for whole numbers from 0 on, "whole" for others, "real" where one is broken."""
    words = []
    for place in range(len(data.names)):
        lows = [_least_whole(item.values[:, place]) for item in data.items]
        there = [low for low in lows if low is not None]
        words.append("real" if not there or np.isnan(there).any() else "count" if min(there) >= 0 else "whole")
    return tuple(words)


def _least_whole(cells: np.ndarray) -> float | None:
    """The least of some whole numbers, NaN if one of them is not whole; None where there are none."""
    cells = cells[np.isfinite(cells)]
    if not len(cells):
        return None
    whole = np.abs(cells).max() <= MOST_WHOLE and bool((cells == np.round(cells)).all())
    return float(cells.min()) if whole else np.nan


def filled(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last value before in the place of each missing one, and where they were: `(steps, series)` both.

    What is missing at the beginning gets the first value that is there. That one counts as missing too: nothing came
    before it, and a forecast of it would be given it.
    """
    missing = ~np.isfinite(values)
    rows = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(missing, -1, rows), axis=0)
    first = np.argmin(missing, axis=0)
    places = np.where(last < 0, first, last)
    found = np.take_along_axis(values, places, axis=0)
    late = (rows == first) & (first > 0)
    return np.where(np.isfinite(found), found, 0.0), missing | late
