"""Classes by their densities: digits with all labels, and with five a class.

Run `python -m benchmarks.tables.classes [all few samples]`; results are added to results/classes.jsonl. `all`:
accuracy on 30 % of the digits beside logistic regression's. `few`: digits and breast cancer with five labels a class,
ten draws of them, accuracy on all other rows beside logistic regression on the labels and scikit-learn's label
spreading. `samples`: accuracy of a classifier that was trained on draws, on held-out rows, beside one that was trained
on rows; digits, and magic.gamma, which needs `PUSHFORWARD_DATA`.
"""

import sys
import warnings
from collections.abc import Iterator

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading

import pushforward as pf
from benchmarks.data import folder
from benchmarks.harness.records import append

LABELS, DRAWS = 5, 10
FLOW = {"num_layers": 4, "width": 64}
FEW = {"num_layers": 2, "width": 32}
BRIEF = {"max_epochs": 30, "learning_rate": 1e-3, "validation": None}


def digits() -> tuple[np.ndarray, np.ndarray]:
    """With noise of a grey level's width."""
    x, y = load_digits(return_X_y=True)
    return x + np.random.default_rng(0).uniform(0, 1, x.shape), y


def breast_cancer() -> tuple[np.ndarray, np.ndarray]:
    """The logarithms of its positive columns."""
    x, y = load_breast_cancer(return_X_y=True)
    return np.log(x + 1e-3 * x.std(0) + 1e-6), y


def magic() -> tuple[np.ndarray, np.ndarray]:
    """As it is in ADBench, standardised."""
    file = np.load(folder() / "adbench" / "22_magic.gamma.npz")
    return file["X"].astype(float), file["y"].astype(int)


def all_labels() -> Iterator[dict]:
    """One record: accuracies on the same rows."""
    x, y = digits()
    train, test, of_train, of_test = train_test_split(x, y, test_size=0.3, random_state=0, stratify=y)
    rival = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(train, of_train)
    for weight in (1.0, 1.0 / 64):
        ours = pf.FlowClassifier("realnvp", options=FLOW, generative_weight=weight, random_state=0)
        ours.fit(train, of_train)
        yield {
            "figure": "all labels",
            "data": "digits",
            "generative_weight": weight,
            "accuracy": round(ours.score(test, of_test), 4),
            "logistic_regression": round(rival.score(test, of_test), 4),
            "nats": round(float(ours.score_samples(test).mean()), 2),
        }


def few_labels() -> Iterator[dict]:
    """One record for each set: means over draws of the labels."""
    for name, (x, y) in {"digits": digits(), "breast cancer": breast_cancer()}.items():
        x = StandardScaler().fit_transform(x)
        found = []
        for seed in range(DRAWS):
            rng, classes = np.random.default_rng(seed), np.unique(y)
            known = np.concatenate([rng.choice(np.flatnonzero(y == c), LABELS, replace=False) for c in classes])
            labels = np.where(np.isin(np.arange(len(y)), known), y, -1)
            rest = labels < 0
            models = (
                LogisticRegression(max_iter=2000).fit(x[known], y[known]),
                LabelSpreading(kernel="knn", n_neighbors=7).fit(x, labels),
                pf.FlowClassifier("realnvp", options=FEW, class_prior="uniform", random_state=seed, **BRIEF).fit(
                    x, labels
                ),
            )
            found.append([model.score(x[rest], y[rest]) for model in models])
        means, errors = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / DRAWS**0.5
        names = ("logistic_regression", "label_spreading", "flow")
        yield {"figure": "few labels", "data": name} | {
            key: [round(float(mean), 4), round(float(error), 4)]
            for key, mean, error in zip(names, means, errors, strict=True)
        }


def on_samples() -> Iterator[dict]:
    """One record for each set: accuracy on held-out rows after training on draws, and after training on rows."""
    for name, (x, y) in {"digits": digits(), "magic.gamma": magic()}.items():
        train, test, of_train, of_test = train_test_split(x, y, test_size=0.3, random_state=0, stratify=y)
        ours = pf.FlowClassifier("nsf", classes="conditional", random_state=0).fit(train, of_train)
        classes, counts = np.unique(of_train, return_counts=True)
        drawn = np.concatenate([ours.sample(n, c, random_state=0) for c, n in zip(classes, counts, strict=True)])
        both = np.concatenate([train, drawn]), np.concatenate([of_train, np.repeat(classes, counts)])
        scores = {
            "on_rows": (train, of_train),
            "on_draws": (drawn, np.repeat(classes, counts)),
            "on_both": both,
        }
        found = {
            key: HistGradientBoostingClassifier(random_state=0).fit(*rows).score(test, of_test)
            for key, rows in scores.items()
        }
        yield {"figure": "on samples", "data": name, "ratio": round(found["on_draws"] / found["on_rows"], 4)} | {
            key: round(value, 4) for key, value in found.items()
        }


FIGURES = {"all": all_labels, "few": few_labels, "samples": on_samples}


def main(names: list[str]) -> None:
    """Run the named figures, or all."""
    warnings.simplefilter("ignore")
    for name in names or FIGURES:
        append("classes", FIGURES[name]())


if __name__ == "__main__":
    main(sys.argv[1:])
