"""Odd rows: mean ROC-AUC of `FlowOutlier` beside usual detectors, and its share of false alarms.

Run `python -m benchmarks.tables.outliers [sets] [--splits 5] [--rows 1000] [--setting inliers mixed]
[--score-by all]`; needs
`PUSHFORWARD_DATA`. A split halves the rows of a set at random. Learned from are at most so many rows of the first half,
without its outliers (`inliers`) or with them (`mixed`); tested are at most twice so many of the second. Columns that
do not vary in the rows to learn from are left out, for all. All settings are defaults; the others see standardised
columns. False alarms are the share of ordinary test rows that are flagged with `alpha=0.1`; the standard error is over
test rows, calibration rows and splits as if these were independent. `inliers` alone promises the share.
"""

import argparse
import importlib.util
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.stats import skew
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.preprocessing import StandardScaler

import pushforward as pf
from benchmarks.data import folder
from benchmarks.harness.records import append

SETS = (
    *("45_wine", "4_breastw", "6_cardio", "38_thyroid", "23_mammography", "2_annthyroid", "28_pendigits"),
    *("22_magic.gamma", "30_satellite", "32_shuttle", "10_cover", "25_musk"),
)
SETTINGS = ("inliers", "mixed")
ALPHA = 0.1


def load(name: str, split: int, most: int, setting: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Training rows, test rows, and which of these are outliers."""
    file = np.load(folder() / "adbench" / f"{name}.npz")
    x, odd = np.asarray(file["X"], float), np.asarray(file["y"]).astype(bool)
    order = np.random.default_rng(split).permutation(len(x))
    first, test = order[: len(x) // 2], order[len(x) // 2 :][: 2 * most]
    train = first[~odd[first]] if setting == "inliers" else first
    varying = np.ptp(x[train[:most]], axis=0) > 0
    return x[train[:most]][:, varying], x[test][:, varying], odd[test]


def ecod(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Li et al. (2022), ECOD: the largest of three sums of -log tail probabilities over columns; large is odd."""
    left, right = [], []
    for column, asked in zip(train.T, test.T, strict=True):
        known = np.sort(column)
        count = len(known) + 1  # one more, so that no tail is empty
        left.append(-np.log((np.searchsorted(known, asked, "right") + 1) / count))
        right.append(-np.log((count - np.searchsorted(known, asked, "left")) / count))
    below, above = np.array(left), np.array(right)
    by_skew = np.where((skew(train) < 0)[:, None], below, above)
    return np.max([below.sum(0), above.sum(0), by_skew.sum(0)], axis=0)


def pyod_ecod(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """The same by PyOD, which ranks test rows among training and test rows together."""
    from pyod.models.ecod import ECOD

    return ECOD().fit(train).decision_function(test)


def neighbours(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Distance to the fifth nearest training row."""
    return NearestNeighbors().fit(train).kneighbors(test, 5)[0][:, -1]


def rivals(split: int) -> dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]:
    """Scores of standardised rows, large is odd; PyOD's own ECOD where it is installed."""
    theirs = {"pyod_ecod": pyod_ecod} if importlib.util.find_spec("pyod") else {}
    return theirs | {
        "lof": lambda train, test: -LocalOutlierFactor(novelty=True).fit(train).score_samples(test),
        "knn": neighbours,
        "forest": lambda train, test: -IsolationForest(random_state=split).fit(train).score_samples(test),
        "ecod": ecod,
    }


def run(name: str, split: int, most: int, setting: str, by: str) -> dict[str, Any]:
    """All detectors on one split."""
    train, test, odd = load(name, split, most, setting)
    scale = StandardScaler().fit(train)
    seen: Any = scale.transform(train), scale.transform(test)
    found = {rival: score(*seen) for rival, score in rivals(split).items()}
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of columns with spikes, and of small sets
        ours = pf.FlowOutlier(alpha=ALPHA, score_by=by, random_state=split).fit(train)
    seconds = time.perf_counter() - start
    found["flow"] = -ours.score_samples(test)
    return {
        "set": name,
        "split": split,
        "setting": setting,
        "score_by": by,
        "rows": len(train),
        "test_rows": len(test),
        "outliers": int(odd.sum()),
        "calibration_rows": len(ours.calibration_scores_),
        "auc": {rival: round(float(roc_auc_score(odd, scores)), 4) for rival, scores in found.items()},
        "false_alarms": round(float(np.mean(ours.predict(test[~odd]) == -1)), 4),
        "seconds": round(seconds, 1),
    }


def summary(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over sets of means over splits, and the false alarms less alpha in standard errors."""
    names = list(dict.fromkeys(record["set"] for record in records))
    auc = {
        rival: round(float(np.mean([_mean(records, name, rival) for name in names])), 4) for rival in records[0]["auc"]
    }
    alarms = np.array([record["false_alarms"] for record in records])
    ordinary = np.array([record["test_rows"] - record["outliers"] for record in records])
    apart = np.array([record["calibration_rows"] for record in records])
    # Given the calibration rows the share is Beta(k, n + 1 - k) with k = floor(alpha (n + 1)).
    expected = np.floor(ALPHA * (apart + 1) + 1e-9) / (apart + 1)
    variance = expected * (1 - expected) * (1 / (apart + 2) + 1 / ordinary)
    return {
        "setting": records[0]["setting"],
        "score_by": records[0]["score_by"],
        "sets": names,
        "splits": len({record["split"] for record in records}),
        "mean_auc": auc,
        "false_alarms": round(float(alarms.mean()), 4),
        "promised": round(float(expected.mean()), 4),
        "standard_errors_off": round(float((alarms - expected).sum() / np.sqrt(variance.sum())), 2),
    }


def _mean(records: list[dict[str, Any]], name: str, rival: str) -> float:
    return float(np.mean([record["auc"][rival] for record in records if record["set"] == name]))


def run_all(names: list[str], splits: int, most: int, settings: list[str], by: str) -> Iterator[dict[str, Any]]:
    """Each split of each set, and what they say together, one setting after the other."""
    for setting in settings:
        records = []
        for name in names:
            for split in range(splits):
                records.append(run(name, split, most, setting, by))
                yield records[-1]
        yield summary(records)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", default=list(SETS))
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1000, help="to learn from, at most")
    parser.add_argument("--setting", nargs="*", default=list(SETTINGS), choices=SETTINGS)
    parser.add_argument("--score-by", default="all", choices=["all", "both", "density", "distance"])
    args = parser.parse_args()
    append("outliers", run_all(args.sets, args.splits, args.rows, args.setting, args.score_by))


if __name__ == "__main__":
    main()
