"""Columns of a table as coordinates of its flow: values, limits and categories become what a joint flow is asked."""

import dataclasses
from typing import NamedTuple, Self

import numpy as np

from pushforward._errors import DataError, UsageError
from pushforward.conditionals._joint import HALF_LOG_2PI, Joint, joint_of
from pushforward.conditionals._query import Query
from pushforward.data import Column, Schema
from pushforward.modalities._model import Model
from pushforward.modalities.table._chunks import TableFlow


class Ends(NamedTuple):
    """What is given of one column of numbers: it is above `low` and below `high`, or at one where it is included."""

    low: float = -np.inf
    high: float = np.inf
    low_included: bool = True
    high_included: bool = True

    def holds(self, cells: np.ndarray) -> np.ndarray:
        """Which values are so."""
        above = cells >= self.low if self.low_included else cells > self.low
        return above & (cells <= self.high if self.high_included else cells < self.high)


@dataclasses.dataclass(frozen=True)
class TableJoint:
    """The flow of a table, apart from its units, with the columns as its coordinates.

    Attributes:
        flow: Of the model.
        joint: Its coordinates: the columns in their order, and behind them a code for each column with atoms.
    """

    flow: TableFlow
    joint: Joint

    @classmethod
    def of(cls, model: Model, name: str) -> Self:
        """Of a model.

        Raises:
            UsageError: If the model is conditional.
            DataError: If its density is not exact, or not one of single columns.
        """
        if model.modality != "table":
            raise UsageError(f"{name}: the model is not one of a table.", "fit one to a table")
        if model.facts.condition_schema is not None:
            names = ", ".join(model.facts.condition_schema.names)
            raise UsageError(
                f"{name}: the model is conditional on {names} already, and knows nothing of how likely these are.",
                "fit a model of all columns, without `--condition`; `sample` of this one takes them by `--given` alone",
            )
        flow = TableFlow.of(model)
        joint = joint_of(flow.flow, name)
        atomic = () if flow.units is None else tuple(flow.units.atomic)
        count = len(flow.schema.columns)
        return cls(flow, dataclasses.replace(joint, atoms=tuple((p, count + i) for i, p in enumerate(atomic))))

    @property
    def schema(self) -> Schema:
        return self.flow.schema

    def query(
        self, places: tuple[int, ...], values: np.ndarray, ends: dict[int, Ends], allowed: dict[int, np.ndarray]
    ) -> tuple[Query, np.ndarray]:
        """What is asked where some columns are at values, `(rows, places)`, and others within ends or sets of codes.

        Returns:
            The query, and for each row what its log-density gains where it is measured in the columns' own units.
        """
        order = sorted(range(len(places)), key=lambda i: places[i])
        places, values = tuple(places[i] for i in order), values[:, order]
        fixed: dict[int, np.ndarray] = {}
        limits: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        codes, gain = dict(allowed), np.zeros(len(values))
        atom_of = dict(self.joint.atoms)
        for place, cells in zip(places, values.T, strict=True):
            support = self.schema.columns[place].support
            if place in atom_of:
                fixed[atom_of[place]] = support.codes(cells).astype(float)
            if self._is_cut(place):
                limits[place] = self._line(place, cells), self._line(place, cells + 1.0)
            else:
                fixed[place], log_slope = self._seen(place, cells)
                gain += log_slope
        for place, between in ends.items():
            low, high = self._limits(place, between, len(values))
            if place in atom_of:
                inside = between.holds(np.array(self.schema.columns[place].atoms))
                codes[atom_of[place]] = np.array([low[0] < high[0], *inside])
            if low[0] < high[0]:
                limits[place] = low, high
        order = tuple(sorted(fixed))
        stacked = np.stack([fixed[place] for place in order], axis=1) if order else np.zeros((len(values), 0))
        return Query(order, stacked, limits, codes), gain

    def events_of(self, values: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Coordinates of whole rows, `(n, columns) -> (n, coordinates)`: whole numbers with noise."""
        units = self.flow.units
        if units is None:
            return np.asarray(values, np.float64)
        events = units.standard(values, random.random((len(values), len(units.integers))))[0].astype(np.float64)
        for number, code in self.joint.atoms:
            at_atom = events[:, code] > 0
            events[at_atom, number] = random.standard_normal(int(at_atom.sum()))
        return events

    def values_of(self, events: np.ndarray, random: np.random.Generator | None = None) -> np.ndarray:
        """Rows in the columns' own units, `(n, coordinates) -> (n, columns)`."""
        if self.flow.units is None:
            return self.schema.clip(events)
        x = events.copy()
        for number, code in self.joint.atoms:
            x[x[:, code] > 0, number] = 0.0
        return self.flow.units.original(x)

    def _is_cut(self, place: int) -> bool:
        """Whether a value is an interval of the coordinate: the noise of a whole number is not known."""
        support = self.schema.columns[place].support
        return self.flow.units is not None and support.integer and not support.categorical

    def _seen(self, place: int, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The coordinate of values, and its log-slope."""
        units = self.flow.units
        if units is None:
            return cells.astype(np.float64), np.zeros(len(cells))
        support = self.schema.columns[place].support
        at_atom = support.codes(cells) > 0
        line, log_slope = support.to_line(np.where(at_atom, _inside(support), cells), units.edges[place])
        seen = (line - units.means[place]) / units.spreads[place]
        # What `Joint` adds for the Gaussian number of a column at an atom is taken away where the number is fixed.
        return np.where(at_atom, 0.0, seen), np.where(at_atom, HALF_LOG_2PI, log_slope - np.log(units.spreads[place]))

    def _line(self, place: int, cells: np.ndarray) -> np.ndarray:
        """The coordinate of limits; those at or beyond the ends of the column are infinite."""
        units, column = self.flow.units, self.schema.columns[place]
        support = column.support
        low = -np.inf if support.low is None else support.low
        high = np.inf if support.high is None else support.high + support.integer
        inside = (cells > low) & (cells < high)
        safe = np.where(inside, cells, _inside(support))
        if units is None:
            seen = safe
        else:
            # With an edge of 0: that of the map is for values on the ends.
            seen = (support.to_line(safe)[0] - units.means[place]) / units.spreads[place]
        return np.where(inside, seen, np.where(cells <= low, -np.inf, np.inf))

    def _limits(self, place: int, ends: Ends, rows: int) -> tuple[np.ndarray, np.ndarray]:
        low, high = ends.low, ends.high
        if self._is_cut(place):
            low = np.ceil(low) if ends.low_included else np.floor(low) + 1.0
            high = np.floor(high) + 1.0 if ends.high_included else np.ceil(high)
        found = self._line(place, np.array([low, high], np.float64))
        return np.full(rows, found[0]), np.full(rows, found[1])


def _inside(support) -> float:
    """A value of a column that is at no end."""
    low = support.low
    if low is None:
        return 0.0
    return low + 1.0 if support.high is None else 0.5 * (low + support.high + support.integer)


def refuse_impossible(column: Column, value: float) -> None:
    """A DataError for a value that the column cannot have."""
    if not column.support.contains(np.array([value]))[0]:
        raise DataError(
            f"{column.name}={column.text(value)} has probability zero: the column is {column.kind}{_reach(column)}.",
            "give a value that the model can produce",
        )


def _reach(column: Column) -> str:
    support = column.support
    if support.low is None:
        return ""
    low = column.text(support.low)
    return f" and lies above {low}" if support.high is None else f", {low} to {column.text(support.high)}"
