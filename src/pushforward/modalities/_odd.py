"""`pushforward outliers`, whatever the events are: the verdicts of p-values."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pushforward.modalities._talk import plural


def verdicts(p_values: np.ndarray, given: Mapping[str, Any]) -> np.ndarray:
    """Which events are flagged, `(count,)`."""
    from pushforward.diagnostics.oddity import false_discoveries

    share = given["false_share"]
    return p_values <= given["alpha"] if share is None else false_discoveries(p_values, share)


def promised(count: int, flagged: int, calibrating: int, given: Mapping[str, Any], event: str) -> list[str]:
    """What is to be said of so many flagged events, of all, a line each."""
    if given["false_share"] is None:
        expected = f"about {given['alpha'] * count:,.3g}" if count else "none"
        return [f"  if all {event}s were ordinary, {expected} of them would be flagged (alpha {given['alpha']:g})"]
    lines = [f"  at most {given['false_share']:.0%} of the flagged {event}s are expected to be false"]
    least = int(np.ceil(count / given["false_share"] / (calibrating + 1)))
    if not flagged and least > 1:
        lines.append(f"  with {plural(calibrating, f'calibration {event}')} no fewer than {least:,} can be flagged")
    return lines
