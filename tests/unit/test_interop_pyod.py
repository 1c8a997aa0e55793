"""`FlowDetector` in PyOD."""

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

pytest.importorskip("pyod")

from pyod.models.base import BaseDetector

import pushforward as pf
from pushforward.interop.pyod import FlowDetector

SMALL: Any = {"options": {"num_layers": 1, "width": 8}, "max_epochs": 3, "random_state": 0}


def rows(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 2))


@pytest.fixture(scope="module")
def fitted() -> FlowDetector:
    return FlowDetector(pf.FlowOutlier("maf", **SMALL), contamination=0.05).fit(rows(400, 0))


def test_scores_are_those_of_the_outlier_detector_turned_round(fitted):
    X = rows(50, 1)
    np.testing.assert_array_equal(fitted.decision_function(X), -fitted.outlier_.score_samples(X))
    assert isinstance(fitted, BaseDetector)


def test_the_share_of_outliers_among_the_rows_of_the_fit_is_the_contamination(fitted):
    assert fitted.labels_.sum() == 20
    np.testing.assert_array_equal(fitted.labels_, fitted.decision_scores_ > fitted.threshold_)


def test_a_far_row_is_an_outlier_for_every_method(fitted):
    X = np.array([[0.0, 0.0], [0.0, 12.0]])
    assert fitted.predict(X).tolist() == [0, 1]
    shares = fitted.predict_proba(X)
    assert shares.shape == (2, 2)
    assert np.allclose(shares.sum(axis=1), 1.0)
    assert shares[1, 1] > 0.99 > 0.5 > shares[0, 1]
    assert fitted.predict_confidence(X)[1] > 0.99


def test_it_can_be_cloned_and_has_a_default():
    detector = clone(FlowDetector(pf.FlowOutlier("maf"), contamination=0.2))
    assert detector.outlier.flow == "maf"
    assert detector.contamination == 0.2
    assert FlowDetector().outlier is None


def test_a_share_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="contamination"):
        FlowDetector(contamination=0.7)
