"""Spoken digits given the digit: nats per sample beside Gaussian baselines, and whether draws are recognised.

Run `python -m benchmarks.sound.digits [waveglow flowavenet wavenet] [--minutes 15]`; needs `PUSHFORWARD_DATA`, and adds
a record for each model to results/digits.jsonl. The student of `wavenet` is trained after it.
A clip is the first 2,048 samples (0.256 s) of a take of at least that length, so that nothing is filled up with
silence; takes 0 to 4 test, a tenth of the others chooses the epoch. The baselines, white noise and an autoregression of
order 32, are Gaussian with parameters of their own for each digit. The classifier, a support vector machine on log-mel
spectrograms, is trained on the real training clips.
"""

import argparse
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import jax
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import pushforward as pf
from benchmarks.data import folder
from benchmarks.harness.records import Record, append
from pushforward._params import count_parameters
from pushforward.data import Clips, Mel
from pushforward.modalities.sound._flow import built, whole_numbers

RATE, LENGTH, ORDER = 8000, 2048, 32
MODELS = {
    "waveglow": {"num_flows": 16, "group_size": 64, "early_size": 12, "width": 48, "depth": 4},
    "flowavenet": {},
    "wavenet": {"width": 24, "num_blocks": 1},
}
"""Large groups: a clip is then 32 steps of 64 channels, which cost little, and each network sees all of it."""
STUDENT = {"num_flows": 2, "width": 12, "depth": 8}
FORWARD = 0.5
"""Weight of the divergence from the teacher, over recordings; of the student's own draws the rest."""
TEMPERATURE = 0.8
"""Of the draws that are recognised beside those of the density itself."""
EACH = 30
"""Draws of each digit."""


Hear = Callable[[np.ndarray], np.ndarray]
"""From clips to digits."""


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


def hears(data: Digits) -> Hear:
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
        learning_rate=2e-3,
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
        yield common | _figures(name, model, data, lagged, hear, time.perf_counter() - start)
        if name == "wavenet":
            start = time.perf_counter()
            student, more = taught(model, data, minutes)
            seconds = time.perf_counter() - start
            yield common | _figures("parallel-wavenet", student, data, lagged, hear, seconds) | more


def taught(model: pf.SoundDensity, data: Digits, minutes: float) -> tuple[pf.SoundDensity, Record]:
    """A student, and how near it is: as many epochs as fit by the time of a short fit, so that the rate falls to 0."""
    start = time.monotonic()
    facts = replace(model.facts_, options=tuple(STUDENT.items()))
    x = (data.train + np.random.default_rng(0).random(data.train.shape)) / facts.scale
    teach = partial(
        pf.distill,
        model.flow_.base,
        built("parallel-wavenet", facts, LENGTH, jax.random.key(1)),
        data=x.astype(np.float32),
        condition=facts.conditions(data.spoken, None, len(x)),
        extra=lambda draws, batch: 0.01 * LENGTH * pf.objectives.power_loss(draws, batch, frame=256),
        forward=FORWARD,
        num_samples=16,
        steps_per_epoch=20,
        progress=False,
        key=jax.random.key(2),
    )
    tried = teach(max_epochs=3)
    left = 60 * minutes - (time.monotonic() - start)
    done = teach(max_epochs=max(int(left / tried.fit.history[-1].seconds), 1))
    student, flow = pf.SoundDensity("parallel-wavenet", options=STUDENT), whole_numbers(done.flow, facts.scale)
    settings = {**model.model_.settings, "flow": "parallel-wavenet", "options": STUDENT}
    student.model_ = replace(model.model_, flow=flow, facts=facts, settings=settings, result=done.fit)
    return student, {"kl_per_sample": round(done.report.kl_per_dim, 4), "kl_error": done.report.kl_error / LENGTH}


def _figures(name: str, model: pf.SoundDensity, data: Digits, lagged: np.ndarray, hear: Hear, seconds: float) -> Record:
    """Scores, draws and their speed."""
    test, spoken = Clips(tuple(data.test), RATE), np.repeat(np.unique(data.spoken), EACH)
    if name == "parallel-wavenet":  # whose density is in sequence
        test, data, lagged = Clips(test.waves[::10], RATE), data._replace(heard=data.heard[::10]), lagged[::10]
    scores = model.score_clips(test, data.heard).log_prob
    gain, cool = (scores - lagged) / LENGTH, f"draws_recognised_at_{TEMPERATURE}"
    drawn, cooler = (model.sample(len(spoken), 0, y=spoken, temperature=one) for one in (1.0, TEMPERATURE))
    model.sample(1, 0, y="3")
    start = time.perf_counter()
    for number in range(5):
        model.sample(1, number, y="3")
    each = (time.perf_counter() - start) / 5
    return {
        "model": name,
        "options": dict(model.facts_.options),
        "parameters": count_parameters(model.flow_),
        "nats_per_sample": round(float(scores.mean()) / LENGTH, 4),
        "gain_on_AR": round(float(gain.mean()), 4),
        "gain_error": round(float(gain.std(ddof=1) / math.sqrt(len(gain))), 4),
        "draws_recognised": round(float(np.mean(hear(drawn) == spoken)), 3),
        cool: round(float(np.mean(hear(cooler) == spoken)), 3),
        "epochs": len(model.history_),
        "seconds": round(seconds),
        "samples_a_second_one_clip": round(LENGTH / each),
        "times_real_time": round(LENGTH / each / RATE, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=[], choices=[*MODELS, []])
    parser.add_argument("--minutes", type=float, default=15.0)
    given = parser.parse_args()
    append("digits", records(given.models or list(MODELS), given.minutes))


if __name__ == "__main__":
    main()
