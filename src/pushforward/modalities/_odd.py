"""`pushforward outliers`, whatever the events are: its options, and the verdicts of p-values."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pushforward.modalities._options import Number, Option, word
from pushforward.modalities._talk import plural


def odd_options(event: str, events: str) -> tuple[Option, ...]:
    """The options of a modality whose events are called so in sentences."""
    return (
        Option(
            name="alpha",
            commands=("outliers",),
            metavar="SHARE",
            parse=Number(0, 1, above=True, below=True),
            default=0.01,
            help=f"Flag each {event} whose p-value is at most this: of ordinary {events} this share is flagged.",
        ),
        Option(
            name="false_share",
            commands=("outliers",),
            metavar="SHARE",
            parse=Number(0, 1, above=True, below=True),
            help=f"In place of --alpha, the share of flagged {events} that may be false, by Benjamini-Hochberg. "
            f"All {events} are held in memory.",
        ),
        Option(
            name="calibration",
            commands=("outliers",),
            metavar="FILE",
            parse=word,
            help=f"Ordinary {events} that the model was not fitted to; without it, those that its fit held out.",
        ),
        Option(
            name="all_rows",
            spelt="--all",
            commands=("outliers",),
            help=f"Write all {events}, with a column that says which are flagged.",
        ),
    )


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
