import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

import pushforward as pf
from pushforward._errors import DataError, FileError
from pushforward.data import Table

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
    """Two columns around 2y and -y, where y lies far from 0."""
    rng = np.random.default_rng(0)
    y = rng.uniform(100, 101, 500)
    return np.stack([2 * (y - 100), 100 - y], axis=1) + 0.1 * rng.normal(size=(500, 2)), y


@pytest.fixture(scope="module")
def fitted(pairs) -> pf.ConditionalFlowDensity:
    return pf.ConditionalFlowDensity(**SETTINGS).fit(*pairs)


def test_density_depends_on_the_condition(fitted, pairs):
    x, y = pairs
    # The entropy of the noise is 2 (log 0.1 + 1.419); its negative is the best score.
    assert fitted.score(x, y) == pytest.approx(1.77, abs=0.15)
    assert fitted.score(x, y[::-1]) < 0


def test_samples_follow_the_condition_one_after_the_other(fitted):
    draws = fitted.sample([100.2, 100.8], 300, random_state=0)
    assert draws.shape == (600, 2)
    means = draws.reshape(2, 300, 2).mean(axis=1)
    np.testing.assert_allclose(means, [[0.4, -0.2], [1.6, -0.8]], atol=0.1)


def test_a_number_is_one_condition(fitted):
    np.testing.assert_array_equal(fitted.sample(100.5, 3, random_state=0), fitted.sample([[100.5]], 3, random_state=0))


def test_score_is_the_weighted_mean(fitted, pairs):
    x, y = pairs
    weights = np.arange(500.0)
    expected = np.average(fitted.score_samples(x, y), weights=weights)
    assert fitted.score(x, y, sample_weight=weights) == pytest.approx(expected)


def test_without_y_the_density_is_the_mean_over_conditions(fitted, pairs):
    x = pairs[0][:5]
    each = [fitted.score_samples(x, np.tile(condition, (5, 1))) for condition in fitted.conditions_]
    assert len(each) == 64
    np.testing.assert_allclose(fitted.score_samples(x), np.log(np.exp(each).mean(axis=0)), rtol=1e-6)


def test_kept_conditions_follow_the_weights(pairs):
    x, y = pairs
    weights = np.where(y > 100.75, 3.0, 0.5)
    kept = pf.ConditionalFlowDensity(**TINY).fit(x, y, sample_weight=weights).conditions_
    share = weights[y > 100.75].sum() / weights.sum()
    assert (kept > 100.75).mean() == pytest.approx(share, abs=0.05)


def test_several_conditions_are_given_in_columns(pairs):
    x, y = pairs
    two = pf.ConditionalFlowDensity(**TINY).fit(x[:, :1], np.stack([y, x[:, 1]], axis=1))
    assert two.condition_schema_.names == ("y0", "y1")
    assert two.sample([[100.0, 0.5]], 4, random_state=0).shape == (4, 1)
    with pytest.raises(DataError, match="y has 1 column, but the model is conditional on 2: y0, y1"):
        two.sample([100.0])


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_name_the_conditions(library, pairs):
    frames = pytest.importorskip(library)
    x, y = pairs
    frame = frames.DataFrame({"a": x[:, 0], "b": x[:, 1], "dose": y})
    density = pf.ConditionalFlowDensity(**TINY).fit(frame[["a", "b"]], frame["dose"])
    assert density.condition_schema_.names == ("dose",)
    assert density.feature_names_in_.tolist() == ["a", "b"]
    again = pf.ConditionalFlowDensity(**TINY).fit(frame[["a", "b"]], frame[["dose"]])
    np.testing.assert_array_equal(again.score_samples(x, y), density.score_samples(x, y))


@pytest.mark.parametrize("dtype", ["category", "bool"])
def test_a_series_of_categories_is_categorical(dtype, pairs):
    x, y = pairs
    colour = pytest.importorskip("pandas").Series((y > 100.5).astype(int), name="colour").astype(dtype)
    density = pf.ConditionalFlowDensity(**TINY).fit(x, colour)
    assert density.condition_schema_.categories == {"colour": (0, 1)}
    framed = pf.ConditionalFlowDensity(**TINY).fit(x, colour.to_frame())
    np.testing.assert_array_equal(density.score_samples(x, colour), framed.score_samples(x, colour.to_frame()))


def test_one_table_may_hold_both(pairs):
    x, y = pairs
    table = Table(("dose", "b", "a"), np.column_stack([y, x[:, 1], x[:, 0]]))
    density = pf.ConditionalFlowDensity(**TINY).fit(table.select(["a", "b"]), table.select(["dose"]))
    plain = pf.ConditionalFlowDensity(**TINY).fit(x, y)
    np.testing.assert_array_equal(density.score_samples(table, table), plain.score_samples(x, y))
    streamed = list(density.iter_scores([(table, table), (table, table)]))
    np.testing.assert_array_equal(streamed[1], plain.score_samples(x, y))


def test_works_in_a_grid_search(pairs):
    search = GridSearchCV(pf.ConditionalFlowDensity(**TINY), {"learning_rate": [1e-3, 1e-2]}, cv=2, error_score="raise")
    assert np.isfinite(search.fit(*pairs).best_score_)


def test_a_reload_scores_and_samples_the_same_bits(fitted, pairs, tmp_path):
    fitted.save(tmp_path / "model.safetensors")
    loaded = pf.estimators.load_estimator(tmp_path / "model.safetensors")
    assert isinstance(loaded, pf.ConditionalFlowDensity)
    np.testing.assert_array_equal(loaded.score_samples(*pairs), fitted.score_samples(*pairs))
    np.testing.assert_array_equal(loaded.sample(100.5, 5, random_state=0), fitted.sample(100.5, 5, random_state=0))
    with pytest.raises(DataError, match="y is missing"):
        loaded.score_samples(pairs[0])
    with pytest.raises(FileError, match="conditional on y0"):
        pf.FlowDensity.load(tmp_path / "model.safetensors")


def test_wrong_conditions_say_what_is_wrong(fitted, pairs):
    x, y = pairs
    with pytest.raises(ValueError, match="requires y to be passed"):
        pf.ConditionalFlowDensity(**TINY).fit(x, None)
    with pytest.raises(DataError, match="y has 3 rows, but X has 500"):
        fitted.score_samples(x, y[:3])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        pf.ConditionalFlowDensity(**TINY).fit(x, y[:3])
    with pytest.raises(ValueError, match="NaN"):
        fitted.sample(np.nan)
    with pytest.raises(DataError, match="column 'y0' holds text: 'a' in row 1, but numbers are wanted"):
        fitted.sample(["a"])


def test_flow_without_conditions_is_refused(pairs):
    unable = [name for name, recipe in pf.flows.RECIPES.items() if not recipe.conditional]
    if not unable:
        pytest.skip("every recipe can be conditional")
    with pytest.raises(ValueError, match="cannot be conditional"):
        pf.ConditionalFlowDensity(unable[0]).fit(*pairs)
