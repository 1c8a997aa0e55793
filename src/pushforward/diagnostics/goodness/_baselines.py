"""What a fit should beat: one Gaussian, and columns that are independent."""

from collections.abc import Callable
from typing import Any

import numpy as np

from pushforward.diagnostics.goodness._case import Columns

FOLDS = 5
_MOST_KERNELS = 1000
Score = Callable[[np.ndarray, np.ndarray], np.ndarray]


def folds(rows: np.ndarray, rng: np.random.Generator, score: Score) -> np.ndarray:
    """Log-densities of all rows, each by what was learned from the other folds."""
    found, parts = np.empty(len(rows)), np.array_split(rng.permutation(len(rows)), FOLDS)
    for part in parts:
        found[part] = score(np.delete(rows, part, axis=0), rows[part])
    return found


def by_gaussian(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """By one Gaussian."""

    def score(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        from scipy.stats import multivariate_normal

        covariance: Any = np.atleast_2d(np.cov(train.T))
        return np.atleast_1d(multivariate_normal(train.mean(axis=0), covariance, allow_singular=True).logpdf(test))

    return folds(rows, rng, score)


def by_columns(rows: np.ndarray, rng: np.random.Generator, columns: Columns) -> np.ndarray:
    """By independent columns: shares of categories and atoms, a row more of each counted, and kernels of numbers."""
    sizes = rows.max(axis=0).astype(int) + 1

    def column(place: int, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        if place in columns.categorical:
            counts = 1.0 + np.bincount(train.astype(int), minlength=sizes[place])
            return np.log(counts / counts.sum())[test.astype(int)]
        if columns.atoms and columns.atoms[place]:
            return _with_atoms(train, test, np.array(columns.atoms[place]))
        return _kernels(train, test, whole=place in columns.whole)

    def score(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        pairs = enumerate(zip(train.T, test.T, strict=True))
        return sum((column(place, a, b) for place, (a, b) in pairs), np.zeros(len(test)))

    return folds(rows, rng, score)


def _with_atoms(train: np.ndarray, test: np.ndarray, atoms: np.ndarray) -> np.ndarray:
    """Log-probabilities at atoms, and log-densities times the probability of none elsewhere."""
    away = ~np.isin(train, atoms)
    counts = np.array([1.0 + np.sum(train == atom) for atom in atoms] + [1.0 + away.sum()])
    shares = np.log(counts / counts.sum())
    found = shares[-1] + _kernels(train[away], test, whole=False)
    for atom, share in zip(atoms, shares, strict=False):
        found = np.where(test == atom, share, found)
    return found


def _kernels(train: np.ndarray, test: np.ndarray, *, whole: bool) -> np.ndarray:
    """A sum of Gaussians at the rows; of whole numbers the probability from half below to half above."""
    from scipy.special import logsumexp
    from scipy.stats import gaussian_kde, norm

    if len(train) < 2 or np.ptp(train) == 0:
        return np.zeros(len(test))
    train = train[:_MOST_KERNELS]
    if not whole:
        return gaussian_kde(train).logpdf(test)
    width = float(np.std(train, ddof=1)) * len(train) ** -0.2  # Scott's, as above
    asked, places = np.unique(test, return_inverse=True)
    away = np.abs(asked[:, None] - train)  # both ends on one side, where differences are exact
    masses = norm.logcdf((0.5 - away) / width) + np.log1p(
        -np.exp(norm.logcdf((-0.5 - away) / width) - norm.logcdf((0.5 - away) / width))
    )
    return (logsumexp(masses, axis=1) - np.log(len(train)))[places]
