"""From mel spectrograms to waves: WaveGlow beside Griffin and Lim's phases, on 25 + 7 clips of LJ Speech.

Run `python -m benchmarks.sound.vocoder [--minutes 15]`; needs `PUSHFORWARD_DATA` and librosa, and adds a record for
each to results/vocoder.jsonl. Both are given the true log-mel spectrogram of the 7 test clips; the flow's draws are
measured as they are, and brought to it in ten rounds, as noise is without a flow. Figures are means over frames: the
absolute difference of log-mel spectrograms, in nats, and the log-spectral distance of power spectra of 1,024 samples,
in decibels. 25 clips of 173 seconds are a toy: what is published is trained on 24 hours.
"""

import argparse
import time
from collections.abc import Iterator

import librosa
import numpy as np

import pushforward as pf
from benchmarks.data import folder
from benchmarks.harness.records import Record, append
from pushforward.data import Clips, Mel

RATE, TRAIN, ITERATIONS, MATCH = 22050, 25, 60, 10
OPTIONS = {"num_flows": 12, "group_size": 64, "early_size": 12, "width": 64, "depth": 4}
FLOOR = 1e-5
"""Magnitudes below are taken as this in the distance of spectra."""


def load() -> tuple[Clips, Clips]:
    """The first 25 clips, and the others."""
    file = np.load(folder() / "ljspeech_sample" / "ljspeech32.npz")
    waves = np.split(file["audio"], np.cumsum(file["length"])[:-1])
    return Clips(tuple(waves[:TRAIN]), RATE), Clips(tuple(waves[TRAIN:]), RATE)


def griffin_lim(mel: Mel, frames: np.ndarray, samples: int) -> np.ndarray:
    """Whole numbers whose spectrogram is near to the given one, whose frames begin half an overlap before the clip."""
    sizes = {"sr": RATE, "n_fft": mel.frame, "hop_length": mel.hop, "power": 1.0, "n_iter": ITERATIONS}
    wave = librosa.feature.inverse.mel_to_audio(np.exp(frames.T), fmin=mel.low, fmax=mel.top, center=False, **sizes)
    before = (mel.frame - mel.hop) // 2
    wave = wave[before : before + samples]
    return np.clip(np.round(wave * 32768), -32768, 32767).astype(np.int16)


def distances(mel: Mel, true: np.ndarray, made: np.ndarray) -> tuple[float, float]:
    """Mean difference of log-mel spectrograms in nats, and log-spectral distance in decibels."""
    off = np.abs(mel(true, full=32768.0) - mel(made, full=32768.0)).mean()
    spectra = [np.abs(librosa.stft(w / 32768.0, n_fft=mel.frame, hop_length=mel.hop)) for w in (true, made)]
    decibels = [20 * np.log10(np.maximum(spectrum, FLOOR)) for spectrum in spectra]
    return float(off), float(np.sqrt(np.mean((decibels[0] - decibels[1]) ** 2, axis=0)).mean())


def records(minutes: float) -> Iterator[Record]:
    """Griffin and Lim, then the flow at temperatures."""
    train, test = load()
    mel = Mel()
    waves = [wave[: len(wave) // mel.hop * mel.hop] for wave in test.waves]
    made = [griffin_lim(mel, mel(wave, full=32768.0), len(wave)) for wave in waves]
    yield _record("Griffin-Lim", mel, waves, made) | {"iterations": ITERATIONS}
    rng = np.random.default_rng(0)
    noise = [rng.normal(0.0, 300.0, len(wave)).astype(np.int16) for wave in waves]
    made = [mel.bring(n, mel(w, full=32768.0), MATCH, full=32768.0) for n, w in zip(noise, waves, strict=True)]
    yield _record("noise", mel, waves, made) | {"match": MATCH}
    start = time.monotonic()
    model = pf.SoundDensity(
        "waveglow",
        options=OPTIONS,
        mel=True,
        length=4096,
        batch_size=8,
        learning_rate=2e-3,
        ema=0.99,
        max_epochs=1000,
        callbacks=(lambda info: time.monotonic() - start > 60 * minutes,),
        random_state=0,
    ).fit(train)
    seconds, nats = time.monotonic() - start, model.score(test)
    for temperature, match in ((0.6, None), (0.8, None), (1.0, None), (0.8, MATCH), (1.0, MATCH)):
        began = time.perf_counter()
        made = [model.sample(1, 0, temperature, like=wave, match=match)[0] for wave in waves]
        spent = time.perf_counter() - began
        yield _record("waveglow", mel, waves, made) | {
            "temperature": temperature,
            "match": match,
            "options": OPTIONS,
            "nats_per_sample": round(nats, 4),
            "epochs": len(model.history_),
            "seconds": round(seconds),
            "times_real_time": round(sum(map(len, waves)) / RATE / spent, 2),
        }


def _record(name: str, mel: Mel, waves: list[np.ndarray], made: list[np.ndarray]) -> Record:
    found = np.mean([distances(mel, *pair) for pair in zip(waves, made, strict=True)], axis=0)
    figures = {"log_mel_error": round(float(found[0]), 4), "log_spectral_distance_db": round(float(found[1]), 3)}
    return {"figure": "vocoder", "model": name, "test_clips": len(waves)} | figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=15.0)
    append("vocoder", records(parser.parse_args().minutes))


if __name__ == "__main__":
    main()
