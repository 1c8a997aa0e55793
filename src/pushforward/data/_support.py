"""Maps between the real line and the support of a column, and the bijection of a whole schema made from them."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pushforward._errors import DataError
from pushforward.bijections import (
    AbstractBijection,
    Chain,
    Concatenate,
    Dequantize,
    Exp,
    Identity,
    Permute,
    Sigmoid,
    Standardize,
)

FLOAT32_MAX = float(np.finfo(np.float32).max)
LARGEST = 1e30
"""Values and spreads beyond this, or below its inverse, leave no room in float32 (3e38) for what a flow does."""
EDGE = 1e-6
"""Values on the edge of an interval are taken this share of its width inside when its spread is measured."""
LEAST = float(np.finfo(np.float32).tiny)
"""Nearer to an edge than this float32 does not go."""
GOLDEN = 0.6180339887498949


class Support(NamedTuple):
    """The line, the half line above `low`, or the interval from `low` to `high`; perhaps its whole numbers only.

    If it is circular, the interval is once around a circle, and values of other turns belong to it too. Limits of
    integers belong to the support, and so do those of an interval; the limit of a half line does not. Codes of
    categories are integers that stay what they are.
    """

    low: float | None = None
    high: float | None = None
    integer: bool = False
    circular: bool = False
    categorical: bool = False

    def contains(self, cells: np.ndarray) -> np.ndarray:
        """Which values lie in the support, `(rows,) -> (rows,)`; a NaN does not, nor what float32 cannot hold."""
        low, high = (-np.inf, np.inf) if self.circular else self._limits(cells.dtype)
        inside = (cells >= low) & (cells <= high) & (np.abs(cells) <= FLOAT32_MAX)
        if self.integer:
            return inside & (cells == np.floor(cells))
        return inside & (cells > low) if self.low is not None and self.high is None else inside

    def clip(self, cells: np.ndarray) -> np.ndarray:
        """The nearest value of the support; integers are rounded down first, and angles taken into the period."""
        low, high = self._limits(cells.dtype)
        if self.circular:
            turned = low + np.mod(cells - low, high - low)
            return np.where(turned >= high, low, turned)
        if self.integer:
            cells = np.floor(cells)
        elif self.low is not None and self.high is None:
            # The least number that is not flushed to zero on the way through the flow.
            low = low + np.finfo(cells.dtype).tiny
        return np.clip(cells, low, high)

    def unconstrained(self, cells: np.ndarray) -> np.ndarray:
        """Where the map's inverse takes the values, in float64; integers get evenly spread noise."""
        cells = cells.astype(np.float64)
        low, high = self.low, self.high
        if self.integer:
            cells = cells + (GOLDEN * np.arange(1, len(cells) + 1)) % 1.0
            high = None if high is None else high + 1.0
        if low is None:
            return cells
        if high is None:
            return np.log(cells - low)
        below, above = (
            np.where(part > 0, np.maximum(part, LEAST), EDGE)
            for part in ((cells - low) / (high - low), (high - cells) / (high - low))
        )
        return np.log(below) - np.log(above)

    def touched(self, cells: np.ndarray) -> bool:
        """Whether values lie on the ends of the interval, or are integers: there they are rounded ones."""
        if self.low is None or self.high is None or self.circular:
            return False
        return self.integer or bool(np.any((cells == self.low) | (cells == self.high)))

    @property
    def shape_key(self) -> "Support":
        """What columns that share one map have in common: integers are counted from their lower limit."""
        if self.circular:
            return Support()
        if self.categorical:
            return Support(categorical=True)
        if not self.integer or self.low is None:
            return self
        return Support(0.0, None if self.high is None else self.high - self.low, integer=True)

    def _limits(self, dtype: np.dtype) -> tuple[np.floating, np.floating]:
        low = -np.inf if self.low is None else self.low
        high = np.inf if self.high is None else self.high
        return dtype.type(low), dtype.type(high)


def support_bijection(names: Sequence[str], supports: Sequence[Support], values: np.ndarray) -> AbstractBijection:
    """From standardised unbounded numbers to values in the supports; see `Schema.bijection`."""
    located = [
        (0.0, 1.0) if support.categorical else _checked(name, *_place(support, cells))
        for name, support, cells in zip(names, supports, values.T, strict=True)
    ]
    means, spreads = np.array(located).T
    standardize = Standardize(means, spreads)
    maps = _support_maps(supports, values)
    return Chain([standardize, *maps]) if maps else standardize


def _place(support: Support, cells: np.ndarray) -> tuple[float, float]:
    """What is subtracted, and then divided by: mean and spread, or what makes an angle one in [-pi, pi)."""
    return middle_and_radian(support) if support.circular else mean_and_spread(support.unconstrained(cells))


def middle_and_radian(support: Support) -> tuple[float, float]:
    """The middle of a period, and what is a radian in its units."""
    assert support.low is not None
    assert support.high is not None
    return 0.5 * (support.low + support.high), (support.high - support.low) / (2.0 * math.pi)


def mean_and_spread(cells: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation in float64."""
    return float(np.mean(cells, dtype=np.float64)), float(np.std(cells, dtype=np.float64))


def _checked(name: str, mean: float, spread: float) -> tuple[float, float]:
    if spread == 0:
        raise DataError(
            f"column {name!r} is constant: a density has no finite value there.", f"leave it out (`--drop {name}`)"
        )
    if not 1 / LARGEST < spread < LARGEST or not abs(mean) < LARGEST:
        raise DataError(
            f"column {name!r} has mean {mean:.3g} and spread {spread:.3g}, which float32 does not hold.",
            "change its unit, so that its values lie between 1e-30 and 1e30",
        )
    return mean, spread


def _support_maps(supports: Sequence[Support], values: np.ndarray) -> list[AbstractBijection]:
    """The maps behind the standardisation; columns of one kind go side by side into one map."""
    rounded = [support.touched(cells) for support, cells in zip(supports, values.T, strict=True)]
    groups: dict[Support, list[int]] = {}
    for index, support in enumerate(supports):
        groups.setdefault(support.shape_key, []).append(index)
    parts = [
        _one_kind(
            kind,
            [supports[i].low or 0.0 for i in indices] if kind.integer else [0.0] * len(indices),
            edge=None if any(rounded[i] for i in indices) else 0.0,
        )
        for kind, indices in groups.items()
    ]
    if len(parts) == 1:
        return parts[0]
    size = {kind: len(indices) for kind, indices in groups.items()}
    grouped = Concatenate(
        [
            Chain(part) if len(part) > 1 else part[0] if part else Identity((size[kind],))
            for kind, part in zip(groups, parts, strict=True)
        ]
    )
    order = [index for indices in groups.values() for index in indices]
    if order == sorted(order):
        return [grouped]
    return [Permute(order), grouped, Permute(np.argsort(order))]


def _one_kind(kind: Support, lows: list[float], *, edge: float | None) -> list[AbstractBijection]:
    """The map of columns of one kind; `lows` is where the integers of each column begin, `edge` as of `Sigmoid`."""
    shape = (len(lows),)
    parts: list[AbstractBijection] = []
    if kind.low is not None and kind.high is None:
        parts.append(Exp(shape))
        lows = lows if kind.integer else [kind.low] * len(lows)
    elif kind.low is not None and kind.high is not None:
        parts.append(Sigmoid(shape, kind.low, kind.high + kind.integer, edge))
    if kind.integer:
        parts.append(Dequantize(shape))
    # Outermost: subtracting the limit first is exact for integers, and keeps the digits of the noise.
    return [*parts, Standardize(np.array(lows), 1.0)] if any(lows) else parts
