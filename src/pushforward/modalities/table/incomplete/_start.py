"""The first draws of missing cells: of numbers by one Gaussian, which is fitted to the cells that are there."""

import numpy as np

from pushforward.data._units import Units

ROWS, ITERATIONS = 2000, 30
"""Rows that the Gaussian is fitted to at most, and how often."""
RIDGE = 1e-6
"""Beside variances of 1."""


def begun(units: Units | None, values: np.ndarray, holes: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The rows with missing numbers drawn from one Gaussian given what is there of the row.

    Categories, angles and columns with atoms keep the cells of other rows that they were filled with.

    Args:
        units: Of the columns; None for a flow that takes them as they are, which begins with what there is.
        values: Whole rows, whose holes are filled by cells of other rows, `(rows, columns)`.
        holes: Which cells were missing, `(rows, columns)`.
        random: Of all draws.
    """
    if units is None:
        return values
    places = [i for i, kind in enumerate(units.supports) if not (kind.categorical or kind.circular or kind.atoms)]
    if len(places) < 2 or not holes[:, places].any():
        return values
    seen = units.standard(values)[0].astype(np.float64)
    z, missing = seen[:, places], holes[:, places]
    some = random.permutation(len(z))[:ROWS]
    mean, covariance = gaussian(z[some], missing[some])
    for row, gone in _patterns(missing):
        slopes, given, rest = _conditional(mean, covariance, gone)
        noise = random.multivariate_normal(np.zeros(gone.sum()), rest, len(row), method="cholesky")
        z[np.ix_(row, gone)] = mean[gone] + (z[np.ix_(row, given)] - mean[given]) @ slopes + noise
    seen[:, places] = z
    drawn = units.original(seen)
    numbers = np.isin(np.arange(values.shape[1]), places)
    return np.where(holes & numbers & np.isfinite(drawn), drawn, values)


def gaussian(z: np.ndarray, missing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance that are the likeliest for the cells that are there, but for a ridge.

    Args:
        z: `(rows, columns)`; cells that are missing are not looked at.
        missing: `(rows, columns)`.

    Reference:
        Dempster, Laird & Rubin (1977), Maximum likelihood from incomplete data via the EM algorithm, section 4.1.
    """
    z = np.where(missing, np.nan, z)
    mean, covariance = np.nanmean(z, axis=0), np.diag(np.nanvar(z, axis=0) + RIDGE)
    patterns = _patterns(missing)
    for _ in range(ITERATIONS):
        filled, extra = z.copy(), np.zeros_like(covariance)
        for row, gone in patterns:
            slopes, given, rest = _conditional(mean, covariance, gone)
            filled[np.ix_(row, gone)] = mean[gone] + (z[np.ix_(row, given)] - mean[given]) @ slopes
            extra[np.ix_(gone, gone)] += len(row) * rest
        mean = filled.mean(axis=0)
        gap = filled - mean
        covariance = (gap.T @ gap + extra) / len(z) + RIDGE * np.eye(len(mean))
    return mean, covariance


def _patterns(missing: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows that lack the same cells, and which these are; not those that lack none."""
    kinds, which = np.unique(missing, axis=0, return_inverse=True)
    which = which.reshape(-1)
    return [(np.flatnonzero(which == i), gone) for i, gone in enumerate(kinds) if gone.any()]


def _conditional(
    mean: np.ndarray, covariance: np.ndarray, gone: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slopes `(given, gone)` of a regression on what is given, which columns are, and the covariance of the rest."""
    given = np.logical_not(gone)
    slopes = np.linalg.solve(covariance[np.ix_(given, given)], covariance[np.ix_(given, gone)])
    rest = covariance[np.ix_(gone, gone)] - slopes.T @ covariance[np.ix_(given, gone)]
    return slopes, given, 0.5 * (rest + rest.T)
