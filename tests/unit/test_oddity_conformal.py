"""p-values of held-out scores, and false discoveries."""

import numpy as np
import pytest

from pushforward import DataError
from pushforward.diagnostics.oddity import conformal_p_values, conformal_threshold, false_discoveries, rows_needed
from pushforward.diagnostics.oddity._conformal import check_resolved


def test_a_p_value_counts_the_calibration_rows_that_are_as_odd():
    known = [3.0, -1.0, 2.0, 2.0]
    expected = [1 / 5, 2 / 5, 4 / 5, 5 / 5]
    np.testing.assert_allclose(conformal_p_values(known, [-2.0, 1.0, 2.0, 9.0]), expected)


def test_an_impossible_row_has_the_smallest_p_value_unless_calibration_rows_are_as_odd():
    assert conformal_p_values([0.0, 1.0, 2.0], [-np.inf]) == 1 / 4
    assert conformal_p_values([-np.inf, 1.0, 2.0], [-np.inf]) == 2 / 4


@pytest.mark.parametrize(("alpha", "rows"), [(0.1, 9), (0.01, 99), (0.05, 19), (0.3, 3), (0.5, 1), (0.9, 1)])
def test_rows_needed_are_the_fewest_that_resolve_alpha(alpha, rows):
    assert rows_needed(alpha) == rows
    assert 1 / (rows + 1) <= alpha * (1 + 1e-9)
    assert rows == 1 or 1 / rows > alpha


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1, 0.21, 0.5, 0.99])
@pytest.mark.parametrize("rows", [99, 100, 250])
def test_scores_below_the_threshold_are_those_of_a_p_value_of_at_most_alpha(alpha, rows):
    rng = np.random.default_rng(rows)
    known, scores = rng.normal(size=rows), rng.normal(size=2000)
    by_p_value = conformal_p_values(known, scores) <= alpha * (1 + 1e-9)
    np.testing.assert_array_equal(scores < conformal_threshold(known, alpha), by_p_value)


def test_too_few_calibration_rows_are_refused_with_the_number_that_is_needed():
    with pytest.raises(DataError, match="needs at least 99 calibration rows, got 98"):
        conformal_threshold(np.arange(98.0), 0.01)


def test_false_alarms_are_alpha_in_finite_samples():
    """With 19 rows a p-value of 0.1 or less has the probability 2 / 20, whatever the law of the scores."""
    rng = np.random.default_rng(0)
    repeats = 20_000
    scores = rng.standard_cauchy((repeats, 20))
    p_values = np.array([conformal_p_values(row[:19], row[19:])[0] for row in scores])
    for alpha in (0.05, 0.1, 0.5):
        error = np.sqrt(alpha * (1 - alpha) / repeats)
        assert abs(np.mean(p_values <= alpha + 1e-9) - alpha) < 3 * error


def test_false_discoveries_are_those_of_scipy():
    from scipy.stats import false_discovery_control

    rng = np.random.default_rng(1)
    for share in (0.05, 0.2):
        p_values = np.concatenate([rng.uniform(size=80), rng.uniform(0, 0.01, size=20)])
        np.testing.assert_array_equal(
            false_discoveries(p_values, share), false_discovery_control(p_values, method="bh") <= share
        )
    assert not false_discoveries(np.ones(5), 0.1).any()
    assert false_discoveries([], 0.1).shape == (0,)


def test_the_share_of_false_discoveries_is_kept():
    rng = np.random.default_rng(2)
    shares = []
    for _ in range(300):
        known = rng.normal(size=500)
        scores = np.concatenate([rng.normal(size=90), rng.normal(-4, 1, size=10)])
        flags = false_discoveries(conformal_p_values(known, scores), 0.2)
        shares.append(flags[:90].sum() / max(flags.sum(), 1))
    # In the mean at most q times the share of ordinary rows, 0.18.
    assert np.mean(shares) < 0.18 + 3 * np.std(shares) / np.sqrt(len(shares))
    assert np.mean(shares) > 0.1


@pytest.mark.parametrize("call", [lambda: conformal_p_values([], [1.0]), lambda: conformal_p_values([1.0], [np.nan])])
def test_no_rows_and_nan_are_refused(call):
    with pytest.raises(DataError):
        call()


@pytest.mark.parametrize("rows", [1, 3, 7, 40, 41, 99, 100, 1234])
def test_the_smallest_share_that_is_named_can_be_told(rows):
    with pytest.raises(DataError) as told:
        check_resolved(1e-9, rows)
    named = float(told.value.hint.split()[-1])
    assert named >= 1 / (rows + 1)
    check_resolved(named, rows)
