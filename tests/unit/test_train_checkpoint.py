"""Stopping and resuming: the same bits, or a clear refusal."""

import os
import signal
import subprocess
import sys
import textwrap

import jax
import numpy as np
import pytest

from pushforward import flows
from pushforward._errors import FileError
from pushforward.train import _checkpoint, _pace, fit

# Few rows in small batches, so that an epoch has many steps; all that a resumed fit must restore is switched on.
SETTINGS = {"learning_rate": 0.05, "batch_size": 8, "ema": 0.99, "progress": False, "max_epochs": 6}


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32) + 2.0


@pytest.fixture
def flow():
    return flows.affine(2, key=jax.random.key(0))


@pytest.fixture
def eager(monkeypatch):
    """A checkpoint after every step."""
    monkeypatch.setattr(_checkpoint, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(_pace, "FIRST_CHUNK", 1)
    monkeypatch.setattr(_pace, "CHUNK_SECONDS", 0.0)


def assert_same_fit(a, b):
    for p, q in zip(jax.tree.leaves(a.flow), jax.tree.leaves(b.flow), strict=True):
        assert np.array_equal(p, q)
    losses = [[(e.number, e.train, e.validation, e.learning_rate, e.skipped) for e in r.history] for r in (a, b)]
    assert losses[0] == losses[1]
    assert (a.best_epoch, a.best_loss, a.start_loss) == (b.best_epoch, b.best_loss, b.start_loss)


def test_resume_after_kill_in_the_middle_of_an_epoch_is_bit_equal(tmp_path, x, flow, key):
    path = tmp_path / "fit.safetensors"
    call = f"checkpoint={str(path)!r}, key=jax.random.key(20250101), **{SETTINGS}"
    script = textwrap.dedent(f"""
        import os, signal
        import jax, numpy as np
        from pushforward import flows
        from pushforward.train import _checkpoint, _pace, fit

        _checkpoint.CHECKPOINT_SECONDS, _pace.FIRST_CHUNK, _pace.CHUNK_SECONDS = 0.0, 1, 0.0
        write, written = _checkpoint.Checkpoint.write, []

        def write_then_die(self, run):
            write(self, run)
            written.append(run)
            if len(written) == 30:
                os.kill(os.getpid(), signal.SIGKILL)

        _checkpoint.Checkpoint.write = write_then_die
        x = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32) + 2.0
        fit(flows.affine(2, key=jax.random.key(0)), x, {call})
    """)
    killed = subprocess.run([sys.executable, "-c", script], env=os.environ, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    half = _checkpoint.read_arrays(path)[0]
    assert 0 < half["state/step"] % 11 < 11  # 90 rows are 11 batches of 8: it was in the middle
    whole = fit(flow, x, key=key, **SETTINGS)
    resumed = fit(flow, x, checkpoint=path, resume=True, key=key, **SETTINGS)
    assert_same_fit(whole, resumed)


def test_resume_after_an_epoch_is_bit_equal_and_may_be_longer(tmp_path, x, flow, key):
    settings = SETTINGS | {"schedule": "constant"}
    whole = fit(flow, x, key=key, **settings)
    path = tmp_path / "fit.safetensors"
    fit(flow, x, checkpoint=path, key=key, **settings | {"max_epochs": 3})
    assert_same_fit(whole, fit(flow, x, checkpoint=path, resume=True, key=key, **settings))


def test_resume_of_a_finished_fit_gives_the_same_result(tmp_path, x, flow, key):
    path = tmp_path / "fit.safetensors"
    first = fit(flow, x, checkpoint=path, key=key, **SETTINGS)
    again = fit(flow, x, checkpoint=path, resume=True, key=key, **SETTINGS)
    assert_same_fit(first, again)
    assert first.stopped_because == again.stopped_because


def test_resume_keeps_lowered_rates_and_events(tmp_path, x, flow, key):
    settings = SETTINGS | {"learning_rate": 30.0, "schedule": "constant"}
    whole = fit(flow, x, key=key, **settings)
    path = tmp_path / "fit.safetensors"
    fit(flow, x, checkpoint=path, key=key, **settings | {"max_epochs": 2})
    resumed = fit(flow, x, checkpoint=path, resume=True, key=key, **settings)
    assert_same_fit(whole, resumed)
    assert whole.events == resumed.events != ()


def test_resume_while_cooling_down_is_bit_equal(tmp_path, x, flow, key):
    settings = SETTINGS | {"learning_rate": 0.5, "patience": 4, "max_epochs": 100}
    whole = fit(flow, x, key=key, **settings)
    path, last = tmp_path / "fit.safetensors", len(whole.history)
    fit(flow, x, checkpoint=path, callbacks=[lambda info: info.epoch == last - 1], key=key, **settings)
    resumed = fit(flow, x, checkpoint=path, resume=True, key=key, **settings)
    assert_same_fit(whole, resumed)
    assert whole.stopped_because == resumed.stopped_because == "no better loss on the held-out rows for 4 epochs"


def test_resume_of_an_iterator_passes_over_what_was_used(tmp_path, flow, key):
    def chunks():
        generator = np.random.default_rng(3)
        while True:
            yield generator.normal(size=(33, 2)).astype(np.float32)

    settings = SETTINGS | {"steps_per_epoch": 7, "schedule": "constant"}
    whole = fit(flow, chunks(), key=key, **settings)
    path = tmp_path / "fit.safetensors"
    fit(flow, chunks(), checkpoint=path, key=key, **settings | {"max_epochs": 4})
    assert_same_fit(whole, fit(flow, chunks(), checkpoint=path, resume=True, key=key, **settings))


def test_ctrl_c_keeps_a_checkpoint_and_says_how_to_resume(tmp_path, x, flow, key):
    path = tmp_path / "fit.safetensors"

    def interrupt(info):
        if info.epoch == 2:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match=f"resume=True .* to go on from {path}"):
        fit(flow, x, checkpoint=path, callbacks=[interrupt], key=key, **SETTINGS)
    assert signal.getsignal(signal.SIGINT) is before
    resumed = fit(flow, x, checkpoint=path, resume=True, key=key, **SETTINGS)
    assert_same_fit(fit(flow, x, key=key, **SETTINGS), resumed)


def test_a_second_ctrl_c_interrupts_at_once(tmp_path, x, flow, key):
    def twice(info):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("went on after the second interrupt")

    with pytest.raises(KeyboardInterrupt):
        fit(flow, x, checkpoint=tmp_path / "fit.safetensors", callbacks=[twice], key=key, **SETTINGS)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"learning_rate": 0.1}, "learning_rate"),
        ({"batch_size": 16}, "batch_size, steps_per_epoch"),
        ({"key": jax.random.key(3)}, "key"),
        ({"ema": 0.5}, "ema"),
        ({"clip": None}, "clip"),
        ({"weight_decay": 0.1}, "weight_decay"),
        ({"validation": 0.2}, "data"),
        ({"schedule": "constant"}, "schedule"),
    ],
)
def test_other_settings_are_refused_by_name(tmp_path, x, flow, key, change, named):
    path = tmp_path / "fit.safetensors"
    fit(flow, x, checkpoint=path, **{"key": key} | SETTINGS | {"max_epochs": 1})
    with pytest.raises(FileError, match=rf"another fit: .*{named}.* changed"):
        fit(flow, x, checkpoint=path, resume=True, **{"key": key} | SETTINGS | change)


def test_a_decay_that_is_left_out_is_refused_too(tmp_path, x, flow, key):
    path = tmp_path / "fit.safetensors"
    fit(flow, x, checkpoint=path, key=key, weight_decay=0.1, **SETTINGS | {"max_epochs": 1})
    with pytest.raises(FileError, match="another fit: weight_decay changed"):
        fit(flow, x, checkpoint=path, resume=True, key=key, **SETTINGS)


def test_other_data_and_another_flow_are_refused(tmp_path, x, flow, key):
    path = tmp_path / "fit.safetensors"
    fit(flow, x, checkpoint=path, key=key, **SETTINGS | {"max_epochs": 1})
    with pytest.raises(FileError, match="another fit: data changed"):
        fit(flow, x + 1.0, checkpoint=path, resume=True, key=key, **SETTINGS)
    with pytest.raises(FileError, match="does not fit this flow"):
        fit(flows.gaussian(2, key=key), x, checkpoint=path, resume=True, key=key, **SETTINGS)


def test_a_saved_flow_is_not_a_checkpoint(tmp_path, x, flow, key):
    path = tmp_path / "flow.safetensors"
    _checkpoint.write_arrays(path, {"a": np.zeros(2)}, {})
    with pytest.raises(FileError, match="not a checkpoint"):
        fit(flow, x, checkpoint=path, resume=True, key=key, **SETTINGS)


@pytest.mark.parametrize("size", [0, 5, 200])
def test_a_checkpoint_that_was_cut_short_says_how_to_begin_again(tmp_path, x, flow, key, size):
    path = tmp_path / "ck.safetensors"
    fit(flow, x, checkpoint=path, key=key, **SETTINGS)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(FileError) as caught:
        fit(flow, x, checkpoint=path, resume=True, key=key, **SETTINGS)
    assert "without --resume" in caught.value.hint


def test_resume_without_a_file_starts_from_the_beginning(tmp_path, x, flow, key):
    path = tmp_path / "fit.safetensors"
    result = fit(flow, x, checkpoint=path, resume=True, key=key, **SETTINGS)
    assert len(result.history) == 6
    assert path.exists()


def test_a_folder_that_is_missing_is_told_before_training(tmp_path, x, flow, key):
    path = tmp_path / "missing" / "fit.safetensors"
    with pytest.raises(FileError, match="no folder"):
        fit(flow, x, checkpoint=path, callbacks=[lambda info: pytest.fail("trained")], key=key, **SETTINGS)


def test_a_disk_that_fills_up_does_not_end_the_training(tmp_path, x, flow, key, monkeypatch, eager):
    path = tmp_path / "fit.safetensors"
    write, calls = _checkpoint.write_arrays, []

    def fail_after_two(path, arrays, metadata):
        calls.append(path)
        if len(calls) > 2:
            raise FileError(f"{path}: cannot be written, No space left on device", "free some space")
        write(path, arrays, metadata)

    monkeypatch.setattr(_checkpoint, "write_arrays", fail_after_two)
    result = fit(flow, x, checkpoint=path, key=key, **SETTINGS)
    assert len(result.history) == 6
    assert [event for event in result.events if "No space left" in event] == list(result.events) != []
    assert len(result.events) == 1
    assert path.exists()


def test_checkpoints_are_not_written_more_often_than_asked(tmp_path, x, flow, key, monkeypatch):
    writes = []
    monkeypatch.setattr(_checkpoint, "write_arrays", lambda *content: writes.append(1))
    fit(flow, x, checkpoint=tmp_path / "fit.safetensors", key=key, **SETTINGS)
    assert len(writes) <= 3  # at the start, at the end, and one if the machine is slow
