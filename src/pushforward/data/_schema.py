"""The column schema: where the values of each column can lie."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from pushforward._errors import DataError, FileError
from pushforward.bijections import AbstractBijection, Standardize
from pushforward.data._batches import ColumnKind
from pushforward.data._categories import Category, plain
from pushforward.data._kinds import KindSpec, SupportKind, check_limits
from pushforward.data._support import Support
from pushforward.data._tables import Table, refuse_duplicates
from pushforward.data._units import Units
from pushforward.data.files._stored import ColumnType, Stored, type_from_json, type_to_json
from pushforward.data.moments._forms import texts_of
from pushforward.data.moments._moment import Moment


@dataclass(frozen=True)
class Column:
    """Where the values of one column lie.

    Args:
        name: The column's name.
        kind: "unbounded"; "positive" (above 0); "bounded" (between `low` and `high`); "integer" (whole numbers,
            perhaps at or above `low`, perhaps also at or below `high`); "circular" (from `low` once around to
            `high`, which is `low` again); or "categorical" (one of `categories`).
        low: The least value, for "bounded", "integer" and "circular".
        high: The greatest value, for "bounded" and "integer"; an integer with a `high` needs a `low`. For "circular",
            `low` and the period.
        note: A sentence on how the kind was found.
        categories: For "categorical", all values that there are: text, numbers or truth values. In a flow each is its
            place among them, 0, 1, ...
        atoms: For "unbounded", "positive" and "bounded", values that have a probability of their own, inside the limits
            or not, such as the 0 of rainfall.
        type: What the numbers of dates, times and durations count, or how whole numbers and categories were stored.

    Raises:
        DataError: If the kind is unknown, or its limits or categories do not fit.
    """

    name: str
    kind: SupportKind
    low: float | None = None
    high: float | None = None
    note: str = ""
    categories: tuple[Category, ...] = ()
    atoms: tuple[float, ...] = ()
    type: ColumnType | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "atoms", tuple(map(float, self.atoms)))
        object.__setattr__(self, "categories", tuple(map(plain, self.categories)))
        check_limits(self.spec, f"column {self.name!r}")
        _check_categories(self)

    @property
    def spec(self) -> KindSpec:
        return KindSpec(self.kind, self.low, self.high, self.atoms, "" if self.moment is None else self.moment.turn)

    @property
    def moment(self) -> Moment | None:
        """The type of a column of dates, times or durations; None for all others."""
        return self.type if isinstance(self.type, Moment) else None

    def text(self, value: float, digits: int = 10) -> str:
        """A value of the column, or a code of its categories, as a user writes it: a date as a date."""
        if self.kind == "categorical" and self.labels is None:
            return str(self.categories[int(value)])
        value = value if self.labels is None else self.labels[int(value)]
        if self.moment is None or self.moment.turn or not math.isfinite(value):
            return f"{value:.{digits}g}"
        return str(texts_of(self.moment.clipped(np.array([float(value)])), self.moment, self.name)[0])

    @property
    def is_text(self) -> bool:
        """Whether cells are read as text: those of all categories but numbers with fractions."""
        return self.kind == "categorical" and self.labels is None

    @property
    def labels(self) -> np.ndarray | None:
        """The categories, where they are numbers with fractions; else None."""
        return np.array(self.categories) if self.categories and isinstance(self.categories[0], float) else None

    @property
    def support(self) -> Support:
        """The part of the real line that the column's map covers."""
        if self.kind == "positive":
            return Support(low=0.0, atoms=self.atoms)
        if self.kind == "categorical":
            return Support(0.0, len(self.categories) - 1.0, integer=True, categorical=True)
        integer, circular = self.kind == "integer", self.kind == "circular"
        return Support(self.low, self.high, integer=integer, circular=circular, atoms=self.atoms)


@dataclass(frozen=True)
class Schema:
    """The columns of a model, in order: what each can hold, and the map from an unbounded space onto that.

    Args:
        columns: One `Column` per column.

    Raises:
        DataError: If two columns have the same name, or there is none.

    Example:
        >>> schema = Schema([Column("height", "positive"), Column("share", "bounded", 0.0, 1.0)])
        >>> schema.outside(np.array([[1.7, 0.5], [-1.0, 0.5], [1.7, 1.5]])).tolist()
        [False, True, True]
    """

    columns: tuple[Column, ...]

    def __init__(self, columns: Sequence[Column]):
        object.__setattr__(self, "columns", tuple(columns))
        if not self.columns:
            raise DataError("schema: there are no columns.", "give at least one")
        refuse_duplicates("schema", self.names)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def circular(self) -> tuple[int, ...]:
        """Places of the circular columns."""
        return tuple(i for i, column in enumerate(self.columns) if column.kind == "circular")

    @property
    def categorical(self) -> tuple[int, ...]:
        """Places of the categorical columns."""
        return tuple(i for i, column in enumerate(self.columns) if column.kind == "categorical")

    @property
    def atomic(self) -> tuple[int, ...]:
        """Places of the columns with atoms."""
        return tuple(i for i, column in enumerate(self.columns) if column.atoms)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many categories each column has, 0 for one of numbers."""
        return tuple(len(column.categories) for column in self.columns)

    @property
    def labels(self) -> dict[int, np.ndarray]:
        """By place, the numbers of the columns whose categories are numbers with fractions."""
        return {i: column.labels for i, column in enumerate(self.columns) if column.labels is not None}

    @property
    def text_columns(self) -> tuple[str, ...]:
        """Names of the columns whose cells are read as text."""
        return tuple(column.name for column in self.columns if column.is_text)

    @property
    def categories(self) -> dict[str, tuple[Category, ...]]:
        """By name, the categories of the columns that have any."""
        return {column.name: column.categories for column in self.columns if column.kind == "categorical"}

    @property
    def types(self) -> dict[str, ColumnType]:
        """By name, the types of the columns that have one."""
        return {column.name: column.type for column in self.columns if column.type is not None}

    @property
    def has_densities_alone(self) -> bool:
        """Whether every column is a number on a line, with a density and no probabilities of its own."""
        return not (self.circular or self.categorical or self.atomic)

    @property
    def moments(self) -> dict[str, Moment]:
        """By name, those of dates, times and durations."""
        return {column.name: column.moment for column in self.columns if column.moment is not None}

    @property
    def supports(self) -> tuple[Support, ...]:
        """Where the values of each column can lie."""
        return tuple(column.support for column in self.columns)

    @property
    def kinds(self) -> tuple[ColumnKind, ...]:
        """As what each column is written."""
        written: dict[str, ColumnKind] = {"integer": "int", "categorical": "category"}
        return tuple("moment" if c.moment is not None else written.get(c.kind, "float") for c in self.columns)

    def select(self, places: Sequence[int]) -> "Schema":
        """The columns at these places."""
        return Schema([self.columns[place] for place in places])

    def bijection(self, values: np.ndarray) -> AbstractBijection:
        r"""The map from the standardised unbounded space (base side) to the user's units (data side).

        $z \mapsto s z + t$ first; then, by column, exp onto the positive numbers, a sigmoid onto an interval, and
        rounding down for integers. $t$ and $s$ are the mean and the spread of `values` on the unbounded side, for
        instance of log x for a positive column, computed in float64.

        Integers are dequantised: x becomes x + u with u from U[0, 1), or 0.5 without a key, and is then mapped like
        a real number on [low, high + 1), so that the density of an integer column is a probability per integer.

        A circular column is an angle in [-pi, pi) on the base side, whatever its values are. The codes of a
        categorical column are the same on both sides. For each column with atoms the base side has a code more, behind
        the columns.

        Args:
            values: `(rows, columns)` of data inside the support, the same that the flow is fitted to.

        Raises:
            DataError: If a column is constant, or its values are too large or too small for float32.
        """
        return self.units(values).bijection()

    def units(self, values: np.ndarray) -> Units:
        """The same step on the host in float64, for a flow whose columns float32 would blur; see `bijection`."""
        return Units.of(self.names, self.supports, self._checked(values))

    def condition_units(self, values: np.ndarray) -> Units:
        """Of the columns of a condition: mean 0 and spread 1 without support maps, as of `standardize`."""
        return Units.of_conditions(self.supports, self._checked(values))

    def standardize(self, values: np.ndarray) -> Standardize:
        """The map from standardised to original values, without support maps: for the columns of a condition.

        Use it as the embedding of a condition; its `inverse` gives mean 0 and spread 1. A constant column is only
        shifted, a circular one becomes an angle in radians, and codes of categories stay what they are.
        """
        return self.condition_units(values).standardize()

    def outside(self, values: np.ndarray) -> np.ndarray:
        """Which rows hold a value that the model cannot produce, `(rows, columns) -> (rows,)`, True for such rows.

        Their density is 0 and their log-density -inf: at or below 0 in a positive column, beyond a limit, not whole
        in an integer column, no code of a category, or infinite. The inverse of every support map clips its input
        first; whoever scores writes -inf at these rows. A value on the edge of an interval is inside.
        """
        values = self._checked(values)
        inside = np.ones(len(values), dtype=bool)
        for column, cells in zip(self.columns, values.T, strict=True):
            inside &= column.support.contains(cells)
        return ~inside

    def first_outside(self, values: np.ndarray) -> tuple[int, str] | None:
        """The first such row, from 0, and which value it is, in words; None where there is no such row."""
        outside = np.flatnonzero(self.outside(values))
        if not len(outside):
            return None
        cells = values[outside[0]]
        column, cell = next(
            (column, cell)
            for column, cell in zip(self.columns, cells, strict=True)
            if not column.support.contains(cell[None])[0]
        )
        if column.kind == "categorical":
            return int(outside[0]), f"{column.name!r} has a category that was not seen in training"
        if column.moment is not None and cell != np.round(cell):
            near = f"near {column.text(cell)}"
            return int(outside[0]), f"{column.name!r} is no whole number of {column.moment.unit_name}s, {near}"
        return int(outside[0]), f"{column.name!r} is {column.text(cell)}, and values are {column.spec}"

    def clip(self, values: np.ndarray) -> np.ndarray:
        """Samples with every value inside the support: rounding may put one on the edge, or a step beyond it.

        A circular value is taken into the period.
        """
        values = self._checked(values)
        clipped = [_clipped(column, cells) for column, cells in zip(self.columns, values.T, strict=True)]
        return np.stack(clipped, axis=1)

    def turned(self, values: np.ndarray) -> np.ndarray:
        """The values with those of other turns in circular columns taken into the period.

        In the precision of the values: in float32 a large angle would have lost its place on the circle.
        """
        if not self.circular:
            return values
        values = values.copy()
        for place in self.circular:
            support, cells = self.columns[place].support, values[:, place]
            elsewhere = (cells < support.low) | (cells > support.high)
            values[elsewhere, place] = support.clip(cells[elsewhere])
        return values

    def table(self, values: np.ndarray) -> Table:
        """Samples as a table, clipped to the support; integers and categories are written as what they are."""
        return Table(self.names, self.clip(values), self.kinds, categories=self.categories, types=self.types)

    def to_json(self) -> dict[str, Any]:
        """The schema as plain data for a model file."""
        columns = [
            asdict(replace(column, type=None)) | {"type": column.type and type_to_json(column.type)}
            for column in self.columns
        ]
        # Left out where there are none, so that earlier versions read tables of numbers.
        late = ("categories", "atoms", "type")
        return {"columns": [{k: v for k, v in column.items() if k not in late or v} for column in columns]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Schema":
        """The schema that `to_json` gave.

        Raises:
            FileError: If it is damaged, or from a version with other kinds of columns.
        """
        try:
            columns = data["columns"]
            parts = [
                {
                    "categories": tuple(map(plain, column.get("categories", ()))),
                    "atoms": tuple(map(float, column.get("atoms", ()))),
                    "type": type_from_json(column.get("type")),
                }
                for column in columns
            ]
            return cls([Column(**column | own) for column, own in zip(columns, parts, strict=True)])
        except (KeyError, TypeError, ValueError) as error:
            raise FileError(
                f"the column schema of the model file cannot be read ({str(error).splitlines()[0]}).",
                "the file is damaged, or was written by a newer version of pushforward",
            ) from None

    def _checked(self, values: np.ndarray) -> np.ndarray:
        values = np.asarray(values)
        if values.ndim != 2 or values.shape[1] != len(self.columns):
            raise DataError(
                f"schema: values must have shape (rows, {len(self.columns)}), got {values.shape}.",
                f"the columns are {', '.join(self.names[:20])}",
            )
        return values if values.dtype in (np.float32, np.float64) else values.astype(np.float64)


def _clipped(column: Column, cells: np.ndarray) -> np.ndarray:
    clipped = column.support.clip(cells)
    if isinstance(column.type, Moment) or (isinstance(column.type, Stored) and column.kind == "integer"):
        return column.type.clipped(clipped)
    return clipped


def _check_categories(column: Column) -> None:
    if column.kind != "categorical" and column.categories:
        raise DataError(f"column {column.name!r}: {column.kind} takes no categories.", "leave them out")
    if column.kind == "categorical" and not column.categories:
        raise DataError(f"column {column.name!r}: there are no categories.", "give every value that there is")
    if len({(type(category), category) for category in column.categories}) < len(column.categories):
        raise DataError(f"column {column.name!r}: a category is listed twice.", "give each of them once")
    if len({type(category) for category in column.categories}) > 1:
        raise DataError(f"column {column.name!r}: categories of different types.", "give those of one type alone")
