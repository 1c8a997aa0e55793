"""Columns in the units of a flow, and back: support and standardisation, on the host in float64."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import jax.numpy as jnp
import numpy as np

from pushforward._errors import DataError, FileError
from pushforward.bijections import (
    AbstractBijection,
    Atoms,
    Chain,
    Concatenate,
    Dequantize,
    Exp,
    Identity,
    Permute,
    Sigmoid,
    Standardize,
)
from pushforward.data._support import Support, mean_and_spread, middle_and_radian

LARGEST = 1e30
"""Values and spreads beyond this, or below its inverse, leave no room in float32 (3e38) for what a flow does."""
ROUNDED = float(np.finfo(np.float32).eps)
"""How far inside a value on the end of an interval is taken to be, where it is a rounded one."""
STAYS = Support(categorical=True)


@dataclass(frozen=True)
class Units:
    """Between values as the user has them and the standardised unbounded numbers that a flow works with.

    A flow in float32 knows 7 digits. The last step, $s z + t$ and the map onto the support, is therefore done here, in
    float64, so that a column at 1.7e9 with a spread of 10 keeps its digits in scores and samples.

    Attributes:
        supports: Of each column; those of conditions have none of integers, which are numbers like others there.
        means: $t$, on the unbounded side.
        spreads: $s$.
        edges: How far from an end a value on it is taken to be, as a share of the interval.
    """

    supports: tuple[Support, ...]
    means: tuple[float, ...]
    spreads: tuple[float, ...]
    edges: tuple[float, ...]

    @classmethod
    def of(cls, names: Sequence[str], supports: Sequence[Support], values: np.ndarray) -> Self:
        """The units of columns whose values `(rows, columns)` these are.

        Raises:
            DataError: If a column is constant, or its mean or spread leaves float32.
        """
        columns = list(zip(names, supports, values.T, strict=True))
        means, spreads = zip(*(_place(name, support, cells) for name, support, cells in columns), strict=True)
        edges = tuple(ROUNDED * support.touched(cells) for _, support, cells in columns)
        return cls(tuple(supports), means, spreads, edges)

    @classmethod
    def of_conditions(cls, supports: Sequence[Support], values: np.ndarray) -> Self:
        """The same without support maps; a constant column is only shifted."""
        columns = zip(supports, values.T, strict=True)
        means, spreads = zip(*(_condition_place(support, cells) for support, cells in columns), strict=True)
        spreads = tuple(spread if spread > 0 else 1.0 for spread in spreads)
        return cls(tuple(supports), means, spreads, (0.0,) * len(means)).plain()

    def plain(self) -> Self:
        """Without limits and whole numbers, as conditions are seen."""
        kept = (support if support.circular or support.categorical else Support() for support in self.supports)
        return replace(self, supports=tuple(kept))

    @classmethod
    def in_flow(cls, columns: AbstractBijection, supports: Sequence[Support]) -> Self:
        """The units in a map of columns, or in an embedding of conditions, of a file that keeps them nowhere else."""
        parts = columns.bijections if isinstance(columns, Chain) else (columns,)
        place = next(part for part in (parts[0], parts[-1]) if isinstance(part, Standardize))
        edges = tuple(ROUNDED * (support.high is not None) for support in supports)
        means, spreads = (tuple(np.asarray(part, np.float64).tolist()) for part in (place.loc, place.scale))
        return cls(tuple(supports), means, spreads, edges)

    def not_rounded(self) -> Self:
        """The same with integers as the real numbers that are rounded down to them."""
        return replace(self, supports=tuple(support.not_rounded for support in self.supports))

    @property
    def atomic(self) -> list[int]:
        """Places of the columns with atoms; behind the columns a flow sees a code for each of them."""
        return [i for i, support in enumerate(self.supports) if support.atoms]

    @property
    def integers(self) -> list[int]:
        """Places of the integer columns, which a flow sees with noise."""
        return [i for i, support in enumerate(self.supports) if support.integer and not support.categorical]

    def standard(self, values: np.ndarray, fractions: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """What the flow sees of rows inside the support, in JAX's precision, and the log-det of the step to it.

        Args:
            values: `(rows, columns)`, angles within the period.
            fractions: Noise in [0, 1) for the integer columns, `(rows, integer columns)`; 0.5 if there is none.

        Returns:
            `(rows, columns + codes of atoms)` and `(rows,)`, float64. A column at an atom is 0 and has no share in the
            log-det.
        """
        noise = dict(zip(self.integers, [0.5] * len(values.T) if fractions is None else fractions.T, strict=False))
        return self._standard(values, noise, range(len(self.supports)))

    def for_training(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same, with integers counted from an offset: their noise is drawn anew in every step.

        `training_map` says what is left to do for them.
        """
        whole = self.integers
        out, log_det = self._standard(values, {}, [i for i in range(len(self.supports)) if i not in whole])
        for place in whole:
            out[:, place] = values[:, place].astype(np.float64) - self._offset(place)
        return out, log_det

    def original(self, standard: np.ndarray, random: np.random.Generator | None = None) -> np.ndarray:
        """Values in the support, float64 `(rows, columns)`, from what a flow gives; integers are rounded down.

        Args:
            standard: `(rows, columns + codes of atoms)`, in the flow's precision.
            random: For samples: what is given stands for all within about a rounding step of it, and one of these is
                drawn. Of 20,000 draws in float32 some 25 are there twice, since the noise has 2^23 values only.
        """
        codes = dict(zip(self.atomic, standard[:, len(self.supports) :].T, strict=True))
        out = np.empty((len(standard), len(self.supports)))
        for place, (support, mean, spread) in enumerate(zip(self.supports, self.means, self.spreads, strict=True)):
            cells = standard[:, place].astype(np.float64)
            if random is not None and not support.categorical:
                gap = 2.0 * np.spacing(np.maximum(np.abs(standard[:, place]), 1.0))
                cells += (random.random(len(cells)) - 0.5) * gap
            out[:, place] = support.from_line(mean + spread * cells)
            for code, atom in enumerate(support.atoms, start=1):
                out[codes[place] == code, place] = atom
        return out

    @property
    def fit_float32(self) -> bool:
        """Whether float32 tells samples apart as well as the flow does, so that they can be written with 7 digits."""
        return all(map(_fits_float32, self.supports, self.means, self.spreads))

    def bijection(self) -> AbstractBijection:
        """The whole step as a bijection in JAX's precision, flow on the base side: for a flow that stands alone."""
        places = self.atomic
        if not places:
            return _bijection(self.supports, self.means, self.spreads, self.edges)
        count = len(self.supports)
        others = [STAYS if i in places else support for i, support in enumerate(self.supports)]
        means = [0.0 if i in places else mean for i, mean in enumerate(self.means)]
        spreads = [1.0 if i in places else spread for i, spread in enumerate(self.spreads)]
        rest = _with_codes(others, means, spreads, self.edges, len(places))
        maps = [_bijection([self.supports[i]], [self.means[i]], [self.spreads[i]], [self.edges[i]]) for i in places]
        atoms = Atoms(count, tuple(places), tuple(self.supports[i].atoms for i in places), tuple(maps))
        return Chain([*(rest.bijections if isinstance(rest, Chain) else [rest]), atoms])

    def standardize(self) -> Standardize:
        """The step in JAX's precision, of conditions: flow's side to user's side."""
        return Standardize(np.array(self.means), np.array(self.spreads))

    def training_map(self) -> AbstractBijection | None:
        """What `for_training` leaves to do: the maps of the integer columns; None without such."""
        whole = self.integers
        if not whole:
            return None
        supports, means, spreads = [STAYS] * len(self.means), [0.0] * len(self.means), [1.0] * len(self.means)
        for place in whole:
            supports[place] = self.supports[place].shape_key
            on_line = self.supports[place].low is None
            means[place] = self.means[place] - self._offset(place) * on_line
            spreads[place] = self.spreads[place]
        return _with_codes(supports, means, spreads, self.edges, len(self.atomic))

    def to_json(self) -> dict[str, Any]:
        """The numbers as plain data; the supports are the schema's."""
        return {"means": list(self.means), "spreads": list(self.spreads), "edges": list(self.edges)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], supports: Sequence[Support]) -> Self:
        """The units that `to_json` gave.

        Raises:
            FileError: If a number is missing.
        """
        parts = [tuple(map(float, data.get(name, ()))) for name in ("means", "spreads", "edges")]
        if any(len(part) != len(supports) for part in parts):
            raise FileError("the units of the columns in the model file do not fit them.", "the file is damaged")
        return cls(tuple(supports), *parts)

    def _standard(
        self, values: np.ndarray, noise: Mapping[int, Any], places: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        # Column by column: there is never a second table in float64.
        count, atomic = len(self.supports), self.atomic
        out, log_det = np.empty((len(values), count + len(atomic)), jnp.result_type(float)), np.zeros(len(values))
        for place in places:
            cells = values[:, place].astype(np.float64) + noise.get(place, 0.0)
            support, at_atom = self.supports[place], np.zeros(len(cells), bool)
            if support.atoms:
                codes = support.codes(cells)
                out[:, count + atomic.index(place)], at_atom = codes, codes > 0
                cells = np.where(at_atom, support.from_line(np.array([self.means[place]])), cells)
            line, log_slope = support.to_line(cells, self.edges[place])
            with np.errstate(over="ignore"):  # a row so far away is seen as infinitely far
                out[:, place] = np.where(at_atom, 0.0, (line - self.means[place]) / self.spreads[place])
            log_det += np.where(at_atom, 0.0, log_slope - np.log(self.spreads[place]))
        return out, log_det

    def _offset(self, place: int) -> float:
        """From where the integers of a column are counted in training, so that float32 holds them."""
        low = self.supports[place].low
        return np.floor(self.means[place]) if low is None else low


def _place(name: str, support: Support, cells: np.ndarray) -> tuple[float, float]:
    """What is subtracted on the line, and then divided by: mean and spread, or what makes an angle radians."""
    if support.categorical:
        return 0.0, 1.0
    mean, spread = middle_and_radian(support) if support.circular else support.spread_on_line(cells)
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


def _condition_place(support: Support, cells: np.ndarray) -> tuple[float, float]:
    if support.categorical:
        return 0.0, 1.0
    return middle_and_radian(support) if support.circular else mean_and_spread(cells)


REACH = 6.0
"""How many spreads from their mean values lie at most, nearly all of them."""
BLUR = 1e-4
"""Rounding that is allowed, in spreads."""


def _fits_float32(support: Support, mean: float, spread: float) -> bool:
    if support.categorical:
        return True
    if any(float(np.float32(atom)) != atom for atom in support.atoms):
        return False  # as it is written it would be no atom
    eps, low, high = float(np.finfo(np.float32).eps), mean - REACH * spread, mean + REACH * spread
    largest = math.log(1.0 / eps if support.integer else np.finfo(np.float32).max)
    if support.low is None or support.circular:
        return eps * max(abs(low), abs(high)) <= (1.0 if support.integer else BLUR * spread)
    if support.high is None:
        return eps <= BLUR * spread and -largest < low and high < largest
    if support.integer:
        return eps * max(abs(support.low), abs(support.high)) <= 1.0
    return -largest < low and high < math.log(1.0 / eps)


def _bijection(
    supports: Sequence[Support], means: Sequence[float], spreads: Sequence[float], edges: Sequence[float]
) -> AbstractBijection:
    """From standardised unbounded numbers to values in the supports."""
    standardize = Standardize(np.array(means), np.array(spreads))
    maps = _support_maps(supports, edges)
    return Chain([standardize, *maps]) if maps else standardize


def _with_codes(
    supports: Sequence[Support], means: Sequence[float], spreads: Sequence[float], edges: Sequence[float], count: int
) -> AbstractBijection:
    """The same with codes behind the numbers, which stay as they are."""
    return _bijection(
        [*supports, *[STAYS] * count], [*means, *[0.0] * count], [*spreads, *[1.0] * count], [*edges, *[0.0] * count]
    )


def _support_maps(supports: Sequence[Support], edges: Sequence[float]) -> list[AbstractBijection]:
    """The maps behind the standardisation; columns of one kind go side by side into one map."""
    groups: dict[Support, list[int]] = {}
    for index, support in enumerate(supports):
        groups.setdefault(support.shape_key, []).append(index)
    parts = [
        _one_kind(
            kind,
            [supports[i].low or 0.0 for i in indices] if kind.integer else [0.0] * len(indices),
            edge=None if any(edges[i] for i in indices) else 0.0,
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
