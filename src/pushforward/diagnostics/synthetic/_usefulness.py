"""Is a model that is trained on synthetic rows as good on real ones as a model that is trained on real rows?"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from pushforward._errors import DataError
from pushforward.diagnostics._trees import classifier, one_thread, regressor
from pushforward.diagnostics.synthetic._estimate import Estimate, area_under_roc
from pushforward.diagnostics.synthetic._rows import Coded, coded

MOST_ROWS = 20_000
"""Rows that the trees are trained on, at most."""
MOST_CLASSES = 10
"""Rarer categories of a target are one."""
REPEATS = 50
"""Times that held-out rows are drawn again for a standard error."""

Measure = Callable[[np.ndarray, np.ndarray], float]


class Usefulness(NamedTuple):
    """How good predictions of a column are on real rows that were held out.

    Attributes:
        measure: `AUC` for two categories, `accuracy` for more, `R2` for numbers; higher is better.
        synthetic: Of gradient-boosted trees that were trained on synthetic rows.
        real: Of those that were trained on real rows, or None.
        loss: By how much `real` is better, with an error for the same held-out rows; or None.
    """

    measure: str
    synthetic: Estimate
    real: Estimate | None = None
    loss: Estimate | None = None


def train_synthetic_test_real(
    synthetic: Any, held_out: Any, target: str, *, train: Any = None, seed: int = 0
) -> Usefulness:
    """How well trees that learned `target` from synthetic rows predict it on real rows that were held out.

    Args:
        synthetic: Rows of the model.
        held_out: Real rows that the model has not seen.
        target: The column to predict from all others: categories, or numbers.
        train: Real rows to learn from for comparison: those that the model was fitted to.
        seed: Of the trees, and of the rows where there are many.

    Raises:
        DataError: If the columns differ, there is no such column or no other, or a table has fewer than ten rows.

    Note:
        Standard errors are over held-out rows, by the bootstrap; not over synthetic tables.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(600, 1))
        >>> rows = np.hstack([x, 2 * x])
        >>> found = train_synthetic_test_real(rows[:300], rows[300:], "x1")
        >>> found.measure, found.synthetic.value > 0.9
        ('R2', True)

    Reference:
        Esteban, Hyland & Rätsch (2017), Real-valued (medical) time series generation with recurrent conditional GANs,
        section 4.2.
    """
    tables = {"synthetic": synthetic, "held_out": held_out} | ({} if train is None else {"train": train})
    drawn, others, *known = coded("train_synthetic_test_real", **tables)
    if len(drawn.names) < 2:
        raise DataError("train_synthetic_test_real: there is one column alone.", "give at least two")
    place = drawn.place("train_synthetic_test_real", target)
    measure, truth, learn = _task(known[0] if known else others, others, place, seed)
    rng = np.random.default_rng(seed)
    with one_thread():
        told = [learn(rows.some(MOST_ROWS, rng)) for rows in (drawn, *known)]
    figures = FIGURES[measure]
    draws = [rng.integers(0, len(truth), len(truth)) for _ in range(REPEATS)]
    again = np.array([[figures(truth[rows], each[rows]) for each in told] for rows in draws])
    found = [Estimate(figures(truth, each), float(np.std(a, ddof=1))) for each, a in zip(told, again.T, strict=True)]
    if not known:
        return Usefulness(measure, found[0])
    loss = Estimate(found[1].value - found[0].value, float(np.std(again[:, 1] - again[:, 0], ddof=1)))
    return Usefulness(measure, found[0], found[1], loss)


def _task(known: Coded, others: Coded, place: int, seed: int) -> tuple[str, np.ndarray, Callable[[Coded], np.ndarray]]:
    """The measure, what is right, and from rows to predictions for the held-out ones."""
    features, sizes = others.without(place).values, others.without(place).sizes
    if not known.sizes[place]:

        def regress(rows: Coded) -> np.ndarray:
            trees = regressor(sizes, seed).fit(rows.without(place).values, rows.values[:, place])
            return trees.predict(features)

        return "R2", others.values[:, place], regress
    counts = np.bincount(known.values[:, place].astype(int), minlength=known.sizes[place])
    frequent = np.argsort(-counts, kind="stable")[:MOST_CLASSES]
    classes = np.full(len(counts), MOST_CLASSES)
    classes[frequent] = np.arange(len(frequent))
    two = np.count_nonzero(counts) <= 2

    def classify(rows: Coded) -> np.ndarray:
        labels = classes[rows.values[:, place].astype(int)]
        if len(np.unique(labels)) == 1:
            return np.zeros(len(features)) if two else np.full(len(features), labels[0])
        trees = classifier(sizes, seed).fit(rows.without(place).values, labels)
        if not two:
            return trees.predict(features)
        return trees.predict_proba(features)[:, 0]  # the first is the more frequent one

    truth = classes[others.values[:, place].astype(int)]
    return ("AUC" if two else "accuracy"), (truth == 0 if two else truth).astype(float), classify


def _area(truth: np.ndarray, told: np.ndarray) -> float:
    high = truth == 1
    return 0.5 if high.all() or not high.any() else area_under_roc(told[high], told[~high]).value


def _accuracy(truth: np.ndarray, told: np.ndarray) -> float:
    return float(np.mean(truth == told))


def _explained(truth: np.ndarray, told: np.ndarray) -> float:
    """1 less the mean squared error in shares of the variance."""
    variance = float(np.var(truth))
    return 1 - float(np.mean((truth - told) ** 2)) / variance if variance else 0.0


FIGURES: dict[str, Measure] = {"AUC": _area, "accuracy": _accuracy, "R2": _explained}
