"""Rows as Arrow sees them: what a column held, and a block of rows written as that."""

import shlex
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from pushforward._errors import DataError
from pushforward.data._categories import Category

ColumnKind = Literal["float", "int", "category"]
"""What a column held in its source: integers are written back as integers, categories as their values."""
INT64_MAX = 2**63 - 1024
"""The largest float64 below the end of 64-bit integers."""


class Columns(NamedTuple):
    """What is written.

    Attributes:
        names: Of the columns.
        kinds: As what each is written.
        categories: By name, what the codes of a column stand for.
    """

    names: tuple[str, ...]
    kinds: tuple[ColumnKind, ...]
    categories: Mapping[str, tuple[Category, ...]]


def record_batch(block: np.ndarray, columns: Columns) -> Any:
    """Rows `(rows, columns)` as an Arrow batch, categories as what they stand for; an unknown code is null."""
    import pyarrow as pa

    number = pa.float32() if block.dtype == np.float32 else pa.float64()
    arrays = []
    for i, (name, kind) in enumerate(zip(columns.names, columns.kinds, strict=True)):
        if kind == "category":
            labels, codes = pa.array(columns.categories[name]), block[:, i]
            known = (codes >= 0) & (codes < len(labels))
            arrays.append(labels.take(pa.array(np.where(known, codes, 0).astype(np.int64), mask=~known)))
        else:
            arrays.append(pa.array(_cells(block[:, i], name, kind), pa.int64() if kind == "int" else number))
    return pa.RecordBatch.from_arrays(arrays, names=list(columns.names))


def _cells(column: np.ndarray, name: str, kind: ColumnKind) -> np.ndarray:
    column = np.ascontiguousarray(column)
    if kind == "float":
        return column
    if not np.array_equal(column, np.floor(column)):
        wrong = column[column != np.floor(column)][0]
        raise DataError(
            f"column {name!r} is written as integers, but holds {wrong:g}.", "round it, or write it as a float column"
        )
    column = column.astype(np.float64)
    if len(column) and np.abs(column).max() > INT64_MAX:
        raise DataError(
            f"column {name!r} is written as integers, but holds {column[np.abs(column).argmax()]:g}, which no 64-bit "
            "integer holds.",
            f"fit it as real numbers (`--column {shlex.quote(name)}:unbounded`), or write it as a float column",
        )
    return column.astype(np.int64)
