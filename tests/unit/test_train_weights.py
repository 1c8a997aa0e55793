"""A weighted fit is the fit of the weighted data, whatever the weights."""

from typing import Any

import numpy as np
import pytest

from pushforward import flows
from pushforward.train import fit
from pushforward.train._weights import HEAVY, shared_out

ROWS = 6000
SETTINGS = {"max_epochs": 60, "patience": None, "learning_rate": 0.1, "progress": False}


@pytest.fixture(scope="module")
def column():
    """Normal numbers, and one at 7."""
    x = np.random.default_rng(0).standard_normal((ROWS + 1, 1))
    x[17] = 7.0
    return x


def fitted(x, weights, key, **settings):
    flow: Any = fit(flows.affine(1, key=key), x, weights=weights, key=key, **SETTINGS | settings).flow
    return float(flow.bijection.loc[0]), float(flow.bijection.scale[0])


def weighted(x, weights):
    mean = np.average(x[:, 0], weights=weights)
    return mean, np.sqrt(np.average((x[:, 0] - mean) ** 2, weights=weights))


@pytest.mark.parametrize("unit", [1.0, 1e-300, 1e300])
def test_one_row_that_weighs_as_much_as_all_others_pulls_the_mean(column, unit, key):
    """Its gradient is no outlier, though a batch with all of its weight would look like one."""
    weights = np.where(np.arange(ROWS + 1) == 17, float(ROWS), 1.0)
    mean, deviation = weighted(column, weights)
    assert 3.4 < mean < 3.6
    assert fitted(column, unit * weights, key) == pytest.approx((mean, deviation), abs=0.05)


def test_weights_of_many_sizes_give_the_weighted_mean_and_deviation(column, key):
    """Lognormal weights, a few of them a hundred times the mean."""
    weights = np.exp(2.0 * np.random.default_rng(1).standard_normal(ROWS + 1))
    assert fitted(column, weights, key, validation=None) == pytest.approx(weighted(column, weights), abs=0.05)


def test_weights_of_batches_from_an_iterator_may_be_tiny(column, key):
    def batches():
        while True:
            yield column, None, np.where(column[:, 0] > 0, 2e-300, 1e-300)

    found = fitted(batches(), None, key, steps_per_epoch=20)
    assert found == pytest.approx(weighted(column, 1.0 + (column[:, 0] > 0)), abs=0.05)


def test_parts_of_heavy_rows_add_up(key):
    """What a row weighs on both sides, relative to a light row there, is its weight, the copies of it together."""
    weights = np.ones(1000)
    weights[[3, 500]] = 600.0, 8.0
    train, held_out, here, there = shared_out(key, weights, np.arange(100, 1000), np.arange(100))
    copies = np.bincount(train, minlength=1000)
    assert 3 in held_out
    assert copies[500] == -(-8.0 // (HEAVY * weights.mean()))
    light = here[999], there[99]
    assert copies[3] * here[3] / light[0] + there[3] / light[1] == pytest.approx(600.0)
    assert copies[500] * here[500] / light[0] == pytest.approx(8.0)
    assert here[train].max() <= 1.25 * HEAVY  # their mean falls as heavy rows become several entries
    assert here[train].mean() == pytest.approx(1.0)
    assert there[held_out].mean() == pytest.approx(1.0)


def test_equal_weights_are_no_weights(key):
    split = shared_out(key, np.full(50, 0.3), np.arange(10, 50), np.arange(10))
    np.testing.assert_array_equal(split.train, np.arange(10, 50))
    np.testing.assert_array_equal(split.held_out, np.arange(10))
    np.testing.assert_allclose(split.train_weights, 1.0, rtol=1e-15)
