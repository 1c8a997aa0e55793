"""One Gaussian in closed form, beside scikit-learn, SciPy and regressions that are solved."""

import numpy as np
import pytest
from scipy import stats
from sklearn.covariance import LedoitWolf

from pushforward.data import Table, as_table
from pushforward.modalities.table._rows import Rows
from pushforward.modalities.table._settings import TableSettings
from pushforward.modalities.table.choice._compare import gaussian_model
from pushforward.modalities.table.choice._folds import scores_of
from pushforward.modalities.table.choice._gaussian import shrunk


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def rows_of(values: np.ndarray, condition: np.ndarray | None = None, **more) -> Rows:
    names = tuple(f"x{i}" for i in range(values.shape[1]))
    given = None if condition is None else Table(tuple(f"c{i}" for i in range(condition.shape[1])), condition)
    return Rows(Table(names, values), given, **{"weights": None, **more})


def correlated(rng: np.random.Generator, rows: int, dim: int) -> np.ndarray:
    return rng.normal(size=(rows, dim)) @ rng.normal(size=(dim, dim)) + 3.0


@pytest.mark.parametrize(("rows", "dim"), [(12, 5), (30, 2), (400, 8)])
def test_the_covariance_is_that_of_ledoit_and_wolf(rng, rows, dim):
    x = correlated(rng, rows, dim)
    mean, covariance = shrunk(x)
    expected = LedoitWolf().fit(x)
    np.testing.assert_allclose(mean, expected.location_)
    np.testing.assert_allclose(covariance, expected.covariance_)


def test_rows_that_are_all_one_have_no_spread_to_shrink():
    np.testing.assert_array_equal(shrunk(np.ones((5, 2)))[1], np.zeros((2, 2)))


def test_equal_weights_change_nothing(rng):
    x = correlated(rng, 20, 3)
    np.testing.assert_allclose(shrunk(x, np.full(20, 7.0))[1], shrunk(x)[1])


def test_the_density_is_in_the_units_of_the_data(rng):
    x = correlated(rng, 60, 3) * [1.0, 100.0, 1e-3]
    scores = scores_of(gaussian_model(rows_of(x), TableSettings()), rows_of(x))
    standard = (x - x.mean(0)) / x.std(0)
    law = LedoitWolf().fit(standard)
    expected = stats.multivariate_normal.logpdf(standard, law.location_, law.covariance_) - np.log(x.std(0)).sum()
    np.testing.assert_allclose(scores, expected, atol=2e-3)


def test_independent_columns_are_normal_each(rng):
    x = correlated(rng, 60, 3)
    scores = scores_of(gaussian_model(rows_of(x), TableSettings(), independent=True), rows_of(x))
    np.testing.assert_allclose(scores, stats.norm.logpdf(x, x.mean(0), x.std(0)).sum(1), atol=1e-3)


def test_a_positive_column_is_lognormal(rng):
    x = rng.lognormal(1.0, 0.7, (200, 1))
    found = scores_of(gaussian_model(rows_of(x), TableSettings(columns="positive")), rows_of(x))
    log = np.log(x[:, 0])
    np.testing.assert_allclose(found, stats.lognorm.logpdf(x[:, 0], log.std(), scale=np.exp(log.mean())), atol=1e-3)


def test_given_conditions_it_is_the_linear_regression(rng):
    given = rng.normal(size=(4000, 2)) * [1.0, 30.0] + [0.0, 5.0]
    y = given @ [[1.0], [-0.1]] + 2.0 + 0.5 * rng.normal(size=(4000, 1))
    found = scores_of(gaussian_model(rows_of(y, given), TableSettings()), rows_of(y, given))
    design = np.column_stack([np.ones(4000), given])
    left = y[:, 0] - design @ np.linalg.lstsq(design, y[:, 0])[0]
    # What the covariance was shrunk by makes the rest of y wider, but by little in the mean.
    assert found.mean() == pytest.approx(stats.norm.logpdf(left, 0.0, left.std()).mean(), abs=0.02)


def test_categories_have_their_shares_and_move_the_mean(rng):
    kinds = np.repeat(["a", "b"], [3000, 1000])
    x = np.where(kinds == "a", 0.0, 10.0) + rng.normal(size=4000)
    table = as_table(np.array([[kind, value] for kind, value in zip(kinds, x, strict=True)], object))
    rows = Rows(table, None, None)
    found = scores_of(gaussian_model(rows, TableSettings()), rows)
    share = np.log(np.where(kinds == "a", 3001, 1001) / 4002)
    means = np.where(kinds == "a", x[:3000].mean(), x[3000:].mean())
    expected = share + stats.norm.logpdf(x, means, (x - means).std())
    assert found.mean() == pytest.approx(expected.mean(), abs=0.02)
    assert found[kinds == "b"].mean() == pytest.approx(expected[kinds == "b"].mean(), abs=0.05)


def test_atoms_have_their_shares_and_the_rest_a_mean_that_follows(rng):
    at, x = rng.random(4000) < 0.25, rng.normal(size=4000)
    rain = np.where(at, 0.0, 3.0 * x + rng.normal(size=4000))
    rows = rows_of(np.column_stack([x, rain]))
    found = scores_of(gaussian_model(rows, TableSettings(columns={"x1": "unbounded+atoms(0)"})), rows)
    of_rain = np.where(at, np.log(at.mean()), np.log(1 - at.mean()) + stats.norm.logpdf(rain, 3.0 * x, 1.0))
    assert found.mean() == pytest.approx((stats.norm.logpdf(x) + of_rain).mean(), abs=0.02)
    assert found[at].mean() == pytest.approx((stats.norm.logpdf(x) + of_rain)[at].mean(), abs=0.05)


def test_an_angle_is_von_mises_and_moves_the_mean(rng):
    angle = stats.vonmises.rvs(2.0, loc=0.5, size=4000, random_state=1)
    x = 3.0 * np.cos(angle) - np.sin(angle) + 0.5 * rng.normal(size=4000)
    rows = rows_of(np.column_stack([angle % (2 * np.pi), x]))
    found = scores_of(gaussian_model(rows, TableSettings(columns={"x0": "circular(2pi)"})), rows)
    expected = stats.vonmises.logpdf(angle, 2.0, 0.5) + stats.norm.logpdf(x, 3 * np.cos(angle) - np.sin(angle), 0.5)
    assert found.mean() == pytest.approx(expected.mean(), abs=0.03)


def test_integers_have_probabilities_that_add_up(rng):
    counts = rng.poisson(4, (500, 1)).astype(float)
    model = gaussian_model(rows_of(counts), TableSettings(columns="integer"))
    every = rows_of(np.arange(-20.0, 40.0)[:, None])
    assert np.exp(scores_of(model, every)).sum() == pytest.approx(1.0, abs=0.01)


def test_a_weight_counts_like_as_many_rows(rng):
    x, weights = correlated(rng, 40, 2), rng.integers(1, 4, 40).astype(float)
    weighted = gaussian_model(rows_of(x, weights=weights), TableSettings())
    repeated = gaussian_model(rows_of(np.repeat(x, weights.astype(int), axis=0)), TableSettings())
    np.testing.assert_allclose(scores_of(weighted, rows_of(x)), scores_of(repeated, rows_of(x)), atol=1e-4)


def test_a_column_that_equals_another_leaves_a_finite_density(rng):
    x = rng.normal(size=(300, 1))
    twice = rows_of(np.hstack([x, x]))
    assert np.isfinite(scores_of(gaussian_model(twice, TableSettings()), twice)).all()
