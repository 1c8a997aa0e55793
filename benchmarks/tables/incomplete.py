"""Fits to rows of which some lack cells, beside fits to whole rows and to the rows that are whole.

Run `python -m benchmarks.tables.incomplete [tables] [--missing 0.3] [--splits 1] [--flow nsf]`; power needs
`PUSHFORWARD_DATA`. Of 2,000 rows each cell is taken away with the same probability. The figure is the mean negative
log-density of 2,000 other rows, none of which lacks anything, in nats a row: with every cell there (`complete`), of the
table with its holes (`incomplete`), and of its whole rows alone (`dropped`).
"""

import argparse
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

import pushforward as pf
from benchmarks.data import split as split_of
from benchmarks.harness.records import append

TABLES = ("moons", "power")
ROWS = 2000


def load(table: str, split: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to learn from, and whole rows to be scored."""
    if table == "moons":
        return np.asarray(pf.data.moons(ROWS, seed=split)), np.asarray(pf.data.moons(ROWS, seed=1000 + split))
    train, test = split_of(table, seed=split)
    return train[:ROWS], test[:ROWS]


def run(table: str, split: int, missing: float, flow: str) -> Iterator[dict[str, Any]]:
    """A record for each way."""
    train, test = load(table, split)
    holes = train.copy()
    holes[np.random.default_rng(split).random(train.shape) < missing] = np.nan
    whole = holes[~np.isnan(holes).any(axis=1)]
    for way, rows in {"complete": train, "incomplete": holes, "dropped": whole}.items():
        started = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = pf.FlowDensity(flow, incomplete=way == "incomplete", random_state=split).fit(rows)
        yield {
            "table": table,
            "split": split,
            "flow": flow,
            "missing": missing,
            "way": way,
            "rows": len(rows),
            "dim": train.shape[1],
            "test_nats": round(-model.score(test), 4),
            "error": round(float(model.score_samples(test).std() / np.sqrt(len(test))), 4),
            "seconds": round(time.perf_counter() - started, 1),
        }


def main() -> None:
    """Fit what is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("tables", nargs="*", default=TABLES)
    parser.add_argument("--missing", type=float, default=0.3)
    parser.add_argument("--splits", type=int, default=1)
    parser.add_argument("--flow", default="nsf")
    given = parser.parse_args()
    for table in given.tables:
        for split in range(given.splits):
            append("incomplete", run(table, split, given.missing, given.flow))


if __name__ == "__main__":
    main()
