"""Ticks that are written in another way than as numbers."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator


class TickText(NamedTuple):
    """How the axes of one column are written.

    Attributes:
        label: In place of the name.
        text: Of a tick; None for numbers as they are.
        step: Between ticks; None where it stays.
    """

    label: str
    text: Callable[[float], str] | None = None
    step: float | None = None


def write_ticks(figure: Figure, columns: Mapping[str, TickText]) -> None:
    """Write the ticks of all axes that are named after one of the columns, by what these are called in the figure."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            said = axis.get_label().get_text().replace("\n", " ")
            for name, how in columns.items():
                if said == name or said.startswith((f"{name} - ", f"{name} ($")):
                    _write(axis, how, upright=axis is axes.xaxis)


def _write(axis: Axis, how: TickText, *, upright: bool) -> None:
    axis.set_label_text(how.label)
    if how.text is None:
        return
    text = how.text
    axis.set_major_formatter(FuncFormatter(lambda x, _: text(float(x))))
    if how.step is not None:
        axis.set_major_locator(MultipleLocator(how.step))
    elif upright:
        axis.set_tick_params(labelrotation=30)
        for label in axis.get_majorticklabels():
            label.set(ha="right", rotation_mode="anchor")
