"""Spoken digits given the digit: nats per sample beside Gaussian baselines, and whether draws are recognised.

Run `python -m benchmarks.sound.digits [waveglow wavenet flowavenet] [--minutes 5]`; needs `PUSHFORWARD_DATA`, and adds a
record for each model to results/digits.jsonl. A clip is the first 2,048 samples (0.256 s) of a take of at least that
length, so that nothing is filled up with silence; takes 0 to 4 test, a tenth of the others chooses the epoch. The
baselines, white noise and an autoregression of order 32, are Gaussian with parameters of their own for each digit. The
classifier, a support vector machine on log-mel spectrograms, is trained on the real training clips.
"""

import argparse
import math
import time
from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import pushforward as pf
from benchmarks.data import folder
from benchmarks.harness.records import Record, append
from pushforward.data import Clips, Mel

RATE, LENGTH, ORDER = 8000, 2048, 32
MODELS = {
    "waveglow": {"num_flows": 12, "width": 32, "depth": 6},
    "flowavenet": {},
    "wavenet": {},
}
EACH = 30
"""Draws of each digit."""


class Digits(NamedTuple):
    """Clips `(count, LENGTH)` of whole numbers, and their digits as text."""

    train: np.ndarray
    spoken: np.ndarray
    test: np.ndarray
    heard: np.ndarray


def load() -> Digits:
    """The first samples of every take that is long enough."""
    file = np.load(folder() / "fsdd" / "fsdd.npz")
    starts = np.concatenate([[0], np.cumsum(file["length"])[:-1]])
    kept, audio = np.flatnonzero(file["length"] >= LENGTH), file["audio"]
    clips = np.stack([audio[starts[i] : starts[i] + LENGTH] for i in kept])
    digits, test = file["digit"][kept].astype(str), file["take"][kept] < 5
    return Digits(clips[~test], digits[~test], clips[test], digits[test])


def gaussian(data: Digits, order: int) -> np.ndarray:
    """Log-densities of the test clips by an autoregression for each digit, with zeros before the first sample."""
    found = np.empty(len(data.test))
    for digit in np.unique(data.spoken):
        past, now = _lagged(data.train[data.spoken == digit], order)
        weights = np.linalg.lstsq(past.T @ past, past.T @ now, rcond=None)[0] if order else np.zeros(0)
        variance = float(np.mean((now - past @ weights) ** 2))
        chosen = data.heard == digit
        past, now = _lagged(data.test[chosen], order)
        off = (now - past @ weights).reshape(-1, LENGTH)
        found[chosen] = -0.5 * np.sum(off**2 / variance + math.log(2 * math.pi * variance), axis=1)
    return found


def _lagged(clips: np.ndarray, order: int) -> tuple[np.ndarray, np.ndarray]:
    padded = np.pad(clips.astype(float), ((0, 0), (order, 0)))
    lags = [padded[:, order - lag : order - lag + LENGTH].ravel() for lag in range(1, order + 1)]
    return np.stack(lags, axis=1) if order else np.zeros((clips.size, 0)), clips.astype(float).ravel()


def hears(data: Digits):
    """From clips to digits, by a classifier of real ones."""
    mel = Mel(rate=RATE, frame=256, hop=128, bands=24)

    def features(clips: np.ndarray) -> np.ndarray:
        return np.stack([mel(clip, full=32768.0).ravel() for clip in clips])

    machine = make_pipeline(StandardScaler(), SVC(C=10.0)).fit(features(data.train), data.spoken)
    return lambda clips: machine.predict(features(clips))


def fitted(name: str, data: Digits, minutes: float) -> pf.SoundDensity:
    """A model at a budget; an epoch that has begun is ended."""
    end = time.monotonic() + 60 * minutes
    model = pf.SoundDensity(
        name,
        options=MODELS[name],
        conditional=True,
        length=LENGTH,
        batch_size=16,
        learning_rate=1e-3,
        ema=0.99,
        max_epochs=1000,
        callbacks=(lambda info: time.monotonic() > end,),
        random_state=0,
    )
    return model.fit(Clips(tuple(data.train), RATE), data.spoken)


def records(names: list[str], minutes: float) -> Iterator[Record]:
    """The baselines, then a record for each model."""
    data = load()
    hear, white, lagged = hears(data), gaussian(data, 0), gaussian(data, ORDER)
    real = float(np.mean(hear(data.test) == data.heard))
    common = {"figure": "digits", "test_clips": len(data.test), "real_clips_recognised": round(real, 3)}
    for name, scores in (("white noise", white), ("AR(32)", lagged)):
        yield common | {"model": name, "nats_per_sample": round(float(scores.mean()) / LENGTH, 4)}
    for name in names:
        start = time.perf_counter()
        model = fitted(name, data, minutes)
        seconds = time.perf_counter() - start
        scores = model.score_clips(Clips(tuple(data.test), RATE), data.heard, draws=1).log_prob
        gain = (scores - lagged) / LENGTH
        spoken = np.repeat(np.unique(data.spoken), EACH)
        start = time.perf_counter()
        drawn = model.sample(len(spoken), 0, y=spoken)
        yield common | {
            "model": name,
            "options": MODELS[name],
            "parameters": sum(leaf.size for leaf in jax.tree.leaves(model.flow_.base)),
            "nats_per_sample": round(float(scores.mean()) / LENGTH, 4),
            "gain_on_AR": round(float(gain.mean()), 4),
            "gain_error": round(float(gain.std(ddof=1) / math.sqrt(len(gain))), 4),
            "draws_recognised": round(float(np.mean(hear(drawn) == spoken)), 3),
            "epochs": len(model.history_),
            "seconds": round(seconds),
            "seconds_of_300_draws": round(time.perf_counter() - start, 1),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=list(MODELS), choices=[*MODELS, []])
    parser.add_argument("--minutes", type=float, default=15.0)
    given = parser.parse_args()
    append("digits", records(given.models, given.minutes))


if __name__ == "__main__":
    main()
