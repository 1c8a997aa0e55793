"""Exchange rates: five windows of 30 business days, as the literature has them.

`python -m benchmarks.series.exchange --epochs 4 --seed 0` fits to the first 6,071 days and prints the backtest as JSON.
The data are `timeseries/exchange_rate_nips.npz` in the folder that PUSHFORWARD_DATA names. Days are numbered as
business days from 1990-01-01: the published arrays have no dates.
"""

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np

from pushforward.cli import main as pushforward


def tables(folder: Path) -> tuple[Path, Path]:
    """The days to learn from, and all days, as CSV."""
    stored = np.load(Path(os.environ["PUSHFORWARD_DATA"]) / "timeseries" / "exchange_rate_nips.npz")
    values = stored["full"]
    days = np.busday_offset(np.datetime64("1990-01-01"), np.arange(len(values)))
    written = []
    for name, count in (("train", int(stored["train_len"])), ("full", len(values))):
        rows = [f"{day},{','.join(map(repr, row.tolist()))}" for day, row in zip(days, values[:count], strict=False)]
        path = folder / f"{name}.csv"
        path.write_text("\n".join(["date," + ",".join(f"c{i}" for i in range(values.shape[1])), *rows]) + "\n")
        written.append(path)
    return written[0], written[1]


def run(epochs: int, seed: int) -> None:
    """Fit and print."""
    with tempfile.TemporaryDirectory() as folder:
        train, full = tables(Path(folder))
        model = str(Path(folder) / "fx.safetensors")
        told = ["--flow", "tempflow", "--time", "date", "--horizon", "30", "--max-epochs", str(epochs)]
        pushforward.main(["fit", str(train), "-o", model, *told, "--seed", str(seed)], standalone_mode=False)
        pushforward.main(["backtest", model, str(full), "--windows", "5", "--json"], standalone_mode=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    run(given.epochs, given.seed)
