"""What is shown during a fit and after it."""

import dataclasses
import json
import subprocess
import sys

import jax
import numpy as np
import pytest

from pushforward import flows
from pushforward.train import Epoch, FitResult, _progress, fit

X = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def flow():
    return flows.affine(2, key=jax.random.key(0))


@pytest.fixture
def result(flow):
    history = (Epoch(1, 2.0, 2.1, 1e-3, 0.5, 1), Epoch(2, float("nan"), float("inf"), 1e-3, 0.5, 0, {"log_z": 1.0}))
    return FitResult(flow, history, 1, 2.1, 2.5, "all 2 epochs are done", ("epoch 2: the loss is inf",), 1.25)


def test_lines_on_stderr_have_rate_and_both_losses(flow, key, capsys, monkeypatch):
    monkeypatch.setattr(_progress, "LINE_SECONDS", 0.0)
    fit(flow, X, max_epochs=3, batch_size=8, key=key)
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert len(lines) == 3
    assert lines[2].startswith("3/3 epochs  train ")
    assert "validation" in lines[2]
    assert lines[2].endswith("rows/s")
    assert lines[1].endswith("left")


def test_lines_are_few_and_the_last_one_is_shown(flow, key, capsys):
    fit(flow, X, max_epochs=50, patience=None, key=key)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) < 20
    assert lines[-1].startswith("50/50 epochs")


def test_no_progress_means_silence(flow, key, capsys):
    fit(flow, X, max_epochs=2, progress=False, key=key)
    assert capsys.readouterr() == ("", "")


def test_events_are_shown_as_they_happen(flow, key, capsys):
    fit(flow, X, max_epochs=2, learning_rate=100.0, schedule="constant", key=key)
    assert "went back to the start" in capsys.readouterr().err


def test_a_terminal_gets_a_bar(flow, key, capsys, monkeypatch):
    monkeypatch.setattr(_progress.sys.stderr, "isatty", lambda: True, raising=False)
    assert isinstance(_progress.progress_on(shown=True), _progress.Bar)
    fit(flow, X, max_epochs=2, key=key)
    assert "2/2 epochs" in capsys.readouterr().err


def test_rich_is_imported_only_for_a_bar():
    code = "import sys, pushforward.train; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_result_reads_well(result):
    assert str(result).splitlines() == [
        "2 epochs in 1.2 s; stopped: all 2 epochs are done",
        "loss 2.5000 -> 2.1000 (flow of epoch 1)",
        "note: epoch 2: the loss is inf",
    ]
    assert result.skipped_steps == 1


def test_a_result_that_is_no_better_than_the_start_says_so(result):
    assert "no epoch was better than the flow before training" in str(dataclasses.replace(result, best_epoch=0))


def test_a_summary_is_plain_json(result):
    summary = json.loads(json.dumps(result.summary(), allow_nan=False))
    assert summary["best_loss"] == 2.1
    assert summary["history"][1]["train"] is None
    assert summary["history"][1]["validation"] is None
    assert summary["history"][1]["metrics"] == {"log_z": 1.0}
