"""A detector of PyOD whose scores are those of `FlowOutlier`."""

from typing import Any, Self

import numpy as np
from pyod.models.base import BaseDetector  # pyright: ignore[reportMissingImports]: an extra
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from pushforward.estimators import FlowOutlier


class FlowDetector(BaseDetector):
    """`FlowOutlier` with the manners of PyOD: large scores are odd, 1 is an outlier, 0 an ordinary row.

    All methods of PyOD's detectors are there (`predict`, `predict_proba`, `predict_confidence`, ...), and it can stand
    in its ensembles.

    Args:
        outlier: An unfitted `FlowOutlier`, whose settings are taken; None for the default.
        contamination: Share of the rows of the fit that are taken as outliers, above 0 and at most 0.5: PyOD's
            threshold is their quantile of the score.

    Attributes:
        outlier_: The fitted `FlowOutlier`, with p-values that hold in finite samples, which PyOD has none of.
        decision_scores_: Of the rows of the fit, `(rows,)`.
        threshold_: Scores above it are outliers.
        labels_: Of the rows of the fit, `(rows,)`.

    Reference:
        Zhao, Nasrullah & Li (2019), PyOD: A Python toolbox for scalable outlier detection, JMLR 20(96).
    """

    outlier_: FlowOutlier

    def __init__(self, outlier: FlowOutlier | None = None, contamination: float = 0.1):
        BaseDetector.__init__(self, contamination=contamination)
        self.outlier = outlier

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the density of rows `(rows, columns)`, and score them; `y` is ignored.

        Raises:
            ValueError: If the data, the flow or a setting cannot be used.
        """
        fresh: Any = clone(FlowOutlier() if self.outlier is None else self.outlier)
        self.outlier_ = fresh.fit(X)
        self._set_n_classes(None)
        self.decision_scores_ = self.decision_function(X)
        self._process_decision_scores()
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Minus the score of `FlowOutlier`, `(rows,)`; large is odd."""
        check_is_fitted(self, "outlier_")
        return -self.outlier_.score_samples(X)
