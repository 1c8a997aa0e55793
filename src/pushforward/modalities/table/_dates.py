"""Axes of pictures that show dates and times."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from pushforward._errors import DataError
from pushforward.data import Column
from pushforward.data.moments._forms import texts_of
from pushforward.data.moments._moment import DAY, Moment

MINUTE = 60 * 10**9


def show_dates(figure: Any, columns: Mapping[str, Column]) -> None:
    """Write dates and times beside the ticks of all axes that are named after a column of them.

    Args:
        figure: That was drawn.
        columns: By what they are called in it.
    """
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            said = axis.get_label().get_text().replace("\n", " ")
            for name, column in columns.items():
                if column.moment is not None and (said == name or said.startswith((f"{name} - ", f"{name} ($"))):
                    _show(axis, name, column.moment, upright=axis is axes.xaxis)


def _show(axis: Any, name: str, moment: Moment, *, upright: bool) -> None:
    from matplotlib.ticker import FuncFormatter

    form = _form(moment)
    if not form:
        axis.set_label_text(f"{name} ({moment.unit_name}s)")
        return
    axis.set_label_text(name)
    axis.set_major_formatter(FuncFormatter(lambda x, _: _text(x, moment, form)))
    if upright:
        axis.set_tick_params(labelrotation=30)


def _form(moment: Moment) -> str:
    """How a tick is written; "" where it stays a number."""
    if moment.what == "duration" or moment.turn == "week":
        return ""
    if moment.turn == "year":
        return "%d %b"
    if moment.turn == "day" or moment.what == "time":
        return "%H:%M"
    return "%Y-%m-%d" if moment.unit == DAY else "%Y-%m-%d %H:%M"


def _text(tick: float, moment: Moment, form: str) -> str:
    try:
        return texts_of(np.array([tick]), replace(moment, form=form, step=max(moment.step, MINUTE)), "")[0] or ""
    except DataError:
        return ""
