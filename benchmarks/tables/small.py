"""Small tables: the default flow beside one Gaussian, and beside a mixture and a kernel density that are chosen well.

Run `python -m benchmarks.tables.small [tables] [--models gaussian mixture kernel default ensemble nsf maf]
[--splits 5]`; seven of the ten tables need `PUSHFORWARD_DATA`, three come with scikit-learn. At most 2,000 rows,
standardised, with normal noise of 0.05, a tenth to test. The mixture and the kernel density are chosen by five folds of
the training rows; the ensemble is four flows. Beside each mean stands the worst test row, and the worst beside what a
Gaussian gives that row: of the training rows, twice as wide.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.stats import multivariate_normal
from sklearn import datasets
from sklearn.covariance import LedoitWolf
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neighbors import KernelDensity

import pushforward as pf
from benchmarks.data import folder, standardised
from benchmarks.harness.records import append
from pushforward.distributions import Mixture, Transformed

ADBENCH = {"wine-13": "45_wine", "breastw": "4_breastw", "cardio": "6_cardio"}
UCI = ("airfoil", "concrete", "energy", "wine")
BUNDLED: dict[str, Callable[[], Any]] = {
    "iris": datasets.load_iris,
    "diabetes": datasets.load_diabetes,
    "cancer": datasets.load_breast_cancer,
}
TABLES = (*ADBENCH, *UCI, *BUNDLED)
MOONS = 4444
"""Rows of the table `moons`, which is not small: 4,000 to train on."""
NOISE, TEST, FOLDS = 0.05, 0.1, 5


def load(name: str, split: int) -> tuple[np.ndarray, np.ndarray]:
    """Training and test rows."""
    if name == "moons":
        rows = np.asarray(pf.data.moons(MOONS, seed=split), float)
    elif name in BUNDLED:
        rows = np.asarray(BUNDLED[name]().data, float)
    elif name in ADBENCH:
        rows = np.asarray(np.load(folder() / f"adbench/{ADBENCH[name]}.npz")["X"], float)
    else:
        rows = np.asarray(np.load(folder() / f"uci_regression/{name}.npz")["x"], float)
    rng = np.random.default_rng(split)
    rows = rng.permutation(rows[:, rows.std(0) > 0])
    rows = standardised(rows, like=rows) + NOISE * rng.normal(size=rows.shape)
    test, train = np.split(rows, [int(TEST * len(rows))])
    return standardised(train, like=train), standardised(test, like=train)


def gaussian(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """One Gaussian with the covariance of Ledoit and Wolf."""
    covariance: Any = LedoitWolf().fit(train).covariance_
    return multivariate_normal.logpdf(test, train.mean(0), covariance)


def mixture(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """A mixture of Gaussians: 1 to 10 of them, full or diagonal, with more or less added to the variances."""
    grid = {"n_components": [1, 2, 3, 5, 7, 10], "covariance_type": ["full", "diag"], "reg_covar": [1e-3, 1e-2, 1e-1]}
    search = GridSearchCV(GaussianMixture(random_state=seed), grid, cv=_folds(seed))
    return search.fit(train).best_estimator_.score_samples(test)


def kernel(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """A kernel density, its width chosen from 20."""
    search = GridSearchCV(KernelDensity(), {"bandwidth": np.geomspace(0.05, 2.0, 20)}, cv=_folds(seed))
    return search.fit(train).best_estimator_.score_samples(test)


def _folds(seed: int) -> KFold:
    return KFold(FOLDS, shuffle=True, random_state=seed)


RIVALS = {"gaussian": gaussian, "mixture": mixture, "kernel": kernel}


def run(name: str, model: str, split: int) -> Iterator[dict[str, Any]]:
    """Fit and measure one model; a flow with the settings of its recipe, `default` with none, `ensemble` with four.

    A flow with a background is measured twice: as it is, and without the background (`default alone`).
    """
    train, test = load(name, split)
    start = time.perf_counter()
    if model in RIVALS:
        yield _record(name, split, train, test, model, RIVALS[model](train, test, split), start)
        return
    given: dict[str, Any] = {"default": {}, "ensemble": {"ensemble": 4}}.get(model, {"flow": model})
    fitted = pf.FlowDensity(**given, random_state=split).fit(train)
    yield _record(name, split, train, test, model, fitted.score_samples(test), start)
    whole = fitted.flow_
    if isinstance(whole, Transformed) and isinstance(whole.base, Mixture):
        alone = Transformed(whole.base.components[0], whole.bijection)
        scores = np.asarray(alone.log_prob(test), float)
        yield _record(name, split, train, test, f"{model} alone", scores, start)


def _record(
    name: str, split: int, train: np.ndarray, test: np.ndarray, model: str, scores: np.ndarray, start: float
) -> dict[str, Any]:
    covariance: Any = 4.0 * np.cov(train.T)
    wide = multivariate_normal.logpdf(test, train.mean(0), covariance)
    return {
        "table": name,
        "split": split,
        "rows": len(train),
        "dim": train.shape[1],
        "model": model,
        "test_nats": round(-float(scores.mean()), 3),
        "worst_row": float(f"{scores.min():.4g}"),
        "worst_beside_wide_gaussian": float(f"{(scores - wide).min():.4g}"),
        "seconds": round(time.perf_counter() - start, 1),
    }


def main() -> None:
    """Fit what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", default=TABLES)
    parser.add_argument("--models", nargs="*", default=(*RIVALS, "default"))
    parser.add_argument("--splits", type=int, default=1)
    parser.add_argument("--name", default="small", help="of the file of results")
    args = parser.parse_args()
    cases = [(name, model, split) for model in args.models for split in range(args.splits) for name in args.tables]
    append(args.name, (record for case in cases for record in run(*case)))


if __name__ == "__main__":
    main()
