"""Arrow's dates, times and durations as seconds, and back."""

from typing import Any

import numpy as np

from pushforward.data.moments._moment import DAY, SECOND, Moment, What

TICKS = {"s": SECOND, "ms": 10**6, "us": 10**3, "ns": 1}
"""Nanoseconds of Arrow's units."""
PLAIN = {"date": "date32[day]", "datetime": "timestamp[us]", "time": "time64[us]", "duration": "duration[us]"}
"""As what columns of text are written where there are types."""


def what_of(kind: Any) -> What | None:
    """Which kind of moment an Arrow type holds; None for all else."""
    import pyarrow as pa

    if pa.types.is_timestamp(kind):
        return "datetime"
    if pa.types.is_date(kind):
        return "date"
    if pa.types.is_time(kind):
        return "time"
    return "duration" if pa.types.is_duration(kind) else None


def moment_of(kind: Any) -> Moment | None:
    """A column of this Arrow type, in seconds."""
    what = what_of(kind)
    return None if what is None else Moment(what, str(kind), zone=getattr(kind, "tz", None) or "")


def seconds_of(column: Any) -> np.ndarray:
    """The values of an Arrow column in seconds, nulls as NaN."""
    import pyarrow as pa

    kind = column.type
    ticks = column.cast(pa.int32() if kind.bit_width == 32 else pa.int64()).cast(pa.int64())
    known = np.asarray(column.is_valid())
    whole = np.asarray(ticks.fill_null(0))
    if pa.types.is_date32(kind):
        seconds = whole * 86_400.0
    else:
        per = SECOND // TICKS[getattr(kind, "unit", "ms")]
        seconds = whole // per + (whole % per) / per
    return np.where(known, seconds, np.nan)


def array_of(numbers: np.ndarray, moment: Moment, name: str) -> Any:
    """The Arrow array of the type that the column had; NaN as null. Text without types becomes the plainest type.

    Raises:
        ColumnError: If a number lies beyond what a calendar, or the type, holds.
    """
    import pyarrow as pa

    seconds = moment.checked(numbers, name)
    kind, tick = _type(moment)
    known = np.isfinite(seconds)
    # Local midnights are no multiples of a day, and nanoseconds since 1970 have more digits than float64.
    steps = max(SECOND // 10**6 if moment.zone else moment.step, tick)
    count = np.rint(np.where(known, seconds, 0.0) * (SECOND / steps)).astype(np.int64)
    ticks = pa.array(count * (steps // tick), mask=~known)
    return (ticks.cast(pa.int32()) if kind.bit_width == 32 else ticks).cast(kind)


def _type(moment: Moment) -> tuple[Any, int]:
    """The Arrow type, and what it counts in nanoseconds."""
    import pyarrow as pa

    text = moment.arrow if moment.arrow not in ("", "string") else PLAIN[moment.what]
    name, _, rest = text.partition("[")
    unit = rest.rstrip("]").split(",")[0]
    if name == "timestamp":
        return pa.timestamp(unit, moment.zone or None), TICKS[unit]
    if name.startswith("date"):
        return (pa.date32(), DAY) if name == "date32" else (pa.date64(), TICKS["ms"])
    kinds = {"time32": pa.time32, "time64": pa.time64, "duration": pa.duration}
    return kinds[name](unit), TICKS[unit]
