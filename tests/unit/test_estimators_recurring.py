"""Numbers with fractions of which there are few: categories for a flow, numbers for a user."""

import warnings

import numpy as np
import pytest

import pushforward as pf
from pushforward._errors import DataError

DOSES, MEANS = np.array([0.1, 0.5, 2.0]), np.array([-1.0, 0.0, 3.0])
QUICK = {"options": {"num_layers": 1, "width": 16, "depth": 1}, "batch_size": 128, "random_state": 0}


def table(rows: int, seed: int = 0) -> np.ndarray:
    """A dose, and a response whose mean depends on it."""
    rng = np.random.default_rng(seed)
    which = rng.choice(3, rows, p=[0.5, 0.3, 0.2])
    return np.column_stack([DOSES[which], MEANS[which] + 0.5 * rng.normal(size=rows)])


@pytest.fixture(scope="module")
def fitted() -> pf.FlowDensity:
    return pf.FlowDensity("maf", columns="infer", max_epochs=25, learning_rate=2e-2, **QUICK).fit(table(1000))


def test_the_density_summed_over_the_numbers_and_integrated_over_the_others_is_one(fitted):
    assert [column.kind for column in fitted.schema_.columns] == ["categorical", "unbounded"]
    grid = np.linspace(-12, 14, 1301)
    each = [
        np.trapezoid(np.exp(fitted.score_samples(np.column_stack([np.full(1301, dose), grid]))), grid) for dose in DOSES
    ]
    assert sum(each) == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(each, [0.5, 0.3, 0.2], atol=0.05)


def test_draws_are_numbers_among_those_that_there_are(fitted):
    drawn = fitted.sample(2000, random_state=1)
    assert drawn.dtype == np.float64
    assert set(drawn[:, 0]) == set(DOSES)
    for dose, mean in zip(DOSES, MEANS, strict=True):
        assert drawn[drawn[:, 0] == dose, 1].mean() == pytest.approx(mean, abs=0.25)
    holes = np.array([[np.nan, 3.0], [np.nan, -1.5], [0.5, np.nan]])
    filled = fitted.impute(holes, draws=20, random_state=0)
    assert filled.dtype == np.float64
    assert set(np.unique(filled[:, :2, 0])) <= set(DOSES)
    assert np.mean(filled[:, 0, 0] == 2.0) > 0.9


def test_conditions_compare_them(fitted):
    above = fitted.condition({"x0": (0.3, None)})
    assert above.given == {"x0": " in 0.5, 2.0"}
    assert above.log_evidence == pytest.approx(np.log(0.5), abs=0.1)
    assert set(above.sample(200)[:, 0]) == {0.5, 2.0}
    assert fitted.condition({"x0": (None, 0.1)}).given == {"x0": "=0.1"}
    given = fitted.condition({"x1": 3.2}).quantiles([0.5])
    assert given["x0"].value == 2.0
    for impossible in ({"x0": 0.7}, {"x0": (3.0, None)}):
        with pytest.raises(DataError, match="probability is zero"):
            fitted.condition(impossible)
    with pytest.raises(DataError, match=r"no value .* is as what is given, .*\n.*the values are 0.1, 0.5, 2"):
        fitted.condition({"x0": (0.6, 1.9)})


def test_other_numbers_are_impossible_and_float32_is_no_other_number(fitted, tmp_path):
    x = table(20, 1)
    np.testing.assert_array_equal(fitted.score_samples(x.astype(np.float32).astype(float)) > -np.inf, True)
    near = x.copy()
    near[:, 0] = near[:, 0].astype(np.float32)
    np.testing.assert_array_equal(fitted.score_samples(near), fitted.score_samples(x))
    near[0, 0] = 0.7
    with pytest.warns(UserWarning, match=r"0\.7 was not seen in training"):
        assert fitted.score_samples(near)[0] == -np.inf
    fitted.save(tmp_path / "m.safetensors")
    again = pf.FlowDensity.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.score_samples(x), fitted.score_samples(x))


@pytest.mark.parametrize("end", ["csv", "npy", "npz", "parquet"])
def test_every_format_holds_them(fitted, tmp_path, end):
    drawn = fitted.sample_table(50, random_state=2)
    pf.data.write_table(tmp_path / f"t.{end}", drawn)
    back = pf.data.read_table(str(tmp_path / f"t.{end}"))
    assert not back.categories
    np.testing.assert_allclose(back.values, fitted.sample(50, random_state=2), rtol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(fitted.score_samples(back)).all()


def test_of_y_given_x_they_stay_numbers(fitted):
    x = table(200)
    model = pf.ConditionalFlowDensity("affine", columns="infer", max_epochs=1, random_state=0).fit(x[:, 1:], x[:, 0])
    assert model.schema_.columns[0].kind == "positive"
    assert np.isfinite(model.predict(x[:3, 1:])).all()


def test_rows_with_holes_are_learned_too():
    x = table(300)
    x[np.random.default_rng(0).random(x.shape) < 0.2] = np.nan
    model = pf.FlowDensity("maf", columns="infer", max_epochs=2, incomplete=True, **QUICK).fit(x)
    assert model.schema_.columns[0].categories == tuple(DOSES)
    assert set(model.sample(100, random_state=0)[:, 0]) <= set(DOSES)


def test_numbers_of_float32_are_what_they_were_written_as(tmp_path):
    x = table(200).astype(np.float32)
    model = pf.FlowDensity("maf", columns="infer", max_epochs=1, **QUICK).fit(x)
    assert model.schema_.columns[0].categories == (0.1, 0.5, 2.0)
    assert np.isfinite(model.score_samples(x)).all()
    assert model.condition({"x0": (None, 0.1)}).given == {"x0": "=0.1"}
    pf.data.write_table(tmp_path / "t.csv", model.sample_table(20, random_state=0))
    assert set(np.loadtxt(tmp_path / "t.csv", delimiter=",", skiprows=1)[:, 0]) <= {0.1, 0.5, 2.0}


def test_text_beside_them_and_frames_and_batches():
    pd, pa = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    x = table(200)
    frame = pd.DataFrame({"dose": x[:, 0], "y": x[:, 1], "sex": np.resize(["F", "M"], 200)})
    model = pf.FlowDensity("maf", columns="infer", max_epochs=1, **QUICK).fit(frame)
    assert model.schema_.text_columns == ("sex",)
    scores = model.score_samples(frame)
    np.testing.assert_array_equal(model.score_batch(pa.Table.from_pandas(frame)).to_numpy(), scores)
    assert {type(cell) for cell in model.sample(5, random_state=0)[0]} == {float, str}


def test_a_gaussianizer_sees_numbers():
    model = pf.Gaussianizer(columns="infer", max_epochs=1, random_state=0).fit(table(100))
    assert "categorical" not in {column.kind for column in model.schema_.columns}
