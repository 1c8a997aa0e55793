"""The worst test row of small tables: what a flow says of rows far from those it has seen.

Run `python -m benchmarks.tables.far_rows [tables] [--models maf realnvp nsf nsf-ar] [--split 0]`; needs
`PUSHFORWARD_DATA`. Tables of at most 2,000 rows, standardised by their training rows, with normal noise of 0.05, a
tenth to test. Beside each worst row stands what a Gaussian gives that row: of the training rows, twice as wide.
"""

import argparse
import time
from typing import Any

import jax
import numpy as np
from scipy.stats import multivariate_normal

import pushforward as pf
from benchmarks.data import folder, standardised
from benchmarks.harness.records import append

ADBENCH = {"wine-13": "45_wine", "breastw": "4_breastw", "cardio": "6_cardio"}
UCI = ("airfoil", "concrete", "energy", "wine")
MODELS = ("maf", "realnvp", "nsf", "nsf-ar")
NOISE, TEST = 0.05, 0.1


def load(name: str, split: int) -> tuple[np.ndarray, np.ndarray]:
    """Training and test rows."""
    if name == "rows-21":
        test, train = np.split(np.concatenate(load("wine-13", split))[:, :5], [-21])
        return standardised(train, like=train), standardised(test, like=train)
    file = np.load(folder() / (f"adbench/{ADBENCH[name]}.npz" if name in ADBENCH else f"uci_regression/{name}.npz"))
    rng, rows = np.random.default_rng(split), np.asarray(file["X" if name in ADBENCH else "x"], float)
    rows = rng.permutation(rows[:, rows.std(0) > 0])
    rows = standardised(rows, like=rows) + NOISE * rng.normal(size=rows.shape)
    test, train = np.split(rows, [int(TEST * len(rows))])
    return standardised(train, like=train), standardised(test, like=train)


def run(name: str, model: str, split: int) -> dict:
    """Fit and measure one flow, with the settings of `fit` and of the recipe."""
    (train, test), key = load(name, split), jax.random.key(split)
    start = time.perf_counter()
    flow = pf.flows.RECIPES[model].build(train.shape[1], key=key)
    result = pf.fit(flow, train, progress=False, key=key)
    scores = np.asarray(result.flow.log_prob(test), float)
    covariance: Any = 4.0 * np.cov(train.T)
    wide = multivariate_normal.logpdf(test, train.mean(0), covariance)
    return {
        "table": name,
        "split": split,
        "rows": len(train),
        "dim": train.shape[1],
        "model": model,
        "test_nats": round(-scores.mean(), 3),
        "median_nats": round(-float(np.median(scores)), 3),
        "worst_row": float(f"{scores.min():.4g}"),
        "worst_beside_wide_gaussian": float(f"{(scores - wide).min():.4g}"),
        "epochs": len(result.history),
        "seconds": round(time.perf_counter() - start, 1),
    }


def main() -> None:
    """Fit the flows that are asked for."""
    tables = (*ADBENCH, *UCI, "rows-21")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", default=tables)
    parser.add_argument("--models", nargs="*", default=MODELS)
    parser.add_argument("--split", type=int, default=0)
    args = parser.parse_args()
    append("far_rows", (run(name, model, args.split) for model in args.models for name in args.tables))


if __name__ == "__main__":
    main()
