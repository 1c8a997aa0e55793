from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

import pushforward as pf
from pushforward._errors import DataError, FileError
from pushforward.data import Table

GOLDEN = Path(__file__).parents[1] / "golden"
SETTINGS = {
    "flow": "affine",
    "options": {"width": 16, "depth": 1},
    "learning_rate": 1e-2,
    "batch_size": 32,
    "max_epochs": 20,
    "random_state": 0,
}
TINY = SETTINGS | {"max_epochs": 1, "validation": None}


@pytest.fixture(scope="module")
def pairs() -> tuple[np.ndarray, np.ndarray]:
    """A dose far from 0, and two columns around twice of what it is above 100 and around minus that."""
    rng = np.random.default_rng(0)
    dose = rng.uniform(100, 101, (500, 1))
    return dose, np.hstack([2 * (dose - 100), 100 - dose]) + 0.1 * rng.normal(size=(500, 2))


@pytest.fixture(scope="module")
def fitted(pairs) -> pf.ConditionalFlowDensity:
    return pf.ConditionalFlowDensity(**SETTINGS).fit(*pairs)


def test_density_depends_on_the_condition(fitted, pairs):
    dose, y = pairs
    # The entropy of the noise is 2 (log 0.1 + 1.419); its negative is the best score.
    assert fitted.score(dose, y) == pytest.approx(1.77, abs=0.15)
    assert fitted.score(dose[::-1], y) < 0


def test_parameters_are_a_running_mean_unless_it_is_said_otherwise(pairs):
    usual, same, none = (
        pf.ConditionalFlowDensity(**TINY, **more).fit(*pairs).score_samples(*pairs)
        for more in ({}, {"ema": 0.99}, {"ema": 0})
    )
    np.testing.assert_array_equal(usual, same)
    assert np.abs(usual - none).max() > 1e-3


def test_samples_follow_the_condition_one_after_the_other(fitted):
    draws = fitted.sample([[100.2], [100.8]], 300, random_state=0)
    assert draws.shape == (600, 2)
    means = draws.reshape(2, 300, 2).mean(axis=1)
    np.testing.assert_allclose(means, [[0.4, -0.2], [1.6, -0.8]], atol=0.1)


def test_score_is_the_weighted_mean(fitted, pairs):
    weights = np.arange(500.0)
    expected = np.average(fitted.score_samples(*pairs), weights=weights)
    assert fitted.score(*pairs, sample_weight=weights) == pytest.approx(expected)


def test_without_y_the_score_is_minus_the_entropy(fitted, pairs):
    """Of a Gaussian of two columns with deviation 0.1 each, whatever the condition."""
    expected = -2 * (0.5 * np.log(2 * np.pi * np.e) + np.log(0.1))
    found = fitted.score_samples(pairs[0][:20])
    assert found.shape == (20,)
    np.testing.assert_allclose(found, expected, atol=0.3)


def test_several_columns_are_predicted_each_apart_with_an_error(fitted):
    dose, expected = [[100.2], [100.5]], np.array([[0.4, -0.2], [1.0, -0.5]])
    mean, error = fitted.predict(dose, 4000, return_error=True)
    np.testing.assert_allclose(mean, expected, atol=0.05)
    np.testing.assert_allclose(error, 0.1 / np.sqrt(4000), rtol=0.2)
    low, high = np.moveaxis(fitted.interval(dose, 0.9, 4000), 1, 0)
    np.testing.assert_allclose(high - low, 2 * 1.645 * 0.1, rtol=0.15)
    middle, error = fitted.quantile(dose, 0.5, 4000, return_error=True)
    np.testing.assert_allclose(middle, expected, atol=0.05)
    # The error of a median is sqrt(pi / 2) times that of a mean.
    np.testing.assert_allclose(error, np.sqrt(np.pi / 2) * 0.1 / np.sqrt(4000), rtol=0.4)
    share, error = fitted.cdf(dose, expected, 4000, return_error=True)
    np.testing.assert_allclose(share, 0.5, atol=0.2)
    np.testing.assert_allclose(error, 0.5 / np.sqrt(4000), rtol=0.15)


def test_what_is_predicted_does_not_depend_on_the_other_rows(fitted, pairs):
    dose = pairs[0][:7]
    np.testing.assert_allclose(fitted.predict(dose)[3], fitted.predict(dose[3:4])[0], rtol=1e-5)


def exact_model(columns: str = "unbounded") -> pf.ConditionalFlowDensity:
    """One column that is a known function of Gaussian noise: 3 + 2 c + 0.5 z before its support."""
    settings = {"flow": "affine", "options": {"width": 4, "depth": 1}, "max_epochs": 1, "validation": None}
    rng = np.random.default_rng(0)
    c = rng.normal(size=(200, 1))
    y = np.exp(rng.normal(size=200)) if columns == "positive" else np.floor(rng.normal(size=200) * 5)
    return pf.ConditionalFlowDensity(**settings, columns=columns, random_state=0).fit(c, y)


@pytest.mark.parametrize("columns", ["unbounded", "positive"])
def test_one_column_has_exact_quantiles(columns):
    """Beside the density, integrated by quadrature; and each is the inverse of the other."""
    model, c = exact_model(columns), np.array([[-1.0], [0.5]])
    levels = np.array([0.001, 0.1, 0.5, 0.9, 0.999])
    values, error = model.quantile(c, levels, return_error=True)
    assert values.shape == (2, 5)
    assert (error == 0).all()
    assert (np.diff(values, axis=1) > 0).all()
    for row in range(2):
        given = np.repeat(c[row : row + 1], 5, axis=0)
        np.testing.assert_allclose(model.cdf(given, values[row]), levels, rtol=1e-3, atol=1e-6)
        low = values[row, 0]
        grid = np.linspace(low, values[row, 3], 4001)
        density = np.exp(model.score_samples(np.repeat(c[row : row + 1], 4001, axis=0), grid))
        assert np.trapezoid(density, grid) == pytest.approx(0.9 - 0.001, abs=2e-3)


def test_the_mean_of_one_column_is_an_integral():
    model, c = exact_model("positive"), np.array([[-1.0], [0.5]])
    # The affine flow makes it lognormal, whose mean is known from two quantiles.
    low, middle, high = np.log(model.quantile(c, [0.158655, 0.5, 0.841345])).T
    spread = 0.5 * (high - low)
    np.testing.assert_allclose(model.predict(c), np.exp(middle + 0.5 * spread**2), rtol=1e-3)


@pytest.mark.parametrize("most", [1, 3, 40])
def test_the_mean_of_whole_numbers_is_the_sum_over_them(most):
    """Of 0, 1, ..., each with the probability that the distribution function has: E[Y] = sum of P(Y > n)."""
    settings = {"flow": "affine", "options": {"width": 4, "depth": 1}, "max_epochs": 1, "validation": None}
    rng = np.random.default_rng(0)
    y = rng.binomial(most, 0.3, 200).astype(float)
    model = pf.ConditionalFlowDensity(**settings, columns=f"integer(0,{most})", random_state=0)
    model.fit(rng.normal(size=(200, 1)), y)
    c = np.array([[-1.0], [0.5]])
    above = [1.0 - model.cdf(c, np.full(2, float(n))) for n in range(most)]
    np.testing.assert_allclose(model.predict(c), np.sum(above, axis=0), atol=2e-3)


def test_whole_numbers_have_a_distribution_function_of_steps():
    model = exact_model("integer")
    n = np.arange(-12.0, 13.0)
    c = np.zeros((len(n), 1))
    probability = np.exp(model.score_samples(c, n))
    steps = model.cdf(c, n)
    np.testing.assert_allclose(np.diff(steps), probability[1:], atol=5e-3)
    np.testing.assert_allclose(model.cdf(c, n + 0.4), steps)
    median = model.quantile([[0.0]], 0.5)[0]
    assert median == np.floor(median)
    assert steps[n == median] >= 0.5 > steps[n == median - 1]


def test_a_value_outside_the_support_has_probability_0_or_1():
    model = exact_model("positive")
    np.testing.assert_array_equal(model.cdf([[0.0], [0.0]], [-1.0, 0.0])[0], 0.0)


def test_questions_without_an_answer_say_so(fitted, pairs):
    dose = pairs[0]
    with pytest.raises(DataError, match="levels between 0 and 1"):
        fitted.quantile(dose, 1.0)
    with pytest.raises(DataError, match="`level` must be between 0 and 1, got 90"):
        fitted.interval(dose, 90.0)
    with pytest.raises(DataError, match="n_samples must be at least 2"):
        fitted.predict(dose, 1)
    colours = np.array(["red", "blue"] * 250)
    with pytest.raises(DataError, match="'y0' is categorical: its values have no order"):
        pf.ConditionalFlowDensity(**TINY).fit(dose, colours).quantile(dose, 0.5)


def test_several_features_and_one_target(pairs):
    dose, y = pairs
    two = pf.ConditionalFlowDensity(**TINY).fit(np.hstack([dose, y[:, 1:]]), y[:, 0])
    assert two.condition_schema_.names == ("x0", "x1")
    assert two.schema_.names == ("y0",)
    assert two.n_features_in_ == 2
    assert two.sample([[100.5, 0.1]], 4, random_state=0).shape == (4, 1)
    assert two.predict([[100.5, 0.1]]).shape == (1,)
    with pytest.raises(ValueError, match="X has 1 features"):
        two.sample([[100.0]])
    with pytest.raises(DataError, match="y has 2 columns, but the model is of 1: y0"):
        two.score_samples(np.hstack([dose, y[:, 1:]]), y)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_name_features_and_targets(library, pairs):
    frames = pytest.importorskip(library)
    dose, y = pairs
    frame = frames.DataFrame({"a": y[:, 0], "b": y[:, 1], "dose": dose[:, 0]})
    density = pf.ConditionalFlowDensity(**TINY).fit(frame[["dose"]], frame[["a", "b"]])
    assert density.condition_schema_.names == ("dose",)
    assert density.schema_.names == ("a", "b")
    assert density.feature_names_in_.tolist() == ["dose"]
    one = pf.ConditionalFlowDensity(**TINY).fit(frame[["dose"]], frame["a"])
    assert one.schema_.names == ("a",)
    np.testing.assert_array_equal(
        density.score_samples(frame[["dose"]], frame[["a", "b"]]), density.score_samples(*pairs)
    )


@pytest.mark.parametrize("dtype", ["category", "bool"])
def test_a_series_of_categories_is_categorical(dtype, pairs):
    dose, y = pairs
    colour = pytest.importorskip("pandas").Series((dose[:, 0] > 100.5).astype(int), name="colour").astype(dtype)
    density = pf.ConditionalFlowDensity(**TINY).fit(colour.to_frame(), y)
    assert density.condition_schema_.categories == {"colour": (0, 1)}
    turned = pf.ConditionalFlowDensity(**TINY).fit(y, colour)
    assert turned.schema_.categories == {"colour": (0, 1)}


def test_one_table_may_hold_both(pairs):
    dose, y = pairs
    table = Table(("dose", "b", "a"), np.column_stack([dose, y[:, 1], y[:, 0]]))
    density = pf.ConditionalFlowDensity(**TINY).fit(table.select(["dose"]), table.select(["a", "b"]))
    plain = pf.ConditionalFlowDensity(**TINY).fit(dose, y)
    np.testing.assert_array_equal(density.score_samples(table, table), plain.score_samples(dose, y))
    streamed = list(density.iter_scores([(table, table), (table, table)]))
    np.testing.assert_array_equal(streamed[1], plain.score_samples(dose, y))


def test_works_in_a_grid_search(pairs):
    search = GridSearchCV(pf.ConditionalFlowDensity(**TINY), {"learning_rate": [1e-3, 1e-2]}, cv=2, error_score="raise")
    assert np.isfinite(search.fit(*pairs).best_score_)


def test_a_reload_scores_predicts_and_samples_the_same_bits(fitted, pairs, tmp_path):
    fitted.save(tmp_path / "model.safetensors")
    loaded = pf.estimators.load_estimator(tmp_path / "model.safetensors")
    assert isinstance(loaded, pf.ConditionalFlowDensity)
    np.testing.assert_array_equal(loaded.score_samples(*pairs), fitted.score_samples(*pairs))
    np.testing.assert_array_equal(loaded.predict([[100.5]]), fitted.predict([[100.5]]))
    np.testing.assert_array_equal(
        loaded.sample([[100.5]], 5, random_state=0), fitted.sample([[100.5]], 5, random_state=0)
    )
    with pytest.raises(FileError, match="conditional on x0"):
        pf.FlowDensity.load(tmp_path / "model.safetensors")


def test_a_file_in_which_x_and_y_had_changed_places_says_so():
    with pytest.warns(UserWarning, match=r"Now X is what is given \(age, town\), and y .* \(mood, height\)"):
        pf.ConditionalFlowDensity.load(GOLDEN / "conditional_v1.safetensors")


def test_wrong_conditions_say_what_is_wrong(fitted, pairs):
    dose, y = pairs
    with pytest.raises(ValueError, match="requires y to be passed"):
        pf.ConditionalFlowDensity(**TINY).fit(dose, None)
    with pytest.raises(DataError, match="y has 3 rows, but X has 500"):
        fitted.score_samples(dose, y[:3])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        pf.ConditionalFlowDensity(**TINY).fit(dose, y[:3])
    with pytest.raises(ValueError, match="NaN"):
        fitted.sample([[np.nan]])


def test_flow_without_conditions_is_refused(pairs):
    unable = [name for name, recipe in pf.flows.RECIPES.items() if not recipe.conditional]
    if not unable:
        pytest.skip("every recipe can be conditional")
    with pytest.raises(ValueError, match="cannot be conditional"):
        pf.ConditionalFlowDensity(unable[0]).fit(*pairs)
