"""Do the columns of a synthetic table, alone and in pairs, have the laws of the real ones?"""

from collections.abc import Callable
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from pushforward._errors import DataError
from pushforward.diagnostics.synthetic._estimate import Estimate
from pushforward.diagnostics.synthetic._rows import Coded, coded

REPEATS = 20
"""Times that rows are drawn again for a standard error."""
BINS = 10
"""Into so many parts a column of numbers is cut where it stands beside categories."""
MOST_ROWS = 20_000
"""Of each table, at most."""


class Shapes(NamedTuple):
    """How alike the columns are, from 0 to 1.

    Attributes:
        mean: Over columns.
        columns: By name.
    """

    mean: Estimate
    columns: dict[str, Estimate]


class Trends(NamedTuple):
    """How alike the dependences of pairs of columns are, from 0 to 1.

    Attributes:
        mean: Over pairs.
        pairs: By the two names.
    """

    mean: Estimate
    pairs: dict[tuple[str, str], Estimate]


def column_shapes(real: Any, synthetic: Any, *, seed: int = 0) -> Shapes:
    r"""How alike each column is: $1 - D$ for numbers, $1 - \tfrac12\sum_c |p_c - q_c|$ for categories.

    $D$ is the Kolmogorov-Smirnov statistic, the largest difference of the two distribution functions; the other is the
    total variation distance. 1 for equal columns; two samples of one law stay below it by about $1/\sqrt n$.

    Args:
        real: Rows.
        synthetic: Rows of the same columns.
        seed: Of the rows drawn again for the errors, by the bootstrap.

    Raises:
        DataError: If the columns differ, or there are fewer than ten rows.

    Note:
        Columns that are drawn independently have the best shapes of all: this says nothing of dependences.

    Example:
        >>> found = column_shapes([[0.0], [1.0]] * 10, [[0.0], [0.0]] * 10)
        >>> found.mean.value
        0.5

    Reference:
        Column shapes of the Synthetic Data Vault's quality report (Dankar, Ibrahim & Ismail, 2022, A multi-dimensional
        evaluation of synthetic data generators, section 3).
    """
    one, other = _pair("column_shapes", real, synthetic, seed)

    def shapes(a: Coded, b: Coded) -> list[float]:
        columns = zip(a.values.T, b.values.T, a.sizes, strict=True)
        return [1 - (_variation(x, y, size) if size else _kolmogorov(x, y)) for x, y, size in columns]

    found = _with_errors(shapes, one, other, seed)
    return Shapes(found[-1], dict(zip(one.names, found[:-1], strict=True)))


def pair_trends(real: Any, synthetic: Any, *, seed: int = 0) -> Trends:
    r"""How alike the dependence of each pair is: $1 - |r - s|/2$ for numbers, $1 - \mathrm{TV}$ of both for others.

    $r$ and $s$ are the correlations in the two tables. Where a column is of categories, TV is the total variation
    distance of the joint table; numbers are cut into ten parts of equally many real rows.

    Args:
        real: Rows.
        synthetic: Rows of the same columns.
        seed: Of the rows drawn again for the errors, by the bootstrap.

    Raises:
        DataError: If the columns differ, there is one alone, or there are fewer than ten rows.

    Example:
        >>> x = np.arange(20.0)
        >>> pair_trends(np.column_stack([x, x]), np.column_stack([x, -x])).mean.value
        0.0

    Reference:
        Column pair trends of the Synthetic Data Vault's quality report (Dankar, Ibrahim & Ismail, 2022, section 3).
    """
    one, other = _pair("pair_trends", real, synthetic, seed)
    if len(one.names) < 2:
        raise DataError("pair_trends: there is one column alone.", "give at least two")
    pairs = list(combinations(range(len(one.names)), 2))
    bins = [None if size else _edges(cells) for cells, size in zip(one.values.T, one.sizes, strict=True)]

    def trends(a: Coded, b: Coded) -> list[float]:
        r, s = _correlations(a), _correlations(b)
        parts = [(_cut(a.values[:, i], bins[i]), _cut(b.values[:, i], bins[i])) for i in range(len(bins))]
        sizes = [size or BINS for size in a.sizes]

        def trend(i: int, j: int) -> float:
            if not (a.sizes[i] or a.sizes[j]):
                return 1 - abs(r[i, j] - s[i, j]) / 2
            x, y = (parts[i][side] * sizes[j] + parts[j][side] for side in (0, 1))
            return 1 - _variation(x, y, sizes[i] * sizes[j])

        return [trend(i, j) for i, j in pairs]

    found = _with_errors(trends, one, other, seed)
    names = [(one.names[i], one.names[j]) for i, j in pairs]
    return Trends(found[-1], dict(zip(names, found[:-1], strict=True)))


def _pair(label: str, real: Any, synthetic: Any, seed: int) -> tuple[Coded, Coded]:
    one, other = coded(label, real=real, synthetic=synthetic)
    rng = np.random.default_rng(seed)
    return one.some(MOST_ROWS, rng), other.some(MOST_ROWS, rng)


def _with_errors(figures: Callable[[Coded, Coded], list[float]], one: Coded, other: Coded, seed: int) -> list[Estimate]:
    """Each figure, and their mean last, with standard errors by the bootstrap."""
    rng = np.random.default_rng(seed)
    draws = [
        figures(one.at(rng.integers(0, len(one), len(one))), other.at(rng.integers(0, len(other), len(other))))
        for _ in range(REPEATS)
    ]
    values, again = np.array(figures(one, other)), np.array(draws)
    values, again = np.append(values, values.mean()), np.column_stack([again, again.mean(axis=1)])
    return [Estimate(float(v), float(e)) for v, e in zip(values, again.std(axis=0, ddof=1), strict=True)]


def _kolmogorov(x: np.ndarray, y: np.ndarray) -> float:
    x, y = np.sort(x), np.sort(y)
    both = np.concatenate([x, y])
    below = np.searchsorted(x, both, "right") / len(x) - np.searchsorted(y, both, "right") / len(y)
    return float(np.abs(below).max())


def _variation(x: np.ndarray, y: np.ndarray, size: int) -> float:
    """Total variation distance of codes."""
    p, q = (np.bincount(codes.astype(int), minlength=size) / len(codes) for codes in (x, y))
    return float(np.abs(p - q).sum() / 2)


def _correlations(rows: Coded) -> np.ndarray:
    """0 where a column is constant."""
    centred = rows.values - rows.values.mean(axis=0)
    scale = np.abs(centred).max(axis=0)
    centred = centred / np.where(scale > 0, scale, 1.0)  # so that no square leaves float64
    norms = np.linalg.norm(centred, axis=0)
    centred = centred / np.where(norms > 0, norms, 1.0)
    return centred.T @ centred


def _edges(cells: np.ndarray) -> np.ndarray:
    return np.quantile(cells, np.arange(1, BINS) / BINS)


def _cut(cells: np.ndarray, edges: np.ndarray | None) -> np.ndarray:
    return cells if edges is None else np.searchsorted(edges, cells, "right")
