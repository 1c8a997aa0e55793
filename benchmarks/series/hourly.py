"""Hourly series: ETTh1 (7 series, 24 steps ahead) and the hourly series of M4 (414 items, 48 steps ahead).

Run `python -m benchmarks.series.hourly [ett m4] [--epochs 5] [--seed 0]`; needs `PUSHFORWARD_DATA`, and adds a record
for each forecast to results/series.jsonl. Of ETTh1 the first 12 months are learned from, and the last 20 windows of
the four months behind them are forecast; of M4 the 48 hours that the competition held back. The published M4 file has
no dates: hours are numbered from 2015-01-05. Beside the flow stand those forecasts that `backtest` has.
"""

import argparse
import lzma
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.data import folder as data_folder
from benchmarks.harness.records import Record, append
from pushforward.cli import main as pushforward
from pushforward.modalities import modality_named, read_model
from pushforward.modalities._talk import Talk

YEAR, MONTHS = 12 * 30 * 24, 4 * 30 * 24
SETS = {"ett": (24, 20, ()), "m4": (48, 1, ("--item", "series"))}
"""Horizon, windows, and what else the fit is told."""


def ett(folder: Path) -> tuple[Path, Path]:
    """A year to learn from, and the same with four months behind it."""
    with lzma.open(data_folder() / "timeseries" / "ETTh1.csv.xz", "rt") as file:
        lines = file.read().splitlines()
    return _written(folder, lines[0], lines[1 : YEAR + 1], lines[1 : YEAR + MONTHS + 1])


def m4(folder: Path) -> tuple[Path, Path]:
    """Without the last 48 hours of each series, and with them."""
    file = np.load(data_folder() / "timeseries" / "m4_hourly.npz")
    pieces = np.split(file["train"], np.cumsum(file["length"])[:-1])
    both: tuple[list[str], list[str]] = ([], [])
    for number, (before, after) in enumerate(zip(pieces, file["test"], strict=True)):
        values = np.concatenate([before, after])
        hours = np.datetime64("2015-01-05T00", "h") + np.arange(len(values))
        rows = [f"{hour}:00,s{number},{value!r}" for hour, value in zip(hours, values.tolist(), strict=True)]
        both[0].extend(rows[: len(before)])
        both[1].extend(rows)
    return _written(folder, "date,series,value", *both)


def _written(folder: Path, head: str, train: list[str], full: list[str]) -> tuple[Path, Path]:
    paths = folder / "train.csv", folder / "full.csv"
    for path, rows in zip(paths, (train, full), strict=True):
        path.write_text("\n".join([head, *rows]) + "\n")
    return paths


def records(name: str, epochs: int, seed: int) -> Iterator[Record]:
    """One for each forecast."""
    horizon, count, more = SETS[name]
    with tempfile.TemporaryDirectory() as folder:
        train, full = {"ett": ett, "m4": m4}[name](Path(folder))
        model = str(Path(folder) / "model.safetensors")
        told = ["--flow", "tempflow", "--time", "date", "--horizon", str(horizon), *more]
        start = time.perf_counter()
        asked = ["fit", str(train), "-o", model, *told, "--max-epochs", str(epochs), "-q", "--seed", str(seed)]
        pushforward.main(asked, standalone_mode=False)
        seconds = round(time.perf_counter() - start)
        given = {"windows": count, "paths": 100, "fill_gaps": False}
        found = modality_named("series").backtest(read_model(model), str(full), given, seed, Talk(quiet=True))
    for forecast, scores in found.scores.items():
        rounded = {key: None if value is None else round(value, 5) for key, value in scores.items()}
        run = {"figure": name, "forecast": forecast, "seed": seed, "epochs": epochs, "seconds": seconds}
        yield run | rounded


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=[], choices=[*SETS, []])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    for each in asked.sets or list(SETS):
        append("series", records(each, asked.epochs, asked.seed))
