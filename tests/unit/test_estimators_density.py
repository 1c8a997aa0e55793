import math

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pushforward as pf
from pushforward._errors import DataError
from pushforward.data import Table
from pushforward.modalities.table import _rows

# Without held-out rows the last flow is kept; with them it could be the one before training, the same whatever happens.
TINY = {"flow": "affine", "max_epochs": 2, "validation": None, "random_state": 0}


@pytest.fixture(scope="module")
def moons() -> np.ndarray:
    return pf.data.moons(400)


@pytest.fixture(scope="module")
def fitted(moons) -> pf.FlowDensity:
    return pf.FlowDensity(**TINY).fit(moons)


@pytest.fixture(scope="module")
def mixed() -> np.ndarray:
    """A positive column and a count."""
    rng = np.random.default_rng(0)
    return np.stack([rng.lognormal(1, 1, 400), rng.poisson(2, 400)], axis=1)


@pytest.fixture(scope="module")
def fitted_mixed(mixed) -> pf.FlowDensity:
    return pf.FlowDensity(**TINY, columns={"x0": "positive", "x1": "integer(0,inf)"}).fit(mixed)


def test_gaussian_data_get_the_density_of_their_gaussian():
    x = np.random.default_rng(0).normal([100.0, -3.0], [5.0, 0.1], (400, 2))
    density = pf.FlowDensity(**TINY).fit(x)
    z = (x - x.mean(0)) / x.std(0)
    expected = -0.5 * (z**2).sum(1) - np.log(x.std(0)).sum() - math.log(2 * math.pi)
    np.testing.assert_allclose(density.score_samples(x), expected, atol=0.1)


def test_density_is_in_the_units_of_the_data(fitted, moons):
    millimetres = pf.FlowDensity(**TINY).fit(10 * moons)
    shift = fitted.score_samples(moons) - millimetres.score_samples(10 * moons)
    np.testing.assert_allclose(shift, 2 * math.log(10), atol=1e-4)


def test_score_is_the_mean_log_density(fitted, moons):
    scores = fitted.score_samples(moons)
    assert fitted.score(moons) == pytest.approx(scores.mean())
    weights = np.arange(400.0)
    assert fitted.score(moons, sample_weight=weights) == pytest.approx(np.average(scores, weights=weights))


def test_row_of_weight_zero_does_not_count_even_at_minus_infinity(fitted_mixed, mixed):
    x = np.vstack([mixed[:3], [[-1.0, 2.0]]])
    assert fitted_mixed.score(x) == -np.inf
    assert fitted_mixed.score(x, sample_weight=[1, 1, 1, 0]) == pytest.approx(fitted_mixed.score(mixed[:3]))


def test_fit_lowers_the_loss():
    x = pf.data.moons(400)
    settings = {"batch_size": 32, "learning_rate": 1e-2, "max_epochs": 10, "random_state": 0}
    density = pf.FlowDensity("maf", options={"num_layers": 2, "width": 16}, **settings).fit(x)
    assert density.result_.best_loss < density.result_.start_loss - 0.2
    assert density.history_ == density.result_.history


def test_columns_are_unbounded_unless_asked(mixed):
    plain = pf.FlowDensity(**TINY)
    with pytest.warns(UserWarning, match="'x1': 1 makes up"):
        plain.fit(mixed)
    assert [column.kind for column in plain.schema_.columns] == ["unbounded", "unbounded"]
    inferred = clone(plain).set_params(columns="infer").fit(mixed)
    assert [column.kind for column in inferred.schema_.columns] == ["positive", "integer"]
    assert "all values are above 0" in inferred.schema_.columns[0].note


def test_star_names_all_other_columns(mixed):
    density = pf.FlowDensity(**TINY, columns={"x0": "unbounded", "*": "infer"}).fit(mixed)
    assert [column.kind for column in density.schema_.columns] == ["unbounded", "integer"]


def test_rows_outside_the_support_have_no_density(fitted_mixed):
    scores = fitted_mixed.score_samples([[1.0, 2.0], [-1.0, 2.0], [0.0, 2.0], [1.0, 2.5], [1.0, -1.0], [1e36, 2.0]])
    assert np.isfinite(scores).tolist() == [True, False, False, False, False, True]
    assert (scores[1:5] == -np.inf).all()


def test_limits_belong_to_a_bounded_column(moons):
    density = pf.FlowDensity(**TINY, columns="bounded(-3,3)").fit(moons)
    scores = density.score_samples([[0.0, 0.0], [3.0, 0.0], [3.1, 0.0], [0.0, -3.1]])
    assert np.isfinite(scores).tolist() == [True, True, False, False]
    assert (scores[2:] == -np.inf).all()


def test_samples_stay_inside_the_support(fitted_mixed):
    draws = fitted_mixed.sample(2000, random_state=0)
    assert draws.shape == (2000, 2)
    assert (draws[:, 0] > 0).all()
    assert (draws[:, 1] >= 0).all()
    np.testing.assert_array_equal(draws[:, 1], np.floor(draws[:, 1]))
    assert np.isfinite(fitted_mixed.score_samples(draws)).all()


def test_density_of_a_positive_and_an_integer_column_sums_to_one(fitted_mixed):
    edges = np.exp(np.linspace(-8, 10, 2001))
    middle, width = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    total = 0.0
    for count in range(100):
        x = np.stack([middle, np.full(2000, count)], axis=1)
        total += (np.exp(fitted_mixed.score_samples(x)) * width).sum()
    # An average over draws of noise, with an error of its own for every row.
    assert total == pytest.approx(1.0, abs=3e-3)


def test_binary_flow_gives_probabilities():
    x = (np.random.default_rng(0).random((200, 2)) < [0.3, 0.7]).astype(float)
    density = pf.FlowDensity("made-bernoulli", options={"width": 8}, max_epochs=2, random_state=0).fit(x)
    cells = [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert np.exp(density.score_samples(cells)).sum() == pytest.approx(1.0, abs=1e-5)
    assert density.score_samples([[0.5, 1.0]])[0] == -np.inf
    assert set(np.unique(density.sample(100, random_state=0))) == {0.0, 1.0}


def test_weight_two_is_the_row_twice_to_the_last_bit(moons):
    x = moons[:60]
    weights = np.random.default_rng(0).integers(0, 4, 60)
    weighted = pf.FlowDensity(**TINY).fit(x[::-1], sample_weight=weights[::-1])
    repeated = pf.FlowDensity(**TINY).fit(x.repeat(weights, axis=0))
    np.testing.assert_array_equal(weighted.score_samples(x), repeated.score_samples(x))


def test_a_condition_stays_with_its_row_when_a_small_table_is_sorted(moons):
    x, y = moons[:60, :1], moons[:60, 1]
    weights = np.random.default_rng(0).integers(0, 4, 60)
    settings = TINY | {"options": {"width": 4, "depth": 1}}
    weighted = pf.ConditionalFlowDensity(**settings).fit(y[::-1, None], x[::-1], sample_weight=weights[::-1])
    repeated = pf.ConditionalFlowDensity(**settings).fit(y.repeat(weights)[:, None], x.repeat(weights, axis=0))
    np.testing.assert_array_equal(weighted.score_samples(y[:, None], x), repeated.score_samples(y[:, None], x))
    pairs = {(a, b) for a, b in zip(x[:, 0], y, strict=True)}
    rows = _rows.in_order(_rows.Rows(Table(("a",), x), Table(("b",), y[:, None]), None))
    assert {(a, b) for a, b in zip(rows.x.values[:, 0], rows.condition.values[:, 0], strict=True)} == pairs


def test_rows_of_weight_zero_are_not_looked_at(moons):
    x = np.vstack([moons, [[1e6, 1e6]]])
    weighted = pf.FlowDensity(**TINY, columns={"x0": "bounded(-3,3)"}).fit(x, sample_weight=[1.0] * 400 + [0.0])
    assert abs(weighted.sample(100, random_state=0)).max() < 10


def test_fewer_than_two_rows_with_weight_are_refused(moons):
    with pytest.raises(DataError, match="1 row has a weight above 0"):
        pf.FlowDensity(**TINY).fit(moons[:3], sample_weight=[0, 0, 1])


def test_same_seed_gives_the_same_bits(moons, fitted):
    again = pf.FlowDensity(**TINY).fit(moons)
    np.testing.assert_array_equal(again.score_samples(moons), fitted.score_samples(moons))
    np.testing.assert_array_equal(again.sample(5, random_state=1), fitted.sample(5, random_state=1))
    assert not np.array_equal(fitted.sample(5, random_state=1), fitted.sample(5, random_state=2))


def test_random_state_may_be_numpys(fitted):
    state = np.random.RandomState(0)
    first, second = fitted.sample(5, random_state=state), fitted.sample(5, random_state=state)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, fitted.sample(5, random_state=np.random.RandomState(0)))
    np.random.seed(3)
    first = fitted.sample(5)
    np.random.seed(3)
    np.testing.assert_array_equal(first, fitted.sample(5))


def test_low_temperature_draws_nearer_to_the_middle(fitted):
    wide, narrow = fitted.sample(500, 0), fitted.sample(500, 0, temperature=0.5)
    np.testing.assert_allclose(narrow.std(0), 0.5 * wide.std(0), rtol=0.01)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_bring_their_names_and_keep_their_order(library, moons, fitted):
    frames = pytest.importorskip(library)
    frame = frames.DataFrame({"a": moons[:, 0], "b": moons[:, 1]})
    density = pf.FlowDensity(**TINY, columns={"a": "unbounded"}).fit(frame)
    assert density.feature_names_in_.tolist() == ["a", "b"]
    assert density.schema_.names == ("a", "b")
    np.testing.assert_array_equal(density.score_samples(frame), fitted.score_samples(moons))
    with pytest.raises(ValueError, match="feature names should match"):
        density.score_samples(frame[["b", "a"]])


def test_tables_are_matched_by_name(moons, fitted):
    density = pf.FlowDensity(**TINY).fit(Table(("a", "b"), moons))
    turned = Table(("b", "c", "a"), np.stack([moons[:, 1], moons[:, 1], moons[:, 0]], axis=1))
    np.testing.assert_array_equal(density.score_samples(turned), fitted.score_samples(moons))
    with pytest.raises(DataError, match="no column 'b'"):
        density.score_samples(Table(("a",), moons[:, :1]))


def test_works_behind_a_scaler_and_in_a_grid_search(moons):
    pipeline = make_pipeline(StandardScaler(), pf.FlowDensity(**TINY))
    assert pipeline.fit(moons).score_samples(moons).shape == (400,)
    search = GridSearchCV(pf.FlowDensity(**TINY), {"learning_rate": [1e-3, 1e-2]}, cv=2, error_score="raise")
    search.fit(moons)
    assert math.isfinite(search.best_score_)
    assert search.score(moons) == search.best_estimator_.score(moons)


def test_a_function_may_stand_for_a_flow(moons):
    density = pf.FlowDensity(pf.flows.affine, max_epochs=1, random_state=0).fit(moons)
    assert math.isfinite(density.score(moons))


def test_one_column_is_enough_for_the_recommended_flow():
    x = np.random.default_rng(0).normal(size=(60, 1))
    density = pf.FlowDensity(options={"num_layers": 2, "width": 8}, max_epochs=1, random_state=0).fit(x)
    assert density.sample(3, random_state=0).shape == (3, 1)


def test_nothing_is_said_unless_asked(moons, capfd):
    pf.FlowDensity(**TINY).fit(moons)
    assert capfd.readouterr() == ("", "")


def test_resume_goes_on_from_the_checkpoint(moons, tmp_path):
    path = tmp_path / "fit.safetensors"
    whole = pf.FlowDensity(**TINY).fit(moons)
    stop = pf.FlowDensity(**TINY, checkpoint=path, callbacks=[lambda info: True]).fit(moons)
    assert len(stop.history_) == 1
    resumed = pf.FlowDensity(**TINY, checkpoint=path, resume=True).fit(moons)
    np.testing.assert_array_equal(resumed.score_samples(moons), whole.score_samples(moons))


def test_float64_is_used_where_jax_uses_it(moons, x64):
    density = pf.FlowDensity(**TINY).fit(moons)
    x = moons + 1e-9
    assert not np.array_equal(density.score_samples(x), density.score_samples(moons))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"flow": "nfs"}, "did you mean 'nsf'?"),
        ({"flow": 3}, "must be a name or a function"),
        ({"flow": lambda dim, key: None, "options": None}, "must give a distribution of 2 numbers, got NoneType"),
        ({"options": {"widht": 3}}, "did you mean 'width'?"),
        ({"columns": {"z": "positive"}}, "no column 'z'"),
        ({"columns": {0: "positive"}}, "must be a kind, or map names to kinds"),
        ({"columns": "circular(0)"}, "the period of a circular column must be above 0"),
        ({"flow": "circular-nsf", "options": None}, "is for circular columns, and there is none"),
        ({"flow": "maf", "options": None, "columns": "circular(360)"}, "and every column is circular"),
        ({"columns": "positive"}, "cannot be positive"),
        ({"flow": "made-bernoulli", "options": None}, "zeros and ones, but column"),
        ({"resume": True, "checkpoint": "fit.safetensors", "random_state": None}, "needs a whole number"),
        ({"max_epochs": 0}, "max_epochs"),
    ],
)
def test_wrong_settings_say_what_to_do(settings, message, moons):
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        pf.FlowDensity(**(TINY | settings)).fit(moons)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([[1.0, np.nan], [2.0, 3.0]], r"X: 1 row with an empty, NaN or infinite cell: row 1 \(column 'x1'\)"),
        ([[2.0, 3.0], [np.inf, 1.0]], r"X: 1 row with an empty, NaN or infinite cell: row 2 \(column 'x0'\)"),
        ([["a", 1.0], ["b", None]], "1 row with an empty, NaN or infinite cell: row 2 "),
        ([[1.0, 2.0]], "1 sample"),
        ([[1.0, 2.0], [1.0, 3.0]], "column 'x0' holds one value only"),
        ([[1e36, 2.0], [1.0, 3.0]], "too large for float32"),
    ],
)
def test_wrong_data_say_what_is_wrong(x, message):
    with pytest.raises(ValueError, match=message):
        pf.FlowDensity(**TINY).fit(x)


def test_wrong_requests_say_what_is_wrong(fitted):
    with pytest.raises(NotFittedError):
        pf.FlowDensity().sample()
    with pytest.raises(DataError, match="n_samples must be a whole number"):
        fitted.sample(0)
    with pytest.raises(DataError, match="temperature must be positive"):
        fitted.sample(2, temperature=-1.0)
    with pytest.raises(ValueError, match="3 features"):
        fitted.score_samples(np.zeros((2, 3)))
