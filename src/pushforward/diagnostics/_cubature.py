"""Sums over cells that are divided where they are not yet right."""

from collections.abc import Callable

import numpy as np

Function = Callable[[np.ndarray], np.ndarray]
"""Of points `(n, dim)`, one number for each, `(n,)`."""

ORDER = 5
"""Gauss's places in a cell, for each coordinate: exact for polynomials of degree 9."""


def adapt(function: Function, low: np.ndarray, high: np.ndarray, *, tolerance: float, most: int) -> tuple[float, float]:
    """An integral over cells, and its error: the sum of what it changed by where cells were last divided.

    Args:
        function: What is integrated.
        low: Lower corners of the first cells, `(cells, dim)`.
        high: Upper corners.
        tolerance: Of the sum; cells are divided until the error is below.
        most: Points at which the function may be evaluated, about.
    """
    dim, value, error = low.shape[1], 0.0, 0.0
    nodes, weights = _gauss(dim)
    whole, used = _sums(function, low, high, nodes, weights), len(low) * len(nodes)
    while len(low):
        halves = _halves(low, high)
        parts = _sums(function, *halves, nodes, weights).reshape(len(low), -1)
        used += parts.size * len(nodes)
        fine = parts.sum(axis=1)
        errors = np.abs(fine - whole)
        # The cells that are settled may use up half of what is left of the tolerance.
        order = np.argsort(errors)
        settled = np.zeros(len(low), bool)
        settled[order] = np.cumsum(errors[order]) <= 0.5 * (tolerance - error)
        rest = np.flatnonzero(~settled)
        if used + len(rest) * 4**dim * len(nodes) > most or not np.isfinite(fine).all():
            settled[:], rest = True, rest[:0]
        value, error = value + float(fine[settled].sum()), error + float(errors[settled].sum())
        low, high = (corner.reshape(-1, 2**dim, dim)[rest].reshape(-1, dim) for corner in halves)
        whole = parts[rest].reshape(-1)
    return value, error


def _gauss(dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Places in the unit cell, `(places, dim)`, and their weights."""
    x, w = np.polynomial.legendre.leggauss(ORDER)
    nodes = np.stack([axis.reshape(-1) for axis in np.meshgrid(*[0.5 + 0.5 * x] * dim, indexing="ij")], axis=-1)
    weights = np.prod(np.stack(np.meshgrid(*[0.5 * w] * dim, indexing="ij")), axis=0).reshape(-1)
    return nodes, weights


def _sums(function: Function, low: np.ndarray, high: np.ndarray, nodes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The sum over each cell, `(cells,)`."""
    size = high - low
    points = low[:, None] + size[:, None] * nodes
    return function(points.reshape(-1, low.shape[1])).reshape(len(low), -1) @ weights * np.prod(size, axis=1)


def _halves(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each cell divided in two along each coordinate, the pieces of one cell behind each other."""
    dim = low.shape[1]
    corners = np.stack(np.meshgrid(*[[0.0, 1.0]] * dim, indexing="ij"), axis=-1).reshape(-1, dim)
    half = 0.5 * (high - low)[:, None]
    lower = low[:, None] + half * corners
    return lower.reshape(-1, dim), (lower + half).reshape(-1, dim)


def cells_of(samples: np.ndarray, low: np.ndarray, high: np.ndarray, widest: np.ndarray) -> tuple[np.ndarray, ...]:
    """Cells between two corners that hold about equally many samples, none wider than `widest`.

    Args:
        samples: `(n, dim)`.
        low: Of all cells, `(dim,)`.
        high: Of all cells, `(dim,)`.
        widest: Of one cell, `(dim,)`.
    """
    cells = _divided(samples, low, high, axis=0, fewest=max(len(samples) // CELLS, 2))
    lower, upper = (np.array(corner) for corner in zip(*cells, strict=True))
    for axis in range(len(low)):
        pieces = np.ceil((upper - lower)[:, axis] / widest[axis]).astype(int).clip(1)
        cell = np.repeat(np.arange(len(lower)), pieces)
        piece = np.arange(len(cell)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        step = ((upper - lower)[:, axis] / pieces)[cell]
        start, lower, upper = lower[cell, axis], lower[cell], upper[cell]
        lower[:, axis], upper[:, axis] = start + piece * step, start + (piece + 1) * step
    return lower, upper


CELLS = 512
"""Of the first ones that hold samples."""


def _divided(
    samples: np.ndarray, low: np.ndarray, high: np.ndarray, *, axis: int, fewest: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Halves at the median, one coordinate after another; in the middle while most samples are in a corner."""
    if len(samples) < fewest:
        return [(low, high)]
    edges = np.quantile(samples, [OUTSIDE, 1.0 - OUTSIDE], axis=0)
    crowded = (edges[1] - edges[0]) < CROWDED * (high - low)
    if crowded.any():
        axis = int(np.argmax(crowded))
        middle = 0.5 * (low[axis] + high[axis])
    elif len(samples) < 2 * fewest:
        return [(low, high)]
    else:
        middle = np.median(samples[:, axis])
    if not low[axis] < middle < high[axis]:
        return [(low, high)]
    below = samples[:, axis] < middle
    after = {"axis": (axis + 1) % len(low), "fewest": fewest}
    upper, lower = high.copy(), low.copy()
    upper[axis] = lower[axis] = middle
    return _divided(samples[below], low, upper, **after) + _divided(samples[~below], lower, high, **after)


OUTSIDE, CROWDED = 0.15, 0.25
"""Without so many of them on either side, the samples of a cell reach over so much of its width, or it is halved."""
