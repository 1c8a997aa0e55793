"""`density_of_states`."""

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis

from pushforward import DataError
from pushforward.diagnostics.oddity import density_of_states


def test_it_is_the_distance_of_mahalanobis():
    rng = np.random.default_rng(0)
    known = rng.normal(size=(200, 3)) @ rng.normal(size=(3, 3)) * [1.0, 1e3, 1e-3] + 5.0
    asked = known[:4] + np.array([0.5, 200.0, 0.0])
    inverse = np.linalg.inv(np.cov(known.T))
    expected = [-0.5 * mahalanobis(row, known.mean(axis=0), inverse) ** 2 for row in asked]
    np.testing.assert_allclose(density_of_states(asked, known), expected, rtol=1e-6)


def test_a_number_that_is_the_sum_of_others_or_never_varies_changes_nothing():
    rng = np.random.default_rng(1)
    known, asked = rng.normal(size=(100, 2)), rng.normal(size=(5, 2))
    more = [np.column_stack([each, each.sum(axis=1), np.ones(len(each))]) for each in (asked, known)]
    np.testing.assert_allclose(density_of_states(*more), density_of_states(asked, known), rtol=1e-6)


@pytest.mark.parametrize(
    ("asked", "known", "said"),
    [
        (np.zeros((2, 2)), np.zeros((19, 2)), "needs 20 ordinary rows"),
        (np.zeros((2, 3)), np.zeros((40, 2)), "of 3 numbers"),
        (np.full((2, 2), np.nan), np.zeros((40, 2)), "`states` must be finite"),
    ],
)
def test_what_cannot_be_is_refused(asked, known, said):
    with pytest.raises(DataError, match=said):
        density_of_states(asked, known)
