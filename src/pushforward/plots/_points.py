"""Rows, their names and the window that shows them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import ArrayLike, PRNGKeyArray

from pushforward._errors import DataError, as_seed, did_you_mean
from pushforward.distributions import AbstractDistribution, Fitted
from pushforward.distributions._fitted import conditions_of, flow_of

MARGIN = 0.12  # of the range, on either side
TAIL = 0.001  # share of the points beyond either end of the window, if there are many


def as_points(name: str, values: Any) -> np.ndarray:
    """Finite rows `(n, dim)` of an array or a data frame; one axis is taken as one column."""
    points = np.asarray(values, dtype=np.float64)
    points = points[:, None] if points.ndim == 1 else points
    if points.ndim != 2:
        raise DataError(f"{name}: needs rows of numbers, got shape {points.shape}.", "give an array of shape (n, dim)")
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        raise DataError(f"{name}: there is no row without NaN or infinity to draw.", "give at least one such row")
    return points


def column_names(values: Any, names: Sequence[str] | None, dim: int) -> list[str]:
    """`names`, or the columns of a data frame, or x1, x2, ..."""
    if names is None:
        found = getattr(values, "columns", None)
        names = [f"x{i + 1}" for i in range(dim)] if found is None else [str(name) for name in found]
    if len(names) != dim:
        raise ValueError(f"`names` must hold one name for each of {dim} columns, got {len(names)}: {list(names)}.")
    return list(names)


def places_of(name: str, names: Sequence[str], columns: Sequence[str | int] | None) -> list[int]:
    """Where columns stand that are given by name or by place, in their order; all of them for None.

    Raises:
        ValueError: If there is no such column, or one is named twice.
    """
    if columns is None:
        return list(range(len(names)))
    places = [names.index(c) if c in names else c if not isinstance(c, str) else -1 for c in columns]
    for place, column in zip(places, columns, strict=True):
        if not 0 <= place < len(names):
            hint = did_you_mean(column, names) if isinstance(column, str) else f"they are 0 .. {len(names) - 1}."
            raise ValueError(f"{name}: there is no column {column!r} among {len(names)}; {hint}")
    if len(set(places)) < len(places) or not places:
        raise ValueError(f"{name}: `columns` must name at least one column, and each once, got {list(columns)}.")
    return places


def window(points: np.ndarray) -> list[tuple[float, float]]:
    """Limits of each column that show nearly all points, with a margin; not below 0 if no point is."""
    low, high = np.quantile(points, TAIL, axis=0), np.quantile(points, 1 - TAIL, axis=0)
    spread = np.where(high > low, high - low, 1.0)
    start = np.where(points.min(axis=0) >= 0, np.maximum(low - MARGIN * spread, 0.0), low - MARGIN * spread)
    return [(float(a), float(b)) for a, b in zip(start, high + MARGIN * spread, strict=True)]


def draw_samples(
    name: str,
    source: AbstractDistribution | Fitted | ArrayLike | Any,
    n: int,
    condition: ArrayLike | None,
    key: PRNGKeyArray | int | None,
) -> np.ndarray:
    """Samples `(n, dim)` of a distribution, one for each row of `condition` if there is one; or samples as given."""
    if not isinstance(source, AbstractDistribution | Fitted):
        return as_points(name, source)
    source, key = flow_of(name, source), as_seed(name, 0 if key is None else key)
    condition = conditions_of(source, condition)
    if condition is None:
        return as_points(name, source.sample(key, n))
    rows = np.atleast_2d(np.asarray(condition))[:n]
    return as_points(name, source.sample(key, (), rows) if len(rows) > 1 else source.sample(key, n, rows[0]))
