"""Dates and small types through the estimators: densities, samples, files."""

import datetime
import itertools
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

import pushforward as pf
from pushforward.data import as_table, infer_schema

pa = pytest.importorskip("pyarrow")
QUICK: dict[str, Any] = {"max_epochs": 2, "random_state": 0, "background": False}
ONCE: dict[str, Any] = QUICK | {"max_epochs": 1}
START = datetime.date(2024, 3, 31)
SPREAD = 40.0


def _dates(days):
    return [START + datetime.timedelta(days=int(day)) for day in days]


@pytest.fixture(scope="module")
def offsets():
    return np.rint(np.random.default_rng(0).normal(0, SPREAD, 1500))


@pytest.fixture(scope="module")
def fitted(offsets):
    return pf.FlowDensity("affine", **QUICK).fit(pa.table({"when": pa.array(_dates(offsets))}))


def test_normal_days_have_the_probability_of_the_normal_law(fitted, offsets):
    mean, spread = offsets.mean(), offsets.std()
    near = np.arange(-60, 61, 10)
    want = np.log(norm.cdf(near + 0.5, mean, spread) - norm.cdf(near - 0.5, mean, spread))
    scores = fitted.score_samples(pa.table({"when": pa.array(_dates(near))}))
    np.testing.assert_allclose(scores, want, atol=0.1)


def test_the_probabilities_of_all_days_add_up_to_one(fitted):
    days = _dates(range(-500, 501))
    assert np.exp(fitted.score_samples(pa.table({"when": pa.array(days)}))).sum() == pytest.approx(1.0, abs=1e-4)


def test_days_of_every_container_score_alike(fitted):
    days = _dates(range(-20, 20, 7))
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    scores = fitted.score_samples(pa.table({"when": pa.array(days)}))
    for frame in (
        pd.DataFrame({"when": days}),
        pd.DataFrame({"when": pd.to_datetime(days)}),
        pl.DataFrame({"when": days}),
        pd.DataFrame({"when": [day.isoformat() for day in days]}),
        as_table(pa.table({"when": pa.array(days)})),
    ):
        np.testing.assert_array_equal(fitted.score_samples(frame), scores)


def test_samples_are_dates(fitted):
    drawn = fitted.sample(400, random_state=0)
    assert {type(day) for day in drawn[:, 0]} == {datetime.date}
    mean = np.mean([(day - START).days for day in drawn[:, 0]])
    assert abs(mean) < 5 * SPREAD / 20
    assert pa.table(fitted.sample_table(5)).schema.field("when").type == pa.date32()


def test_a_saved_model_of_dates_gives_the_same(fitted, tmp_path):
    fitted.save(tmp_path / "m.safetensors")
    loaded = pf.FlowDensity.load(tmp_path / "m.safetensors")
    assert loaded.schema_ == fitted.schema_
    assert loaded.sample(5, random_state=1).tolist() == fitted.sample(5, random_state=1).tolist()


def test_dates_given_dates_are_predicted_as_dates(offsets):
    pd = pytest.importorskip("pandas")
    x = pd.DataFrame({"ordered": pd.to_datetime(_dates(offsets))})
    y = (x["ordered"] + pd.Timedelta(days=3)).rename("arrived")
    model = pf.ConditionalFlowDensity("affine", **ONCE).fit(x, y)
    predicted = model.predict(x.iloc[:3])
    assert {type(day) for day in predicted} == {datetime.datetime}
    low, high = model.quantile(x.iloc[:1], [0.1, 0.9])[0]
    assert low < predicted[0] < high
    assert np.isfinite(model.score_samples(x.iloc[:3], y.iloc[:3])).all()


def _frames():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    rng = np.random.default_rng(0)
    few, words = rng.integers(0, 200, 60), rng.choice(["low", "high"], 60)
    kinds = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "uint64")
    whole = {kind: (few % 100).astype(kind) for kind in kinds}
    order = ["low", "middle", "high"]
    yield (
        pd.DataFrame(
            {
                **whole,
                "Int64": pd.array(few, dtype="Int64"),
                "UInt8": pd.array(few, dtype="UInt8"),
                "flag": few > 90,
                "word": pd.Categorical(words, order, ordered=True),
                "plain": pd.Categorical(words),
            }
        ),
        lambda table: pa.table(table).to_pandas(),
        lambda frame: frame.dtypes.to_dict(),
    )
    yield (
        pl.DataFrame(
            {**whole, "flag": few > 90, "enum": pl.Series(words, dtype=pl.Enum(order)), "word": words}
        ).with_columns(pl.col("word").cast(pl.Categorical)),
        lambda table: pl.DataFrame(pa.table(table)),
        lambda frame: frame.schema,
    )
    yield (
        pa.table(
            {
                "word": pa.DictionaryArray.from_arrays(pa.array(few % 2, pa.int16()), ["b", "a"], ordered=True),
                "flag": pa.array(few > 90),
                "small": pa.array(few, pa.uint8()),
            }
        ),
        pa.table,
        lambda frame: frame.schema.types,
    )


@pytest.mark.parametrize("which", [0, 1, 2], ids=["pandas", "polars", "arrow"])
def test_the_types_of_columns_come_back(which):
    frame, back, types = next(itertools.islice(_frames(), which, None))
    table = as_table(frame)
    schema, _ = infer_schema(table)
    assert types(back(schema.table(table.values))) == types(frame)


def test_an_order_is_kept_in_the_categories_of_a_model():
    pd = pytest.importorskip("pandas")
    order = ["low", "middle", "high"]
    table = as_table(pd.DataFrame({"word": pd.Categorical(["high", "low"] * 5, order, ordered=True)}))
    schema, sentences = infer_schema(table)
    assert schema.columns[0].categories == ("low", "high")  # not in the alphabet
    assert "text in an order" in sentences[0]


@pytest.mark.parametrize(("kind", "ends"), [("int8", (-128, 127)), ("uint16", (0, 65_535)), ("uint32", (0, None))])
def test_no_sample_lies_outside_of_a_small_type(kind, ends):
    rows = np.random.default_rng(0).integers(90, 127, 100).astype(kind)
    table = as_table(pa.table({"n": rows}))
    schema, _ = infer_schema(table)
    assert (schema.columns[0].low, schema.columns[0].high) == ends
    far = np.array([[-1e9], [1e9]])
    drawn = pa.table(schema.table(schema.clip(far)))["n"]
    assert str(drawn.type) == kind
    assert drawn.to_pylist()[0] == ends[0]


def test_an_integer_that_the_user_asks_for_keeps_to_its_type():
    table = as_table(pa.table({"n": np.arange(100, dtype="int8")}))
    schema, _ = infer_schema(table, {"n": "integer"})
    assert pa.table(schema.table(np.array([[-500.0], [300.0]])))["n"].to_pylist() == [-128, 127]
