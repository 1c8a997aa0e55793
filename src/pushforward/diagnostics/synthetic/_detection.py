"""Can a classifier tell synthetic rows from real ones?"""

from typing import Any

import numpy as np

from pushforward.diagnostics._trees import classifier, one_thread
from pushforward.diagnostics.synthetic._estimate import Estimate, area_under_roc
from pushforward.diagnostics.synthetic._rows import coded

MOST_ROWS = 50_000
"""Of each table, at most."""


def detection_score(real: Any, synthetic: Any, *, folds: int = 3, seed: int = 0) -> Estimate:
    r"""How well synthetic rows pass for real ones before gradient-boosted trees: 1 if they cannot be told apart.

    $1 - (2\max(A, \tfrac12) - 1)$, where $A$ is the area under the ROC curve of a classifier on rows that it was not
    trained on; 0 if it is never wrong. The mean over folds. As many rows of each table are taken.

    Args:
        real: Rows; those that the model was fitted to in published figures.
        synthetic: Rows of the same columns.
        folds: How many parts are held out in turn.
        seed: Of the folds, and of the rows where there are too many.

    Raises:
        DataError: If the columns differ, or there are fewer than ten rows.

    Note:
        A copy of the real rows has the score 1, for it is real: look at `near_copies` beside it. Trees see
        dependences that a logistic regression does not: by that, columns drawn independently pass as well.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> real, other = rng.normal(size=(500, 2)), rng.normal(size=(500, 2))
        >>> detection_score(real, other).value > 0.8, detection_score(real, other + 3).value < 0.1
        (True, True)

    Reference:
        Lopez-Paz & Oquab (2017), Revisiting classifier two-sample tests. Zein & Urvoy (2022), Tabular data generation:
        can we fool XGBoost? The scale is that of the Synthetic Data Vault's detection metrics.
    """
    from sklearn.model_selection import StratifiedKFold

    one, other = coded("detection_score", real=real, synthetic=synthetic)
    rng = np.random.default_rng(seed)
    count = min(len(one), len(other), MOST_ROWS)
    one, other = one.some(count, rng), other.some(count, rng)
    rows, labels = np.concatenate([one.values, other.values]), np.repeat([0, 1], count)
    areas = []
    for train, test in StratifiedKFold(folds, shuffle=True, random_state=seed).split(rows, labels):
        with one_thread():
            trees = classifier(one.sizes, seed).fit(rows[train], labels[train])
            told = trees.predict_proba(rows[test])[:, 1]
        areas.append(area_under_roc(told[labels[test] == 1], told[labels[test] == 0]))
    values = [2 - 2 * max(area.value, 0.5) for area in areas]
    error = 2 * np.sqrt(np.sum([area.error**2 for area in areas])) / folds
    return Estimate(float(np.mean(values)), float(error))
