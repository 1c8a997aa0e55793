"""Tables with missing cells, which stay where they are: NaN in every column, of categories too."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pushforward._errors import DataError
from pushforward.data._arrow import open_frame
from pushforward.data._coding import encode, refuse_unseen
from pushforward.data._given import as_rows, plain
from pushforward.data._read import open_source, with_holes
from pushforward.data._schema import Schema
from pushforward.data._source import Selection, Source
from pushforward.data._tables import Table, match_columns
from pushforward.data.files._numpy import open_array, open_objects


def read_with_holes(source: str | os.PathLike[str], selection: Selection) -> tuple[Table, Any]:
    """A whole table, and the columns that are kept as an Arrow table, or None."""
    opened = open_source(source, selection)
    table = with_holes(opened)
    return table, None if opened.keys is None else opened.keys.take(table.num_rows)


def table_with_holes(data: Any, names: Sequence[str], text: Sequence[str], moments: Sequence[str] = ()) -> Table:
    """What is held in memory as a table: a `Table`, a frame, whose names are its own, or an array, in the names' order.

    Args:
        data: `(rows, columns)`.
        names: Of the columns of an array.
        text: Columns of categories.
        moments: Columns of dates, times and durations, whose text is kept.

    Raises:
        DataError: If an array has not as many columns as there are names.
    """
    if isinstance(data, Table):
        return data
    return with_holes(source_in_memory(data, Selection(text=tuple(text), moments=tuple(moments)), names))


def source_in_memory(data: Any, selection: Selection, names: Sequence[str] | None = None) -> Source:
    """A frame, whose columns have names, or an array, opened with its missing cells.

    Args:
        data: `(rows, columns)`.
        selection: Of a frame, or of an array of objects.
        names: Of the columns of an array; None for x0, x1, ...

    Raises:
        DataError: If it is no table, or an array has not as many columns as there are names.
    """
    data = plain(data, "X")
    if hasattr(data, "__arrow_c_stream__"):
        return open_frame(data, selection, label="X")
    array = as_rows(data, "X")
    if array.ndim != 2 or (names is not None and array.shape[1] != len(names)):
        of_these = "" if names is None else f" of {len(names)} columns"
        called = "one row for each event" if names is None else f"the columns {', '.join(names[:20])}"
        raise DataError(
            f"X has shape {array.shape}, but rows{of_these} are wanted.",
            f"give {called}, with NaN or None where a cell is missing",
        )
    called = None if names is None else list(names)
    if array.dtype.kind in "OU":
        return open_objects(array, called, selection, label="X")
    return open_array(array, Selection(), label="X", names=called)


def encode_with_holes(table: Table, schema: Schema) -> np.ndarray:
    """The columns of a schema, in its order and codes, `(rows, columns)` float64 with NaN where a cell is missing.

    Raises:
        DataError: If a column is missing, a category was not seen in training, or a value is none that the model can
            produce.
    """
    matched = match_columns(table, schema.names)
    out = np.full((matched.num_rows, len(schema.columns)), np.nan)
    for place, column in enumerate(schema.columns):
        present = np.isfinite(matched.values[:, place])
        own = schema.select([place])
        one = matched.select([column.name])
        one = replace(one, values=one.values[present])
        refuse_unseen(one, own)
        cells = own.turned(encode(one, own).values.astype(np.float64))
        if (first := own.first_outside(cells)) is not None:
            row = int(np.flatnonzero(present)[first[0]]) + 1
            raise DataError(
                f"the model cannot produce a value of row {row}: {first[1]}.", "leave the cell empty where it is wrong"
            )
        out[present, place] = cells[:, 0]
    return out
