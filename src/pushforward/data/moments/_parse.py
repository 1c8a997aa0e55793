"""All texts of a column: the one form in which they are written, and what they stand for."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from pushforward._errors import ColumnError, shell_names
from pushforward.data.moments._forms import Parts, ordinal_of, parts_of
from pushforward.data.moments._moment import DAY_SECONDS, PLURALS, SECOND, Moment

DAY_FIRST, MONTH_FIRST = "day-first", "month-first"
ORDERS = (DAY_FIRST, MONTH_FIRST)
ONE_FORM = "write all cells of the column in one form, such as 2024-03-31"


IMPOSSIBLE = {"leap": "write it as the second before or after", "two digits": "write years with four digits"}
OF_CLOCKS = "hours go from 0 to 23, minutes and seconds from 0 to 59"


class Texts(NamedTuple):
    """Different texts of a column.

    Attributes:
        name: Of the column.
        labels: The texts.
        row: Of a text by its place among them, from 1.
    """

    name: str
    labels: Sequence[str]
    row: Callable[[int], int]

    def shown(self, place: int) -> str:
        return f"{self.labels[place]!r} in row {self.row(place)}"

    def refuse(self, what: str, hint: str) -> ColumnError:
        return ColumnError(f"column {self.name!r} {what}.", hint, [self.name])


def read_texts(texts: Texts, order: str | None = None) -> tuple[np.ndarray, Moment, str]:
    """What the texts of a column stand for, in seconds, its type, and a note on how they were read.

    Args:
        texts: All that there are.
        order: `day-first` or `month-first`, where the user says it.

    Raises:
        ColumnError: If a text is no moment or one that no calendar has, if they differ in form or zone, or if nothing
            tells a day from a month.
    """
    found = [parts_of(label) for label in texts.labels]
    parts = [part for part in found if part is not None]
    if len(parts) < len(found) or not parts:
        place = next((i for i, part in enumerate(found) if part is None), 0)
        kind = PLURALS[parts[0].what] if parts else "dates or times"
        raise texts.refuse(
            f"holds {kind}, but {texts.shown(place)} is none",
            f"correct it, or leave it empty and drop such rows (`--drop-missing`), or leave out the column (`--drop "
            f"{shell_names([texts.name])}`)",
        )
    _refuse_impossible(texts, parts)
    parts = _durations(parts)
    _refuse_mixed(texts, parts)
    form, note = _settled(texts, parts, order)
    seconds = np.array([part.clock for part in parts])
    if parts[0].what in ("date", "datetime"):
        seconds += DAY_SECONDS * _days(texts, parts, form)
    zone = _zone(parts[0].zone)
    if zone:
        seconds -= _offset(zone)
    digits = max(part.digits for part in parts)
    step = 10 ** (9 - digits) if digits else SECOND
    return seconds, Moment(parts[0].what, "", _written(form, parts), step=step, zone=zone), note


def _refuse_impossible(texts: Texts, parts: list[Parts]) -> None:
    for place, part in enumerate(parts):
        if part.problem:
            hint = next((hint for word, hint in IMPOSSIBLE.items() if word in part.problem), OF_CLOCKS)
            raise texts.refuse(f"holds {texts.shown(place)}, which {part.problem}", hint)


def _durations(parts: list[Parts]) -> list[Parts]:
    """Hours beyond a day, and times beside durations, are durations."""
    what = {part.what for part in parts}
    if what == {"time"} and max(part.clock for part in parts) >= DAY_SECONDS:
        return [part._replace(what="duration", form="clock") for part in parts]
    return parts


def _refuse_mixed(texts: Texts, parts: list[Parts]) -> None:
    zones = {part.zone.strip().upper(): place for place, part in reversed(list(enumerate(parts)))}
    if len(zones) > 1:
        (one, first), (other, second), *_ = sorted(zones.items(), key=lambda item: item[1])
        raise texts.refuse(
            f"mixes time zones: {one or 'none'} ({texts.shown(first)}) and {other or 'none'} ({texts.shown(second)})",
            "write all moments in one zone, such as 2024-03-31T12:00:00Z",
        )
    forms = {part.form: place for place, part in reversed(list(enumerate(parts)))}
    if len(forms) > 1:
        first, second, *_ = sorted(forms.values())
        raise texts.refuse(f"mixes forms: {texts.shown(first)} and {texts.shown(second)}", ONE_FORM)


def _settled(texts: Texts, parts: list[Parts], order: str | None) -> tuple[str, str]:
    """The form with day and month told apart, and a note on what did that."""
    form = parts[0].form
    if "%1" not in form:
        return form, ""
    day_first = next((i for i, part in enumerate(parts) if part.date[1] > 12), None)
    month_first = next((i for i, part in enumerate(parts) if part.date[2] > 12), None)
    if day_first is not None and month_first is not None:
        if order is None:
            raise texts.refuse(
                f"mixes forms: the day comes first in {texts.shown(day_first)}, and the month in "
                f"{texts.shown(month_first)}",
                ONE_FORM,
            )
        day_first, month_first = (None, 0) if order == MONTH_FIRST else (0, None)
    elif day_first is None and month_first is None:
        if order is None:
            raise texts.refuse(
                f"is ambiguous: {texts.shown(0)} may begin with the day or with the month, and no row settles it",
                "give `--dates day-first` or `--dates month-first` (in Python: `read_table(path, "
                "form=TextOptions(dates='day-first'))`; in a frame, make dates of the text first)",
            )
        return _ordered(form, order), f"read {order}, as asked for"
    if day_first is not None:
        return _ordered(form, DAY_FIRST), f"read day-first, as {texts.shown(day_first)} shows"
    assert month_first is not None
    return _ordered(form, MONTH_FIRST), f"read month-first, as {texts.shown(month_first)} shows"


def _ordered(form: str, order: str) -> str:
    first, second = ("%d", "%m") if order == DAY_FIRST else ("%m", "%d")
    return form.replace("%1", first).replace("%2", second)


def _days(texts: Texts, parts: list[Parts], form: str) -> np.ndarray:
    """Days since 1970."""
    swap = parts[0].form != form and form.index("%d") < form.index("%m")
    days = np.empty(len(parts))
    for place, part in enumerate(parts):
        year, first, second = part.date
        found = ordinal_of(year, second, first) if swap else ordinal_of(year, first, second)
        if found is None:
            raise texts.refuse(
                f"holds {texts.shown(place)}, a date that does not exist",
                "correct it, or leave it empty and drop such rows (`--drop-missing`)",
            )
        days[place] = found
    return days


def _written(form: str, parts: list[Parts]) -> str:
    """The form with days and hours of one digit, and with the names of months written out."""
    if any(part.short[0] for part in parts):
        form = form.replace("%d", "%-d").replace("%m", "%-m")
    if any(part.short[1] for part in parts):
        form = form.replace("%H", "%-H").replace("%I", "%-I")
    return form.replace("%b", "%B") if any(part.named for part in parts) else form


def _zone(text: str) -> str:
    text = text.strip().upper()
    if not text or text in ("Z", "UTC"):
        return "UTC" if text else ""
    return text if ":" in text else f"{text[:3]}:{text[3:]}"


def _offset(zone: str) -> float:
    if zone == "UTC":
        return 0.0
    sign = -1.0 if zone[0] == "-" else 1.0
    return sign * (int(zone[1:3]) * 3600.0 + int(zone[4:6]) * 60.0)
