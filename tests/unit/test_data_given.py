"""Data as people hold them in memory: read, or refused in words."""

import numpy as np
import pyarrow as pa
import pytest

import pushforward as pf
from pushforward._errors import DataError
from pushforward.data import Table, as_table

X = np.random.default_rng(0).normal(size=(40, 2))
HIDDEN = np.zeros((40, 2), bool)
HIDDEN[[3, 7], [1, 0]] = True


def test_what_a_mask_hides_is_missing():
    masked = np.ma.masked_array(np.where(HIDDEN, 1e6, X), mask=HIDDEN)
    with pytest.raises(
        DataError, match=r"2 rows with an empty, NaN or infinite cell: rows 4, 8 \(columns 'x0', 'x1'\)"
    ):
        as_table(masked)
    table = as_table(masked, drop_missing=True)
    np.testing.assert_array_equal(table.values, X[~HIDDEN.any(axis=1)])
    assert table.dropped == 2


@pytest.mark.parametrize("dtype", [int, bool, "<U3", object, ">i4"])
def test_a_mask_hides_cells_of_every_type(dtype):
    masked = np.ma.masked_array(np.arange(80).reshape(40, 2).astype(dtype), mask=HIDDEN)
    assert as_table(masked, drop_missing=True).num_rows == 38


def test_a_mask_that_hides_nothing_changes_nothing():
    np.testing.assert_array_equal(as_table(np.ma.masked_array(X)).values, X)


def test_masked_rows_are_refused_and_named_by_an_estimator():
    masked = np.ma.masked_array(X, mask=HIDDEN)
    with pytest.raises(DataError, match=r"X: 2 rows .* rows 4, 8 \(columns 'x0', 'x1'\)") as caught:
        pf.FlowDensity("gaussian").fit(masked)
    assert "as_table(X, drop_missing=True)" in caught.value.hint
    density = pf.FlowDensity("gaussian", max_epochs=1, random_state=0).fit(as_table(masked, drop_missing=True))
    with pytest.raises(DataError, match=r"X: 2 rows .* rows 4, 8"):
        density.score_samples(masked)


def _structured() -> np.ndarray:
    table = np.empty(40, [("a", ">f8"), ("b", "f8")])
    table["a"], table["b"] = X.T
    return table


def _frames() -> dict:
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    columns = {"a": X[:, 0], "b": X[:, 1]}
    return {
        "lazy": pl.DataFrame(columns).lazy(),
        "structured": _structured(),
        "records": _structured().view(np.recarray),
        "masked structured": np.ma.masked_array(_structured()),
        "mapping": {"a": X[:, 0].tolist(), "b": X[:, 1].astype(">f8")},
        "mappings": [{"a": a, "b": b} for a, b in X.tolist()],
        "big-endian frame": pd.DataFrame(X.astype(">f8"), columns=["a", "b"]),
        "batch": pa.record_batch({"a": X[:, 0], "b": X[:, 1]}),
    }


@pytest.mark.parametrize(
    "kind",
    ["lazy", "structured", "records", "masked structured", "mapping", "mappings", "big-endian frame", "batch"],
)
def test_tables_of_many_kinds_are_taken_with_their_names(kind):
    data = _frames()[kind]
    table = as_table(data)
    assert table.names == ("a", "b")
    np.testing.assert_array_equal(table.values, X)
    density = pf.FlowDensity("gaussian", max_epochs=1, random_state=0).fit(data)
    assert density.schema_.names == ("a", "b")
    expected = density.score_samples(table)
    np.testing.assert_array_equal(density.score_samples(data), expected)


def test_names_of_several_levels_are_joined():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=pd.MultiIndex.from_tuples([("a", "mean"), ("a", "std")]))
    assert as_table(frame).names == ("a_mean", "a_std")
    assert pf.FlowDensity("gaussian", max_epochs=1, random_state=0).fit(frame).schema_.names == ("a_mean", "a_std")


def test_numbers_among_names_are_text():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=[2024, "age"])
    assert as_table(frame).names == ("2024", "age")
    assert pf.FlowDensity("gaussian", max_epochs=1, random_state=0).fit(frame).schema_.names == ("2024", "age")


def test_columns_without_a_name_get_one():
    batch = pa.RecordBatch.from_arrays([pa.array(X[:, 0]), pa.array(X[:, 1])], names=["", ""])
    assert as_table(batch).names == ("x0", "x1")


def test_a_series_is_one_column():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    for series in (pd.Series(X[:, 0], name="a"), pl.Series("a", X[:, 0])):
        np.testing.assert_array_equal(as_table(series).column("a"), X[:, 0])


def test_integers_beyond_63_bits_are_numbers():
    pl = pytest.importorskip("polars")
    values = np.array([[2**63 + 2**40 * i] for i in range(1, 30)], np.uint64)
    for data in (values, pl.DataFrame({"a": values[:, 0]})):
        np.testing.assert_array_equal(as_table(data).values, values.astype(float))


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        ({"a": [1, 2], "b": [1]}, "columns differ in length: 'a' has 2, 'b' has 1", "one cell per row"),
        ({"a": [1, 2], "b": 3}, "column 'b' is 3, not a column", "one cell for each row"),
        ({"a": np.zeros((2, 2))}, r"column 'a' has shape \(2, 2\)", "a name of its own"),
        ({"a": [1, "x"]}, "mixed types", "numbers alone"),
        ({}, "no columns", "at least one"),
        ([[1, 2], [3]], "rows differ in length", "one cell per column"),
        ("data.csv", "got the text 'data.csv'", "read_table('data.csv')"),
        (None, "got None", "a data frame"),
        ((row for row in X), "got a generator", "a data frame"),
    ],
)
def test_what_is_no_table_is_refused_in_words(data, message, hint):
    with pytest.raises(DataError, match=message) as caught:
        as_table(data)
    assert hint in caught.value.hint


def test_repeated_names_of_a_frame_are_refused():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["a", "a"])
    for use in (as_table, pf.FlowDensity("gaussian").fit):
        with pytest.raises(DataError, match="column name 'a' used more than once"):
            use(frame)


@pytest.mark.parametrize("kind", ["pandas", "polars", "array"])
def test_a_missing_cell_of_numbers_is_named_by_row_and_column(kind):
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    values = np.where(HIDDEN, np.nan, X)
    made = {
        "pandas": lambda: pd.DataFrame(values, columns=["a", "b"]),
        "polars": lambda: pl.DataFrame({"a": values[:, 0], "b": values[:, 1]}),
        "array": lambda: values,
    }
    names = "'x0', 'x1'" if kind == "array" else "'a', 'b'"
    with pytest.raises(DataError, match=rf"X: 2 rows .* rows 4, 8 \(columns {names}\)"):
        pf.FlowDensity("gaussian").fit(made[kind]())


def test_a_missing_condition_is_named():
    y = np.where(HIDDEN[:, :1], np.nan, X[:, :1])
    with pytest.raises(DataError, match=r"y: 1 row .* row 8 \(column 'y0'\)"):
        pf.ConditionalFlowDensity("affine").fit(X, y)


def test_a_table_is_taken_as_it_is():
    table = Table(("a",), X[:, :1])
    assert as_table(table) is table


def test_columns_whose_names_are_numbers_have_no_names():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X)
    assert as_table(frame).names == as_table(frame.astype(object)).names == ("x0", "x1")
    assert as_table(pd.DataFrame({2019: X[:, 0], "b": X[:, 1]})).names == ("2019", "b")
    holes = frame.mask(HIDDEN)
    small = {"max_epochs": 1, "background": False, "random_state": 0}
    for model in (pf.FlowDensity("gaussian", **small).fit(frame), pf.FlowDensity("gaussian", **small).fit(X)):
        np.testing.assert_array_equal(model.impute(holes, random_state=0), model.impute(holes.to_numpy(), 1, 0))
        assert np.isfinite(model.score_incomplete(holes).value).all()
        rest = model.condition({"x0": 0.5})
        assert np.isfinite(rest.log_prob(frame.mask(np.tile([True, False], (40, 1)), 0.5)).value).all()
