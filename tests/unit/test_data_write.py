"""Writing tables: values and kinds arrive, and a file is never half written."""

import os
import resource
import signal
import subprocess
import sys

import numpy as np
import pytest

from pushforward._errors import DataError, FileError
from pushforward.data import Table, TableWriter, read_table, write_table

FORMATS = ["csv", "tsv", "parquet", "feather", "npy", "npz"]
TABLE = Table(("a", "n"), np.array([[0.1, 1.0], [1e-300, -2.0]]), ("float", "int"))


def write_and_raise(path, error: type[BaseException]) -> None:
    with TableWriter(path, ["a"]) as writer:
        writer.write(np.zeros((5, 1)))
        raise error


def test_integers_are_written_as_integers(tmp_path):
    write_table(tmp_path / "t.csv", TABLE)
    assert (tmp_path / "t.csv").read_text() == "a,n\n0.1,1\n1e-300,-2\n"


def test_infinite_scores_are_written_and_read_as_such(tmp_path):
    write_table(tmp_path / "t.csv", Table(("log_prob",), np.array([[-np.inf], [1.0]])))
    assert (tmp_path / "t.csv").read_text() == "log_prob\n-inf\n1\n"


@pytest.mark.parametrize("suffix", FORMATS)
def test_pieces_make_one_table(tmp_path, suffix):
    values = np.random.default_rng(0).standard_normal((10, 2)).astype(np.float32)
    with TableWriter(tmp_path / f"t.{suffix}", ["a", "b"]) as writer:
        for start in (0, 4, 7):
            writer.write(values[start : {0: 4, 4: 7, 7: 10}[start]])
    table = read_table(tmp_path / f"t.{suffix}")
    np.testing.assert_array_equal(table.values.astype(np.float32), values)


def test_short_pieces_make_large_row_groups(tmp_path, monkeypatch):
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("pushforward.data._source.BLOCK_CELLS", 8)
    values = np.arange(20.0).reshape(10, 2)
    with TableWriter(tmp_path / "t.parquet", ["a", "b"]) as writer:
        for row in values:
            writer.write(row[None])
    facts = parquet.ParquetFile(tmp_path / "t.parquet").metadata
    assert [facts.row_group(i).num_rows for i in range(facts.num_row_groups)] == [4, 4, 2]
    np.testing.assert_array_equal(read_table(tmp_path / "t.parquet").values, values)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_table_without_rows_can_be_written(tmp_path, suffix):
    with TableWriter(tmp_path / f"t.{suffix}", ["a", "b"], ["int", "float"]):
        pass
    with pytest.raises(DataError, match="no rows"):
        read_table(tmp_path / f"t.{suffix}")


def test_a_table_is_matched_by_name(tmp_path):
    with TableWriter(tmp_path / "t.csv", ["n", "a"]) as writer:
        writer.write(TABLE)
    assert read_table(tmp_path / "t.csv").names == ("n", "a")
    np.testing.assert_array_equal(read_table(tmp_path / "t.csv").values, TABLE.values[:, ::-1])


def test_a_dash_writes_csv_to_standard_output(capfdbinary):
    with open(1, "w", closefd=False) as stdout:
        before, sys.stdout = sys.stdout, stdout
        try:
            write_table("-", TABLE)
            print("after")
        finally:
            sys.stdout = before
    assert capfdbinary.readouterr().out == b"a,n\n0.1,1\n1e-300,-2\nafter\n"


def test_a_number_that_is_not_whole_is_refused_in_an_integer_column(tmp_path):
    with pytest.raises(DataError, match=r"column 'n' is written as integers, but holds 1\.5"):
        write_table(tmp_path / "t.parquet", Table(("n",), np.array([[1.5]]), ("int",)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [1e30, -1e30, 2.0**63])
def test_integers_beyond_64_bits_are_refused_and_never_clipped(tmp_path, value):
    with pytest.raises(
        DataError, match=r"column 'n' is written as integers, but holds .*, which no 64-bit integer"
    ) as caught:
        write_table(tmp_path / "t.parquet", Table(("n",), np.array([[1.0], [value]]), ("int",)))
    assert "--column n:unbounded" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_the_largest_integers_that_64_bits_hold_are_written(tmp_path):
    values = np.array([[2.0**63 - 1024], [-(2.0**63) + 1024]])
    write_table(tmp_path / "t.parquet", Table(("n",), values, ("int",)))
    np.testing.assert_array_equal(read_table(tmp_path / "t.parquet").values, values)


def test_rows_of_the_wrong_width_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"shape \(2, 3\), but there are 2 columns"):  # noqa: SIM117
        with TableWriter(tmp_path / "t.csv", ["a", "b"]) as writer:
            writer.write(np.zeros((2, 3)))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ValueError])
def test_an_interrupted_writer_leaves_the_old_file(tmp_path, suffix, interruption):
    path = tmp_path / f"t.{suffix}"
    path.write_bytes(b"old")
    with pytest.raises(interruption):
        write_and_raise(path, interruption)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_full_disk_leaves_the_old_file(tmp_path, suffix):
    path = tmp_path / f"t.{suffix}"
    path.write_bytes(b"old")
    values = np.random.default_rng(0).standard_normal((20_000, 2))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(FileError, match=r"cannot be written .*\nhint: .*disk"):
            write_table(path, Table(("a", "b"), values))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_killed_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"old")
    code = (
        "import os, numpy as np; from pushforward.data import TableWriter\n"
        f"with TableWriter({str(path)!r}, ['a']) as writer:\n"
        "    writer.write(np.zeros((100_000, 1))); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileError, match="No such file or directory"):
        write_table(tmp_path / "nowhere" / "t.csv", TABLE)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_an_error(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(FileError, match="Permission denied"):
        write_table(tmp_path / "t.csv", TABLE)


def test_a_folder_is_not_replaced(tmp_path):
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(FileError, match="not a plain file"):
        write_table(tmp_path / "t.csv", TABLE)


def test_an_unknown_extension_is_an_error_before_anything_is_computed(tmp_path):
    with pytest.raises(DataError, match=r"'\.xls' is not known"):
        TableWriter(tmp_path / "t.xls", ["a"])


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    write_table(tmp_path / "link.csv", TABLE)
    assert (tmp_path / "link.csv").is_symlink()
    assert read_table(tmp_path / "real.csv").num_rows == 2


def test_permissions_of_the_old_file_are_kept(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("old")
    path.chmod(0o640)
    write_table(path, TABLE)
    assert path.stat().st_mode & 0o777 == 0o640
