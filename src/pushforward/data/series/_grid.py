"""Regular times: which grid the times of a series lie on, and where on it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pushforward._errors import DataError

DAY = 86_400.0
WEEK = 7
YEAR = 365.2425
REPEATS = 2
"""Turns that a history must have before it says what is usual in one."""
A_DAY = np.timedelta64(1, "D")
MONDAY = np.datetime64("1970-01-05")
NAMES = {604_800.0: "week", DAY: "day", 3_600.0: "hour", 60.0: "minute", 1.0: "second"}
Kind = Literal["number", "seconds", "business day", "month"]


@dataclass(frozen=True)
class Grid:
    """Times that are one step apart.

    Attributes:
        kind: Plain numbers, seconds, days from Monday to Friday, or months.
        size: Numbers, seconds or months in one step.
        day: Of months, on which day the times are, on the last one of months with fewer; None where items differ.
    """

    kind: Kind
    size: float = 1.0
    day: int | None = None

    @property
    def name(self) -> str:
        """What a step is called: `hour`, `15 minutes`, `business day`, `3 months`."""
        if self.kind == "business day":
            return self.kind
        units = {1.0: "month"} if self.kind == "month" else NAMES if self.kind == "seconds" else {1.0: ""}
        size, word = next(((unit, word) for unit, word in units.items() if self.size % unit == 0), (1.0, "second"))
        count = self.size / size
        if self.kind == "number":
            return f"{count:g}"
        return word if count == 1 else f"{count:g} {word}s"

    @property
    def length(self) -> str:
        """How long a step is: `an hour`, `15 minutes`, `a business day`; `1` of plain numbers."""
        return self.name if self.name[0].isdigit() else f"{'an' if self.name == 'hour' else 'a'} {self.name}"

    @property
    def season(self) -> int:
        """Steps after which a series is likely to repeat itself; 1 where none is known."""
        if self.kind == "business day":
            return 5
        if self.kind == "month":
            return int(12 // self.size) if 12 % self.size == 0 else 1
        if self.kind == "number":
            return 1
        turn = DAY if self.size < DAY else WEEK * DAY
        return int(turn // self.size) if turn % self.size == 0 and turn > self.size else 1

    def places(self, times: np.ndarray) -> np.ndarray:
        """Where on the grid times lie, counted in steps; whole for those on it."""
        if self.kind == "business day":
            return _business_days(times)
        return (_months(times) if self.kind == "month" else times) / self.size

    def after(self, time: float, count: int) -> np.ndarray:
        """The `count` times that follow one."""
        steps = np.arange(1, count + 1)
        if self.kind == "business day":
            day, rest = np.floor(time / DAY), time % DAY
            days = np.busday_offset(np.datetime64(int(day), "D"), steps, roll="backward")
            return days.astype(np.int64) * DAY + rest
        if self.kind == "month":
            return _months_after(time, steps * int(self.size), self.day)
        return time + steps * self.size

    def calendar(self, times: np.ndarray, turns: int | None = None) -> np.ndarray:
        """Sine and cosine of the time of day, of the week and of the year, as far as a step tells them apart.

        Args:
            times: Seconds since 1970.
            turns: How many of these, the shortest first; None for all.
        """
        days = times / DAY
        phases = [(days + 3.0 * (turn == WEEK)) / turn % 1.0 for turn in self._turns[:turns]]
        pairs = [np.stack([np.sin(2 * np.pi * phase), np.cos(2 * np.pi * phase)], axis=1) for phase in phases]
        return np.concatenate([np.zeros((len(times), 0)), *pairs], axis=1)

    def turns_within(self, span: float) -> int:
        """How many of the turns of `calendar` a history goes through twice.

        What it goes through once names every one of its times, and what it does not end it leaves at a place where
        nothing was learned: neither says anything of the future.

        Args:
            span: Seconds from the first to the last time.
        """
        return sum(REPEATS * turn * DAY <= span for turn in self._turns)

    @property
    def _turns(self) -> tuple[float, ...]:
        """Days of each turn that a step tells apart."""
        if self.kind == "number":
            return ()
        step = {"business day": DAY, "month": 30 * DAY}.get(self.kind, 1.0) * (
            self.size if self.kind == "seconds" else 1.0
        )
        return (1.0,) * (step < DAY) + (float(WEEK),) * (step <= DAY) + (YEAR,)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"kind": self.kind, "size": self.size} | ({} if self.day is None else {"day": self.day})


def grid_of(pieces: list[np.ndarray], *, dated: bool) -> Grid:
    """The grid of sorted times, `(steps,)` for each item: the commonest step, of months or business days where it fits.

    Args:
        pieces: Times of each item in seconds since 1970, or plain numbers; sorted, without repeats.
        dated: Whether they are dates.
    """
    steps = np.concatenate([np.diff(times) for times in pieces])
    values, counts = np.unique(steps, return_counts=True)
    usual = float(values[np.argmax(counts)])
    if not dated:
        return Grid("number", usual)
    if steps.min() >= 28 * DAY and all(_are_whole(_months(times)) for times in pieces):
        months = np.concatenate([np.diff(_months(times)) for times in pieces])
        days = {_day_of_months(times) for times in pieces}
        return Grid("month", float(np.bincount(months.astype(int)).argmax()), days.pop() if len(days) == 1 else None)
    weekdays = np.concatenate([(times // DAY + 3) % WEEK for times in pieces])
    if usual == DAY and weekdays.max() < 5 and (steps == 3 * DAY).any():
        return Grid("business day")
    return Grid("seconds", usual)


def gaps(grid: Grid, times: np.ndarray, rows: np.ndarray, what: Callable[[float], str], where: str) -> np.ndarray:
    """Steps from the first time to each, `(steps,)` whole numbers.

    Raises:
        DataError: If a time lies between two steps of the grid.
    """
    places = grid.places(times)
    apart = places - places[0]
    off = np.flatnonzero(np.abs(apart - np.round(apart)) > 1e-6)
    if len(off):
        shown = what(float(times[off[0]]))
        raise DataError(
            f"{where}: row {rows[off[0]]}, {shown}, is not a whole number of steps behind the first: the "
            f"step is {grid.name}.",
            "bring the series to regular times before, such as by a mean over each step",
        )
    return np.round(apart).astype(np.int64)


def _months(times: np.ndarray) -> np.ndarray:
    """Months since 1970; not whole where a time is not on the day of the month of the others."""
    days, months = _days(times), _whole_months(times)
    return months + (days - _days_of_months(months, _day_of_months(times))).astype(np.int64) / 31.0


def _months_after(time: float, months: np.ndarray, day: int | None) -> np.ndarray:
    """Times so many months after one, on this day of the month if the time itself is, and else on its own."""
    first, own = _whole_months(np.array([time])), np.array([time])
    if day is None or _days_of_months(first, day)[0] != _days(own)[0]:
        day = _day_of_months(own)
    return _days_of_months(first + months, day).astype(np.int64) * DAY + time % DAY


def _whole_months(times: np.ndarray) -> np.ndarray:
    return _days(times).astype("datetime64[M]").astype(np.int64)


def _day_of_months(times: np.ndarray) -> int:
    """The day of the month that times are on: the latest one, 31 where they are at the ends of their months."""
    days = _days(times)
    months = days.astype("datetime64[M]")
    if ((days + A_DAY).astype("datetime64[M]") > months).all():
        return 31
    return 1 + int((days - months.astype("datetime64[D]")).astype(np.int64).max())


def _days_of_months(months: np.ndarray, day: int) -> np.ndarray:
    """This day of months since 1970, or their last one."""
    first, after = (whole.astype("datetime64[M]").astype("datetime64[D]") for whole in (months, months + 1))
    return np.minimum(first + (day - 1) * A_DAY, after - A_DAY)


def _days(times: np.ndarray) -> np.ndarray:
    return np.floor(times / DAY).astype(np.int64).astype("datetime64[D]")


def _business_days(times: np.ndarray) -> np.ndarray:
    """Business days since 1970; Saturdays and Sundays lie between two."""
    days = _days(times)
    weekend = np.clip((days - MONDAY).astype(np.int64) % WEEK - 4, 0, None)  # 1, 2
    return np.busday_count(np.datetime64("1970-01-01"), days) - np.where(weekend, (3.0 - weekend) / 3.0, 0.0)


def _are_whole(places: np.ndarray) -> bool:
    return bool(np.all(places == np.round(places)))
