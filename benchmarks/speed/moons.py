"""From the shell: process start to a fitted two-moons model of a stated quality, with a cold and a warm cache."""

import csv
import io
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.harness.client import environment
from benchmarks.harness.records import Journal

TARGET = 0.34
"""Test nats; the true entropy is 0.289."""

TRAIN_ROWS, TEST_ROWS, NOISE = 10_000, 10_000, 0.05
OPTIONS = ("--flow", "nsf", "--max-epochs", "6", "--learning-rate", "0.003")


def run(journal: Journal, say: Callable[[str], None]) -> None:
    """Fit twice with the same empty cache, score fresh moons, and write one record per fit."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder / "train.csv", rows(TRAIN_ROWS, seed=0))
        _write(folder / "test.csv", rows(TEST_ROWS, seed=1))
        for start in ("cold", "warm"):
            seconds = _shell(folder, "fit", "train.csv", "-o", "model.safetensors", *OPTIONS)
            _shell(folder, "score", "model.safetensors", "test.csv", "-o", "scores.csv")
            nats = -_mean_log_prob(folder / "scores.csv")
            record = {"start": start, "seconds": seconds, "test_nats": nats, "target": TARGET, "options": OPTIONS}
            journal.write({"kind": "moons", **record})
            say(f"two moons from the shell, {start} cache: {seconds:.1f} s, {nats:.3f} test nats (target {TARGET})")


def rows(n: int, *, seed: int) -> np.ndarray:
    """Two half circles of radius 1 with Gaussian noise, as scikit-learn's `make_moons`."""
    rng = np.random.default_rng(seed)
    angle, upper = np.pi * rng.random(n), rng.random(n) < 0.5
    x = np.where(upper, np.cos(angle), 1.0 - np.cos(angle))
    y = np.where(upper, np.sin(angle), 0.5 - np.sin(angle))
    return np.stack([x, y], axis=1) + NOISE * rng.normal(size=(n, 2))


def _write(path: Path, x: np.ndarray) -> None:
    np.savetxt(path, x, delimiter=",", header="x,y", comments="", fmt="%.7g")


def _shell(folder: Path, *arguments: str) -> float:
    """Seconds of one `pushforward` process, whose caches lie in `folder`."""
    program = Path(sys.executable).with_name("pushforward")
    env = environment() | {"PUSHFORWARD_CACHE": str(folder / "cache")}
    start = time.perf_counter()
    done = subprocess.run([program, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"`pushforward {' '.join(arguments)}` failed: {done.stderr.strip()[-500:]}")
    return time.perf_counter() - start


def _mean_log_prob(path: Path) -> float:
    table = csv.DictReader(io.StringIO(path.read_text()))
    return statistics.fmean(float(row["log_prob"]) for row in table)
