"""How dates and times are written on the axes of pictures."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from pushforward._errors import DataError
from pushforward.data import Column
from pushforward.data.moments._forms import texts_of
from pushforward.data.moments._moment import DAY, Moment
from pushforward.plots._ticks import TickText

MINUTE = 60 * 10**9
QUARTER = 6.0
"""Hours between the ticks of a day."""


def date_ticks(columns: Mapping[str, Column]) -> dict[str, TickText]:
    """The ticks of the columns of dates, times and durations, by what these are called."""
    return {name: _ticks(name, column.moment) for name, column in columns.items() if column.moment is not None}


def _ticks(name: str, moment: Moment) -> TickText:
    form = _form(moment)
    if not form:
        return TickText(f"{name} ({moment.unit_name}s)")
    step = QUARTER if moment.turn == "day" else None
    return TickText(name, partial(_text, moment=moment, form=form), step)


def _form(moment: Moment) -> str:
    """How a tick is written; "" where it stays a number."""
    if moment.what == "duration" or moment.turn == "week":
        return ""
    if moment.turn == "year":
        return "%d %b"
    if moment.turn == "day" or moment.what == "time":
        return "%H:%M"
    return "%Y-%m-%d" if moment.unit == DAY else "%Y-%m-%d %H:%M"


def _text(tick: float, *, moment: Moment, form: str) -> str:
    try:
        return texts_of(np.array([tick]), replace(moment, form=form, step=max(moment.step, MINUTE)), "")[0] or ""
    except DataError:
        return ""
