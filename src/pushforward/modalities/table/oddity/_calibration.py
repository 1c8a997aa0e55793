"""Scores of rows that a model was not fitted to, which a model keeps: they turn a score into a p-value."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np

from pushforward.modalities.table.oddity._places import Places

MOST_ROWS = 4096
"""Scores that a model keeps at most: they resolve p-values of 0.00025, and are 40 kB of the file."""
DIGITS = 7
"""Significant ones of a score: those of float32, in which flows compute."""


class Calibration(NamedTuple):
    """Scores of rows apart.

    Attributes:
        scores: Log-densities, or what `by` says; -inf where a value was not possible.
        unseen: Whether the fit had no use of the rows at all. Else they chose its best epoch: what is said of others
            by them is a little too strict.
        by: Which score; see `Oddity`.
        rows: Rows of the fit, for a score that takes distances to them.
    """

    scores: tuple[float, ...]
    unseen: bool
    by: str = "density"
    rows: Places | None = None

    @classmethod
    def of(cls, scores: np.ndarray, *, unseen: bool, by: str = "density", rows: Places | None = None) -> Self:
        """Of the first `MOST_ROWS` rows."""
        return cls(tuple(float(f"{score:.{DIGITS}g}") for score in scores[:MOST_ROWS]), unseen, by, rows)

    def to_json(self) -> dict[str, Any]:
        """Plain data; JSON has no -inf."""
        return {
            "scores": [None if math.isinf(score) else score for score in self.scores],
            "unseen": self.unseen,
            "by": self.by,
            "rows": self.rows and self.rows.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The scores from plain data."""
        scores = tuple(-math.inf if score is None else score for score in data["scores"])
        rows = data.get("rows")
        return cls(scores, data["unseen"], data.get("by", "density"), rows and Places.from_json(rows))
