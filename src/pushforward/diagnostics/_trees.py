"""Gradient-boosted trees of scikit-learn, for columns of numbers and categories."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

MOST_CATEGORIES = 255
"""Of one column, as many as the trees take; codes of more are numbers to them."""
ROUNDS = 100


def classifier(sizes: Sequence[int], seed: int, *, rounds: int = ROUNDS) -> Any:
    """An untrained classifier of rows whose columns have so many categories, 0 for numbers."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=rounds, categorical_features=_mask(sizes), random_state=seed)


def regressor(sizes: Sequence[int], seed: int) -> Any:
    """An untrained regression."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(max_iter=ROUNDS, categorical_features=_mask(sizes), random_state=seed)


@contextmanager
def one_thread() -> Iterator[None]:
    """Until the end of the block, trees use one thread: with few rows, threads wait for each other longer than that."""
    # Only the threads of what is imported already are known to the limit.
    import sklearn.ensemble  # noqa: F401
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "openmp"):
        yield


def _mask(sizes: Sequence[int]) -> Any:
    return [0 < size <= MOST_CATEGORIES for size in sizes]
