"""What detectors of odd events share: a threshold, p-values, and discoveries, from scores of events set apart."""

import abc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import OutlierMixin

from pushforward._errors import DataError
from pushforward.diagnostics.oddity import conformal_p_values, conformal_threshold, false_discoveries, rows_needed

KEPT = "outlier"
"""The entry of a model's settings that holds what an outlier detector needs."""


class CalibratedOutlier(OutlierMixin, abc.ABC):
    """Verdicts of a detector that set some events apart; small scores are odd.

    Attributes:
        contamination: A setting.
        alpha: A setting.
        calibration: A setting.
        offset_: The score below which an event is an outlier.
        calibration_scores_: Scores of the events that were set apart, `(count,)`.
    """

    contamination: Any
    alpha: float
    calibration: float
    offset_: float
    calibration_scores_: np.ndarray

    @abc.abstractmethod
    def score_samples(self, X: Any) -> np.ndarray:
        """A score of every event, `(count,)`; small is odd."""

    def decision_function(self, X: Any) -> np.ndarray:
        """`score_samples` less `offset_`, `(count,)`; negative for outliers."""
        scores = self.score_samples(X)
        with np.errstate(invalid="ignore"):
            return np.where(scores == self.offset_, 0.0, scores - self.offset_)

    def predict(self, X: Any) -> np.ndarray:
        """1 for an ordinary event and -1 for an outlier, `(count,)`."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def p_values(self, X: Any) -> np.ndarray:
        """The probability of a score at most as high, if an event is ordinary, `(count,)`; see `conformal_p_values`.

        Raises:
            DataError: If none were set apart.
        """
        scores = self.score_samples(X)
        if not len(self.calibration_scores_):
            name = type(self).__name__
            raise DataError(f"{name}: nothing was set apart for p-values.", "fit with `calibration=0.2`")
        return conformal_p_values(self.calibration_scores_, scores)

    def discoveries(self, X: Any, share: float = 0.1) -> np.ndarray:
        """What to flag, `(count,)`, of which at most this share is false in the mean; see `false_discoveries`."""
        return false_discoveries(self.p_values(X), share)

    def _check_settings(self) -> None:
        rows_needed(self.alpha)  # a UsageError where it is no share
        share = self.contamination
        if share != "auto" and not (isinstance(share, int | float) and 0 < share <= 0.5):
            raise DataError(
                f"contamination must be 'auto' or lie in (0, 0.5], got {share!r}.", "0.01 is one in hundred"
            )
        if not 0 <= self.calibration < 1:
            raise DataError(f"calibration must be a share from 0 to below 1, got {self.calibration!r}.", "0.2 is usual")

    def _offset(self, known: np.ndarray, learned: Callable[[], np.ndarray]) -> float:
        """The score below which an event is an outlier."""
        if self.contamination != "auto":
            return float(np.quantile(np.concatenate([learned(), known]), self.contamination))
        needed = rows_needed(self.alpha)
        if len(known) >= needed:
            return conformal_threshold(known, self.alpha)
        finest = (
            f"the threshold is at {1 / (len(known) + 1):.2g}" if len(known) else "scores of the fit's rows stand in"
        )
        warnings.warn(
            f"alpha={self.alpha:g} needs {needed:,} rows that are set apart, and there are {len(known):,}: {finest}. "
            "Give more rows, or a larger `calibration` or `alpha`.",
            stacklevel=3,
        )
        return float(known.min()) if len(known) else float(np.quantile(learned(), self.alpha))
