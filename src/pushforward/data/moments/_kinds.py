"""Which kind a column of dates or times has, and how it is told."""

import shlex

import numpy as np

from pushforward._errors import ColumnError
from pushforward.data._categories import LEAST_ROWS
from pushforward.data._kinds import KindSpec
from pushforward.data.moments._forms import texts_of
from pushforward.data.moments._moment import DAY, PERIODS, PLURALS, SECOND, Moment

END_HOURS, END_SHARE = 1.2, 0.01
"""Times of day go round if this share of the rows lies within so much of midnight, on either side."""


def kind_of(cells: np.ndarray, moment: Moment) -> tuple[KindSpec, str]:
    """The kind of a column of dates or times, and why: whole at a resolution of seconds or coarser."""
    low, high = (texts_of(np.array([end]), moment, "")[0] for end in (cells.min(), cells.max()))
    span = f"{PLURALS[moment.what]} from {low} to {high}"
    whole = moment.step >= SECOND or np.array_equal(cells, np.floor(cells))
    if moment.what != "time":
        return KindSpec("integer" if whole else "unbounded"), span
    hours = cells * (moment.unit / (3600 * SECOND))
    ends = min(np.mean(hours < END_HOURS), np.mean(hours > 24 - END_HOURS))
    if len(cells) >= LEAST_ROWS and ends >= END_SHARE:
        return KindSpec("circular", 0.0, PERIODS["day"], turn="day"), f"{span}, on both sides of midnight"
    day = float(DAY // moment.unit)
    return KindSpec("integer", 0.0, day - 1) if whole else KindSpec("bounded", 0.0, day), span


def told(moment: Moment, cells: np.ndarray, reason: str) -> str:
    """What a column counts, for durations and kinds that were asked for."""
    return f"{reason}; {PLURALS[moment.what]}, counted in {_unit(moment)}"


def told_kind(name: str, moment: Moment, reason: str) -> str:
    """The same of a column of dates or times, with what else it could be."""
    if moment.turn:
        back = ""
        if moment.what != "time":
            back = f"; written back within the last {moment.turn} of the data"
        other = "integer" if moment.step >= SECOND else "unbounded"
        return (
            f"{reason}; an angle, counted in {_unit(moment)}{back}; as a number, say `--column {option(name, other)}`"
        )
    whole_days = moment.unit == DAY and moment.what != "time"
    turns = "day" if moment.what == "time" else "week or year" if whole_days else "day, week or year"
    first = "year" if whole_days else "day"
    angle = option(name, f"circular({first})")
    return f"{reason}, counted in {_unit(moment)}; as an angle of the {turns}, say `--column {angle}`"


def option(name: str, kind: str) -> str:
    """A kind of a column as the shell takes it."""
    return shlex.quote(f"{name}:{kind}")


def _unit(moment: Moment) -> str:
    of_zone = f" on the clock of {moment.zone}" if moment.zone and (moment.local or moment.turn) else ""
    return f"{moment.unit_name}s{of_zone}"


def refuse_turn(name: str, moment: Moment, spec: KindSpec) -> None:
    """A ColumnError for a period in numbers, or of durations, or one of more than a time of day tells."""
    if not spec.turn:
        raise ColumnError(
            f"column {name!r} cannot be {spec}: it holds {PLURALS[moment.what]}.",
            "say what is once around: circular(day), circular(week) or circular(year)",
            [name],
        )
    if moment.what == "duration" or (moment.what == "time" and spec.turn != "day"):
        raise ColumnError(
            f"column {name!r} cannot be {spec}: it holds {PLURALS[moment.what]}.",
            "say circular(day)" if moment.what == "time" else "leave the kind out: durations are numbers",
            [name],
        )
    if moment.what == "date" and spec.turn == "day":
        raise ColumnError(
            f"column {name!r} cannot be {spec}: it holds dates without a time.",
            "say circular(week) or circular(year)",
            [name],
        )
