"""What the numbers of a column of dates, times or durations count, and how they are written."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from pushforward._errors import ColumnError
from pushforward.data.moments._zones import DAY_SECONDS, at_zone, days_at_zone, from_zone

What = Literal["date", "datetime", "time", "duration"]
Turn = Literal["", "day", "week", "year"]

SECOND = 1_000_000_000
"""Nanoseconds."""
DAY = 86_400 * SECOND
YEAR_DAYS = 365.2425
"""Days of a mean year: to so many each year is stretched or shrunk."""
STEPS = {
    "day": DAY,
    "hour": 3_600 * SECOND,
    "minute": 60 * SECOND,
    "second": SECOND,
    "millisecond": 10**6,
    "microsecond": 10**3,
    "nanosecond": 1,
}
"""Resolutions, the coarsest first."""
PERIODS: dict[str, float] = {"day": 24.0, "week": 7.0, "year": YEAR_DAYS}
"""How long a turn is, of a day in hours, of the others in days."""
TURN_UNITS = {"day": STEPS["hour"], "week": DAY, "year": DAY}
MONDAY = 4 * DAY_SECONDS
"""1970 began on a Thursday, so the first Monday was the fifth day."""
PLURALS = {"date": "dates", "datetime": "dates with times", "time": "times of day", "duration": "durations"}


@dataclass(frozen=True)
class Moment:
    """The type of a column of dates, times of day or durations.

    Attributes:
        what: Which of these.
        arrow: The type that they had in their source, as Arrow writes it; "" in text without types.
        form: How they are written as text, in the codes of `strftime`; "" where the source had a type.
        unit: What a number counts, in nanoseconds: since 1970, since midnight, or since a duration of 0.
        step: The resolution, in nanoseconds: what is written is a multiple.
        zone: Of dates with times, as Arrow takes it, such as `Europe/Paris` or `+01:00`; "" for none.
        local: Whether the clock of the zone is counted, in place of what has passed.
        turn: Of an angle, what is once around.
        start: Of an angle, the beginning of the turn in which it is written, in seconds on the clock.
    """

    what: What
    arrow: str = ""
    form: str = ""
    unit: int = SECOND
    step: int = 1
    zone: str = ""
    local: bool = False
    turn: Turn = ""
    start: float = 0.0

    @property
    def unit_name(self) -> str:
        """What one is called: `day`."""
        return next(name for name, size in STEPS.items() if size == self.unit)

    @property
    def step_name(self) -> str:
        """What the resolution is called."""
        return next((name for name, size in STEPS.items() if size == self.step), "microsecond")

    @property
    def since(self) -> str:
        """From when on it is counted."""
        if self.turn:
            return {"day": "since midnight", "week": "since Monday", "year": "since 1 January"}[self.turn]
        return {"date": "since 1970-01-01", "datetime": "since 1970-01-01", "time": "since midnight"}.get(self.what, "")

    def seconds(self, numbers: np.ndarray, name: str = "") -> np.ndarray:
        """What the numbers stand for, in seconds: of a zone, of what has passed; else on the clock.

        Args:
            numbers: `(rows,)`, float64.
            name: Of the column, for warnings.
        """
        clock = numbers.astype(np.float64) * (self.unit / SECOND)
        if self.turn:
            clock = self.start + self._turned_back(clock)
        stepped = rounded(clock, self.step)
        if self.what == "time":
            return np.mod(stepped, DAY_SECONDS)
        if not self.zone or not (self.local or self.turn):
            return stepped
        return from_zone(stepped, self.zone, name)

    def numbers(self, seconds: np.ndarray) -> np.ndarray:
        """The reverse, exact to rounding: no step is taken."""
        clock = seconds
        if self.zone and (self.local or self.turn):
            clock = at_zone(seconds, self.zone) if self.turn else days_at_zone(seconds, self.zone)
        if self.turn == "year":
            begin, length = years(clock)
            clock = (clock - begin) * (YEAR_DAYS * DAY_SECONDS / length)
        elif self.turn == "week":
            clock = np.mod(clock - MONDAY, 7 * DAY_SECONDS)
        elif self.turn == "day":
            clock = np.mod(clock, DAY_SECONDS)
        return clock / (self.unit / SECOND)

    def clock(self, numbers: np.ndarray) -> np.ndarray:
        """Seconds since 1970 as the numbers count them: on the clock of the zone where it is `local`. Of no angle."""
        return rounded(numbers.astype(np.float64) * (self.unit / SECOND), min(self.step, STEPS["microsecond"]))

    def of_clock(self, clock: np.ndarray) -> np.ndarray:
        """The reverse of `clock`."""
        return clock / (self.unit / SECOND)

    def clipped(self, numbers: np.ndarray) -> np.ndarray:
        """Numbers taken to the ends of what the type holds: the years 1 to 9999, or 64 bits of nanoseconds."""
        if self.turn or self.what == "time":
            return numbers
        low, high = (FIRST, END) if self.what != "duration" else (-LONGEST, LONGEST)
        if "[ns" in self.arrow:
            low, high = max(low, -NANOSECONDS), min(high, NANOSECONDS)
        whole = self.unit / SECOND
        # Two days inside, for the clocks of zones.
        return np.clip(numbers, np.ceil((low + 2 * DAY_SECONDS) / whole), np.floor((high - 2 * DAY_SECONDS) / whole))

    def _turned_back(self, seconds: np.ndarray) -> np.ndarray:
        """Seconds of the mean turn as seconds of the turn in which it is written, and never its end."""
        length = PERIODS[self.turn] * self.unit / SECOND
        if self.turn == "year":
            own = float(years(np.array([self.start]))[1][0])
            seconds, length = seconds * (own / length), own
        stepped = rounded(seconds, self.step)
        return np.where(stepped >= length, stepped - length, stepped)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def checked(self, numbers: np.ndarray, name: str) -> np.ndarray:
        """Seconds, or a ColumnError for what no calendar has."""
        seconds = self.seconds(numbers, name)
        if self.what in ("date", "datetime"):
            outside = np.flatnonzero(np.isfinite(seconds) & ((seconds < FIRST) | (seconds >= END)))
            if len(outside):
                days = seconds[outside[0]] / DAY_SECONDS
                raise ColumnError(
                    f"column {name!r}: row {outside[0] + 1} lies {days:.6g} days from 1970-01-01, "
                    "beyond the years 1 to 9999.",
                    "leave out what lies far from the other dates, or give limits, as in `integer(0,30000)`",
                    [name],
                )
        return seconds


NANOSECONDS = 2.0**63 / SECOND
"""Seconds that 64 bits of nanoseconds hold."""
LONGEST = 2.0**63 / 10**6
"""Seconds that 64 bits of microseconds hold."""
FIRST, END = -62_135_596_800.0, 253_402_300_800.0
"""The years 1 to 9999, in seconds since 1970."""


def rounded(seconds: np.ndarray, step: int) -> np.ndarray:
    """The nearest multiple of a step in nanoseconds."""
    if step >= SECOND:
        return np.rint(seconds / (step // SECOND)) * (step // SECOND)
    return np.rint(seconds * (SECOND // step)) / (SECOND // step)


def years(clock: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the year of each moment begins, and how long it is, in seconds."""
    year = np.floor(clock).astype("datetime64[s]").astype("datetime64[Y]")
    begin, end = (y.astype("datetime64[s]").astype(np.float64) for y in (year, year + np.timedelta64(1, "Y")))
    return begin, end - begin


def step_of(seconds: np.ndarray) -> int:
    """The coarsest resolution that all values have, in nanoseconds; of what float64 tells apart."""
    largest = float(np.abs(seconds).max(initial=1.0))
    for size in STEPS.values():
        if size >= SECOND:
            if not np.mod(seconds, size // SECOND).any():
                return size
        elif np.abs(rounded(seconds, size) - seconds).max() <= 2 * np.spacing(largest):
            return size
    return 1


def turned(moment: Moment, turn: str, seconds: np.ndarray) -> Moment:
    """The type of the same column as an angle, to be written within the last turn that there is."""
    clock = at_zone(seconds, moment.zone) if moment.zone else seconds
    last = float(clock.max())
    start = {
        "day": math.floor(last / DAY_SECONDS) * DAY_SECONDS,
        "week": math.floor((last - MONDAY) / (7 * DAY_SECONDS)) * 7 * DAY_SECONDS + MONDAY,
        "year": float(years(np.array([last]))[0][0]),
    }[turn]
    named: Any = turn
    if moment.what == "time":
        start = 0.0
    return Moment(
        moment.what, moment.arrow, moment.form, TURN_UNITS[turn], moment.step, moment.zone, turn=named, start=start
    )
