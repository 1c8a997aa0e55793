"""Pareto's tail of importance weights: its shape, and weights smoothed by it."""

import math
from typing import NamedTuple

import numpy as np

LEAST_TAIL = 5
"""Weights above the threshold; no law is fitted to fewer."""


class ParetoLaw(NamedTuple):
    r"""The generalised Pareto law on the positive numbers, $P(X > x) = (1 + kx/\sigma)^{-1/k}$.

    Attributes:
        shape: $k$; moments of order $1/k$ and above are infinite.
        scale: $\sigma$.
    """

    shape: float
    scale: float

    def quantile(self, level: np.ndarray) -> np.ndarray:
        """The number below which a share `level` lies."""
        rise = -np.log1p(-level)
        return self.scale * (np.expm1(self.shape * rise) / self.shape if self.shape else rise)


def fit_pareto(excesses: np.ndarray) -> ParetoLaw:
    r"""The law of positive numbers: a mean over a grid of $\theta = -k/\sigma$, weighted by the profile likelihood.

    Args:
        excesses: Positive and in ascending order, `(n,)`; equal ones are bounded, so $k$ is below 0.

    Reference:
        Zhang & Stephens (2009), A new and efficient estimation method for the generalized Pareto distribution,
        section 3.
    """
    n = len(excesses)
    count = 30 + math.isqrt(n)
    unit = excesses[-1]  # the method does not depend on it, and no quotient overflows
    x = excesses / unit
    steps = 1.0 - np.sqrt(count / (np.arange(1, count + 1) - 0.5))
    theta = 1.0 + steps / (3.0 * max(x[int(n / 4 + 0.5) - 1], np.finfo(float).tiny))
    theta = theta[theta != 0]
    shapes = np.mean(np.log1p(-theta[:, None] * x), axis=1)
    profile = n * (np.log(-theta / shapes) - shapes - 1.0)
    weights = np.exp(profile - profile.max())
    best = float(np.sum(weights * theta) / np.sum(weights))
    shape = float(np.mean(np.log1p(-best * x)))
    return ParetoLaw(shape, unit * (-shape / best if best else float(np.mean(x))))


def smooth_tail(log_weights: np.ndarray) -> tuple[np.ndarray, float]:
    r"""Log-weights whose largest are replaced by quantiles of the law of their excesses over a threshold, and its $k$.

    The threshold is the largest weight that is not of the tail, the $\min(n/5, 3\sqrt n)$ largest; the law is fitted to
    what is above it. Where ties leave fewer than 5 there, none is: $k = -\infty$ if all that they have above the
    threshold is under a hundredth of the sum, as it is where the weights are equal up to rounding, else $k = \infty$,
    for nothing is known of the tail. Equal weights stay equal.

    Args:
        log_weights: Finite, of at least 25 draws, `(n,)`.

    Reference:
        Vehtari, Simpson, Gelman, Yao & Gabry (2024), Pareto smoothed importance sampling, algorithm 1; $k$ is drawn to
        1/2 by a prior worth 10 weights (appendix C).
    """
    ordered, top = np.sort(log_weights), np.max(log_weights)
    threshold = ordered[-math.ceil(min(0.2 * len(ordered), 3.0 * math.sqrt(len(ordered)))) - 1]
    tail = log_weights > threshold
    # Relative to the largest weight: exp(l) - exp(t), without cancellation where both are near.
    excesses = -np.exp(log_weights[tail] - top) * np.expm1(threshold - log_weights[tail])
    if len(excesses) < LEAST_TAIL:
        share = np.sum(excesses) / np.sum(np.exp(log_weights - top))
        return log_weights, -math.inf if share < NEGLIGIBLE else math.inf
    law = fit_pareto(np.sort(excesses))
    shape = (len(excesses) * law.shape + 0.5 * PRIOR) / (len(excesses) + PRIOR)
    levels = (np.arange(len(excesses)) + 0.5) / len(excesses)
    quantiles = ParetoLaw(shape, law.scale).quantile(levels)
    smoothed = log_weights.copy()
    smoothed[tail] = np.minimum(np.log(np.exp(threshold - top) + _among_ties(excesses, quantiles)), 0.0) + top
    return smoothed, shape


NEGLIGIBLE = 0.01
"""A tail that holds less than this of the sum of the weights is no reason for distrust."""

PRIOR = 10.0
"""How many weights the guess `k = 1/2` counts for."""


def _among_ties(values: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Quantiles in the order of the values; equal values get their mean."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    means = np.add.reduceat(quantiles, ends - counts) / counts
    return means[place.reshape(-1)]
