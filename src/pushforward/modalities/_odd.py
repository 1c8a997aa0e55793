"""`pushforward outliers`, whatever the events are: the verdicts of p-values."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pushforward._errors import UsageError
from pushforward.modalities._talk import plural

ALPHA = 0.01
"""Share of ordinary events that is flagged where nothing is said."""


def level(given: Mapping[str, Any]) -> float | None:
    """The share of ordinary events that is to be flagged; None where that of false ones among the flagged is given.

    Raises:
        UsageError: If both are given.
    """
    if given["false_share"] is None:
        return ALPHA if given["alpha"] is None else given["alpha"]
    if given["alpha"] is not None:
        raise UsageError("--alpha and --false-share exclude each other.", "leave one of them out")
    return None


def verdicts(p_values: np.ndarray, given: Mapping[str, Any]) -> np.ndarray:
    """Which events are flagged, `(count,)`."""
    from pushforward.diagnostics.oddity import false_discoveries

    alpha = level(given)
    return false_discoveries(p_values, given["false_share"]) if alpha is None else p_values <= alpha


def promised(count: int, flagged: int, calibrating: int, given: Mapping[str, Any], event: str) -> list[str]:
    """What is to be said of so many flagged events, of all, a line each."""
    alpha = level(given)
    if alpha is not None:
        expected = f"about {alpha * count:,.3g}" if count else "none"
        return [f"  if all {event}s were ordinary, {expected} of them would be flagged (alpha {alpha:g})"]
    lines = [f"  at most {given['false_share']:.0%} of the flagged {event}s are expected to be false"]
    least = int(np.ceil(count / given["false_share"] / (calibrating + 1)))
    if not flagged and least > 1:
        lines.append(f"  with {plural(calibrating, f'calibration {event}')} no fewer than {least:,} can be flagged")
    return lines
