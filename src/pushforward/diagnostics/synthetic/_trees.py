"""Gradient-boosted trees of scikit-learn, for columns of numbers and categories."""

from collections.abc import Sequence
from typing import Any

MOST_CATEGORIES = 255
"""Of one column, as many as the trees take; codes of more are numbers to them."""


def classifier(sizes: Sequence[int], seed: int) -> Any:
    """An untrained classifier of rows whose columns have so many categories, 0 for numbers."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(categorical_features=_mask(sizes), random_state=seed)


def regressor(sizes: Sequence[int], seed: int) -> Any:
    """An untrained regression."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(categorical_features=_mask(sizes), random_state=seed)


def _mask(sizes: Sequence[int]) -> Any:
    return [0 < size <= MOST_CATEGORIES for size in sizes]
