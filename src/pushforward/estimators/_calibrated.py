"""What detectors of odd events share: a threshold, p-values, and discoveries, from scores of events set apart."""

import abc
import dataclasses
import warnings
from collections.abc import Callable
from typing import Any, ClassVar, Self

import jax
import numpy as np
from sklearn.base import OutlierMixin

from pushforward._errors import DataError, FileError
from pushforward.diagnostics.oddity import conformal_p_values, conformal_threshold, false_discoveries, rows_needed
from pushforward.estimators._base import FlowEstimator
from pushforward.modalities._learn import key_from
from pushforward.modalities._model import Model

KEPT = "outlier"
"""The entry of a model's settings that holds what an outlier detector needs."""


class CalibratedOutlier(OutlierMixin, FlowEstimator, abc.ABC):
    """Verdicts of a detector that set some events apart, and its files; small scores are odd.

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
    random_state: Any
    offset_: float
    calibration_scores_: np.ndarray

    _own: ClassVar[tuple[str, ...]]
    """Names of the settings beside those of all fits."""
    _before: ClassVar[dict[str, Any]] = {}
    """What files had that were written before a setting was there."""

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

    @classmethod
    def from_model(cls, model: Model) -> Self:
        """The estimator that has fitted a model."""
        settings = dict(model.settings)
        own = cls._before | {name: value for name, value in settings.pop(KEPT).items() if name in cls._own}
        estimator = cls(**settings, **own)
        estimator._set_fitted(model)
        return estimator

    @classmethod
    def _require(cls, model: Model, source: str) -> None:
        if KEPT not in model.settings or model.modality != cls._modality:
            raise FileError(
                f"{source}: this model was not fitted by {cls.__name__}",
                "`load_estimator` loads any model",
            )

    @abc.abstractmethod
    def _known(self, facts: Any) -> np.ndarray:
        """Scores of the events that calibrate, of what a model keeps of them."""

    def _calibrate(self, facts: Any, learned: Callable[[], np.ndarray]) -> None:
        """Find the threshold, and keep it in the model, with facts that hold what was set apart."""
        offset = self._offset(self._known(facts), learned)
        kept = {name: getattr(self, name) for name in self._own} | {"offset": None if np.isinf(offset) else offset}
        settings = {**self.model_.settings, KEPT: kept}
        self._set_fitted(dataclasses.replace(self.model_, facts=facts, settings=settings))

    def _set_fitted(self, model: Model) -> None:
        super()._set_fitted(model)
        if KEPT in model.settings:
            offset = model.settings[KEPT]["offset"]
            self.offset_ = -np.inf if offset is None else offset
            self.calibration_scores_ = self._known(model.facts)

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng(np.asarray(jax.random.key_data(key_from(self.random_state))))

    def _check_settings(self) -> None:
        rows_needed(self.alpha)  # a UsageError where it is no share
        share = self.contamination
        if share != "auto" and not (isinstance(share, int | float) and 0 < share <= 0.5):
            raise DataError(
                f"contamination must be 'auto' or lie in (0, 0.5], got {share!r}.", "0.01 is one in hundred"
            )
        if not isinstance(self.calibration, int | float) or not 0 <= self.calibration < 1:
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
