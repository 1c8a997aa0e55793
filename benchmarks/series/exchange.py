"""Exchange rates: five windows of 30 business days, as the literature has them.

Run `python -m benchmarks.series.exchange [--epochs 10] [--seeds 0,1,2] [--set emission=nsf-ar ...] [--ema 0.99]`; needs
`PUSHFORWARD_DATA`, and adds a record for each forecast and seed to results/series.jsonl. The fit sees the first 6,071
days. The published arrays have no dates: days are numbered as business days from 1990-01-01. The vector autoregression
needs statsmodels. `margins` is a flow of one series with the same settings that learns from all eight as items: what it
says of a step is the sum over series.
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


def tables(folder: Path, *, apart: bool = False) -> tuple[Path, Path]:
    """The days to learn from, and all days, as CSV; `apart` has a row for each series and day."""
    stored = np.load(data_folder() / "timeseries" / "exchange_rate_nips.npz")
    values = stored["full"]
    series = values.shape[1]
    days = np.busday_offset(np.datetime64("1990-01-01"), np.arange(len(values)))
    written = []
    for name, count in (("train", int(stored["train_len"])), ("full", len(values))):
        wide = [f"{day},{','.join(map(repr, row.tolist()))}" for day, row in zip(days, values[:count], strict=False)]
        pairs = [zip(days, column, strict=False) for column in values[:count].T.tolist()]
        long = [f"{day},c{i},{x!r}" for i, pair in enumerate(pairs) for day, x in pair]
        head = "date,currency,rate" if apart else "date," + ",".join(f"c{i}" for i in range(series))
        path = folder / f"{name}{'-apart' if apart else ''}.csv"
        path.write_text("\n".join([head, *(long if apart else wide)]) + "\n")
        written.append(path)
    return written[0], written[1]


def records(epochs: int, seeds: list[int], options: list[str]) -> Iterator[Record]:
    """One for each forecast and seed."""
    with tempfile.TemporaryDirectory() as folder:
        together, apart = tables(Path(folder)), tables(Path(folder), apart=True)
        for seed in seeds:
            found, seconds = tested(*together, options, epochs, seed)
            run = {"figure": "exchange", "seed": seed, "epochs": epochs, "options": " ".join(options)}
            for name, scores in found.items():
                rounded = {key: None if value is None else round(value, 5) for key, value in scores.items()}
                yield run | {"forecast": name, "seconds": seconds} | rounded
            margins, seconds = tested(*apart, [*options, "--item", "currency"], epochs, seed)
            nats = 8 * margins["flow"]["nats_per_step"]
            yield run | {"forecast": "margins", "seconds": seconds, "nats_per_step": round(nats, 5)}


def tested(train: Path, full: Path, more: list[str], epochs: int, seed: int) -> tuple[dict[str, dict[str, float]], int]:
    """Scores by the name of a forecast, and the seconds of the fit."""
    model = str(train.with_suffix(".safetensors"))
    told = ["--flow", "tempflow", "--time", "date", "--horizon", "30", "--max-epochs", str(epochs), "-q", *more]
    start = time.perf_counter()
    pushforward.main(["fit", str(train), "-o", model, *told, "--seed", str(seed)], standalone_mode=False)
    seconds = round(time.perf_counter() - start)
    found = modality_named("series").backtest(read_model(model), str(full), GIVEN, seed, Talk(quiet=True))
    return found.scores, seconds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--set", action="append", default=[], help="an option of the flow, as in the shell")
    parser.add_argument("--ema", help="decay of a running mean of the parameters")
    given = parser.parse_args()
    own = [word for each in given.set for word in ("--set", each)] + (["--ema", given.ema] if given.ema else [])
    append("series", records(given.epochs, [int(seed) for seed in given.seeds.split(",")], own))
