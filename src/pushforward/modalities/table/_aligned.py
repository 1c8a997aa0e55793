"""What is written beside the rows of a table: their numbers, columns that are kept, and a cell for each row."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pushforward._errors import UsageError
from pushforward.data import Column
from pushforward.data._read import Part
from pushforward.data._source import Selection
from pushforward.modalities.table._reading import reading

ROW = "row"
"""The column that holds the number of the row in the data, from 1."""


def selection(
    own: Sequence[Column], keep: Sequence[str], written: Sequence[str], given: Mapping[str, Any]
) -> Selection:
    """The columns of the model, with what their categories are and what the user says of the table.

    Args:
        own: The model's columns.
        keep: Columns to be written as they are.
        written: Names of those that are written beside them.
        given: The options of the command.

    Raises:
        UsageError: If a column that is kept has the name of one that is written.
    """
    for name in (ROW, *written):
        if name in keep:
            raise UsageError(f"--keep {name}: a column of that name is written.", "give the column another name")
    return Selection(
        columns=tuple(column.name for column in own),
        text=tuple(column.name for column in own if column.is_text),
        moments=tuple(column.name for column in own if column.moment is not None),
        empty=tuple(column.name for column in own if "" in column.categories),
        keep=tuple(dict.fromkeys(keep)),
        **reading(given),
    )


def aligned(part: Part, found: Sequence[Any], before: int, names: Sequence[str]) -> Any:
    """An Arrow table of row numbers, the columns that are kept, and what was found.

    Args:
        part: Rows as they were read.
        found: Columns of NumPy or Arrow with a value for each row that was not left out; others get null.
        before: Rows before these.
        names: Of all columns.
    """
    import pyarrow as pa

    count = part.table.num_rows + part.table.dropped
    columns = []
    for values in found:
        column = values if isinstance(values, pa.Array) else pa.array(values)
        if part.present is not None:
            places = np.maximum(np.cumsum(part.present) - 1, 0)
            column = column.take(pa.array(places, mask=~part.present))
        columns.append(column)
    keys = [] if part.keys is None else part.keys.combine_chunks().columns
    return pa.table([pa.array(np.arange(before + 1, before + count + 1)), *keys, *columns], names=list(names))
