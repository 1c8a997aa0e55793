"""`fit` and `score` of folders of files of Parquet."""

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import pushforward as pf
from cli.shell import SMALL
from pushforward._errors import DataError, UsageError
from pushforward.data._source import Selection
from pushforward.data.shards._files import ParquetFiles
from pushforward.modalities.table._facts import TableFacts
from pushforward.modalities.table.streamed import _sample
from pushforward.modalities.table.streamed._groups import TableGroups


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "rows").mkdir()
    for i in range(8):
        x = rng.normal(size=(50, 2))
        size, turn = np.exp(x[:, 0]), 3 * x[:, 1] + x[:, 0]
        table = pa.table(
            {"size": size, "turn": turn, "count": rng.integers(0, 9, 50), "kind": rng.choice(["u", "v"], 50)}
        )
        parquet.write_table(table, tmp_path / "rows" / f"{i}.parquet", row_group_size=20)
    return tmp_path / "rows"


def change(file, **columns):
    table = parquet.read_table(file)
    for name, (row, value) in columns.items():
        cells = table[name].to_pylist()
        cells[row] = value
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(cells, table[name].type))
    parquet.write_table(table, file, row_group_size=20)


def looked(folder, monkeypatch, rows=40, *, drop_missing=False):
    """What is found when few rows are looked at."""
    monkeypatch.setattr(_sample, "SAMPLE_CELLS", 4 * rows)
    return _sample.sampled(ParquetFiles(folder), Selection(), drop_missing=drop_missing, window=100)


def groups(folder, monkeypatch, **options):
    table, streamed = looked(folder, monkeypatch, **options)
    schema, _ = pf.data.infer_schema(table)
    values = pf.data.encode(table, schema).values
    return TableGroups(streamed, TableFacts(schema, None, True, schema.units(values))), schema


@pytest.mark.slow
def test_a_folder_is_fitted_while_it_is_read_and_scored(works, folder, tmp_path):
    change(folder / "3.parquet", turn=(7, None))
    result = works("fit", folder, "-o", tmp_path / "m.safetensors", *SMALL, "--window", 100, "--drop-missing")
    assert "400 rows in 8 files and 24 row groups" in result.stderr
    assert "on the rows that were held out" in result.stderr
    works("score", tmp_path / "m.safetensors", f"{folder}/*.parquet", "--drop-missing", "-o", tmp_path / "s.parquet")
    scores = parquet.read_table(tmp_path / "s.parquet")
    assert (scores.num_rows, scores["log_prob"].null_count) == (400, 1)


@pytest.mark.slow
def test_an_ensemble_is_fitted_while_files_are_read(works, folder, tmp_path):
    settings = (*SMALL, "--window", 100, "--ensemble", 2, "--condition", "size")
    result = works("fit", folder, "-o", tmp_path / "m.safetensors", *settings)
    assert "flow 2 of 2" in result.stderr
    assert "mixture of 50.0 %, 50.0 %" in works("show", tmp_path / "m.safetensors").stdout


def test_extremes_and_rare_texts_are_looked_at(folder, monkeypatch):
    change(folder / "5.parquet", size=(33, -2.0), kind=(41, "rare"), count=(2, 900))
    table, streamed = looked(folder, monkeypatch)
    assert len(streamed.looked) < 60
    assert table.column("size").min() == -2
    assert table.column("count").max() == 900
    assert "rare" in table.categories["kind"]


def test_rare_texts_of_a_dictionary_are_looked_at(folder, monkeypatch):
    change(folder / "5.parquet", kind=(41, "rare"))
    for file in folder.glob("*.parquet"):
        table = parquet.read_table(file)
        place = table.schema.get_field_index("kind")
        table = table.set_column(place, "kind", table["kind"].dictionary_encode())
        parquet.write_table(table, file, row_group_size=20)
    table, _ = looked(folder, monkeypatch)
    assert "rare" in table.categories["kind"]


def test_a_text_that_was_not_looked_at_cannot_become_a_number(folder, monkeypatch):
    rows, _ = groups(folder, monkeypatch)
    change(folder / "6.parquet", kind=(45, "new"))
    again, _ = groups(folder, monkeypatch)
    again.facts = rows.facts
    with pytest.raises(DataError, match=r"6\.parquet, row 46: column 'kind' holds 'new'") as caught:
        [again.read(group) for group in range(len(again.sizes))]
    assert "--column" not in caught.value.hint


def test_rows_of_the_sample_are_named_by_their_files(folder, monkeypatch):
    change(folder / "6.parquet", turn=(45, None))
    with pytest.raises(DataError, match=r"the first is .*6\.parquet, row 46 \(column 'turn'\)"):
        looked(folder, monkeypatch, rows=400)


def test_a_row_group_becomes_numbers_of_the_flow_as_in_memory(folder, monkeypatch):
    rows, schema = groups(folder, monkeypatch)
    block = rows.read(4)  # rows 20 to 39 of the second file
    whole = pf.data.encode(pf.data.read_table(folder / "1.parquet"), schema).values[20:40]
    x, log_det = rows.facts.units.for_training(whole)
    np.testing.assert_array_equal(block.x, x)
    np.testing.assert_array_equal(block.log_det, log_det)


def test_what_a_column_was_not_found_to_hold_is_named_by_file_and_row(folder, monkeypatch):
    rows, _ = groups(folder, monkeypatch)
    change(folder / "6.parquet", size=(45, -1.0))
    again, _ = groups(folder, monkeypatch)
    again.facts = rows.facts  # as if its row had not been looked at
    with pytest.raises(DataError, match=r"6\.parquet, row 46: column 'size' holds -1\.0, .* it is positive") as caught:
        [again.read(group) for group in range(len(again.sizes))]
    assert "--column size:unbounded" in caught.value.hint


def test_a_missing_cell_is_named_or_has_no_weight(folder, monkeypatch):
    change(folder / "6.parquet", turn=(45, None))
    table, _ = looked(folder, monkeypatch, rows=400, drop_missing=True)
    assert table.num_rows == 399
    rows, _ = groups(folder, monkeypatch, drop_missing=True)
    weights = np.concatenate(
        [np.ones(n) if (b := rows.read(g)).weights is None else b.weights for g, n in enumerate(rows.sizes)]
    )
    assert weights.sum() == 399
    assert weights[345] == 0
    rows.streamed.__dict__["drop_missing"] = False
    with pytest.raises(DataError, match=r"6\.parquet, row 46: column 'turn' has no finite value"):
        rows.read(20)


def test_what_needs_all_rows_reads_them_and_excludes_a_window(folder):
    assert _sample.streamed_files(str(folder), {"window": None}) is None  # few rows
    assert _sample.streamed_files(str(folder), {"window": 50}).num_rows == 400
    assert _sample.streamed_files(str(folder), {"window": None, "weights": "count"}) is None
    with pytest.raises(UsageError, match="--window and --weights exclude each other"):
        _sample.streamed_files(str(folder), {"window": 50, "weights": "count"})
    with pytest.raises(UsageError, match="--window is for files of Parquet"):
        _sample.streamed_files("toy:moons", {"window": 50})
    assert _sample.streamed_files(str(folder / "0.parquet"), {"window": 50}).num_rows == 50
    with pytest.raises(DataError, match="nothing: no such file"):
        _sample.streamed_files("nothing", {"window": 50})


def test_a_window_and_incomplete_rows_exclude_each_other(fails, folder, tmp_path):
    error, _ = fails("fit", folder, "-o", tmp_path / "m.safetensors", "--window", 50, "--incomplete", code=2)
    assert "--window and --incomplete exclude each other" in error


def test_lists_are_not_written_as_text(works, fails, tmp_path):
    table = pa.table({"a": np.arange(9.0) ** 1.5, "tags": [[1.0, 2.0]] * 9})
    parquet.write_table(table, tmp_path / "rows.parquet")
    works("fit", tmp_path / "rows.parquet", "-o", tmp_path / "m.safetensors", "--flow", "gaussian", "--drop", "tags")
    given = ("score", tmp_path / "m.safetensors", tmp_path / "rows.parquet", "--keep", "tags", "-o")
    error, _ = fails(*given, tmp_path / "s.csv")
    assert "column 'tags' holds list<" in error
    works(*given, tmp_path / "s.parquet")


def test_a_folder_of_nothing_is_told(fails, tmp_path):
    error, hint = fails("fit", tmp_path, "-o", tmp_path / "m.safetensors")
    assert error.endswith("this is a folder.")
    assert "a folder with files of Parquet" in hint
