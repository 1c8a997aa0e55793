"""Exchange rates: five windows of 30 business days, as the literature has them.

Run `python -m benchmarks.series.exchange [--epochs 4] [--seeds 0,1,2]`; needs `PUSHFORWARD_DATA`, and adds a record for
each forecast and seed to results/series.jsonl. The fit sees the first 6,071 days. The published arrays have no dates:
days are numbered as business days from 1990-01-01. The vector autoregression needs statsmodels.
"""

import argparse
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

GIVEN = {"windows": 5, "paths": 100, "fill_gaps": False}


def tables(folder: Path) -> tuple[Path, Path]:
    """The days to learn from, and all days, as CSV."""
    stored = np.load(data_folder() / "timeseries" / "exchange_rate_nips.npz")
    values = stored["full"]
    days = np.busday_offset(np.datetime64("1990-01-01"), np.arange(len(values)))
    written = []
    for name, count in (("train", int(stored["train_len"])), ("full", len(values))):
        rows = [f"{day},{','.join(map(repr, row.tolist()))}" for day, row in zip(days, values[:count], strict=False)]
        path = folder / f"{name}.csv"
        path.write_text("\n".join(["date," + ",".join(f"c{i}" for i in range(values.shape[1])), *rows]) + "\n")
        written.append(path)
    return written[0], written[1]


def records(epochs: int, seeds: list[int]) -> Iterator[Record]:
    """One for each forecast and seed."""
    with tempfile.TemporaryDirectory() as folder:
        train, full = tables(Path(folder))
        for seed in seeds:
            model = str(Path(folder) / f"fx{seed}.safetensors")
            told = ["--flow", "tempflow", "--time", "date", "--horizon", "30", "--max-epochs", str(epochs), "-q"]
            start = time.perf_counter()
            pushforward.main(["fit", str(train), "-o", model, *told, "--seed", str(seed)], standalone_mode=False)
            seconds = round(time.perf_counter() - start)
            fitted = read_model(model)
            found = modality_named("series").backtest(fitted, str(full), GIVEN, seed, Talk(quiet=True))
            for name, scores in found.scores.items():
                rounded = {key: None if value is None else round(value, 5) for key, value in scores.items()}
                run = {"figure": "exchange", "forecast": name, "seed": seed, "epochs": epochs, "seconds": seconds}
                yield run | rounded


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seeds", default="0,1,2")
    given = parser.parse_args()
    append("series", records(given.epochs, [int(seed) for seed in given.seeds.split(",")]))
