"""Intervals and quantiles of a target given its features: their coverage, and CRPS beside boosted trees.

Run `python -m benchmarks.tables.intervals [tables] [--splits 3] [--rows 3000] [--ema 0] [--ensemble 4]`; needs
`PUSHFORWARD_DATA`. The tests are the sets' own ten folds, of which the first few are taken; they do not overlap. At
most so many rows are trained on, drawn with the split as seed, and both models' settings are their defaults but for
what is given. The rival is one boosted regressor of scikit-learn for each of 20 levels, the middles of twentieths,
sorted. CRPS is twice the mean pinball loss at these levels, for both, divided by the training target's deviation.

The standard error of a mean over splits is that of the splits' means or, where it is larger, that of as many
independent rows: rows of a split share one fit, so the second alone would be too small.
"""

import argparse
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

import pushforward as pf
from benchmarks.data import folder
from benchmarks.harness.records import append

TABLES = ("energy", "concrete", "airfoil", "wine", "bike", "kin40k", "protein")
NOMINAL = (0.5, 0.8, 0.9, 0.95)
LEVELS = (np.arange(20) + 0.5) / 20
MOST_TEST = 2000


def load(name: str, split: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Training and test rows, the target last."""
    file = np.load(folder() / "uci_regression" / f"{name}.npz")
    rows = np.asarray(file["x"], float)
    tests = np.unpackbits(file["test_mask"], axis=0)[: len(rows), split].astype(bool)
    rng = np.random.default_rng(split)
    train, test = rng.permutation(rows[~tests]), rng.permutation(rows[tests])
    return train[:most], test[:MOST_TEST]


def crps(quantiles: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Twice the mean pinball loss, `(rows, levels), (rows,) -> (rows,)`."""
    over = y[:, None] - quantiles
    return 2 * np.mean(np.maximum(LEVELS * over, (LEVELS - 1) * over), axis=1)


def boosted(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """Quantiles of the rival, `(rows, levels)`."""
    found = [
        HistGradientBoostingRegressor(loss="quantile", quantile=level, random_state=seed)
        .fit(train[:, :-1], train[:, -1])
        .predict(test[:, :-1])
        for level in LEVELS
    ]
    return np.sort(np.stack(found, axis=1), axis=1)


def run(name: str, split: int, most: int, given: dict[str, Any]) -> dict[str, Any]:
    """Both models on one split."""
    train, test = load(name, split, most)
    start = time.perf_counter()
    density = pf.ConditionalFlowDensity(**given, random_state=split)
    density.fit(train[:, :-1], train[:, -1])
    fitted = time.perf_counter()
    X, y, scale = test[:, :-1], test[:, -1], train[:, -1].std()
    ours = np.asarray(density.quantile(X, LEVELS)).reshape(len(y), len(LEVELS))
    levels = [0.5 + side * level / 2 for level in NOMINAL for side in (-1, 1)]
    ends = np.asarray(density.quantile(X, levels)).reshape(len(y), len(NOMINAL), 2)
    inside = (ends[..., 0] <= y[:, None]) & (y[:, None] <= ends[..., 1])
    return {
        "table": name,
        "split": split,
        "rows": len(train),
        "test_rows": len(test),
        "coverage": [round(float(share), 4) for share in inside.mean(0)],
        **given,
        "nats": round(float(density.score(X, y)), 4),
        "crps": round(float(crps(ours, y).mean() / scale), 5),
        "boosted_crps": round(float(crps(boosted(train, test, split), y).mean() / scale), 5),
        "seconds": round(fitted - start, 1),
    }


def summary(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Of the splits of one table: means, and coverage less the nominal in standard errors."""
    shares = np.array([record["coverage"] for record in records])
    tested, nominal = sum(record["test_rows"] for record in records), np.array(NOMINAL)
    error = np.sqrt(nominal * (1 - nominal) / tested)
    if len(records) > 1:
        error = np.maximum(error, shares.std(0, ddof=1) / len(records) ** 0.5)
    apart = (shares.mean(0) - nominal) / error
    scores = {
        key: round(float(np.mean([record[key] for record in records])), 5) for key in ("crps", "boosted_crps", "nats")
    }
    return {
        "table": records[0]["table"],
        "splits": len(records),
        "rows": records[0]["rows"],
        "ema": records[0]["ema"],
        "ensemble": records[0]["ensemble"],
        "mean_coverage": np.round(shares.mean(0), 4).tolist(),
        "standard_errors_off": np.round(apart, 1).tolist(),
        "mean": scores,
    }


def run_all(names: list[str], splits: int, most: int, given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each split of each table, and what they say together."""
    for name in names:
        records = []
        for split in range(splits):
            records.append(run(name, split, most, given))
            yield records[-1]
        yield summary(records)


def main() -> None:
    """Fit what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", default=list(TABLES))
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--rows", type=int, default=3000, help="to train on, at most")
    parser.add_argument("--ema", type=float, help="of the running mean of the parameters; by default the library's")
    parser.add_argument("--ensemble", type=int, default=1, help="flows whose mean is taken")
    args = parser.parse_args()
    given = {"ema": args.ema, "ensemble": args.ensemble}
    append("intervals", run_all(args.tables, args.splits, args.rows, given))


if __name__ == "__main__":
    main()
