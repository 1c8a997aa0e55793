"""The factor by which held-out rows find a fit too sure: of its noise, or of the logits of its categories."""

import math
from collections.abc import Callable

from scipy.optimize import minimize_scalar

LEAST_HELD_OUT = 20
"""Rows that are held out, below which the factor would be a guess."""
MORE_ROWS = 10
"""That are counted as the model has them."""
MOST = 4.0
"""A factor beyond this says that something else is wrong."""
TOLERANCE = 5e-3
"""Of the logarithm of the factor."""
FAR = -1e6
"""In place of the log-density of a row that has none."""


def likeliest_factor(short: Callable[[float], float]) -> float:
    """The factor, at least 1, where a function of its logarithm is least; 1 where that is at an end, or no better."""
    most = math.log(MOST)
    found = minimize_scalar(short, bounds=(0.0, most), method="bounded", options={"xatol": TOLERANCE})
    inside = TOLERANCE < found.x < most - 2.0 * TOLERANCE and found.fun < short(0.0)
    return math.exp(found.x) if inside else 1.0
