"""Rows as Arrow sees them: what a column held, and a block of rows written as that."""

import json
import shlex
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np

from pushforward._errors import DataError
from pushforward.data._categories import Category
from pushforward.data.files._stored import ColumnType, Stored, dictionary_of
from pushforward.data.moments._arrow import array_of
from pushforward.data.moments._forms import texts_of
from pushforward.data.moments._moment import Moment

ColumnKind = Literal["float", "int", "category", "moment"]
"""What a column held in its source: integers are written back as integers, categories as their values."""
INT64_MAX = 2**63 - 1024
"""The largest float64 below the end of 64-bit integers."""


class Columns(NamedTuple):
    """What is written.

    Attributes:
        names: Of the columns.
        kinds: As what each is written.
        categories: By name, what the codes of a column stand for.
        types: By name, what else is to be known of a column.
    """

    names: tuple[str, ...]
    kinds: tuple[ColumnKind, ...]
    categories: Mapping[str, tuple[Category, ...]]
    types: Mapping[str, ColumnType] = MappingProxyType({})


def record_batch(block: np.ndarray, columns: Columns, *, text: bool = False) -> Any:
    """Rows `(rows, columns)` as an Arrow batch, categories as what they stand for; an unknown code is null.

    Columns have the types that they had in their source; with `text`, as a file without types is to have them.
    """
    import pyarrow as pa

    number = pa.float32() if block.dtype == np.float32 else pa.float64()
    arrays, fields = [], []
    for i, (name, kind) in enumerate(zip(columns.names, columns.kinds, strict=True)):
        stored = columns.types.get(name)
        if isinstance(stored, Moment):
            array = arrow_values(block[:, i], stored, name, text=text)
        elif kind == "category":
            array = _labels(block[:, i], columns.categories[name], None if text else stored)
            array = array.cast(number) if array.type == pa.float64() else array
        else:
            array = pa.array(_cells(block[:, i], name, kind), pa.int64() if kind == "int" else number)
            if kind == "int" and isinstance(stored, Stored) and not text:
                array = array.cast(pa.type_for_alias(stored.arrow))
        arrays.append(array)
        beside = dict(stored.metadata) if isinstance(stored, Stored) and not text else None
        fields.append(pa.field(name, array.type, metadata=beside or None))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields, metadata=_for_pandas(columns)))


def arrow_values(cells: np.ndarray, moment: Moment, name: str, *, text: bool = False) -> Any:
    """Numbers as dates, times or durations: text where they were text among types, or where all is to be text."""
    import pyarrow as pa

    as_text = text or moment.arrow == "string"
    return pa.array(texts_of(cells, moment, name), pa.string()) if as_text else array_of(cells, moment, name)


def _labels(codes: np.ndarray, categories: tuple[Category, ...], stored: ColumnType | None) -> Any:
    import pyarrow as pa

    known = (codes >= 0) & (codes < len(categories))
    if isinstance(stored, Stored) and stored.dictionary:
        return dictionary_of(codes, known, categories, stored)
    return pa.array(categories).take(pa.array(np.where(known, codes, 0).astype(np.int64), mask=~known))


def _for_pandas(columns: Columns) -> dict[str, str] | None:
    """What pandas has to be told of columns whose types Arrow does not have."""
    own = {name: kind.pandas for name, kind in columns.types.items() if isinstance(kind, Stored) and kind.pandas}
    whole = {name for name, kind in zip(columns.names, columns.kinds, strict=True) if kind == "int"}
    told = [
        {"name": n, "field_name": n, "pandas_type": kind.lower(), "numpy_type": kind, "metadata": None}
        for n, kind in own.items()
        if n in whole
    ]
    return {"pandas": json.dumps({"index_columns": [], "column_indexes": [], "columns": told})} if told else None


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
