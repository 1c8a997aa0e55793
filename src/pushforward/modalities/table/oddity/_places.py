"""Rows as points, and how far others are from them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self

import numpy as np

from pushforward.data import Schema

FARTHEST = 10.0
"""Deviations of a column beyond which a value counts as this much."""
MOST_ROWS, MOST_CELLS, DECIMALS = 1024, 2**17, 4
"""Rows that a file keeps, fewer where they have many columns, and the digits of each cell: at most 1.2 MB."""
PLACED = 2**22
"""Cells of rows that are placed at once, 32 MiB: a category has many."""
_DISTANCES = 2**20  # held at once, 8 MiB


class Places(NamedTuple):
    """Rows in deviations of their columns.

    Attributes:
        middle: Of each column, its median.
        deviation: Of each column.
        points: `(rows, features)`: numbers in deviations, angles on a circle, categories at the corners of a simplex.
    """

    middle: np.ndarray
    deviation: np.ndarray
    points: np.ndarray

    @classmethod
    def of(cls, schema: Schema, rows: np.ndarray) -> Self:
        """Of rows in the model's codes, `(rows, dim)`; in float64, or what a file gives back would not be the same."""
        rows = np.asarray(rows, np.float64)
        middle, deviation = np.median(rows, axis=0), np.std(rows, axis=0)
        deviation = np.where(deviation > 0, deviation, 1.0)
        return cls(middle, deviation, _placed(schema, rows, middle, deviation))

    def few(self, seed: int) -> Self:
        """What a file keeps: at most so many rows drawn at random, rounded."""
        most = min(MOST_ROWS, max(1, MOST_CELLS // max(self.points.shape[1], 1)))
        kept = np.sort(np.random.default_rng(seed).permutation(len(self.points))[:most])
        return self._replace(points=self.points[kept].round(DECIMALS))

    def seen(self, schema: Schema, x: np.ndarray) -> Iterator[np.ndarray]:
        """Other rows among them, `(rows, dim)`, a few at a time, `(some rows, features)`."""
        step = max(1, PLACED // self.points.shape[1])
        for start in range(0, len(x), step):
            yield _placed(schema, x[start : start + step], self.middle, self.deviation)

    def distance(self, seen: np.ndarray, rank: int, *, own: bool = False) -> np.ndarray:
        """To the point of this rank, from 1 on, `(rows, features) -> (rows,)`; `own` leaves a row itself out."""
        if len(self.points) <= own:
            return np.zeros(len(seen))
        place = self._rank(rank, own) - 1 + own
        return self._each(seen, lambda squares: np.sqrt(np.partition(squares, place, axis=1)[:, place]))

    def near(self, seen: np.ndarray, count: int, *, own: bool = False) -> np.ndarray:
        """The mean distance to so many nearest points, `(rows, features) -> (rows,)`; `own` leaves a row itself out."""
        if len(self.points) <= own:
            return np.zeros(len(seen))
        last = self._rank(count, own) + own

        def mean(squares: np.ndarray) -> np.ndarray:
            nearest = np.partition(squares, last - 1, axis=1)[:, :last]
            return np.sqrt(np.sort(nearest, axis=1)[:, int(own) :]).mean(axis=1)

        return self._each(seen, mean)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {name: values.tolist() for name, values in self._asdict().items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The rows from plain data."""
        return cls(*(np.asarray(data[name], float) for name in cls._fields))

    def _rank(self, rank: int, own: bool) -> int:
        return max(1, min(rank, len(self.points) - own))

    def _each(self, seen: np.ndarray, of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        return np.concatenate([of(squares) for squares in self._squares(seen)]) if len(seen) else np.zeros(0)

    def _squares(self, seen: np.ndarray) -> Iterator[np.ndarray]:
        """Squares of the distances of a few rows to all points, `(step, points)`."""
        step = max(1, _DISTANCES // len(self.points))
        known = np.einsum("nf,nf->n", self.points, self.points)
        for start in range(0, len(seen), step):
            part = seen[start : start + step]
            apart = np.einsum("nf,nf->n", part, part)[:, None] + known - 2.0 * part @ self.points.T
            yield np.maximum(apart, 0.0)


def _placed(schema: Schema, x: np.ndarray, middle: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    parts = []
    for column, cells, centre, unit in zip(schema.columns, x.T, middle, deviation, strict=True):
        if column.kind == "categorical":
            parts.append(np.asarray(cells[:, None] == np.arange(len(column.categories)), float).T)
        elif column.kind == "circular":
            turn = 2.0 * np.pi * cells / ((column.high or 0.0) - (column.low or 0.0))
            parts += [np.cos(turn)[None], np.sin(turn)[None]]
        else:
            parts.append(np.clip((cells - centre) / unit, -FARTHEST, FARTHEST)[None])
    return np.ascontiguousarray(np.concatenate(parts).T)
