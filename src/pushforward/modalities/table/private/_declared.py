"""Columns whose limits and categories are the user's, not the data's."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pushforward._errors import ColumnError, DataError, UsageError, did_you_mean, together
from pushforward.data import Column, Schema, Table, encode, parse_kind
from pushforward.data._categories import Category
from pushforward.modalities.table._columns import INFER, OTHERS, by_name

GRID = 1001
"""Values of each column, evenly spread over its limits, that stand for the data where units are chosen."""

MOVED_UNTOLD = 0.05
"""Share of a column's values beyond its limits up to which nothing is said: limits that leave out a few are usual."""

Bounds = Mapping[str, Sequence[float | int]]
"""By column, the least and the greatest value."""


def refused(name: str, why: str) -> UsageError:
    """The error for a setting that a private fit cannot have."""
    flag = "--flow auto" if name == "flow=auto" else f"--{name}"
    return UsageError(f"a private fit (`epsilon`, `--epsilon`) has no `{name}` (`{flag}`).", why)


OF_ALL = "fit all columns, and give some afterwards: `sample --where`"
OF_WEIGHT = "a row of weight 2 would count twice: give whole rows"


def declared_schema(table: Table, columns: Any, bounds: Bounds, categories: Mapping[str, Sequence[Any]]) -> Schema:
    """The schema of what is said of the columns; their values are not looked at.

    Args:
        table: The data, of which the names and types of the columns are taken.
        columns: Kinds, as in `TableSettings`; a column of numbers of which nothing is said is unbounded.
        bounds: Limits of columns of numbers; where a kind has two, these are the limits.
        categories: All categories of each categorical column.

    Raises:
        DataError: That names each column of which too little is said, and what would leak.
    """
    kinds = by_name(columns)
    others = kinds.pop(OTHERS, INFER)
    for given in (kinds, bounds, categories):
        for name in given:
            if name not in table.names:
                raise DataError(f"there is no column {name!r}.", did_you_mean(name, table.names))
    found, problems = [], []
    for name in table.names:
        kind = kinds.get(name, others)
        try:
            found.append(_column(table, name, "unbounded" if kind == INFER else kind, bounds, categories))
        except DataError as error:
            problems.append(error)
    if problems:
        raise together(problems)
    return Schema(found)


def within(table: Table, schema: Schema, bounds: Bounds) -> tuple[Table, np.ndarray]:
    """The rows in the codes of the schema, inside the limits, and which rows those are.

    A number beyond its limits is moved to the nearest, and a row with a category that was not named is left out: what
    happens to a row depends on that row alone.
    """
    coded = encode(table, schema)
    values = schema.turned(coded.values.astype(np.float64))
    kept = np.ones(len(values), bool)
    for place, column in enumerate(schema.columns):
        if column.kind == "categorical":
            kept &= values[:, place] >= 0
        elif column.kind != "circular":
            low, high = limits_of(column, bounds)
            cells = values[:, place]
            near = np.where(np.isin(cells, column.atoms), cells, np.clip(cells, low, high))
            _tell_moved(column.name, int((near != cells).sum()), len(cells), low, high)
            values[:, place] = near
    return replace(coded, values=values[kept]), kept


def _tell_moved(name: str, moved: int, rows: int, low: float, high: float) -> None:
    """Warn where so many values are moved that the limits are hardly those of the column."""
    if moved > MOVED_UNTOLD * rows:
        warnings.warn(
            f"{moved:,} of {rows:,} values of {name!r} lie outside of its limits, {low:g} to {high:g}, and were "
            "moved to the nearest.",
            stacklevel=2,
        )


def stand_in(schema: Schema, bounds: Bounds) -> np.ndarray:
    """Rows that fill the limits of every column evenly, of positive ones in ratios, `(rows, columns)`."""
    out = np.empty((GRID, len(schema.columns)))
    for place, column in enumerate(schema.columns):
        if column.kind == "categorical":
            out[:, place] = np.arange(GRID) % len(column.categories)
            continue
        low, high = limits_of(column, bounds)
        grid = np.geomspace(low, high, GRID) if column.kind == "positive" else np.linspace(low, high, GRID)
        if column.kind == "circular":
            grid = np.linspace(low, high, GRID, endpoint=False)
        out[:, place] = np.floor(grid) if column.kind == "integer" else grid
    return out


def limits_of(column: Column, bounds: Bounds) -> tuple[float, float]:
    """The least and the greatest value of a column of numbers."""
    low, high = bounds.get(column.name, (column.low, column.high))
    assert low is not None  # `_column` has seen to it
    assert high is not None
    return float(low), float(high)


def _column(table: Table, name: str, kind: str, bounds: Bounds, categories: Mapping[str, Sequence[Any]]) -> Column:
    if name in table.moments:
        raise ColumnError(
            f"column {name!r} holds dates or times, whose unit and first day would be read off the data.",
            "give it as a number, such as days since a day that you choose, with `bounds` (`--bounds`)",
            [name],
        )
    spec = parse_kind(kind)
    if name in table.categories or name in categories or spec.kind == "categorical":
        if not categories.get(name):
            raise ColumnError(
                f"column {name!r} is categorical: which categories there are would be read off the data.",
                f"name all that there can be: `categories` (`--categories {name}=A,B`)",
                [name],
            )
        return Column(name, "categorical", note="as declared", categories=_labels(table, name, categories[name]))
    low, high = bounds.get(name, (spec.low, spec.high))
    if low is None or high is None:
        raise ColumnError(
            f"column {name!r} has no limits: its mean, spread, least and greatest value would be read off the data.",
            f"say between what its values can lie: `bounds` (`--bounds {name}=0:120`), or a kind with both limits",
            [name],
        )
    column = Column(name, spec.kind, spec.low, spec.high, "as declared", atoms=spec.atoms)
    ends = np.array([low, high], np.float64)
    inside = column.kind == "circular" or bool(column.support.contains(ends).all())
    if not np.isfinite(ends).all() or not low < high or not inside or (column.kind == "positive" and low <= 0):
        raise ColumnError(
            f"column {name!r}: {low:g} to {high:g} are no limits of a column that is {column.spec}.",
            "give two finite numbers, the lesser first, which the column can hold",
            [name],
        )
    return column


def _labels(table: Table, name: str, given: Sequence[Any]) -> tuple[Category, ...]:
    """Categories in the type of the column: text, truth values or, of a column of numbers, whole numbers."""
    try:
        if name not in table.categories:
            return tuple(sorted(int(each) for each in given))
    except ValueError:
        raise ColumnError(
            f"column {name!r} holds numbers, and {list(given)} are not whole numbers.",
            "categories are text, truth values or whole numbers",
            [name],
        ) from None
    if all(isinstance(label, bool) for label in table.categories[name]):
        words = {"true": True, "false": False}
        return tuple(sorted({words.get(str(each).lower(), bool(each)) for each in given}))
    return tuple(sorted({str(each) for each in given}))
