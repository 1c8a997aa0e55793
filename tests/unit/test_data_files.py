"""Folders, patterns, lists and URLs of files of Parquet as one table, and what is refused of them."""

import os
import uuid

import jax
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import pushforward as pf
from pushforward._errors import DataError
from pushforward.data import ParquetRows, read_batches, read_table
from pushforward.data.shards._files import ParquetFiles
from pushforward.data.shards._places import names_files
from pushforward.train import _prepare

X = np.arange(120.0).reshape(60, 2)


def write(path, values=X, names=("a", "b"), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(dict(zip(names, np.asarray(values).T, strict=True)))
    parquet.write_table(table, path, row_group_size=7, **options)
    return path


@pytest.fixture
def folder(tmp_path):
    for i in range(3):
        write(tmp_path / "rows" / f"{i}.parquet", X[20 * i : 20 * i + 20])
    write(tmp_path / "rows" / "_temporary" / "0.parquet", X)  # of a job that has not ended
    (tmp_path / "rows" / "_SUCCESS").write_text("")
    return tmp_path / "rows"


@pytest.mark.parametrize("way", ["{}", "{}/*.parquet", "{}/[012].parquet", "file://{}", "file://{}/*.parquet"])
def test_folders_patterns_and_urls_are_one_table_in_the_order_of_names(folder, way):
    source = way.format(folder)
    assert names_files(source)
    table = read_table(source)
    assert table.names == ("a", "b")
    np.testing.assert_array_equal(table.values, X)
    np.testing.assert_array_equal(np.concatenate([part.values for part in read_batches(source, 11)]), X)


def test_a_list_is_a_table_and_one_file_a_url(folder):
    np.testing.assert_array_equal(
        read_table([folder / "0.parquet", folder / "2.parquet"]).values, X[[*range(20), *range(40, 60)]]
    )
    np.testing.assert_array_equal(read_table(f"file://{folder}/1.parquet").values, X[20:40])
    assert not names_files(folder / "1.parquet")


def test_memory_of_fsspec_is_a_place(folder):
    fsspec = pytest.importorskip("fsspec")
    there = f"memory://{uuid.uuid4().hex}"
    for file in folder.glob("*.parquet"):
        with fsspec.open(f"{there}/{file.name}", "wb") as out:
            out.write(file.read_bytes())
    np.testing.assert_array_equal(read_table(there).values, X)


def test_names_of_folders_are_columns(tmp_path):
    for year in (2023, 2024):
        write(tmp_path / f"year={year}" / "x.parquet", X[:5])
    assert read_table(tmp_path).column("year").tolist() == [2023.0] * 5 + [2024.0] * 5


def test_columns_alone_are_read_that_are_asked_for(folder):
    rows = ParquetRows(folder, columns=["b"])
    assert rows.num_rows == 60
    np.testing.assert_array_equal(rows.read(0).x, X[:7, 1:])
    with pytest.raises(DataError, match="no column 'c'"):
        ParquetRows(folder, columns=["c"])


def test_files_without_rows_are_passed_over_and_nothing_else_is_refused(folder, tmp_path):
    write(folder / "3.parquet", X[:0])
    np.testing.assert_array_equal(read_table(folder).values, X)
    write(tmp_path / "none" / "0.parquet", X[:0])
    with pytest.raises(DataError, match="no rows"):
        ParquetRows(tmp_path / "none")
    (tmp_path / "without").mkdir()
    with pytest.raises(DataError, match="no files of Parquet are there"):
        ParquetRows(tmp_path / "without")
    with pytest.raises(DataError, match="no files of Parquet are there"):
        ParquetRows(f"{folder}/x*.parquet")


def test_a_broken_file_is_named(folder):
    (folder / "1.parquet").write_bytes(b"")
    with pytest.raises(DataError, match=r"1\.parquet.*0 bytes"):
        ParquetRows(folder)


def test_files_with_other_columns_are_named_with_both(folder):
    write(folder / "2.parquet", X[:, :1], names=("a",))
    with pytest.raises(DataError, match=r"2\.parquet: no column 'b', which .*0\.parquet has") as caught:
        ParquetRows(folder)
    assert "the same columns" in caught.value.hint
    write(folder / "2.parquet", X.astype(str))
    with pytest.raises(DataError, match=r"2\.parquet: column 'a' is string, and double in .*0\.parquet"):
        read_table(folder)


def test_whole_numbers_beside_others_are_numbers(folder):
    write(folder / "2.parquet", X[40:].astype(np.int32))
    np.testing.assert_array_equal(read_table(folder).values, X)


def test_text_is_no_number(folder):
    write(folder / "0.parquet", X.astype(str))
    with pytest.raises(DataError, match="'a', 'b' hold no numbers"):
        ParquetRows(folder / "0.parquet")


def test_urls_that_cannot_be_read_say_what_is_missing():
    with pytest.raises(DataError, match="no such kind of URL") as caught:
        read_table("nowhere://bucket/rows")
    assert "s3://" in caught.value.hint
    try:
        import gcsfs  # noqa: F401
    except ImportError:
        with pytest.raises(DataError, match="is not installed") as caught:
            read_table("gs://bucket/rows")
        assert caught.value.hint == "`pip install gcsfs`"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read all files")
def test_files_without_rights_are_told(folder):
    (folder / "1.parquet").chmod(0)
    with pytest.raises(DataError, match="you may not read this"):
        ParquetRows(folder)


def test_checksums_tell_other_values(folder):
    before = ParquetFiles(folder).checksum()
    assert ParquetFiles(folder).checksum() == before
    values = X[:20].copy()
    values[3, 1] += 1e-12 * values[3, 1] + 1e-9
    values[19, 1] += 1.0
    write(folder / "0.parquet", values)
    assert ParquetFiles(folder).checksum() != before


def test_more_processes_than_row_groups_are_warned(folder, monkeypatch):
    monkeypatch.setattr(_prepare.jax, "process_count", lambda: 50)
    flow = pf.flows.affine(2, key=jax.random.key(0))
    with pytest.warns(UserWarning, match="50 processes share 9 row groups"):
        _prepare._from_files(flow, ParquetRows(folder), 0.0, 5)


@pytest.fixture(scope="module")
def s3():
    """A service of S3 on this machine."""
    pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server")
    service = server.ThreadedMotoServer(port=0)
    service.start()
    host, port = service.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "me")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield
    service.stop()


@pytest.mark.slow
def test_rows_in_an_object_store_are_those_of_the_folder(s3, folder):
    import s3fs

    store = s3fs.S3FileSystem()
    store.mkdir("bucket")
    store.put(f"{folder}/*.parquet", "bucket/rows/")
    for source in ("s3://bucket/rows", "s3://bucket/rows/*.parquet"):
        np.testing.assert_array_equal(read_table(source).values, X)
    far, near = ParquetRows("s3://bucket/rows"), ParquetRows(folder)
    assert far.checksum() == near.checksum()
    flow = pf.flows.affine(2, key=jax.random.key(0))
    options = {"batch_size": 16, "max_epochs": 2, "progress": False, "key": jax.random.key(1)}
    losses = [[e.train for e in pf.fit(flow, rows, **options).history] for rows in (far, near)]
    assert losses[0] == losses[1]
    with pytest.raises(DataError, match="s3://bucket/nothing"):
        read_table("s3://bucket/nothing")


@pytest.mark.slow
def test_an_object_store_that_does_not_know_who_asks_is_told(s3, monkeypatch):
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", "/nowhere")
    with pytest.raises(DataError, match="s3://other/rows") as caught:
        read_table("s3://other/rows")
    s3fs.S3FileSystem.clear_instance_cache()
    assert caught.value.hint


def test_a_file_that_was_replaced_is_not_read_by_the_footer_that_it_had(folder):
    """Columns in another order would be taken for each other."""
    rows = ParquetRows(folder)
    np.testing.assert_array_equal(rows.read(0).x, X[:7])
    write(folder / "0.parquet", X[:20, ::-1] + 1000, names=("b", "a"))
    with pytest.raises(DataError, match=r"0\.parquet: was written anew"):
        rows.read(0)
    np.testing.assert_array_equal(ParquetRows(folder, columns=["a", "b"]).read(0).x, X[:7] + 1000)


@pytest.mark.parametrize("given", [{"columns": ["a", "a"]}, {"columns": ["a", "b"], "condition": ["a"]}])
def test_a_column_that_is_asked_for_twice_is_refused(folder, given):
    with pytest.raises(DataError, match="column 'a' is asked for twice"):
        ParquetRows(folder, **given)


@pytest.mark.parametrize("argument", ["columns", "condition"])
def test_a_name_in_place_of_a_list_is_refused(folder, argument):
    with pytest.raises(TypeError, match=rf"`{argument}` must be a list of names.*\['ab'\]"):
        ParquetRows(folder, **{argument: "ab"})


def test_a_name_that_is_used_twice_is_told(tmp_path):
    table = pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0])], ["a", "a"])
    parquet.write_table(table, tmp_path / "0.parquet")
    parquet.write_table(table, tmp_path / "1.parquet")
    with pytest.raises(DataError, match=r"0\.parquet: column 'a' is in the file, more than once"):
        ParquetFiles(tmp_path)


def test_folders_of_a_list_are_columns_as_in_their_folder(tmp_path):
    for year in (2023, 2024):
        write(tmp_path / "rows" / f"year={year}" / "0.parquet", X[:20])
    both = [tmp_path / "rows" / "year=2023", tmp_path / "rows" / "year=2024"]
    assert ParquetRows(both).columns == ParquetRows(tmp_path / "rows").columns == ("a", "b", "year")
    np.testing.assert_array_equal(np.unique(ParquetRows(both).read(4).x[:, 2]), [2024])
    write(tmp_path / "rows" / "year=2022" / "0.parquet", np.c_[X[:9], X[:9, 0]], names=("a", "b", "year"))
    with pytest.raises(DataError, match="column 'year' is in the file and is the name of a folder"):
        ParquetFiles(tmp_path / "rows")


def test_whole_numbers_that_floats_do_not_hold_are_told(tmp_path):
    parquet.write_table(pa.table({"a": pa.array([2**60 + 1, 3])}), tmp_path / "0.parquet")
    parquet.write_table(pa.table({"a": pa.array([0.5, 2.5])}), tmp_path / "1.parquet")
    rows = ParquetRows(tmp_path)
    with pytest.raises(DataError, match=r"beyond 2\^53"):
        rows.read(0)
    np.testing.assert_array_equal(rows.read(1).x[:, 0], [0.5, 2.5])
