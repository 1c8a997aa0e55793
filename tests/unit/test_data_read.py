"""Reading tables: every format, and every kind of bad input, with its message."""

import gzip
import io
import sys

import numpy as np
import pytest

import pushforward as pf
from pushforward._errors import DataError
from pushforward.data import Table, read_batches, read_table, write_table
from pushforward.data.text._csv import HEAD_BYTES

VALUES = np.array([[1.0, 2.5], [3.0, -1e-300], [5.0, np.pi]])


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read_text(text: str | bytes, name: str = "data.csv", **options) -> Table:
    with open(name, "wb") as file:
        file.write(text.encode() if isinstance(text, str) else text)
    return read_table(name, **options)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet", "pq", "feather", "arrow", "npz"])
def test_written_tables_are_read_back(in_folder, suffix):
    write_table(f"t.{suffix}", Table(("a", 'odd, "name"'), VALUES))
    table = read_table(f"t.{suffix}")
    assert table.names == ("a", 'odd, "name"')
    np.testing.assert_array_equal(table.values, VALUES)


def test_an_npy_file_gets_column_names(in_folder):
    write_table("t.npy", Table(("a", "b"), VALUES))
    table = read_table("t.npy")
    assert table.names == ("x0", "x1")
    np.testing.assert_array_equal(table.values, VALUES)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "feather"])
def test_integer_columns_are_remembered(in_folder, suffix):
    write_table(f"t.{suffix}", Table(("a", "b"), VALUES, ("int", "float")))
    assert read_table(f"t.{suffix}").kinds == ("int", "float")


@pytest.mark.parametrize("suffix", ["parquet", "feather", "npy", "npz"])
def test_float32_is_kept(in_folder, suffix):
    write_table(f"t.{suffix}", Table(("a", "b"), VALUES.astype(np.float32)))
    assert read_table(f"t.{suffix}").values.dtype == np.float32


def test_a_compressed_csv_is_read(in_folder):
    with gzip.open("t.csv.gz", "wb") as file:
        file.write(b"a,b\n1,2\n")
    assert read_table("t.csv.gz").names == ("a", "b")


def test_a_damaged_compressed_csv_is_refused(in_folder):
    for name, damage in (("head", b"nonsense"), ("tail", gzip.compress(b"a,b\n" + b"1,2\n" * HEAD_BYTES)[:-3000])):
        (in_folder / f"{name}.csv.gz").write_bytes(damage)
        with pytest.raises(DataError, match="cannot be read as a text table"):
            read_table(f"{name}.csv.gz")


def test_an_arrow_stream_is_read(in_folder):
    pa = pytest.importorskip("pyarrow")
    batch = pa.record_batch({"a": [1.0, 2.0]})
    with pa.OSFile("t.arrow", "wb") as file, pa.ipc.new_stream(file, batch.schema) as writer:
        writer.write_batch(batch)
    assert read_table("t.arrow").num_rows == 2


def test_a_dash_reads_csv_from_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n1,2\n3,4\n")))
    np.testing.assert_array_equal(read_table("-").values, [[1, 2], [3, 4]])


def test_standard_input_longer_than_the_head_is_read_whole(monkeypatch):
    rows = HEAD_BYTES // 2
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n" + b"1,2\n" * rows)))
    assert read_table("-").num_rows == rows


def test_semicolons_are_seen(in_folder):
    assert read_text("a;b\n1;2\n").names == ("a", "b")


def test_a_first_line_of_numbers_is_data(in_folder):
    table = read_text("1.5,2\n3,4\n")
    assert table.names == ("x0", "x1")
    assert table.num_rows == 2
    assert "the first line holds numbers" in table.notes[0]


def test_column_numbers_as_pandas_writes_them_are_names(in_folder):
    table = read_text("0,1\n3,4\n")
    assert table.names == ("0", "1")
    assert table.num_rows == 1


def test_an_unnamed_first_column_is_a_row_index(in_folder):
    table = read_text(",a,b\n0,3,4\n1,5,6\n")
    assert table.names == ("a", "b")
    np.testing.assert_array_equal(table.values, [[3, 4], [5, 6]])
    assert "row index" in table.notes[0]


def test_pandas_index_of_a_parquet_file_is_left_out(in_folder):
    pd = pytest.importorskip("pandas")
    pd.DataFrame({"a": [1.0, 2.0]}, index=["r", "s"]).to_parquet("t.parquet")
    assert read_table("t.parquet").names == ("a",)


def test_truth_values_are_categories(in_folder):
    table = read_text("a\ntrue\nfalse\n")
    assert table.kinds == ("category",)
    assert table.categories == {"a": (False, True)}
    np.testing.assert_array_equal(table.values, [[1], [0]])


def test_text_is_read_as_sorted_categories(in_folder):
    table = read_text("a,city\n1,Oslo\n2,Bergen\n3,Oslo\n")
    assert table.kinds == ("int", "category")
    assert table.categories == {"city": ("Bergen", "Oslo")}
    np.testing.assert_array_equal(table.column("city"), [1, 0, 1])


def test_an_empty_category_is_a_missing_cell(in_folder):
    with pytest.raises(DataError, match=r"1 row with an empty, NaN or infinite cell: row 2 \(column 'city'\)"):
        read_text("a,city\n1,Oslo\n2,\n")
    assert read_text("a,city\n1,Oslo\n2,\n", drop_missing=True).num_rows == 1


def test_numbers_asked_for_as_text_keep_their_type_or_their_zeros(in_folder):
    (in_folder / "d.csv").write_text("a,code,b\n3,007,x\n1,010,y\n")
    table = read_table("d.csv", text=["a", "code"])
    assert table.categories == {"a": (1, 3), "code": ("007", "010"), "b": ("x", "y")}


def test_batches_of_categories_keep_their_codes(in_folder):
    (in_folder / "d.csv").write_text("c\nb\na\na\nc\n")
    first, second = read_batches("d.csv", rows=2)
    assert [t.column("c").tolist() for t in (first, second)] == [[0, 1], [1, 2]]
    assert second.categories == {"c": ("b", "a", "c")}


def test_decimals_after_the_head_make_a_column_float(in_folder):
    table = read_text("a\n" + "1\n" * HEAD_BYTES + "1.5\n")
    assert table.kinds == ("float",)
    assert table.values[-1, 0] == 1.5


def test_a_byte_order_mark_is_no_part_of_a_name(in_folder):
    assert read_text("\ufeffa,b\n1,2\n").names == ("a", "b")


def test_chosen_columns_come_in_the_chosen_order(in_folder):
    table = read_text("a,city,b\n1,Oslo,2\n", columns=["b", "a"])
    np.testing.assert_array_equal(table.values, [[2, 1]])


def test_dropped_columns_may_hold_text(in_folder):
    assert read_text("a,city\n1,Oslo\n", drop=["city"]).names == ("a",)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "the file is empty", "column names"),
        ("\n\n", "the file is empty", "column names"),
        ("\na,b\n1,2\n", "the first line is empty", "column names"),
        ("a,b\n", "no rows", "no numbers under them"),
        ("a,b\n1,2\n3,abc\n", "column 'b' holds text: 'abc' in row 2", "--drop b"),
        ("a;b\n1;2\n3;4,5\n", "column 'b' holds text: '4,5' in row 2", "decimal commas"),
        ("a,b,c\n1,2,3\n1,x,y\n", "columns 'b', 'c' hold text: 'x' in row 2 of 'b'; 'y' in row 2 of 'c'", "--drop b,c"),
        ("a,a\n1,2\n", "column name 'a' used more than once", "by name"),
        ("a,b\n1,2\n1\n", "row 2 has 1 cells, but there are 2 columns", "every row"),
        ("a,b\n1,2\n,3\nnan,4\n5,inf\n", "3 rows with an empty, NaN or infinite cell: rows 2, 3, 4", "--drop-missing"),
        ("a,b\n1,?\n", "1 row with an empty, NaN or infinite cell: row 1 \\(column 'b'\\)", "no value at all"),
        ("prénom\n1\n".encode("latin-1"), "not UTF-8", "UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "not text", "UTF-8"),
    ],
)
def test_bad_text_is_refused_with_a_hint(in_folder, text, message, hint):
    with pytest.raises(DataError, match=message) as caught:
        read_text(text)
    assert hint in caught.value.hint
    assert caught.value.message.startswith("data.csv")


def test_text_far_down_is_named_with_its_row(in_folder):
    rows = HEAD_BYTES // 2
    with pytest.raises(DataError, match=f"column 'b' holds text: 'oops' in row {rows + 1}"):
        read_text("a,b\n" + "1,2\n" * rows + "1,oops\n")


def test_only_the_first_five_missing_rows_are_listed(in_folder):
    with pytest.raises(DataError, match=r"8 rows .* rows 2, 3, 4, 5, 6, \.\.\. \(column 'a'\)"):
        read_text("a,b\n1,1\n" + ",1\n" * 8)


def test_missing_rows_are_dropped_and_counted(in_folder):
    table = read_text("a,b\n1,2\n,3\n4,nan\n5,6\n", drop_missing=True)
    np.testing.assert_array_equal(table.values, [[1, 2], [5, 6]])
    assert table.dropped == 2
    assert table.notes == ("data.csv: 2 of 4 rows dropped: a cell was missing.",)


def test_dropping_every_row_is_an_error(in_folder):
    with pytest.raises(DataError, match="2 rows with an empty"):
        read_text("a,b\n1,\n,3\n", drop_missing=True)


def test_an_empty_column_is_not_cured_by_dropping_rows(in_folder):
    with pytest.raises(DataError) as caught:
        read_text("a,b\n1,\n2,\n", drop_missing=True)
    assert caught.value.hint == "column 'b' has no value at all: leave out (`--drop b`)"


def test_the_hint_for_arrays_is_for_python():
    density = pf.FlowDensity("affine", max_epochs=1, random_state=0).fit(np.random.default_rng(0).normal(size=(50, 2)))
    for values, hint in (
        ([[np.inf, 0.0]], "leave these rows out"),
        ([[np.nan, 0.0], [np.nan, 1.0]], "column 'x0' has no value at all: fill it, or fit without it"),
    ):
        with pytest.raises(DataError) as caught:
            density.score_samples(values)
        assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize("suffix", ["parquet", "feather", "npy", "npz"])
def test_missing_cells_are_found_in_every_format(in_folder, suffix):
    values = VALUES.copy()
    values[1, 0] = np.nan
    write_table(f"t.{suffix}", Table(("a", "b"), values))
    with pytest.raises(DataError, match="1 row with an empty, NaN or infinite cell: row 2"):
        read_table(f"t.{suffix}")


def test_nulls_of_parquet_are_missing_cells(in_folder):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pa.table({"n": [1, None, 3], "yes": [True, False, None]}), "t.parquet")
    assert read_table("t.parquet", drop_missing=True).num_rows == 1


def test_bytes_of_parquet_are_not_offered_as_categories(in_folder):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pa.table({"a": [1.0], "seal": [b"ab"]}), "t.parquet")
    with pytest.raises(DataError, match="column 'seal' holds text: ") as caught:
        read_table("t.parquet")
    assert "--drop seal" in caught.value.hint
    assert "categor" not in caught.value.hint


@pytest.mark.parametrize("suffix", ["parquet", "feather", "npy", "npz"])
def test_a_file_that_is_not_what_its_name_says_is_refused(in_folder, suffix):
    with pytest.raises(DataError, match=rf"data\.{suffix}: (cannot be read|this is not)"):
        read_text("a,b\n1,2\n", f"data.{suffix}")


@pytest.mark.parametrize("suffix", ["parquet", "feather", "npy", "npz"])
def test_a_truncated_file_is_refused(in_folder, suffix):
    write_table(f"t.{suffix}", Table(("a", "b"), VALUES))
    with open(f"t.{suffix}", "r+b") as file:
        file.truncate(file.seek(0, 2) - 20)
    with pytest.raises(DataError, match="check that the file is whole"):
        read_table(f"t.{suffix}")


def test_a_pickle_is_refused(in_folder):
    np.save("t.npy", np.array([1, None], dtype=object))
    with pytest.raises(DataError, match="Python objects"):
        read_table("t.npy")
    np.savez("t.npz", x=np.array([1, None], dtype=object))
    with pytest.raises(DataError, match="Python objects"):
        read_table("t.npz")


def test_dimensions_of_an_array(in_folder):
    np.save("one.npy", np.arange(3))
    assert read_table("one.npy").values.shape == (3, 1)
    np.save("three.npy", np.zeros((2, 2, 2)))
    with pytest.raises(DataError, match=r"shape \(2, 2, 2\)"):
        read_table("three.npy")


def test_an_array_of_text_is_refused(in_folder):
    np.save("t.npy", np.array([["a"]]))
    with pytest.raises(DataError, match="not numbers"):
        read_table("t.npy")


@pytest.mark.parametrize("key", ["x", "X", "data", "anything"])
def test_the_array_of_an_archive_is_found(in_folder, key):
    extra = {} if key == "anything" else {"y": np.zeros(3)}
    np.savez("t.npz", **{key: VALUES}, **extra)
    np.testing.assert_array_equal(read_table("t.npz").values, VALUES)


def test_an_archive_with_no_clear_array_lists_what_it_has(in_folder):
    np.savez("t.npz", u=VALUES, v=VALUES)
    with pytest.raises(DataError, match="the file has u, v"):
        read_table("t.npz")


@pytest.mark.parametrize(
    ("source", "message", "hint"),
    [
        ("wine.cvs", "extension '.cvs' is not known", "'.csv'"),
        ("wine", "no extension", ".parquet"),
        ("zzzzzzzz", "no such file", "choose one of wine.csv"),
        ("wime.csv", "no such file", "did you mean 'wine.csv'"),
        ("nowhere/wine.csv", "no such file", "no folder 'nowhere'"),
        (".", "a folder", "one file"),
        ("toy:mons", "no toy density is called 'mons'", "'moons'"),
        ("toy:moons:many", "whole numbers", "toy:moons:5000"),
        ("sklearn:win", "no bundled set is called 'win'", "'wine'"),
    ],
)
def test_a_source_that_does_not_exist_is_explained(in_folder, source, message, hint):
    for name in ("wine.csv", "wine.cvs", "wine"):
        (in_folder / name).write_text("a\n1\n")
    with pytest.raises(DataError, match=message) as caught:
        read_table(source)
    assert hint in caught.value.hint


def test_toys_and_bundled_sets_have_names():
    assert read_table("toy:moons").values.shape == (10_000, 2)
    assert read_table("toy:rings:50:3").values.shape == (50, 2)
    assert not np.array_equal(read_table("toy:rings:50:3").values, read_table("toy:rings:50").values)
    assert read_table("sklearn:wine").names[0] == "alcohol"
    assert read_table("sklearn:breast_cancer").values.shape == (569, 30)
    assert read_table("sklearn:iris:target").names[-1] == "target"


@pytest.mark.parametrize("suffix", ["csv", "parquet", "feather", "npy", "npz"])
@pytest.mark.parametrize("rows", [3, 7, 100])
def test_batches_are_the_table_in_pieces(in_folder, suffix, rows):
    values = np.random.default_rng(0).standard_normal((20, 2))
    write_table(f"t.{suffix}", Table(("a", "b"), values))
    batches = list(read_batches(f"t.{suffix}", rows))
    assert [b.num_rows for b in batches[:-1]] == [rows] * (len(batches) - 1)
    np.testing.assert_array_equal(np.concatenate([b.values for b in batches]), values)


def test_batches_gathered_over_blocks_keep_the_order(monkeypatch, in_folder):
    monkeypatch.setattr("pushforward.data._source.BLOCK_CELLS", 8)
    values = np.arange(46.0).reshape(23, 2)
    np.save("t.npy", values)
    batches = list(read_batches("t.npy", 5))
    assert [b.num_rows for b in batches] == [5, 5, 5, 5, 3]
    np.testing.assert_array_equal(np.concatenate([b.values for b in batches]), values)
    np.testing.assert_array_equal(read_table("t.npy").values, values)


def test_missing_cells_in_batches_are_named_by_their_row_in_the_file(in_folder):
    with open("data.csv", "w") as file:
        file.write("a\n" + "1\n" * 10 + "x\n".replace("x", "nan") + "1\n")
    with pytest.raises(DataError, match="row 11"):
        list(read_batches("data.csv", 4))
    assert [b.dropped for b in read_batches("data.csv", 4, drop_missing=True)] == [0, 0, 1]


def test_batches_of_an_empty_table_are_an_error(in_folder):
    with open("data.csv", "w") as file:
        file.write("a,b\n")
    with pytest.raises(DataError, match="no rows"):
        list(read_batches("data.csv"))
