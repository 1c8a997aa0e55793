"""How good forecasts by paths are: proper scores."""

import numpy as np
from jaxtyping import ArrayLike

LEVELS = tuple(np.round(np.arange(0.05, 0.96, 0.05), 2).tolist())
"""The 19 levels of a quantile loss."""


def crps(paths: ArrayLike, truth: ArrayLike) -> np.ndarray:
    r"""The continuous ranked probability score of draws, $E|X - y| - \frac12 E|X - X'|$, without bias.

    The second mean is over pairs of different draws, so that in the mean it is the score of the law itself.

    Args:
        paths: `(draws, *shape)`, at least two.
        truth: `shape`.

    Returns:
        `shape`, in the unit of the data; less is better.

    Raises:
        ValueError: If there are fewer than two draws, or the shapes do not fit.

    Example:
        >>> float(pf.diagnostics.crps(np.array([0.0, 2.0]), 1.0))
        0.0

    Reference:
        Gneiting & Raftery (2007), Strictly proper scoring rules, eq. 21; Ferro (2014), Fair scores for ensemble
        forecasts, eq. 5.
    """
    draws, y = _checked("crps", paths, truth)
    count = len(draws)
    order = np.sort(draws, axis=0)
    weights = (2.0 * np.arange(1, count + 1) - count - 1.0).reshape(-1, *[1] * y.ndim)
    between = (weights * order).sum(axis=0) / (count * (count - 1.0))
    return np.asarray(np.abs(draws - y).mean(axis=0) - between)


def energy_score(paths: ArrayLike, truth: ArrayLike) -> np.ndarray:
    r"""$E\|X - y\| - \frac12 E\|X - X'\|$ over the last axis, without bias: the CRPS of vectors.

    Args:
        paths: `(draws, *shape, size)`, at least two.
        truth: `(*shape, size)`.

    Returns:
        `shape`; less is better.

    Raises:
        ValueError: If there are fewer than two draws, or the shapes do not fit.

    Example:
        >>> float(pf.diagnostics.energy_score(np.array([[3.0, 4.0], [3.0, 4.0]]), np.zeros(2)))
        5.0

    Reference:
        Gneiting & Raftery (2007), Strictly proper scoring rules, eq. 22.
    """
    draws, y = _checked("energy_score", paths, truth)
    count = len(draws)
    away = np.linalg.norm(draws - y, axis=-1).mean(axis=0)
    between = sum(np.linalg.norm(draws - draw, axis=-1).sum(axis=0) for draw in draws)
    return np.asarray(away - np.asarray(between) / (2.0 * count * (count - 1.0)))


def quantile_loss(paths: ArrayLike, truth: ArrayLike) -> float:
    r"""The mean over 19 levels of $2 \sum |(y - q)(1[y \le q] - \tau)|$, divided by $\sum |y|$.

    It is what the literature on forecasts calls CRPS, and CRPS-sum where it is given the sums over series. Quantiles
    are order statistics, as in GluonTS: the draw of rank `round(level (draws - 1))`, not an interpolation.

    Args:
        paths: `(draws, *shape)`.
        truth: `shape`; cells that are NaN do not count.

    Raises:
        ValueError: If there are fewer than two draws, or the shapes do not fit.

    Example:
        >>> pf.diagnostics.quantile_loss(np.ones(3), 1.0)
        0.0
    """
    draws, y = _checked("quantile_loss", paths, truth)
    order = np.sort(draws, axis=0)
    losses = []
    for level in LEVELS:
        found = order[round((len(order) - 1) * level)]
        losses.append(2.0 * np.nansum(np.abs((y - found) * ((y <= found) - level))))
    return float(np.mean(losses) / np.nansum(np.abs(y)))


def _checked(name: str, paths: ArrayLike, truth: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    draws, y = np.asarray(paths, np.float64), np.asarray(truth, np.float64)
    if len(draws.shape) < 1 or len(draws) < 2 or draws.shape[1:] != y.shape:
        raise ValueError(
            f"{name}: needs two draws or more of shape {y.shape}, the draws along the first axis, got {draws.shape}."
        )
    return draws, y
