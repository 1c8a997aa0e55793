"""`score --shard` and `sample --shard`: the parts, one behind the other, are the whole."""

import numpy as np
import pytest
from pyarrow import concat_tables, csv, feather, parquet

from cli.shell import write_csv
from pushforward.data import _source
from pushforward.modalities.table import _chunks
from pushforward.modalities.table.parts._shard import Shard, parse_shard

COUNTS = (1, 3)


@pytest.fixture
def short(monkeypatch):
    """Blocks and chunks of a few rows, so that parts begin and end in the middle of them."""
    monkeypatch.setattr(_source, "BATCH_ROWS", 300)
    monkeypatch.setattr(_chunks, "CELLS", 2 * 256)


@pytest.fixture
def rows(tmp_path):
    rng = np.random.default_rng(3)
    values = np.column_stack([[f"id{i}" for i in range(1000)], rng.normal(size=(1000, 2)).round(5)])
    return write_csv(tmp_path / "rows.csv", "id,x0,x1", values)


def parts(works, command, tmp_path, count, *args):
    files = [tmp_path / f"part{number}.parquet" for number in range(1, count + 1)]
    for number, file in enumerate(files, 1):
        works(*command, "--shard", f"{number}/{count}", "-o", file, *args)
    return concat_tables([parquet.read_table(file) for file in files])


@pytest.mark.parametrize("total", [0, 1, 5, 16, 1000])
@pytest.mark.parametrize("count", [1, 2, 3, 7, 40])
def test_shards_are_all_rows_in_order(total, count):
    ranges = [Shard(number, count).rows(total) for number in range(1, count + 1)]
    assert [row for part in ranges for row in part] == list(range(total))
    assert max(map(len, ranges)) - min(map(len, ranges)) <= 1


@pytest.mark.parametrize("count", COUNTS)
def test_scores_of_all_shards_are_those_without_bit_for_bit(works, moons_model, rows, tmp_path, short, count):
    command = ("score", moons_model, rows, "--keep", "id", "-q")
    works(*command, "-o", tmp_path / "whole.parquet")
    whole = parquet.read_table(tmp_path / "whole.parquet")
    assert parts(works, command, tmp_path, count).equals(whole)
    assert whole["row"].to_pylist() == list(range(1, 1001))


def test_scores_of_shards_are_those_of_small_files_too(works, moons_model, rows, tmp_path):
    works("score", moons_model, rows, "-q", "-o", tmp_path / "whole.parquet")
    whole = parquet.read_table(tmp_path / "whole.parquet")
    assert parts(works, ("score", moons_model, rows, "-q"), tmp_path, 2).equals(whole)


@pytest.mark.parametrize("count", COUNTS)
def test_draws_of_all_shards_are_those_without_bit_for_bit(works, people_model, tmp_path, short, count):
    command = ("sample", people_model, "-n", 1000, "--seed", 5, "-q")
    works(*command, "-o", tmp_path / "whole.parquet")
    whole = parquet.read_table(tmp_path / "whole.parquet")
    assert parts(works, command, tmp_path, count).equals(whole)
    assert len(whole.to_pandas().drop_duplicates()) > 900  # chunks of 256 rows have noise of their own


def test_draws_given_a_file_keep_their_conditions(works, conditional_model, tmp_path):
    given = write_csv(tmp_path / "given.csv", "age", [[30], [50], [70]])
    command = ("sample", conditional_model, "-n", 3, "--given-file", given, "-q")
    works(*command, "-o", tmp_path / "whole.parquet")
    whole = parquet.read_table(tmp_path / "whole.parquet")
    assert whole["age"].to_pylist() == [30] * 3 + [50] * 3 + [70] * 3
    assert parts(works, command, tmp_path, 2).equals(whole)


@pytest.mark.parametrize("ending", ["csv", "parquet", "feather", "npy"])
def test_a_shard_without_rows_is_a_table_without_rows(works, moons_model, tmp_path, ending):
    data = write_csv(tmp_path / "two.csv", "x0,x1", [[0, 0], [1, 1]])
    for command in (("sample", moons_model, "-n", 2), ("score", moons_model, data)):
        empty, full = (tmp_path / f"{name}.{ending}" for name in ("empty", "full"))
        result = works(*command, "--shard", "1/3", "-o", empty)
        assert "wrote 0 " in result.stderr
        assert "shard 1 of 3" in result.stderr
        works(*command, "--shard", "3/3", "-o", full)
        read = {"csv": csv.read_csv, "parquet": parquet.read_table, "feather": feather.read_table, "npy": np.load}
        without, one = read[ending](empty), read[ending](full)
        assert (len(without), len(one)) == (0, 1)
        if ending == "npy":
            assert (without.dtype, without.shape[1]) == (one.dtype, one.shape[1])
        elif ending == "csv":
            assert without.column_names == one.column_names
        else:
            assert without.schema == one.schema


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "npy", "csv.gz"])
def test_every_kind_of_file_is_cut(works, moons_model, tmp_path, ending, short):
    import gzip
    import json

    x = np.random.default_rng(0).normal(size=(700, 2))
    file = tmp_path / f"x.{ending}"
    lines = "x0,x1\n" + "\n".join(f"{a},{b}" for a, b in x) + "\n"
    if ending == "csv":
        file.write_text(lines)
    elif ending == "csv.gz":
        file.write_bytes(gzip.compress(lines.encode()))
    elif ending == "jsonl":
        file.write_text("\n".join(json.dumps({"x0": a, "x1": b}) for a, b in x))
    elif ending == "parquet":
        import pyarrow as pa

        parquet.write_table(pa.table({"x0": x[:, 0], "x1": x[:, 1]}), file, row_group_size=128)
    else:
        np.save(file, x)
    works("score", moons_model, file, "-q", "-o", tmp_path / "whole.parquet")
    found = parts(works, ("score", moons_model, file, "-q"), tmp_path, 2)
    assert found.equals(parquet.read_table(tmp_path / "whole.parquet"))


@pytest.mark.parametrize("count", [2, 5])
def test_a_folder_of_files_is_cut_where_one_file_is(works, moons_model, tmp_path, count, short):
    import pyarrow as pa

    x = np.random.default_rng(0).normal(size=(1500, 2))
    table = pa.table({"id": np.arange(1500), "x0": x[:, 0], "x1": x[:, 1]})
    parquet.write_table(table, tmp_path / "one.parquet")
    (tmp_path / "rows").mkdir()
    for i in range(3):
        parquet.write_table(table.slice(500 * i, 500), tmp_path / "rows" / f"{i}.parquet", row_group_size=70)
    works("score", moons_model, tmp_path / "one.parquet", "--keep", "id", "-q", "-o", tmp_path / "whole.parquet")
    command = ("score", moons_model, tmp_path / "rows", "--keep", "id", "-q")
    assert parts(works, command, tmp_path, count).equals(parquet.read_table(tmp_path / "whole.parquet"))


def test_a_missing_cell_concerns_its_own_shard(works, fails, moons_model, tmp_path):
    values = [[0.1 * i, "" if i == 7 else i] for i in range(10)]
    data = write_csv(tmp_path / "holes.csv", "x0,x1", values)
    works("score", moons_model, data, "--shard", "1/2")
    error, _ = fails("score", moons_model, data, "--shard", "2/2", "-o", tmp_path / "s.csv")
    assert "row 8 " in error
    command = ("score", moons_model, data, "--drop-missing", "-q")
    works(*command, "-o", tmp_path / "whole.parquet")
    found = parts(works, command, tmp_path, 2)
    assert found.equals(parquet.read_table(tmp_path / "whole.parquet"))
    assert found["log_prob"].null_count == 1


def test_a_missing_cell_behind_the_first_block_is_named_by_its_row_in_the_file(fails, moons_model, tmp_path, short):
    data = write_csv(tmp_path / "holes.csv", "x0,x1", [[0.1, "" if i == 649 else 0.2] for i in range(700)])
    error, _ = fails("score", moons_model, data, "--shard", "2/2", "-o", tmp_path / "s.csv")
    assert "row 650 " in error


@pytest.mark.parametrize("text", ["0/4", "5/4", "x/y", "3", "1/0", "-1/4", "1/4/2", "", "1.5/2", "٣/٤"])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(ValueError, match="shard"):
        parse_shard(text)


def test_a_wrong_shard_is_a_wrong_option(fails, moons_model):
    for command in (("score", moons_model, "toy:moons:10"), ("sample", moons_model)):
        error, _ = fails(*command, "--shard", "0/4", code=2)
        assert "'--shard'" in error


def test_shards_are_counted_from_one_and_blanks_are_nothing():
    assert parse_shard(" 3 / 16 ") == Shard(3, 16)
    with pytest.raises(ValueError, match="from 1/4 to 4/4"):
        parse_shard("0/4")


def test_what_cannot_be_divided_is_refused(fails, moons_model):
    error, _ = fails("score", moons_model, "-", "--shard", "1/2", code=2, input="x0,x1\n1,2\n")
    assert "standard input" in error
    error, _ = fails("score", moons_model, "toy:moons:10", "--incomplete", "--shard", "1/2", code=2)
    assert "--incomplete and --shard exclude each other" in error
    error, _ = fails("sample", moons_model, "--where", "x0=1", "--shard", "1/2", code=2)
    assert "--where and --shard exclude each other" in error
