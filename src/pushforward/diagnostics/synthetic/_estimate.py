"""A figure with its error, and areas under ROC curves."""

from typing import NamedTuple

import numpy as np


class Estimate(NamedTuple):
    """A figure that is computed from finitely many rows.

    Attributes:
        value: The figure.
        error: Its standard error.
    """

    value: float
    error: float

    @property
    def interval(self) -> tuple[float, float]:
        """Where the right value lies in 95 of 100 cases: two standard errors on both sides."""
        return self.value - 1.96 * self.error, self.value + 1.96 * self.error

    def __str__(self) -> str:
        return f"{self.value:.3f} ± {self.error:.3f}"


def mean_of(estimates: list[Estimate]) -> Estimate:
    """The mean of figures, as if their errors were independent."""
    values, errors = np.array(estimates).T
    return Estimate(float(values.mean()), float(np.sqrt((errors**2).sum())) / len(values))


def share(hits: np.ndarray) -> Estimate:
    """The mean of numbers from 0 to 1, with its standard error; that of a share one row off 0 or 1 at the least."""
    count, value = len(hits), float(np.mean(hits))
    nearest = np.clip(value, 1 / (count + 1), count / (count + 1))
    return Estimate(value, float(np.sqrt(nearest * (1 - nearest) / count)))


def area_under_roc(high: np.ndarray, low: np.ndarray) -> Estimate:
    r"""How often a number of `high` is above one of `low`, ties by half, with DeLong's standard error.

    Reference:
        DeLong, DeLong & Clarke-Pearson (1988), Comparing the areas under two or more correlated ROC curves.
        Sun & Xu (2014), Fast implementation of DeLong's algorithm.
    """
    from scipy.stats import rankdata

    m, n = len(high), len(low)
    both = rankdata(np.concatenate([high, low]))
    of_high = (both[:m] - rankdata(high)) / n  # for each, the share of `low` that it is above
    of_low = 1.0 - (both[m:] - rankdata(low)) / m
    # No fewer than of a single row on the wrong side, or two sets that do not overlap would have no error.
    least = 0.25 / (m * n)
    variance = _variance(of_high) / m + _variance(of_low) / n
    return Estimate(float(of_high.mean()), float(np.sqrt(max(variance, least))))


def _variance(values: np.ndarray) -> float:
    return float(np.var(values, ddof=1)) if len(values) > 1 else 0.25
