"""Tables with categories, alone and beside numbers, through the estimators."""

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest

import pushforward as pf
from pushforward._errors import DataError
from pushforward.data import Table, encode

TINY = {"num_layers": 1, "width": 16, "depth": 1}
NARROW = {"width": 8}
QUICK = {"max_epochs": 2, "batch_size": 128, "random_state": 0}
COLOURS, MEANS = ("blue", "green", "red"), np.array([0.0, 4.0, -4.0])


def mixed_rows(rows: int) -> np.ndarray:
    """Colour, a number whose mean depends on it, and a truth value that depends on it too."""
    rng = np.random.default_rng(0)
    code = rng.choice(3, rows, p=[0.5, 0.3, 0.2])
    out = np.empty((rows, 3), object)
    out[:, 0] = np.array(COLOURS, object)[code]
    out[:, 1] = MEANS[code] + 0.5 * rng.normal(size=rows)
    out[:, 2] = rng.random(rows) < np.where(code == 2, 0.9, 0.2)
    return out


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return mixed_rows(1000)


@pytest.fixture(scope="module")
def fitted(rows):
    settings = QUICK | {"max_epochs": 25, "learning_rate": 2e-2}
    return pf.FlowDensity("maf", options=TINY, **settings).fit(rows)


def test_text_and_truth_values_are_found(fitted):
    assert [column.kind for column in fitted.schema_.columns] == ["categorical", "unbounded", "categorical"]
    assert fitted.schema_.sizes == (3, 0, 2)


def test_the_density_summed_over_categories_and_integrated_over_numbers_is_one(fitted):
    grid = np.linspace(-14, 14, 1401)
    total = 0.0
    for colour, yes in itertools.product(COLOURS, (False, True)):
        cells = np.empty((len(grid), 3), object)
        cells[:, 0], cells[:, 1], cells[:, 2] = colour, grid, yes
        total += np.trapezoid(np.exp(fitted.score_samples(cells)), grid)
    assert total == pytest.approx(1, abs=1e-3)
    assert fitted.flow_.exact


def test_the_number_depends_on_the_category_as_in_the_data(fitted, rows):
    drawn = fitted.sample(4000, random_state=1)
    for colour, mean in zip(COLOURS, MEANS, strict=True):
        own = drawn[drawn[:, 0] == colour]
        assert own[:, 1].astype(float).mean() == pytest.approx(mean, abs=0.3)
        share = np.mean(rows[rows[:, 0] == colour, 2])
        assert own[:, 2].mean() == pytest.approx(share, abs=0.1)


def test_samples_are_the_users_own_values(fitted):
    drawn = fitted.sample(50, random_state=0)
    assert {type(cell) for cell in drawn[:, 0]} == {str}
    assert {type(cell) for cell in drawn[:, 2]} == {bool}
    assert np.isfinite(fitted.score_samples(drawn)).all()


def test_frequencies_of_samples_agree_with_their_probabilities(fitted):
    pairs = np.array(list(itertools.product(range(3), range(2))), float)
    expected = np.exp(np.asarray(fitted.flow_.base.categories.log_prob(pairs))) * 20_000
    codes = fitted.sample_table(20_000, random_state=3).values
    counts = np.bincount((2 * codes[:, 0] + codes[:, 2]).astype(int), minlength=6)
    assert expected.sum() == pytest.approx(20_000, rel=1e-5)
    assert ((counts - expected) ** 2 / expected).sum() < 20.5  # chi-square of 5 degrees of freedom, 0.1 %


def test_an_unseen_category_is_named_and_impossible(fitted, rows):
    strange = rows[:4].copy()
    strange[:2, 0] = "violet"
    with pytest.warns(UserWarning, match=r"column 'x0': 'violet' was not seen in training \(2 rows\)"):
        scores = fitted.score_samples(strange)
    assert np.isneginf(scores).tolist() == [True, True, False, False]


def test_a_mixed_model_is_saved_whole(fitted, rows, tmp_path):
    fitted.save(tmp_path / "m.safetensors")
    again = pf.FlowDensity.load(tmp_path / "m.safetensors")
    assert again.schema_ == fitted.schema_
    np.testing.assert_array_equal(again.score_samples(rows), fitted.score_samples(rows))
    np.testing.assert_array_equal(again.sample(30, random_state=0), fitted.sample(30, random_state=0))


def test_a_stopped_fit_goes_on(rows, tmp_path):
    def stop(epoch):
        raise KeyboardInterrupt

    settings = {"options": TINY, "validation": None, **QUICK}
    whole = pf.FlowDensity("maf", **settings).fit(rows)
    kept = {**settings, "checkpoint": tmp_path / "c.safetensors"}
    with pytest.raises(KeyboardInterrupt):
        pf.FlowDensity("maf", callbacks=[stop], **kept).fit(rows)
    resumed = pf.FlowDensity("maf", resume=True, **kept).fit(rows)
    np.testing.assert_array_equal(resumed.score_samples(rows), whole.score_samples(rows))


def test_a_weight_counts_like_rows(rows):
    short = rows[:500]
    weights = np.where(short[:, 0] == "red", 2, 1)
    settings = {"options": NARROW, "validation": None, **QUICK}
    weighted = pf.FlowDensity("affine", **settings).fit(short, sample_weight=weights)
    repeated = pf.FlowDensity("affine", **settings).fit(np.repeat(short, weights, axis=0))
    np.testing.assert_array_equal(weighted.score_samples(short), repeated.score_samples(short))


def test_categories_alone_need_no_flow():
    rng = np.random.default_rng(0)
    first = rng.integers(0, 3, 600)
    second = np.where(rng.random(600) < 0.8, first, rng.integers(0, 3, 600))
    cells = np.array(list("abc"), object)[np.stack([first, second], axis=1)]
    density = pf.FlowDensity(options={"width": 16}, **(QUICK | {"max_epochs": 20, "learning_rate": 2e-2})).fit(cells)
    every = np.array(list(itertools.product("abc", repeat=2)), object)
    probabilities = np.exp(density.score_samples(every))
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)
    shares = np.array([np.mean((cells == pair).all(axis=1)) for pair in every])
    np.testing.assert_allclose(probabilities, shares, atol=0.04)


@pytest.fixture(scope="module")
def given_colour(rows):
    settings = QUICK | {"max_epochs": 25, "learning_rate": 2e-2}
    return pf.ConditionalFlowDensity("maf", options=TINY, **settings).fit(rows[:, [0]], rows[:, 1:2])


def test_a_condition_may_be_a_category(given_colour, tmp_path):
    drawn = given_colour.sample([["green"], ["red"]], 500, random_state=0).reshape(2, 500)
    np.testing.assert_allclose(drawn.astype(float).mean(axis=1), [4, -4], atol=0.4)
    given_colour.save(tmp_path / "m.safetensors")
    again = pf.ConditionalFlowDensity.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(
        again.sample([["red"]], 3, random_state=0), given_colour.sample([["red"]], 3, random_state=0)
    )


def test_an_unseen_condition_is_refused_by_name(given_colour):
    with pytest.raises(DataError, match=r"'violet' was not seen in training.*\n.*'blue', 'green', 'red'"):
        given_colour.sample([["violet"]])


def test_categories_may_be_conditional_on_numbers(rows):
    density = pf.ConditionalFlowDensity("maf", options=TINY, **(QUICK | {"max_epochs": 15, "learning_rate": 2e-2}))
    density.fit(rows[:, [1]].astype(float), rows[:, [0]])
    assert density.predict([[4.0]]).tolist() == ["green"]
    assert (density.sample([[4.0]], 100, random_state=0) == "green").mean() > 0.9


def test_integers_are_categories_of_a_condition_when_asked(rows):
    season = np.repeat([1, 2, 3, 4], 250)[:, None]
    x = season * np.array([[1.0]]) + np.random.default_rng(0).normal(0, 0.1, (1000, 1))
    density = pf.ConditionalFlowDensity("maf", options=TINY, columns={"x0": "categorical"}, **QUICK).fit(season, x)
    assert density.condition_schema_.sizes == (4,)
    assert density.flow_.cond_shape == (1,)
    with pytest.raises(DataError, match="the kind of a condition is categorical, circular or none"):
        pf.ConditionalFlowDensity("maf", columns={"x0": "positive"}).fit(season, x)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_frames_fit_score_and_come_back(library, rows):
    frame = pytest.importorskip(library)
    cells = {"colour": rows[:, 0].tolist(), "x": rows[:, 1].astype(float).tolist(), "yes": rows[:, 2].tolist()}
    data = frame.table(cells) if library == "pyarrow" else frame.DataFrame(cells)
    density = pf.FlowDensity("maf", options=TINY, **QUICK).fit(data)
    assert density.feature_names_in_.tolist() == ["colour", "x", "yes"]
    assert np.isfinite(density.score_samples(data)).all()
    drawn = density.sample_table(20, random_state=0)
    pa = pytest.importorskip("pyarrow")
    again = {"pandas": lambda t: pa.table(t).to_pandas(), "pyarrow": pa.table}.get(library, _polars)(drawn)
    assert np.isfinite(density.score_samples(again)).all()


def _polars(table: Table):
    return pytest.importorskip("polars").DataFrame(table)


def test_frames_with_other_columns_are_refused(rows):
    pd = pytest.importorskip("pandas")
    data = pd.DataFrame({"colour": rows[:, 0], "x": rows[:, 1].astype(float), "yes": rows[:, 2].astype(bool)})
    density = pf.FlowDensity("maf", options=TINY, **QUICK).fit(data)
    with pytest.raises(ValueError, match="The feature names should match those that were passed during fit"):
        density.score_samples(data[["x", "colour", "yes"]])
    with pytest.raises(ValueError, match="X has 1 features, but FlowDensity is expecting 3"):
        density.score_samples(data[["colour"]])


def test_no_warning_for_what_was_seen(fitted, rows):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted.score_samples(rows[:5])


def test_a_table_with_other_codes_scores_the_same(fitted, rows):
    names = ("x0", "x1", "x2")
    codes = np.array([["red", "blue", "green"].index(colour) for colour in rows[:20, 0]], float)
    values = np.stack([codes, rows[:20, 1].astype(float), rows[:20, 2].astype(float)], axis=1)
    table = Table(names, values, categories={"x0": ("red", "blue", "green"), "x2": (False, True)})
    np.testing.assert_array_equal(fitted.score_samples(table), fitted.score_samples(rows[:20]))
    assert encode(table, fitted.schema_).categories["x0"] == COLOURS


def test_angles_and_categories_stand_together(rows):
    angle = np.random.default_rng(1).uniform(0, 360, 1000)
    cells = np.column_stack([rows[:, :2], angle.astype(object)])
    density = pf.FlowDensity(
        "nsf", options=TINY | {"num_bins": 4, "width": 8}, columns={"x2": "circular(360)"}, **QUICK
    ).fit(cells)
    turned = cells[:20].copy()
    turned[:, 2] = turned[:, 2] + 360
    np.testing.assert_allclose(density.score_samples(turned), density.score_samples(cells[:20]), atol=1e-3)


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        ("sphere", "is for points of the sphere, and columns 'x0', 'x2' are categorical"),
        ("made-bernoulli", "takes zeros and ones alone, not categories"),
        ("no-such", "is not known"),
    ],
)
def test_flows_that_do_not_fit_are_refused(rows, flow, message):
    with pytest.raises(ValueError, match=message):
        pf.FlowDensity(flow).fit(rows)


def test_modulo_wants_as_many_categories_in_every_column():
    codes = np.stack([np.arange(60) % 2, np.arange(60) % 12], axis=1)
    with pytest.raises(DataError, match="'x0' has 2, and the number is 12"):
        pf.FlowDensity("modulo", columns="categorical", options=NARROW, **QUICK).fit(codes)


def test_flows_without_conditions_are_refused_with_those_that_do(rows):
    unable = [name for name, recipe in pf.flows.RECIPES.items() if not recipe.conditional]
    if not unable:
        pytest.skip("every recipe can be conditional")
    with pytest.raises(ValueError, match=r"cannot be conditional, and with the categorical columns[^\n]*\n.*maf"):
        pf.FlowDensity(unable[0]).fit(rows)


CODES = ("007", "012", "100")


@pytest.fixture
def coded():
    """Text that looks like numbers, beside a number."""
    pd = pytest.importorskip("pandas")
    return pd.DataFrame({"code": CODES * 20, "w": np.random.default_rng(0).normal(size=60)})


def fit_codes(X, given=None, **settings):
    settings |= {"options": NARROW, "validation": None, **QUICK, "max_epochs": 1}
    if given is None:
        return pf.FlowDensity("affine", **settings).fit(X)
    return pf.ConditionalFlowDensity("affine", **settings).fit(given, X)


@pytest.mark.parametrize("library", ["pandas", "polars", "objects"])
def test_text_that_looks_like_numbers_keeps_its_zeros_when_asked_for(library, coded):
    (code, number), X = ("code", "w"), coded
    if library == "polars":
        X = pytest.importorskip("polars").DataFrame(coded.to_dict("list"))
    elif library == "objects":
        (code, number), X = ("x0", "x1"), coded.to_numpy()
    for columns in ({code: "categorical"}, {"*": "categorical", number: "unbounded"}):
        density = fit_codes(X, columns=columns)
        assert density.schema_.categories == {code: CODES}
        assert np.isfinite(density.score_samples(X)).all()


def test_a_model_of_pandas_categories_scores_its_own_samples(coded):
    density = fit_codes(coded.astype({"code": "category"}))
    drawn = density.sample(5, random_state=0)
    assert set(drawn[:, 0]) <= set(CODES)
    assert np.isfinite(density.score_samples(drawn)).all()
    assert np.isfinite(density.score_samples(coded)).all()


def test_conditions_that_look_like_numbers_keep_their_zeros_when_asked_for(coded):
    density = fit_codes(coded[["w"]], coded[["code"]], columns={"code": "categorical"})
    assert density.condition_schema_.categories == {"code": CODES}
    scores = density.score_samples(coded[["code"]], coded[["w"]])
    np.testing.assert_array_equal(density.score_samples(coded[["code"]].to_numpy(), coded[["w"]]), scores)


def test_text_that_looks_like_numbers_is_refused_unless_asked_for(coded):
    with pytest.raises(DataError, match=r"'code' holds text: '007' in row 1") as caught:
        fit_codes(coded)
    assert "read it as categories" in caught.value.hint


def test_a_gaussianizer_refuses_categories(rows):
    with pytest.raises(ValueError, match="a categorical column cannot become Gaussian noise"):
        pf.Gaussianizer("maf").fit(rows)


def test_missing_categories_are_named(rows):
    holes = rows[:30].copy()
    holes[3, 0] = None
    with pytest.raises(DataError, match=r"1 row with an empty, NaN or infinite cell: row 4 \(column 'x0'\)"):
        pf.FlowDensity("maf").fit(holes)


def test_truth_values_of_an_array_are_categories_as_those_of_a_frame():
    truths = np.random.default_rng(0).random((60, 2)) > 0.5
    own = {"options": {"num_layers": 1, "width": 8}, "max_epochs": 1, "random_state": 0}
    density = pf.FlowDensity("maf", **own).fit(truths)
    assert density.sample(3).dtype == object
    assert density.score(truths) == pf.FlowDensity("maf", **own).fit(pd.DataFrame(truths)).score(pd.DataFrame(truths))
    x = np.random.default_rng(1).normal(size=(60, 2))
    predicted = pf.ConditionalFlowDensity("maf", **own).fit(x, x[:, 0] > 0).predict(x[:4])
    assert set(predicted.tolist()) <= {False, True}
