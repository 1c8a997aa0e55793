"""Frames and arrays that hold more than numbers, and samples in the user's own values."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pushforward.data import Schema, Table, as_table
from pushforward.data._categories import in_numbers
from pushforward.data.moments._arrow import array_of
from pushforward.data.moments._forms import texts_of
from pushforward.data.moments._moment import Moment

USUAL = ("float64", "float32", "int64")
"""Types of columns that an array has as well."""


def mixed_table(X: Any, text: Sequence[str] = ()) -> Table | None:
    """A frame or an array with more than numbers of the usual types as a table; None for all that holds these alone.

    In the columns of `text`, where `"*"` stands for all, text that looks like a number is a category too.
    """
    if _is_frame(X):
        table = as_table(X, text=text) if _may_be_mixed(X) else None
    else:
        array = X if isinstance(X, np.ndarray) else _array(X)
        array = array.astype(object) if array is not None and array.dtype.kind == "b" else array
        table = as_table(array, text=text) if array is not None and array.ndim == 2 and _holds_text(array) else None
    return table if table is not None and (table.categories or table.types) else None


def table_of(X: Any, text: Sequence[str] = ()) -> Table | None:
    """A `Table` as it is, else `mixed_table`."""
    return X if isinstance(X, Table) else mixed_table(X, text)


def column_names(X: Any) -> list[str] | None:
    """The names of the columns of a frame; None for all else."""
    if not _is_frame(X):
        return None
    return [str(name) for name in getattr(X, "column_names", getattr(X, "columns", ()))]


def in_user_values(schema: Schema, draws: np.ndarray) -> np.ndarray:
    """Draws as they are, or as objects for a schema with categories or dates: text, truth values, numbers, dates."""
    if not schema.text_columns and not schema.moments:
        return in_numbers(draws, schema.labels)
    out = np.empty(draws.shape, object)
    for place, (column, cells) in enumerate(zip(schema.columns, draws.T, strict=True)):
        if column.kind == "categorical":
            out[:, place] = np.array(column.categories, object)[cells.astype(int)]
        elif column.moment is not None:
            out[:, place] = np.array(_values(cells, column.moment, column.name), object)
        else:
            out[:, place] = cells.astype(int) if column.kind == "integer" and _are_whole(cells) else cells
    return out


def _are_whole(cells: np.ndarray) -> bool:
    return np.array_equal(cells, np.floor(cells))  # means of whole numbers are not


def _values(cells: np.ndarray, moment: Moment, name: str) -> list[Any]:
    """Dates, times and durations as Python has them, or as the text that they were."""
    if moment.form:
        return texts_of(cells, moment, name)
    array = array_of(cells, moment, name)
    coarse = {"ns": "us"}.get(getattr(array.type, "unit", ""))
    if coarse is not None:
        array = array_of(cells, replace(moment, arrow=moment.arrow.replace("[ns", "[us")), name)
    return array.to_pylist()


def joined(tables: list[Table]) -> Table:
    """Tables of the same columns, one below the other."""
    return replace(tables[0], values=np.concatenate([table.values for table in tables]))


def _is_frame(X: Any) -> bool:
    return hasattr(X, "__arrow_c_stream__") and (hasattr(X, "columns") or hasattr(X, "column_names"))


def _may_be_mixed(X: Any) -> bool:
    if hasattr(X, "column_names"):
        return True  # an Arrow table is not copied on the way
    return any(str(dtype).lower() not in USUAL for dtype in X.dtypes)


def _holds_text(array: np.ndarray) -> bool:
    """Whether a cell is text that is no number, or a truth value; a mere glance at most arrays."""
    return array.dtype.kind == "U" or (
        array.dtype.kind == "O" and any(isinstance(cell, str | bool | np.bool_) for cell in array.flat)
    )


def _array(X: Any) -> np.ndarray | None:
    """Nested lists as an array of objects, if they hold text: NumPy would make text of the numbers too."""
    if not isinstance(X, list | tuple):
        return None
    try:
        array = np.array(X, object)
    except ValueError:
        return None
    return array
