"""Ticks that can be read, and labels that are not cut."""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, Formatter, MaxNLocator

LETTER = 0.57
"""Mean width of a letter, as a share of the size of the font."""
MOST_LINES = 3
LARGE, SMALL = 5, -3
"""Decades from which on, and up to which, ticks are in powers of ten."""
ALIKE = 1e-4
"""Ticks that differ by a smaller share are counted from an offset."""


class Ticks(NamedTuple):
    """Ticks are written as `(value - offset) / 10**decade`, and the label says so."""

    offset: float
    decade: int

    @classmethod
    def between(cls, low: float, high: float) -> "Ticks":
        """What suits the numbers between two limits."""
        largest, width = max(abs(low), abs(high)), high - low
        offset = 0.0
        if width < ALIKE * largest:
            step = 10.0 ** math.ceil(math.log10(width) + 1)
            offset = step * round((low + high) / 2 / step)
            largest = max(abs(low - offset), abs(high - offset))
        decade = math.floor(math.log10(largest)) if largest > 0 else 0
        return cls(offset, 3 * math.floor(decade / 3) if decade >= LARGE or decade <= SMALL else 0)

    def told(self, name: str) -> str:
        """The label of an axis with these ticks."""
        if not self.offset and not self.decade:
            return name
        less = f" - {self.offset:.15g}" if self.offset else ""
        return f"{name}{less}{f' ($10^{{{self.decade}}}$)' if self.decade else ''}"

    def text(self, values: Iterable[float]) -> list[str]:
        """The text of each tick, all with as many decimals."""
        shown = [(value - self.offset) / 10.0**self.decade for value in values]
        decimals = max(
            (len(f"{value:.6g}".partition(".")[2]) for value in shown if "e" not in f"{value:.6g}"), default=0
        )
        return [f"{value:.{decimals}f}".replace("-", "\N{MINUS SIGN}") for value in shown]


class TickFormatter(Formatter):
    """Writes `Ticks` on an axis."""

    def __init__(self, ticks: Ticks):
        self.ticks = ticks

    def __call__(self, x: Any, pos: int | None = None) -> str:
        """The text of one tick."""
        return self.ticks.text([x])[0]

    def format_ticks(self, values: Any) -> list[str]:
        """The text of all ticks."""
        return self.ticks.text(values)


def dress(axis: Any, limits: tuple[float, float], count: int, *, whole: bool) -> Ticks:
    """Set at most about `count` ticks on an axis, at whole numbers or at right angles, and say how they are written."""
    ticks = Ticks.between(*limits)
    if math.isclose(limits[1] - limits[0], 360.0):
        step = 90 if count >= 4 else 180
        axis.set_major_locator(
            FixedLocator(np.arange(step * math.ceil(limits[0] / step), limits[1] + 1, step).tolist())
        )
    else:
        axis.set_major_locator(MaxNLocator(count, integer=whole, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(TickFormatter(ticks))
    return ticks


def name_places(axes: Axes, axis: str, labels: Sequence[str], *, size: float) -> None:
    """Write categories at 0, 1, ..., upright where there is no room."""
    places, texts = range(len(labels)), [short(label, 16) for label in labels]
    if axis == "x":
        axes.set_xticks(places, texts, rotation=90, fontsize=size)
    else:
        axes.set_yticks(places, texts, fontsize=size)


def short(text: str, most: int) -> str:
    """Text of at most so many letters; what is cut ends in three dots."""
    return text if len(text) <= most else f"{text[: most - 1]}\N{HORIZONTAL ELLIPSIS}"


def literal(text: str) -> str:
    """A name as it is, where Matplotlib would take what stands between two dollars as a formula."""
    return text.replace("$", r"\$")


def finished(
    figure: Figure,
    *,
    title: str | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
) -> Figure:
    """The figure with its title and labels, which are broken into lines where they are longer than a side.

    Args:
        figure: With all that is drawn.
        title: Above all panels, or None.
        xlabel: In place of the label below the panels, or None.
        ylabel: In place of the label beside the first panel, or None.
    """
    panels = [axes for axes in figure.axes if axes.get_subplotspec() is not None]
    if xlabel is not None:
        for axes in panels:
            axes.set_xlabel(xlabel if axes.get_xlabel() else "")
    if ylabel is not None and panels:
        panels[0].set_ylabel(ylabel)
    if title is not None:
        figure.suptitle(title)
    _break(figure, panels)
    return figure


def _break(figure: Figure, panels: list[Axes]) -> None:
    """Break labels that are longer than what they stand beside, as it is drawn."""
    figure.draw_without_rendering()
    width, height = 72 * figure.get_size_inches()
    for name in ("_suptitle", "_supxlabel"):
        _break_one(getattr(figure, name, None), width)
    for axes in figure.axes:
        across, up = np.array(axes.get_window_extent().size) * 72 / figure.dpi
        neighbours = 1.0 if axes in panels and len(panels) > 1 else ALONE
        _break_one(axes.xaxis.label, min(neighbours * across, width))
        _break_one(axes.yaxis.label, min(neighbours * up, height))
        for title in (axes.title, axes._left_title):  # pyright: ignore[reportAttributeAccessIssue]
            _break_one(title, across)


ALONE = 1.1
"""A label with no other beside it may be so much longer than its side."""


def _break_one(text: Text | None, length: float) -> None:
    """Break text that is longer than `length` points; a formula stays whole."""
    if text is None or not text.get_text():
        return
    said, size = text.get_text(), float(text.get_fontsize())
    letters = max(int(length / (LETTER * size)), 6)
    formulas = re.findall(FORMULA, said)
    plain = re.sub(FORMULA, FORMULA_STANDS, said)
    if len(plain) <= letters:
        return
    lines = _lines(plain, letters)
    if len(lines) > MOST_LINES and not formulas:
        lines = [*lines[: MOST_LINES - 1], short(lines[MOST_LINES - 1] + "\N{HORIZONTAL ELLIPSIS}", letters)]
    broken = "\n".join(lines)
    for formula in formulas:
        broken = broken.replace(FORMULA_STANDS, formula, 1)
    text.set_text(broken)


def _lines(text: str, letters: int) -> list[str]:
    """Text in lines of at most so many letters, broken at blanks and behind the marks of a name."""
    lines = [""]
    for piece in re.split(r"(?<=[_/.,\s])(?=\S)", text):
        whole = len(piece.rstrip()) <= SLACK * letters
        for part in [piece] if whole else [piece[i : i + letters] for i in range(0, len(piece), letters)]:
            if lines[-1] and len(lines[-1] + part.rstrip()) > letters:
                lines.append("")
            lines[-1] += part
    return [line.rstrip() for line in lines]


SLACK = 1.4
"""A word may be so much longer than its line before it is broken."""
FORMULA_STANDS = "\1" * 5
"""A formula is as long as five letters, about."""
FORMULA = r"(?<!\\)\$[^$]*(?<!\\)\$"
