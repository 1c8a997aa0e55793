"""`FlowOutlier`: false alarms, thresholds, columns, files."""

import warnings
from typing import Any

import numpy as np
import pytest

import pushforward as pf
from pushforward import FileError, FlowOutlier
from pushforward.estimators._inputs import rows_to_fit

SMALL: Any = {"options": {"num_layers": 2, "width": 8}, "max_epochs": 5, "random_state": 0}


def correlated(rows: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, 3)) @ np.array([[1.0, 0.9, 0.0], [0.0, 0.3, 0.0], [0.0, 0.0, 2.0]]) + [5.0, 0.0, -1.0]


@pytest.fixture(scope="module")
def fitted() -> FlowOutlier:
    return FlowOutlier("maf", **SMALL).fit(correlated(1000, 0))


def test_false_alarms_are_the_share_that_was_asked_for():
    """Over the draw of both sets; each of 20 fits has 99 rows apart, so that 0.1 is met exactly in the mean."""
    shares = []
    for seed in range(20):
        # Without training the model is poor, and the share is kept all the same.
        outlier = FlowOutlier(
            "affine", options={"width": 4, "depth": 1}, max_epochs=1, alpha=0.1, calibration=99 / 300, random_state=seed
        )
        outlier.fit(correlated(300, seed))
        assert len(outlier.calibration_scores_) == 99
        shares.append(np.mean(outlier.predict(correlated(2000, 1000 + seed)) == -1))
    # A share given one calibration set is Beta(10, 90): its deviation is 0.03.
    error = np.sqrt(0.1 * 0.9 / 101 / 20 + 0.1 * 0.9 / 2000 / 20)
    assert abs(np.mean(shares) - 0.1) < 3 * error


def test_predict_flags_the_rows_whose_p_value_is_at_most_alpha(fitted):
    X = correlated(500, 3) * 1.5
    np.testing.assert_array_equal(fitted.predict(X) == -1, fitted.p_values(X) <= fitted.alpha)
    np.testing.assert_allclose(fitted.decision_function(X), fitted.score_samples(X) - fitted.offset_)


def test_the_calibration_rows_are_not_learned_from():
    """A change of the rows that are set apart leaves the flow as it is."""
    X = correlated(100, 4)
    first = FlowOutlier("maf", **SMALL).fit(X)
    _, apart = first._divided(rows_to_fit(FlowOutlier(), X, None, None, conditional=False))
    changed = X.copy()
    rows = (X[:, None] == apart.x.values[None]).all(axis=2).any(axis=1)
    assert rows.sum() == 20
    changed[rows] += 3.0
    second = FlowOutlier("maf", **SMALL).fit(changed)
    np.testing.assert_array_equal(first.score_samples(X), second.score_samples(X))
    assert not np.array_equal(first.calibration_scores_, second.calibration_scores_)


@pytest.mark.parametrize("seed", range(3))
def test_a_column_that_varies_in_two_rows_varies_in_what_is_learned(seed):
    X = correlated(60, 0)
    X[:, 2] = 0.0
    X[:2, 2] = [1.0, 2.0]
    outlier = FlowOutlier("affine", max_epochs=1, calibration=0.8, alpha=0.1, random_state=seed).fit(X)
    assert len(outlier.calibration_scores_) == 48


def test_contamination_is_the_share_of_the_rows_that_are_outliers():
    X = correlated(400, 5)
    assert (FlowOutlier("maf", contamination=0.1, **SMALL).fit(X).predict(X) == -1).sum() == 40


def test_discoveries_find_rows_far_away_and_few_others(fitted):
    X = np.concatenate([correlated(90, 6), correlated(10, 7) + 30.0])
    flags = fitted.discoveries(X, 0.2)
    assert flags[90:].all()
    assert flags[:90].sum() <= 10


def test_the_wrong_column_has_the_largest_gain(fitted):
    rows = np.array([[5.0, 0.0, 30.0], [30.0, 0.0, -1.0]])
    np.testing.assert_array_equal(fitted.odd_columns(rows).argmax(axis=1), [2, 0])


def test_two_columns_that_do_not_go_together_both_gain(fitted):
    gains = fitted.odd_columns(np.array([[7.0, -2.0, -1.0]]))[
        0
    ]  # each is ordinary; together they are 12 deviations off
    assert min(gains[0], gains[1]) > 5 * abs(gains[2])


def test_a_number_that_does_not_go_with_its_category_is_named():
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    X = np.array([[f"{'high' if v > 0 else 'low'}", v] for v in x], dtype=object)
    outlier = FlowOutlier("maf", columns={"x0": "categorical"}, **SMALL | {"max_epochs": 30}).fit(X)
    gains = outlier.odd_columns(np.array([["low", 1.5]], dtype=object))
    assert gains[0, 1] > 1
    assert gains[0, 0] == 0  # the nearest likely row is of the same category


def test_a_file_gives_the_same_verdicts(fitted, tmp_path):
    fitted.save(tmp_path / "o.safetensors")
    loaded = FlowOutlier.load(tmp_path / "o.safetensors")
    X = correlated(50, 8) * 1.5
    np.testing.assert_array_equal(loaded.decision_function(X), fitted.decision_function(X))
    np.testing.assert_array_equal(loaded.p_values(X), fitted.p_values(X))
    assert loaded.get_params()["alpha"] == fitted.alpha
    assert isinstance(pf.estimators.load_estimator(tmp_path / "o.safetensors"), FlowOutlier)
    with pytest.raises(FileError, match="fitted to tell outliers"):
        pf.FlowDensity.load(tmp_path / "o.safetensors")


def test_a_file_of_a_density_is_refused(tmp_path):
    pf.FlowDensity("affine", max_epochs=1, random_state=0).fit(correlated(50, 0)).save(tmp_path / "d.safetensors")
    with pytest.raises(FileError, match="not fitted by FlowOutlier"):
        FlowOutlier.load(tmp_path / "d.safetensors")


def test_too_few_rows_for_alpha_are_told_with_the_number_that_is_needed():
    with pytest.warns(UserWarning, match="needs 99 rows that are set apart, and there are 20"):
        FlowOutlier("affine", alpha=0.01, max_epochs=1, random_state=0).fit(correlated(100, 0))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"alpha": 0.0}, "alpha must lie between 0 and 1"),
        ({"contamination": 0.6}, "contamination must be 'auto'"),
        ({"calibration": 1.0}, "calibration must be a share"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        FlowOutlier("affine", **wrong).fit(correlated(50, 0))


@pytest.mark.parametrize(("count", "share"), [(3, 0.5), (200, 0.999)])
def test_what_is_set_apart_leaves_enough_to_learn_from(count, share):
    outlier = FlowOutlier("affine", calibration=share, trim=False, max_epochs=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = outlier.fit(correlated(count, 0)).score_samples(correlated(count, 0))
    assert np.isfinite(scores).all()


def test_too_few_rows_are_counted_as_they_are():
    with pytest.raises(pf.DataError, match=r"got 1 sample\(s\), as 1 of 2 is held out") as error:
        FlowOutlier("affine", calibration=0, trim=False).fit(correlated(2, 0))
    assert "validation=None" in error.value.hint


def test_p_values_need_rows_that_were_set_apart():
    with pytest.warns(UserWarning, match="scores of the fit's rows stand in"):
        outlier = FlowOutlier("affine", calibration=0, max_epochs=1, random_state=0).fit(correlated(50, 0))
    with pytest.raises(pf.DataError, match="nothing was set apart for p-values"):
        outlier.p_values(correlated(5, 0))
