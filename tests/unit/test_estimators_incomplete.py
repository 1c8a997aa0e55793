"""Fits to rows of which some lack cells."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import pushforward as pf
from pushforward._errors import DataError, UsageError
from pushforward.conditionals._joint import joint_of
from pushforward.conditionals._query import Query
from pushforward.conditionals._renew import renewed
from pushforward.modalities.table.incomplete._start import gaussian

MEAN, COVARIANCE = np.array([1.0, -2.0]), np.array([[1.0, 0.8], [0.8, 1.5]])


def normal_rows(rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).multivariate_normal(MEAN, COVARIANCE, rows)


@pytest.fixture(scope="module")
def holed():
    """Normal rows whose second number is missing more often the larger the first is: at random, yet not by chance."""
    x = normal_rows(3000)
    holes = x.copy()
    holes[np.random.default_rng(1).random(3000) < stats.norm.cdf(2.0 * (x[:, 0] - 1.0)), 1] = np.nan
    return holes


@pytest.fixture(scope="module")
def fitted(holed):
    return pf.FlowDensity("gaussian", incomplete=True, background=False, random_state=0).fit(holed)


def test_the_mean_of_what_is_missing_is_that_of_all_rows(holed, fitted):
    # Of the cells that are there alone the mean is far lower: those of rows with a large first number lack.
    drawn = fitted.sample(20_000, random_state=0)
    assert np.nanmean(holed[:, 1]) < MEAN[1] - 0.25
    np.testing.assert_allclose(drawn.mean(axis=0), MEAN, atol=0.12)
    np.testing.assert_allclose(np.cov(drawn.T), COVARIANCE, atol=0.2)


def test_a_model_tells_what_was_missing_and_what_was_assumed(holed, fitted, tmp_path):
    fitted.save(tmp_path / "model.safetensors")
    told = pf.FlowDensity.load(tmp_path / "model.safetensors").model_.facts.completed
    assert (told.cells, told.rows, told.of, told.left_out) == (int(np.isnan(holed).sum()),) * 2 + (3000, 0)
    assert told.columns == {"x1": told.cells}
    assert "at random" in " ".join(told.sentences())


def test_the_cells_that_are_there_have_the_density_of_their_law(holed, fitted):
    told = fitted.model_.facts.completed
    law = stats.multivariate_normal(MEAN, COVARIANCE)
    whole = ~np.isnan(holed).any(axis=1)
    true = np.where(whole, law.logpdf(np.nan_to_num(holed)), stats.norm(MEAN[0], 1.0).logpdf(holed[:, 0]))
    assert told.nats == pytest.approx(true.mean(), abs=4.0 * told.error + 0.02)


def test_the_gaussian_of_incomplete_rows_is_the_likeliest(holed):
    # In closed form where the second number alone is missing: a regression on the first, by which the mean moves.
    missing = np.isnan(holed)
    whole, first = holed[~missing[:, 1]], holed[:, 0]
    slope = np.cov(whole.T)[0, 1] / np.var(whole[:, 0], ddof=1)
    wanted = whole[:, 1].mean() + slope * (first.mean() - whole[:, 0].mean())
    mean, _ = gaussian(holed, missing)
    assert mean[1] == pytest.approx(wanted, abs=0.01)
    assert mean[0] == pytest.approx(first.mean(), abs=1e-9)


def test_the_chain_of_draws_has_the_conditional_as_its_law():
    # One step from draws of the right law, with few and poor proposals, leaves them as they were.
    flow = pf.distributions.Transformed(
        pf.distributions.Normal.standard((2,)), pf.bijections.TriangularAffine(MEAN, np.linalg.cholesky(COVARIANCE))
    )
    joint, random = joint_of(flow, "test"), np.random.default_rng(0)
    rows = normal_rows(2000, seed=3)
    pool = normal_rows(256, seed=4) + np.array([0.0, 1.0])  # proposals from a law that is off
    found = renewed(joint, Query((0,), rows[:, :1]), rows, pool, 4, random)
    spread = np.sqrt(COVARIANCE[1, 1] - COVARIANCE[0, 1] ** 2 / COVARIANCE[0, 0])
    z = (found.events[:, 1] - MEAN[1] - COVARIANCE[0, 1] * (rows[:, 0] - MEAN[0])) / spread
    assert np.mean(found.events[:, 1] != rows[:, 1]) > 0.3
    assert stats.kstest(z, "norm").pvalue > 1e-3
    np.testing.assert_array_equal(found.events[:, 0], rows[:, 0])


def test_categories_and_whole_numbers_may_be_missing():
    random = np.random.default_rng(0)
    sex = random.choice(["f", "m"], 400)
    frame = pd.DataFrame({"height": random.normal(np.where(sex == "f", 165.0, 178.0), 6.0), "sex": sex})
    frame["age"] = random.integers(20, 60, 400).astype(float)
    for number, name in enumerate(frame.columns):
        frame.loc[random.random(400) < 0.2, name] = None if number == 1 else np.nan
    model = pf.FlowDensity(
        "affine", columns={"age": "integer", "*": "infer"}, incomplete=True, max_epochs=20, random_state=0
    ).fit(frame)
    drawn = model.sample_table(4000, random_state=0)
    women = drawn.column("sex") == 0
    assert model.schema_.categories["sex"] == ("f", "m")
    assert np.array_equal(drawn.column("age"), np.floor(drawn.column("age")))
    assert drawn.column("height")[~women].mean() - drawn.column("height")[women].mean() == pytest.approx(13.0, abs=5.0)


def test_kinds_are_found_in_the_cells_that_are_there():
    # Filled with values of other rows a column would look as if values repeat.
    x = np.random.default_rng(0).lognormal(size=(300, 2))
    x[::3, 0] = np.nan
    model = pf.FlowDensity("gaussian", columns="infer", incomplete=True, max_epochs=2, random_state=0).fit(x)
    assert [column.kind for column in model.schema_.columns] == ["positive", "positive"]
    assert not any(column.atoms for column in model.schema_.columns)


def test_rows_without_any_cell_are_left_out_and_counted():
    x = normal_rows(200)
    x[:7] = np.nan
    x[7:20, 0] = np.nan
    model = pf.FlowDensity("gaussian", incomplete=True, max_epochs=2, random_state=0).fit(x, None, np.ones(200))
    assert (model.model_.facts.completed.left_out, model.model_.facts.completed.of) == (7, 193)


def test_whole_rows_are_fitted_as_ever():
    x = normal_rows(200)
    settings = {"max_epochs": 3, "random_state": 0}
    first, second = (pf.FlowDensity("affine", incomplete=way, **settings).fit(x).score(x) for way in (False, True))
    assert first == second


def holes(fill):
    x = normal_rows(100)
    fill(x)
    return x


@pytest.mark.parametrize(
    ("settings", "fill", "error", "words"),
    [
        ({}, lambda x: x.__setitem__((slice(None), 1), np.nan), DataError, "'x1' has no value"),
        ({"flow": "auto"}, lambda x: x.__setitem__((0, 0), np.nan), UsageError, "compared on whole rows"),
        ({"resume": True, "checkpoint": "c"}, lambda x: x.__setitem__((0, 0), np.nan), UsageError, "cannot be resumed"),
        ({"flow": "vae"}, lambda x: x.__setitem__((0, 0), np.nan), DataError, "exact log-densities"),
    ],
)
def test_what_cannot_be_is_refused(settings, fill, error, words):
    with pytest.raises(error, match=words):
        pf.FlowDensity(incomplete=True, random_state=0, **settings).fit(holes(fill))


@pytest.mark.parametrize("estimator", [pf.FlowOutlier, pf.Gaussianizer])
def test_other_estimators_take_whole_rows_alone(estimator):
    with pytest.raises(DataError, match="by FlowDensity alone"):
        estimator(incomplete=True).fit(normal_rows(50))
