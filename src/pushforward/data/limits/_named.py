"""Limits that the name of a column says: latitude, longitude and percentages."""

import re

import numpy as np

from pushforward.data._categories import LEAST_ROWS
from pushforward.data._kinds import KindSpec

LATITUDE = re.compile(r"\b(latitude|lat)\b")
"""Of degrees from the equator, in a name in small letters whose signs are blanks and whose % is a word."""
LONGITUDE = re.compile(r"\b(longitude|lon|lng)\b")
"""The same of degrees from Greenwich."""
PERCENT = re.compile(r"\b(percent|percentage|pct)\b")
"""The same of percentages."""
OF_CHANGE = re.compile(r"change|growth|increase|decrease|return|gain|loss|error|diff|yoy|delta|normal|predicted")
"""Percentages of these may lie beyond 0 and 100."""


def named_limits(name: str, cells: np.ndarray) -> tuple[KindSpec, str] | None:
    """The kind that the name gives, and why; None where it gives no limits, or the values do not keep to them.

    Latitude in degrees lies in [-90, 90]. Longitude lies in [-180, 180] if some is negative: else it may be counted
    to 360. Percentages lie in [0, 100] unless they are of a change; those with fractions on 0 or 100 stay unbounded,
    because a map onto an interval would take such values far away.

    Args:
        name: The column's name.
        cells: Its values, `(rows,)`, not all the same.
    """
    words = re.sub(r"[\W_]+", " ", re.sub(r"%", " percent ", name.lower()))
    low, high = float(cells.min()), float(cells.max())
    whole = np.array_equal(cells, np.floor(cells))
    kind = "integer" if whole else "bounded"
    if (said := LATITUDE.search(words)) and low >= -90 and high <= 90:
        return KindSpec(kind, -90.0, 90.0), f"its name says {said[0]!r}, and all values lie from -90 to 90"
    if (said := LONGITUDE.search(words)) and -180 <= low < 0 and high <= 180:
        return KindSpec(kind, -180.0, 180.0), f"its name says {said[0]!r}, and all values lie from -180 to 180"
    said = PERCENT.search(words)
    if said is None or OF_CHANGE.search(words) or len(cells) < LEAST_ROWS or high <= 1:
        return None
    inside = (low >= 0 and high <= 100) if whole else (low > 0 and high < 100)
    return (
        (KindSpec(kind, 0.0, 100.0), f"its name says {said[0]!r}, and all values lie from 0 to 100") if inside else None
    )
