"""Missing cells of small tables: draws of one joint model beside scikit-learn's imputers.

Run `python -m benchmarks.tables.imputation [tables] [--models flow ensemble iterative knn] [--splits 1] [--speed]`;
needs `PUSHFORWARD_DATA`, and for the model miceforest that package (6.0.5, with lightgbm 4.5). Of at most 2,000 rows
four fifths are complete and learned from; of the others (at most 300) a fifth of the cells is taken away at random. 19
draws, so that nine in ten cells lie between the least and the greatest of right ones. Errors are in standard deviations
of the training rows: of the mean of the draws, of a single draw, and the energy score of each row's missing cells,
E|X - x| - E|X - X'|/2, which is the error itself for a single guess. A draw that equals the cell, as of few numbers,
counts as inside; "ties at random" takes it to be below or above by chance, so that right draws hold
exactly nine in ten. Models infer what columns can hold, as the shell does; "plain" is told that all are real numbers.

`--speed` times draws of 10 columns with half of them given, beside rejection: draws of the model within a tenth of a
standard deviation of what is given.
"""

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer

import pushforward as pf
from benchmarks.data import folder, standardised
from benchmarks.harness.records import append

TABLES = ("airfoil", "concrete", "energy", "wine", "bike", "kin40k", "protein")
DRAWS, MISSING, ROWS, TESTED = 19, 0.2, 2000, 300


def load(name: str, split: int) -> tuple[np.ndarray, np.ndarray]:
    """Training rows, and rows to take cells from, standardised by the training rows."""
    rows = np.asarray(np.load(folder() / f"uci_regression/{name}.npz")["x"], float)
    rows = np.random.default_rng(split).permutation(rows[:, rows.std(0) > 0])[:ROWS]
    cut = int(0.8 * len(rows))
    return standardised(rows[:cut], like=rows[:cut]), standardised(rows[cut:], like=rows[:cut])[:TESTED]


def by_flow(
    train: np.ndarray, holes: np.ndarray, seed: int, ensemble: int = 1, columns: str | None = "infer"
) -> np.ndarray:
    """Draws of a model of all columns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = pf.FlowDensity(ensemble=ensemble, columns=columns, random_state=seed).fit(train)
        return np.asarray(model.impute(holes, draws=DRAWS, random_state=seed))


def by_iteration(train: np.ndarray, holes: np.ndarray, seed: int) -> np.ndarray:
    """Regressions of each column on the others, in turn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = IterativeImputer(random_state=seed, max_iter=20).fit(train)
        return model.transform(holes)[None]


def by_drawn_iteration(train: np.ndarray, holes: np.ndarray, seed: int) -> np.ndarray:
    """The same, drawn from each regression's posterior."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = IterativeImputer(random_state=seed, max_iter=20, sample_posterior=True).fit(train)
        return np.stack([model.transform(holes) for _ in range(DRAWS)])


def by_neighbours(train: np.ndarray, holes: np.ndarray, seed: int) -> np.ndarray:
    """The mean of five neighbours."""
    return KNNImputer().fit(train).transform(holes)[None]


def by_forests(train: np.ndarray, holes: np.ndarray, seed: int) -> np.ndarray:
    """Boosted trees of each column on the others, in turn, with predictive mean matching (miceforest, Wilson 2020)."""
    import miceforest
    import pandas as pd

    names = [f"x{i}" for i in range(train.shape[1])]
    both = pd.DataFrame(np.concatenate([train, holes]), columns=names)  # it learns from the rows that it fills as well
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kernel = miceforest.ImputationKernel(both, num_datasets=DRAWS, random_state=seed)
        kernel.mice(5)
        return np.stack([kernel.complete_data(i).to_numpy()[len(train) :] for i in range(DRAWS)])


MODELS: dict[str, Callable[[np.ndarray, np.ndarray, int], np.ndarray]] = {
    "flow": by_flow,
    "ensemble": partial(by_flow, ensemble=4),
    "plain": partial(by_flow, columns=None),
    "iterative": by_iteration,
    "iterative drawn": by_drawn_iteration,
    "knn": by_neighbours,
    "miceforest": by_forests,
}


def run(table: str, model: str, split: int) -> Iterator[dict[str, Any]]:
    """One record."""
    train, test = load(table, split)
    gone = np.random.default_rng(100 + split).random(test.shape) < MISSING
    started = time.perf_counter()
    draws = MODELS[model](train, np.where(gone, np.nan, test), split).astype(test.dtype)  # so that equal ones are equal
    seconds = time.perf_counter() - started
    yield {
        "table": table,
        "split": split,
        "rows": len(train),
        "dim": train.shape[1],
        "model": model,
        "cells": int(gone.sum()),
        "error_of_mean": round(float(np.abs(draws.mean(axis=0) - test)[gone].mean()), 4),
        "error_of_draws": round(float(np.abs(draws - test)[:, gone].mean()), 4),
        "energy_score": round(energy_score(draws, test, gone), 4),
        **coverage(draws, test, gone),
        "seconds": round(seconds, 1),
    }


def energy_score(draws: np.ndarray, test: np.ndarray, gone: np.ndarray) -> float:
    """The mean over rows that lack something."""
    error = np.sqrt((((draws - test) * gone) ** 2).sum(axis=-1)).mean(axis=0)
    count = len(draws)
    pairs = np.sqrt((((draws[:, None] - draws[None]) * gone) ** 2).sum(axis=-1)).sum(axis=(0, 1))
    spread = pairs / max(count * (count - 1), 1)
    return float((error - 0.5 * spread)[gone.any(axis=1)].mean())


def coverage(draws: np.ndarray, test: np.ndarray, gone: np.ndarray) -> dict[str, float | None]:
    """Share of the missing cells between the least and the greatest draw."""
    names = "coverage_90", "coverage_90_ties_at_random"
    if len(draws) < DRAWS:
        return dict.fromkeys(names)
    below, same = (draws < test).sum(axis=0), (draws == test).sum(axis=0)
    rank = below + np.random.default_rng(0).integers(0, same + 1)
    found = (draws.min(axis=0) <= test) & (test <= draws.max(axis=0)), (rank > 0) & (rank < len(draws))
    return {name: round(float(inside[gone].mean()), 4) for name, inside in zip(names, found, strict=True)}


def speed(split: int = 0) -> Iterator[dict[str, Any]]:
    """Draws a second of 10 columns of wine, 5 of them given as a row has them."""
    train, test = load("wine", split)
    small = {"num_layers": 3, "width": 64}
    model = pf.FlowDensity("maf", options=small, max_epochs=15, background=False, random_state=split).fit(train[:, :10])
    model.condition({f"x{i}": 0.0 for i in range(0, 10, 2)}).sample(2000)  # compiled
    for attempt in range(3):
        given = {f"x{i}": float(test[attempt, i]) for i in range(0, 10, 2)}
        started = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = model.condition(given, random_state=attempt)
        found.sample(2000, random_state=attempt)
        seconds = time.perf_counter() - started
        draws, cells = model.sample(50_000, random_state=1), np.array(list(given.values()))
        kept = (np.abs(draws[:, ::2] - cells) < 0.1).all(axis=1).sum()
        yield {
            "what": "5 of 10 columns given",
            "row": attempt,
            "draws_per_second": round(2000 / seconds, 1),
            "how": found.sentences()[1:],
            "kept_of_50000_by_rejection": int(kept),
        }


def main() -> None:
    """Fill what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", default=TABLES)
    parser.add_argument("--models", nargs="*", default=tuple(MODELS))
    parser.add_argument("--splits", type=int, default=1)
    parser.add_argument("--speed", action="store_true")
    args = parser.parse_args()
    if args.speed:
        append("imputation", speed())
        return
    cases = [(name, model, split) for split in range(args.splits) for name in args.tables for model in args.models]
    append("imputation", (record for case in cases for record in run(*case)))


if __name__ == "__main__":
    main()
