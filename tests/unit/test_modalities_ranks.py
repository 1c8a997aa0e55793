"""Where a score stands among those of the training rows."""

import numpy as np
from scipy import stats

from pushforward.modalities.table.oddity._ranks import _quantiles, percentiles

LEVELS = np.linspace(0, 1, 101)


def test_percentiles_are_those_of_the_distribution():
    table = tuple(stats.norm.ppf(np.clip(LEVELS, 1e-6, 1 - 1e-6)).tolist())
    scores = np.array([-10.0, -1.5, 0.0, 0.3, 2.0, 10.0])
    np.testing.assert_allclose(percentiles(scores, table), 100 * stats.norm.cdf(scores), atol=0.1)


def test_a_row_among_many_of_one_score_is_above_those_before_them():
    table = tuple(np.quantile([-3.0] * 20 + [-1.0] * 80, LEVELS).tolist())
    np.testing.assert_allclose(
        percentiles(np.array([-3.0, -1.0, -4.0, 0.0, -np.inf]), table), [0, 20, 0, 100, 0], atol=1
    )


def test_a_weight_counts_like_as_many_rows():
    rng = np.random.default_rng(0)
    scores, weights = rng.normal(size=500), rng.integers(1, 5, 500).astype(float)
    repeated = np.quantile(np.repeat(scores, weights.astype(int)), LEVELS)
    np.testing.assert_allclose(_quantiles(scores, weights, LEVELS)[2:-2], repeated[2:-2], atol=0.05)
