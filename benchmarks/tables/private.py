"""Private fits to adult: what synthetic rows are good for, and what they tell of who was there.

Run `python -m benchmarks.tables.private [--epsilons 3 10 none] [--splits 1] [--clip 1]`; needs `PUSHFORWARD_DATA`.
With `--gaussian 1 3 10`, which needs no data: what these clip norms cost one Gaussian, in nats above the best.

Eight columns of adult, 10,000 rows to learn from and 5,000 others. `usefulness` is the area under the curve of gradient
boosting that has learned income from 10,000 draws, on the other rows; `real` that of the same learned from the rows
themselves. `membership` is the area under the curve of log-density as a sign of which rows were learned from: 0.5 is
none.
"""

import argparse
import csv
import lzma
import time
import warnings
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import pandas as pd
from scipy.stats import multivariate_normal
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

import pushforward as pf
from benchmarks.data import folder
from benchmarks.harness.records import append

ROWS, OTHERS = 10_000, 5_000
COLUMNS = {
    "age": "age",
    "education": "education-num",
    "marital": "marital-status",
    "relation": "relationship",
    "sex": "sex",
    "gain": "capital-gain",
    "hours": "hours-per-week",
    "income": "Y",
}
KINDS = {
    "age": "integer(17,90)",
    "education": "integer(1,16)",
    "hours": "integer(1,99)",
    "gain": "unbounded+atoms(0)",
}
BOUNDS = {"gain": (0.0, 100_000.0)}
CATEGORIES = {
    "marital": [
        "Divorced",
        "Married-AF-spouse",
        "Married-civ-spouse",
        "Married-spouse-absent",
        "Never-married",
        "Separated",
        "Widowed",
    ],
    "relation": ["Husband", "Not-in-family", "Other-relative", "Own-child", "Unmarried", "Wife"],
    "sex": ["Female", "Male"],
    "income": ["<=50K", ">50K"],
}
FLOW = {"flow": "maf", "options": {"num_layers": 2, "width": 64}}


def load(split: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows to learn from, and others."""
    with lzma.open(folder() / "adult" / "adult.data.xz", "rt") as file:
        header, *rows = (row for row in csv.reader(file, skipinitialspace=True) if row)
    frame = pd.DataFrame({name: [row[header.index(own)] for row in rows] for name, own in COLUMNS.items()})
    frame = frame.astype(dict.fromkeys(KINDS, float))
    frame = frame.iloc[np.random.default_rng(split).permutation(len(frame))[: ROWS + OTHERS]]
    return frame.iloc[:ROWS].reset_index(drop=True), frame.iloc[ROWS:].reset_index(drop=True)


def usefulness(learned: pd.DataFrame, test: pd.DataFrame, seed: int) -> float:
    """Of rows for who wants to tell income, on real ones."""
    text = [name for name in CATEGORIES if name != "income"]

    def features(frame: pd.DataFrame) -> np.ndarray:
        codes = [pd.Categorical(frame[name], categories=CATEGORIES[name]).codes for name in text]
        return np.column_stack([*(frame[name].to_numpy(float) for name in KINDS), *codes])

    model = HistGradientBoostingClassifier(random_state=seed)
    model.fit(features(learned), learned["income"] == ">50K")
    return float(roc_auc_score(test["income"] == ">50K", model.predict_proba(features(test))[:, 1]))


def run(epsilon: float | None, split: int, clip: float) -> Iterator[dict[str, Any]]:
    """One record."""
    train, test = load(split)
    given: dict[str, Any] = {"columns": KINDS, "random_state": split, "background": None}
    if epsilon is not None:
        given |= {
            "epsilon": epsilon,
            "delta": 1e-5,
            "clip_norm": clip,
            "bounds": BOUNDS,
            "categories": CATEGORIES,
            "batch_size": 500,
        }
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = pf.FlowDensity(**FLOW, **given).fit(train)
        seconds = time.perf_counter() - started
        drawn = pd.DataFrame(model.sample(ROWS, random_state=split), columns=train.columns)
        scores = [model.score_samples(rows) for rows in (train, test)]
    spent = model.result_.spent
    members = np.concatenate([np.ones(len(train)), np.zeros(len(test))])
    yield {
        "table": "adult",
        "split": split,
        "epsilon": epsilon,
        "clip_norm": None if epsilon is None else clip,
        "spent": None if spent is None else round(spent.spent, 3),
        "noise_multiplier": None if spent is None else round(spent.noise_multiplier, 3),
        "rows": len(train),
        "epochs": len(model.history_),
        "usefulness": round(usefulness(drawn, test, split), 4),
        "real": round(usefulness(train, test, split), 4),
        "membership": round(float(roc_auc_score(members, np.concatenate(scores))), 4),
        "train_nats": round(-float(np.mean(scores[0])), 4),
        "test_nats": round(-float(np.mean(scores[1])), 4),
        "seconds": round(seconds, 1),
    }


def run_gaussian(clip: float) -> Iterator[dict[str, Any]]:
    """One record: 10,000 rows of a Gaussian of two columns, epsilon 10, and as many rows that were not learned from."""
    law = multivariate_normal([0.5, 0.5], 0.49 * np.eye(2))
    train, test = (np.asarray(law.rvs(ROWS, random_state=seed), np.float32) for seed in (0, 1))
    privacy = pf.train.Privacy(epsilon=10.0, delta=1e-6, clip_norm=clip)
    flow = pf.flows.affine(2, key=jax.random.key(0))
    how = {"max_epochs": 30, "batch_size": 500, "learning_rate": 0.02, "progress": False}
    result = pf.fit(flow, train, privacy=privacy, key=jax.random.key(1), **how)
    above = law.logpdf(test) - np.asarray(result.flow.log_prob(test))
    error = float(above.std(ddof=1) / np.sqrt(len(above)))
    yield {"table": "gaussian", "epsilon": 10.0, "clip_norm": clip, "nats_above_best": round(float(above.mean()), 4),
           "error": round(error, 4)}  # fmt: skip


def main() -> None:
    """Fit what is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epsilons", nargs="*", default=["3", "10", "none"])
    parser.add_argument("--splits", type=int, default=1)
    parser.add_argument("--clip", type=float, default=1.0)
    parser.add_argument("--gaussian", nargs="*", type=float, default=[])
    given = parser.parse_args()
    for clip in given.gaussian:
        append("private", run_gaussian(clip))
    for split in range(0 if given.gaussian else given.splits):
        for epsilon in given.epsilons:
            append("private", run(None if epsilon == "none" else float(epsilon), split, given.clip))


if __name__ == "__main__":
    main()
