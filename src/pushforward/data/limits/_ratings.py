"""The ends of ratings, at which frequencies break off."""

import math

import numpy as np

from pushforward.data._categories import LEAST_ROWS

LEAST_GRADES, MOST_GRADES = 4, 12
"""How many values a rating has: 0 to 10 has 11, months have 12, and three may be a rounded measurement."""
BEYOND = 10.0
"""Rows that a geometric fall would have beyond an end of a rating, at least, for their absence to say something.

Were the law geometric, they would all be missing with probability exp(-10). Other laws may fall faster.
"""
DEVIATIONS = 2.0
"""By so many standard deviations the counts at an end may be off: the last value of a tail is there by chance."""


def rating_limits(cells: np.ndarray) -> tuple[int, int] | None:
    """The ends of a rating, if whole numbers are one: `(rows,)` values, all from the least to the greatest occurring.

    A rating starts at 0 or 1, or goes as far below 0 as above; years do not. At both ends its frequencies break off:
    with $c_0$ rows at an end and $c_1$ beside it, a geometric fall at the same rate $r = c_0 / c_1$ has
    $c_0 r / (1 - r)$ rows beyond, and `BEYOND` of these are asked for. Counts and ages taper off and have no such end.
    """
    low, high = int(cells.min()), int(cells.max())
    if (
        len(cells) < LEAST_ROWS
        or not LEAST_GRADES <= high - low + 1 <= MOST_GRADES
        or not (low in (0, 1) or low == -high)
    ):
        return None
    counts = np.bincount((cells - low).astype(np.int64)).astype(np.float64)
    if not counts.all():
        return None
    ends = (_expected_beyond(*map(float, pair)) for pair in (counts[:2], counts[:-3:-1]))
    return (low, high) if min(ends) >= BEYOND else None


def _expected_beyond(at_end: float, beside: float) -> float:
    """Rows beyond an end by a geometric fall; both counts are taken `DEVIATIONS` to the side that gives fewer."""
    at_end -= DEVIATIONS * math.sqrt(at_end)
    rate = at_end / (beside + DEVIATIONS * math.sqrt(beside))
    if at_end <= 0:
        return 0.0
    return at_end * rate / (1.0 - rate) if rate < 1.0 else math.inf
