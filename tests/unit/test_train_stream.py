"""Arrays that stay in a file: the same fit, bit for bit, in little memory."""

import jax
import numpy as np
import pytest

from pushforward import flows
from pushforward._errors import DataError
from pushforward.data import Images
from pushforward.train import _inputs, _stream, fit
from pushforward.train._batches import RowSource
from pushforward.train._stream import StreamedSource

QUICK = {"learning_rate": 0.1, "max_epochs": 3, "batch_size": 16, "progress": False}
WINDOW = 400  # bytes: 4 steps of 16 rows of 2 bytes and 4 bytes


@pytest.fixture
def flow():
    return flows.affine(2, cond_dim=1, width=4, depth=1, key=jax.random.key(0))


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """Bytes in a file, and a condition for each row in memory."""
    monkeypatch.setattr(_stream, "WINDOW_BYTES", WINDOW)
    rng = np.random.default_rng(0)
    bytes_ = rng.integers(0, 256, (330, 2), dtype=np.uint8)
    np.save(tmp_path / "x.npy", bytes_)
    return np.load(tmp_path / "x.npy", mmap_mode="r"), rng.normal(size=(330, 1)).astype(np.float32)


def leaves(result):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(result.flow)]


def assert_same(a, b):
    for one, other in zip(leaves(a), leaves(b), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [(e.train, e.validation) for e in a.history] == [(e.train, e.validation) for e in b.history]


def test_a_streamed_fit_is_that_in_memory_bit_for_bit(flow, stored, key, monkeypatch):
    x, condition = stored
    made = []
    monkeypatch.setattr(
        StreamedSource, "peek", lambda self, *a, f=StreamedSource.peek: made.append(self) or f(self, *a)
    )
    streamed = fit(flow, x, condition=condition, key=key, **QUICK)
    assert made
    assert made[0]._steps < made[0].steps_per_epoch
    assert_same(streamed, fit(flow, np.array(x), condition=condition, key=key, **QUICK))


def test_a_streamed_fit_goes_on_where_it_stopped_and_from_memory_too(flow, stored, key, tmp_path):
    x, condition = stored
    whole = fit(flow, x, condition=condition, key=key, **QUICK)
    for again in (x, np.array(x)):
        file = {"checkpoint": tmp_path / f"{type(again).__name__}.safetensors"}
        fit(flow, x, condition=condition, key=key, callbacks=[lambda info: True], **file, **QUICK)
        assert_same(fit(flow, again, condition=condition, key=key, resume=True, **file, **QUICK), whole)


def test_from_any_step_the_batches_are_those_of_memory(stored, key):
    x, _ = stored
    rows = np.arange(5, 300)
    batch = _inputs.Batch(np.asarray(x))
    ways = StreamedSource(batch, rows, 16), RowSource(jax.device_put(batch), rows, 16)
    for step in (0, 5, 17, 18, 40, 3):
        taken = []
        for source in ways:
            feed = source.feed(key, step)
            assert feed.first <= step < feed.stop
            taken.append(np.asarray(source.take(feed.arrays, key, step - feed.first).x))
        np.testing.assert_array_equal(*taken)


def test_the_device_holds_a_few_windows_and_not_the_array(stored, key):
    x, _ = stored
    source = StreamedSource(_inputs.Batch(np.asarray(x)), np.arange(330), 16)
    before = sum(a.nbytes for a in jax.live_arrays())
    for step in range(3 * source.steps_per_epoch):
        source.feed(key, step)
        assert sum(a.nbytes for a in jax.live_arrays()) - before <= 3 * WINDOW


def test_numbers_that_are_not_finite_are_found_in_a_file(stored, key, tmp_path, monkeypatch):
    monkeypatch.setattr(_inputs, "CHECKED_NUMBERS", 64)
    values = np.ones((330, 2))
    values[[7, 300], 1] = np.nan, 1e300
    np.save(tmp_path / "y.npy", values)
    flow = flows.affine(2, key=key)
    with pytest.raises(DataError, match=r"2 of 330 rows \(rows 7, 300\)"):
        fit(flow, np.load(tmp_path / "y.npy", mmap_mode="r"), key=key, **QUICK)


def test_small_arrays_and_arrays_in_memory_go_to_the_device(stored):
    x, condition = stored
    assert _stream.stays_on_host(x)
    assert _stream.stays_on_host(x[..., None][10:])
    assert not _stream.stays_on_host(np.array(x))
    assert not _stream.stays_on_host(x[:100])
    assert not _stream.stays_on_host(condition)
    assert not _stream.stays_on_host(jax.numpy.asarray(x))


def test_fewer_bits_of_images_in_a_file_stay_in_a_file(monkeypatch):
    from pushforward.data import _images

    monkeypatch.setattr(_images, "MEMORY", 100)
    values = np.arange(256, dtype=np.uint8).reshape(4, 8, 8, 1)
    small = Images(values).with_bits(5)
    assert isinstance(small.values, np.memmap)
    np.testing.assert_array_equal(small.values, values >> 3)
