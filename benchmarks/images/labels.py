"""Images without a label: digits with five labels a class, and all others without.

Run `python -m benchmarks.images.labels [--draws 3 --classes latent]`; a record is added to results/classes.jsonl.
Accuracy on all images whose label was left out, the mean over draws of the labels and its standard error: of
`ImageClassifier` from all images, from the labelled ones alone, and of logistic regression and scikit-learn's label
spreading on the pixels.
"""

import argparse
import time

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading

import pushforward as pf
from benchmarks.harness.records import append

LABELS = 5
FLOW = {"options": {"num_levels": 1, "num_steps": 4, "width": 32}, "learning_rate": 0.002, "ema": 0.99}
FEW = {"class_prior": "uniform", "validation": None}
EPOCHS = {"flow": 20, "flow_labelled": 300}
"""With the others, and without: about as many steps."""


def accuracies(seed: int, classes: str) -> dict[str, float]:
    """Of each method, by one draw of the labels."""
    digits, rng = pf.data.read_images("sklearn:digits"), np.random.default_rng(seed)
    y = np.asarray(digits.labels)
    known = np.concatenate([rng.choice(np.flatnonzero(y == c), LABELS, replace=False) for c in np.unique(y)])
    labels = np.where(np.isin(np.arange(len(y)), known), y, -1)
    rest = np.flatnonzero(labels < 0)
    pixels = StandardScaler().fit_transform(digits.values.reshape(len(y), -1).astype(float))
    rival = LogisticRegression(max_iter=2000).fit(pixels[known], y[known])
    spreading = LabelSpreading(kernel="knn", n_neighbors=7).fit(pixels, labels)
    found = {
        "logistic_regression": rival.score(pixels[rest], y[rest]),
        "label_spreading": spreading.score(pixels[rest], y[rest]),
    }
    for name, epochs in EPOCHS.items():
        rows = np.arange(len(y)) if name == "flow" else known
        model = pf.ImageClassifier("glow", max_epochs=epochs, classes=classes, random_state=seed, **FLOW, **FEW)
        found[name] = model.fit(digits.take(rows), labels[rows]).score(digits.take(rest), y[rest])
    return found


def main() -> None:
    """Add the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=3, help="of the labels (default: 3)")
    parser.add_argument("--classes", default="latent", help="what depends on the class (default: latent)")
    given, start = parser.parse_args(), time.perf_counter()
    draws, classes = given.draws, given.classes
    each = [accuracies(seed, classes) for seed in range(draws)]
    record = {"figure": "few labels of images", "data": "digits", "classes": classes, "draws": draws}
    for name in each[0]:
        values = np.array([one[name] for one in each])
        error = round(float(np.std(values, ddof=1)) / draws**0.5, 4) if draws > 1 else None
        record[name] = [round(float(values.mean()), 4), error]
    append("classes", [record | {"seconds": round(time.perf_counter() - start)}])


if __name__ == "__main__":
    main()
