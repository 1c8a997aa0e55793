"""Cells of histograms and grids: those of whole numbers have their edges at halves."""

import math
from typing import NamedTuple

import numpy as np


class Cells(NamedTuple):
    """Intervals side by side along an axis.

    Attributes:
        edges: `(count + 1,)`, rising.
        whole: Whether the values are whole numbers; each cell then holds as many of them as any other.
    """

    edges: np.ndarray
    whole: bool

    @property
    def single(self) -> bool:
        """Whether each cell is one whole number."""
        return self.whole and bool(self.edges[1] - self.edges[0] < 1.5)

    @property
    def middles(self) -> np.ndarray:
        """A value in the middle of each cell, a whole number where the values are."""
        middles = (self.edges[:-1] + self.edges[1:]) / 2
        return np.floor(middles) if self.whole else middles

    @property
    def limits(self) -> tuple[float, float]:
        return float(self.edges[0]), float(self.edges[-1])

    @property
    def corners(self) -> np.ndarray:
        """Where a line around cells runs: through the middles, or along the edges of single whole numbers."""
        return np.repeat(self.edges, 2)[1:-1] if self.single else self.middles

    def at_corners(self, values: np.ndarray, axis: int) -> np.ndarray:
        """A value for each of `corners`, of one for each cell along an axis."""
        return np.repeat(values, 2, axis) if self.single else values


def cells_of(limits: tuple[float, float], count: int, *, whole: bool) -> Cells:
    """At most `count` cells between limits; of whole numbers one for each, or for every so many of them."""
    low, high = limits
    if not whole:
        return Cells(np.linspace(low, high, count + 1), False)
    first, last = math.ceil(low), math.floor(high)
    step = max(1, math.ceil((last - first + 1) / count))
    return Cells(np.arange(first, last + step + 1, step) - 0.5, True)


def are_whole(points: np.ndarray) -> list[bool]:
    """Which columns hold whole numbers alone, small enough that every float is not one."""
    return [bool(np.all((cells == np.floor(cells)) & (np.abs(cells) < WHOLE))) for cells in points.T]


WHOLE = 2.0**52


def within(places: np.ndarray, cells: Cells, axis: int) -> np.ndarray:
    """Where dots are drawn: single whole numbers are spread over the middle of their cell, so that one sees how many.

    The spread is the same in every picture, and another along each axis.
    """
    if not cells.single:
        return places
    return places + SPREAD * (np.random.default_rng(axis).random(len(places)) - 0.5)


SPREAD = 0.6
