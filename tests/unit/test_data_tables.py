"""Tables: names, kinds and the checks before a fit."""

import numpy as np
import pytest

from pushforward._errors import DataError
from pushforward.data import Table, as_table, constant_columns, match_columns, require_rows


@pytest.fixture
def table() -> Table:
    return Table(("a", "b", "c"), np.arange(12.0).reshape(4, 3), ("int", "float", "float"))


def test_select_keeps_the_given_order_and_the_kinds(table):
    chosen = table.select(["c", "a"])
    assert chosen.names == ("c", "a")
    assert chosen.kinds == ("float", "int")
    np.testing.assert_array_equal(chosen.values, table.values[:, [2, 0]])


def test_drop_leaves_the_rest(table):
    assert table.drop(["b"]).names == ("a", "c")


def test_column_is_one_column(table):
    np.testing.assert_array_equal(table.column("b"), [1, 4, 7, 10])


def test_selecting_all_columns_copies_nothing(table):
    assert table.select(["a", "b", "c"]).values is table.values


def test_matrix_is_contiguous_and_of_the_wanted_type(table):
    matrix = table.select(["c", "a"]).matrix()
    assert matrix.dtype == np.float32
    assert matrix.flags.c_contiguous


def test_float32_stays_float32():
    assert Table(("a",), np.zeros((2, 1), np.float32)).values.dtype == np.float32


@pytest.mark.parametrize("names", [("a",), ("a", "b", "c", "d")])
def test_wrong_number_of_names_is_refused(names):
    with pytest.raises(DataError, match=r"values of shape \(4, 3\)"):
        Table(names, np.zeros((4, 3)))


def test_repeated_names_are_named():
    with pytest.raises(DataError, match="column name 'b' used more than once"):
        Table(("a", "b", "b"), np.zeros((4, 3)))


def test_match_columns_reorders_by_name_and_notes_the_rest(table):
    matched = match_columns(table, ["c", "b"])
    assert matched.names == ("c", "b")
    assert matched.notes == ("column 'a' not used by the model: left out.",)


def test_match_columns_names_the_missing_and_suggests_the_nearest():
    table = Table(("alcohol", "hue"), np.zeros((2, 2)))
    with pytest.raises(DataError, match="no column 'alcohl'") as caught:
        match_columns(table, ["hue", "alcohl"])
    assert caught.value.hint == "did you mean 'alcohol'?"


def test_match_columns_names_all_that_are_missing(table):
    with pytest.raises(DataError, match="no columns 'y', 'z'") as caught:
        match_columns(table, ["y", "a", "z"])
    assert caught.value.hint == "the columns are a, b, c"


def test_one_row_is_too_few_to_fit():
    with pytest.raises(DataError, match=r"wine.csv: 1 row, but fitting needs at least 2"):
        require_rows(Table(("a",), np.zeros((1, 1))), label="wine.csv")


def test_two_rows_are_enough():
    require_rows(Table(("a",), np.zeros((2, 1))))


def test_constant_columns_are_found():
    table = Table(("a", "b"), np.array([[1.0, 2.0], [1.0, 3.0]]))
    assert constant_columns(table) == ("a",)


def test_an_array_gets_names():
    assert as_table(np.zeros((2, 3))).names == ("x0", "x1", "x2")


def test_integers_of_an_array_are_remembered():
    table = as_table([[1, 2], [3, 4]], names=["a", "b"])
    assert table.kinds == ("int", "int")
    assert table.values.dtype == np.float64


def test_a_pandas_frame_keeps_its_names_and_kinds():
    pd = pytest.importorskip("pandas")
    table = as_table(pd.DataFrame({"n": [1, 2], "x": [0.5, 1.5], "yes": [True, False]}))
    assert table.names == ("n", "x", "yes")
    assert table.kinds == ("int", "float", "category")
    np.testing.assert_array_equal(table.values, [[1, 0.5, 1], [2, 1.5, 0]])


def test_a_polars_frame_keeps_its_names():
    pl = pytest.importorskip("polars")
    assert as_table(pl.DataFrame({"n": [1, 2], "x": [0.5, 1.5]})).names == ("n", "x")


def test_a_pandas_column_of_numbers_with_a_slip_is_named():
    pd = pytest.importorskip("pandas")
    with pytest.raises(DataError, match="column 'size' holds text: 'tall' in row 2"):
        as_table(pd.DataFrame({"x": [1.0, 2.0], "size": ["1.5", "tall"]}))


LABELS = ["u", "v", "u"]


@pytest.mark.parametrize("kind", ["object", "pandas", "categorical", "polars", "enum", "arrow", "array"])
def test_text_of_every_frame_becomes_categories(kind):
    table = as_table(_frame(kind))
    assert list(table.categories.values()) == [("v", "z", "u") if kind == "enum" else ("u", "v")]
    codes = [2, 0, 2] if kind == "enum" else [0, 1, 0]  # an enum has an order
    np.testing.assert_array_equal(table.values, np.column_stack([[1, 2, 3], codes]))


def _frame(kind: str):
    if kind == "array":
        return np.array([[1.0, "u"], [2.0, "v"], [3.0, "u"]], object)
    if kind == "arrow":
        pa = pytest.importorskip("pyarrow")
        return pa.table({"x": [1.0, 2.0, 3.0], "c": pa.array(LABELS).dictionary_encode()})
    if kind in ("polars", "enum"):
        pl = pytest.importorskip("polars")
        return pl.DataFrame(
            {"x": [1.0, 2.0, 3.0], "c": pl.Series(LABELS, dtype=pl.Enum(["v", "z", "u"]) if kind == "enum" else None)}
        )
    pd = pytest.importorskip("pandas")
    cells = {"object": np.array(LABELS, object), "pandas": LABELS, "categorical": pd.Categorical(LABELS)}[kind]
    return pd.DataFrame({"x": [1.0, 2.0, 3.0], "c": cells})


def test_categories_of_a_frame_may_have_fractions():
    pd, pa = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    table = as_table(pd.DataFrame({"c": pd.Categorical([1.5, 2.5, 1.5])}))
    assert table.categories == {"c": (1.5, 2.5)}
    assert pa.table(table).column("c").to_pylist() == [1.5, 2.5, 1.5]


def test_a_missing_category_of_a_frame_is_missing():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"x": [1.0, 2.0], "c": pd.Categorical(["u", None])})
    with pytest.raises(DataError, match="row 2"):
        as_table(frame)


def test_a_table_gives_its_categories_to_arrow_as_what_they_are():
    pa = pytest.importorskip("pyarrow")
    table = Table(("n", "yes"), np.array([[1.0, 1.0], [0.0, 0.0]]), categories={"n": (7, 9), "yes": (False, True)})
    assert pa.table(table).to_pydict() == {"n": [9, 7], "yes": [True, False]}
