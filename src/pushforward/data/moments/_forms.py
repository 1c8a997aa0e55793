"""One text that is a date, a time or a duration: its parts, and the form in which it is written."""

import datetime
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pushforward.data.moments._moment import DAY_SECONDS, SECOND, Moment, rounded
from pushforward.data.moments._zones import at_zone

MONTHS = ("January", "February", "March", "April", "May", "June", "July")
MONTHS = (*MONTHS, "August", "September", "October", "November", "December")
SHORT = tuple(month[:3].lower() for month in MONTHS)
NAME = "|".join((*MONTHS, *(month[:3] for month in MONTHS)))
DATE = (
    r"(?P<Y1>\d{4})(?P<s1>[-/.])(?P<m1>\d{1,2})(?P=s1)(?P<d1>\d{1,2})"
    r"|(?P<a>\d{1,2})(?P<s2>[-/.])(?P<b>\d{1,2})(?P=s2)(?P<Y2>\d{4})"
    rf"|(?P<d3>\d{{1,2}})(?P<s3>[- ])(?P<m3>{NAME})(?P=s3)(?P<Y3>\d{{4}})"
    rf"|(?P<m4>{NAME}) (?P<d4>\d{{1,2}}), (?P<Y4>\d{{4}})"
)
CLOCK = r"(?P<H>\d{1,4}):(?P<M>\d\d)(?::(?P<S>\d\d)(?:\.(?P<f>\d{1,9}))?)?(?P<p>\s?[AP]M)?"
ZONE = r"(?P<z>\s?(?:Z|UTC|[-+]\d\d:?\d\d))"
TEXT = re.compile(rf"(?:(?:{DATE})(?:(?P<sep>[T ]){CLOCK}{ZONE}?)?)", re.IGNORECASE)
TIME = re.compile(CLOCK, re.IGNORECASE)
SHORT_YEAR = re.compile(r"\d{1,2}/\d{1,2}/\d{2}")
DURATION = re.compile(r"(?P<days>-?\d+) (?P<word>days?)(?:,? \+?(?P<rest>\d{1,2}:\d\d(?::\d\d(?:\.\d{1,9})?)?))?")
DURATION_FORMS = ("days", "clock")
DEFAULT_FORMS = {"date": "%Y-%m-%d", "datetime": "%Y-%m-%d %H:%M:%S", "time": "%H:%M:%S", "duration": "days"}


class Parts(NamedTuple):
    """What a text says.

    Attributes:
        what: Date, datetime, time or duration.
        form: Of the text, with `%1` and `%2` for a day and a month of which either comes first.
        date: Year and the two others in the order in which they are written, in the order of the form.
        clock: Seconds since midnight, or of a duration.
        digits: Of the fraction of a second.
        short: Whether a day or a month has one digit; whether an hour has.
        named: Whether the name of a month is written out.
        zone: As it is written.
        problem: Why no calendar or clock has it; "" where one does.
    """

    what: Any
    form: str
    date: tuple[int, int, int] = (1970, 1, 1)
    clock: float = 0.0
    digits: int = 0
    short: tuple[bool, bool] = (False, False)
    named: bool = False
    zone: str = ""
    problem: str = ""


def parts_of(text: str) -> Parts | None:
    """The parts of a text; None for one that is none of these."""
    text = text.strip()
    if found := DURATION.fullmatch(text):
        rest = TIME.fullmatch(found["rest"]) if found["rest"] else None
        clock, digits, problem, _ = (0.0, 0, "", "") if rest is None else _clock(rest, most=24)
        return Parts("duration", "days", clock=int(found["days"]) * DAY_SECONDS + clock, digits=digits, problem=problem)
    if found := TIME.fullmatch(text):
        clock, digits, problem, form = _clock(found, most=10_000)
        return Parts("time", form, clock=clock, digits=digits, short=(False, len(found["H"]) == 1), problem=problem)
    if SHORT_YEAR.fullmatch(text):
        return Parts("date", "%1/%2/%y", problem="has a year of two digits")
    found = TEXT.fullmatch(text)
    return None if found is None else _dated(found)


def _dated(found: re.Match[str]) -> Parts:
    date, form, single, named = _date(found)
    if found["H"] is None:
        return Parts("date", form, date, short=(single, False), named=named)
    clock, digits, problem, of_clock = _clock(found, most=24)
    zone = found["z"] or ""
    short = (single, len(found["H"]) == 1)
    return Parts("datetime", form + found["sep"] + of_clock + zone, date, clock, digits, short, named, zone, problem)


def _date(found: re.Match[str]) -> tuple[tuple[int, int, int], str, bool, bool]:
    """Year and two numbers as they are written, the form, whether one has a single digit, and of names how long."""
    if found["Y1"]:
        s, m, d = found["s1"], found["m1"], found["d1"]
        return (int(found["Y1"]), int(m), int(d)), f"%Y{s}%m{s}%d", len(m) == 1 or len(d) == 1, False
    if found["Y2"]:
        s, a, b = found["s2"], found["a"], found["b"]
        return (int(found["Y2"]), int(a), int(b)), f"%1{s}%2{s}%Y", len(a) == 1 or len(b) == 1, False
    i = "3" if found["Y3"] else "4"
    name, d = found[f"m{i}"], found[f"d{i}"]
    form = f"%d{found['s3']}%b{found['s3']}%Y" if i == "3" else "%b %d, %Y"
    month = SHORT.index(name[:3].lower()) + 1
    return (int(found[f"Y{i}"]), month, int(d)), form, len(d) == 1, len(name) > 3


def _clock(found: re.Match[str], *, most: int) -> tuple[float, int, str, str]:
    """Seconds, digits of their fraction, what is wrong with them, and the form."""
    hour, minute, second = int(found["H"]), int(found["M"]), int(found["S"] or 0)
    half, fraction = found["p"], found["f"] or ""
    problem = ""
    if second == 60 and minute == 59:
        problem = "is a leap second: a day of 86,400 seconds has none"
    elif second > 59 or minute > 59 or hour >= most:
        problem = "is no time of day"
    if half:
        problem = problem or ("" if 1 <= hour <= 12 else "is no time of day")
        hour = hour % 12 + 12 * (half.strip().upper() == "PM")
    form = ("%I" if half else "%H") + ":%M" + (":%S" if found["S"] else "")
    form += "" if not half else (" %p" if half != half.strip() else "%p")
    whole = hour * 3600.0 + minute * 60 + second
    return whole + (int(fraction) / 10 ** len(fraction) if fraction else 0.0), len(fraction), problem, form


def ordinal_of(year: int, month: int, day: int) -> int | None:
    """Days since 1970; None for a date that does not exist."""
    try:
        return datetime.date(year, month, day).toordinal() - EPOCH
    except ValueError:
        return None


EPOCH = datetime.date(1970, 1, 1).toordinal()


def are_moments(texts: Sequence[object]) -> bool:
    """Whether at least half of the different texts are dates, times or durations."""
    given = [text for text in texts if isinstance(text, str)]
    return bool(given) and 2 * sum(parts_of(text) is not None for text in given) >= len(given)


def texts_of(numbers: np.ndarray, moment: Moment, name: str) -> list[str | None]:
    """Numbers as the text that they were, or, where they were none, in the form of ISO 8601; NaN as None."""
    seconds = moment.checked(numbers, name)
    form = moment.form or DEFAULT_FORMS[moment.what] + ("Z" if moment.zone else "")
    if moment.zone:
        seconds = at_zone(seconds, moment.zone if moment.form else "UTC")
    seconds = rounded(seconds, min(moment.step, SECOND) if moment.zone else moment.step)
    digits = 0 if moment.step >= SECOND else 9 - len(str(moment.step)) + 1
    if "%S" in form and digits:
        form = form.replace("%S", "%S.%f")
    write = _duration_text if form in DURATION_FORMS else _text
    return [write(value, form, digits) if np.isfinite(value) else None for value in seconds.tolist()]


def _split(seconds: float, digits: int) -> tuple[int, int, int]:
    """Whole days, whole seconds of the day, and the fraction as so many digits."""
    days, rest = divmod(seconds, DAY_SECONDS)
    ticks = round(rest * 10**digits)
    whole, fraction = divmod(ticks, 10**digits)
    if whole >= DAY_SECONDS:
        return int(days) + 1, 0, 0
    return int(days), int(whole), fraction


def _text(seconds: float, form: str, digits: int) -> str:
    days, second, fraction = _split(seconds, digits)
    day = datetime.date.fromordinal(days + EPOCH)
    hour, minute = second // 3600, second // 60 % 60
    cells = {
        "%Y": f"{day.year:04d}",
        "%m": f"{day.month:02d}",
        "%-m": str(day.month),
        "%d": f"{day.day:02d}",
        "%-d": str(day.day),
        "%b": MONTHS[day.month - 1][:3],
        "%B": MONTHS[day.month - 1],
        "%H": f"{hour:02d}",
        "%-H": str(hour),
        "%I": f"{(hour - 1) % 12 + 1:02d}",
        "%-I": str((hour - 1) % 12 + 1),
        "%p": "PM" if hour >= 12 else "AM",
        "%M": f"{minute:02d}",
        "%S": f"{second % 60:02d}",
        "%f": f"{fraction:0{digits}d}" if digits else "",
    }
    return re.sub(r"%-?[A-Za-z]", lambda code: cells[code[0]], form)


def _duration_text(seconds: float, form: str, digits: int) -> str:
    days, second, fraction = _split(seconds, digits)
    tail = f".{fraction:0{digits}d}" if digits else ""
    if form == "clock":
        hours = days * 24 + second // 3600
        return f"{hours:02d}:{second // 60 % 60:02d}:{second % 60:02d}{tail}"
    clock = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}{tail}"
    return f"{days} days {'+' if days < 0 else ''}{clock}"
