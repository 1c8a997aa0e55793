"""Rows in files of Parquet: one order for any number of readers, every row once an epoch, and what is refused."""

import functools
from types import SimpleNamespace

import jax
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import pushforward as pf
from pushforward._errors import DataError
from pushforward.train import fit
from pushforward.train._prepare import START_ROWS
from pushforward.train.reading._look import look
from pushforward.train.reading._order import Order
from pushforward.train.reading._source import FileSource

QUICK = {"learning_rate": 0.1, "max_epochs": 3, "batch_size": 32, "progress": False}
READERS = (1, 2, 3, 8)


@pytest.fixture
def flow():
    return pf.flows.affine(2, key=jax.random.key(0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """16 files of row groups of all lengths up to 37 rows, in all 1,097 rows, each with its number."""
    folder = tmp_path_factory.mktemp("rows")
    rng, start = np.random.default_rng(0), 0
    for i in range(16):
        x = rng.normal(size=(int(rng.integers(20, 120)), 2))
        number = np.arange(start, start + len(x), dtype=float)
        table = pa.table({"a": x[:, 0], "b": x[:, 1], "number": number})
        parquet.write_table(table, folder / f"part-{i:02}.parquet", row_group_size=37)
        start += len(x)
    return folder


def readers(folder, count, batch_size=32, validation=0.1, window=300):
    """One source for each of several processes, and the numbers of the rows that are held out."""
    flow, found = pf.flows.affine(1, key=jax.random.key(0)), []
    rows = pf.data.ParquetRows(folder, columns=["number"], window=window)
    rows.read = functools.cache(rows.read)
    seen = look(flow, rows, validation, batch_size, START_ROWS)
    for number in range(count):
        source = FileSource(rows, seen, batch_size)
        if count > 1:

            def own(length, number=number):
                return range(length * number // count, length * (number + 1) // count)

            source._devices = SimpleNamespace(mesh=SimpleNamespace(size=count), own=own)
        source._words = (0, 7)
        found.append(source)
    return found, [] if seen.monitor is None else seen.monitor.x[seen.monitor.weights > 0].ravel()


def epoch_of(sources, epoch):
    """Numbers and weights of all batches of an epoch, `(steps, batch)`, of all readers side by side."""
    one = sources[0]
    begin, steps = epoch * one.steps_per_epoch, one._order.window_steps
    parts = []
    for first in range(begin, begin + one.steps_per_epoch, steps):
        windows = [source._gathered(first) for source in sources]
        stop = min(first + steps, begin + one.steps_per_epoch) - first
        parts.append(
            [
                np.concatenate([part[name] for part in (w._asdict() for w in windows)], axis=1)[:stop, : one.batch_size]
                for name in ("x", "weights")
            ]
        )
    x, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
    return x[..., 0], weights


@pytest.mark.parametrize("validation", [0.0, 0.1])
@pytest.mark.parametrize("count", READERS)
def test_every_row_is_used_once_in_an_epoch_whatever_the_number_of_readers(folder, count, validation):
    sources, held_out = readers(folder, count, validation=validation)
    assert len(held_out) == round(validation * 1097)
    for epoch in (0, 1):
        x, weights = epoch_of(sources, epoch)
        used = np.sort(np.concatenate([x[weights > 0], np.asarray(held_out, float)]))
        np.testing.assert_array_equal(used, np.arange(1097))
        assert weights.sum() == 1097 - len(held_out)


@pytest.mark.parametrize("batch_size", [32, 61, 500])
def test_the_order_is_the_same_for_any_number_of_readers(folder, batch_size):
    expected = [epoch_of(readers(folder, 1, batch_size)[0], epoch) for epoch in (0, 3)]
    assert not np.array_equal(*(x for x, _ in expected))
    for count in READERS[1:]:
        sources, _ = readers(folder, count, batch_size)
        for epoch, both in zip((0, 3), expected, strict=True):
            np.testing.assert_array_equal(np.stack(epoch_of(sources, epoch)), np.stack(both))


def test_another_seed_is_another_order_and_the_same_rows_are_held_out(folder):
    (one,), held_out = readers(folder, 1)
    (other,), also = readers(folder, 1)
    other._words = (0, 8)
    assert not np.array_equal(epoch_of([one], 0)[0], epoch_of([other], 0)[0])
    np.testing.assert_array_equal(held_out, also)


def test_rows_of_a_window_are_mixed_and_those_of_a_batch_come_from_all_of_it(folder):
    (source,), _ = readers(folder, 1, validation=0.0, window=1120)
    x, weights = epoch_of([source], 0)
    assert source._order.window_steps == source.steps_per_epoch
    for batch in x[:-1]:  # one row of each of 32 strata: of nearly all of the 37 groups
        assert len(np.unique(batch // 37)) > 18
    order = x[weights > 0]
    assert abs(np.corrcoef(order, np.arange(1097))[0, 1]) < 0.15


def test_each_of_several_readers_reads_its_own_groups(folder):
    def groups_read(count):
        read = []
        for source in readers(folder, count, validation=0.0, window=1120)[0]:
            seen = set()
            source._read = lambda g, f=source._read, seen=seen: seen.add(g) or f(g)
            source._gathered(0)
            read.append(seen)
        return read

    (every,) = groups_read(1)
    assert every == set(range(37))
    for count in (2, 4, 8):
        parts = groups_read(count)
        assert set.union(*parts) == every
        # A group in which one part ends and another begins is read by both.
        assert sum(map(len, parts)) <= 37 + count - 1


@pytest.mark.parametrize("rows", [1, 7, 32, 33, 95, 96, 97])
def test_any_number_of_rows_fills_batches_of_any_size(rows):
    for batch_size in (1, 5, 32):
        order = Order(np.array([rows]), min(batch_size, rows), 40)
        used = []
        for window in range(-(-order.steps_per_epoch // order.window_steps)):
            for piece in order.pieces((1, 2), 0, window, range(order.batch_size)):
                at = window * order.window_steps + piece.steps
                assert at.max() < order.steps_per_epoch
                used += list(zip(at.tolist(), piece.places.tolist(), strict=True))
        assert len(set(used)) == len(used) == rows


def test_the_mean_of_an_epoch_counts_every_row_once_where_the_last_batch_is_not_full(folder, flow, key):
    whole = parquet.read_table(folder).to_pandas()[["a", "b"]].to_numpy()
    rows = pf.data.ParquetRows(folder, columns=["a", "b"])
    kept = fit(flow, rows, learning_rate=1e-30, validation=None, batch_size=500, max_epochs=1, progress=False, key=key)
    np.testing.assert_allclose(kept.history[0].train, -np.mean(flow.log_prob(whole)), rtol=1e-5)


@pytest.mark.slow
def test_a_fit_goes_on_where_it_stopped(folder, flow, key, tmp_path):
    rows = pf.data.ParquetRows(folder, columns=["a", "b"], window=200)
    whole = fit(flow, rows, key=key, **QUICK)
    file = {"checkpoint": tmp_path / "c.safetensors"}
    fit(flow, rows, key=key, callbacks=[lambda info: True], **file, **QUICK)
    again = fit(
        flow, pf.data.ParquetRows(folder, columns=["a", "b"], window=200), key=key, resume=True, **file, **QUICK
    )
    for one, other in zip(jax.tree.leaves(again.flow), jax.tree.leaves(whole.flow), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(OSError, match="window changed"):
        fit(flow, pf.data.ParquetRows(folder, columns=["a", "b"], window=900), key=key, resume=True, **file, **QUICK)


def test_conditions_come_from_the_files_too(folder, key):
    rows = pf.data.ParquetRows(folder, columns=["a"], condition=["b"])
    flow = pf.flows.affine(1, cond_dim=1, width=4, depth=1, key=key)
    assert len(fit(flow, rows, key=key, **QUICK).history) == 3
    with pytest.raises(ValueError, match="it is not conditional"):
        fit(pf.flows.affine(1, key=key), rows, key=key, **QUICK)


def test_columns_that_are_not_the_flows_are_told(folder, flow, key):
    with pytest.raises(ValueError, match=r"shape \(2,\), and the files have 3 columns"):
        fit(flow, pf.data.ParquetRows(folder), key=key, **QUICK)
    with pytest.raises(ValueError, match="bring their conditions"):
        fit(flow, pf.data.ParquetRows(folder), weights=np.ones(3), key=key, **QUICK)


def test_a_file_that_disappears_ends_the_fit_with_its_name(folder, flow, key, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    rows = pf.data.ParquetRows(tmp_path, columns=["a", "b"], window=64)

    def lose(info):
        (tmp_path / "part-05.parquet").unlink(missing_ok=True)

    with pytest.raises(DataError, match=r"part-05\.parquet: no such file") as caught:
        fit(flow, rows, key=key, callbacks=[lose], **QUICK)
    assert "put it back and go on by --resume" in caught.value.hint


def test_a_value_that_is_missing_is_named_by_its_file_and_row(flow, key, tmp_path):
    values = np.random.default_rng(0).normal(size=(300, 2))
    values[207, 1] = np.nan
    parquet.write_table(pa.table({"a": values[:, 0], "b": values[:, 1]}), tmp_path / "x.parquet", row_group_size=50)
    with pytest.raises(DataError, match=r"x\.parquet, row 208: column 'b' has no finite value"):
        fit(flow, pf.data.ParquetRows([tmp_path / "x.parquet"]), key=key, **QUICK)
