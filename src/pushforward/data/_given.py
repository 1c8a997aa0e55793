"""What people hold in memory, as a frame of Arrow, pandas or polars, or as an array of numbers or objects."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pushforward._errors import DataError, given
from pushforward.data._tables import default_names, refuse_duplicates


def plain(data: Any, label: str = "data") -> Any:
    """The same data in a form that Arrow or NumPy takes without a word; all else as it is.

    A lazy frame is collected, a series becomes a frame of one column, a mapping from names to columns and a list of
    mappings become a table, and so does a structured array; what a mask hides is missing; columns without a name, or
    all of whose names are numbers, are called `x0`, `x1`, ..., and a name of several levels, `("a", "mean")`, is
    `a_mean`.

    Raises:
        DataError: If columns differ in length, or two have the same name.
    """
    if isinstance(data, np.ma.MaskedArray):
        return plain(_unmasked(data), label)
    if isinstance(data, np.ndarray):
        return _array(data, label)
    if hasattr(data, "toarray"):
        return data  # a sparse matrix, which may be a mapping too
    if isinstance(data, Mapping):
        return _columns({str(name): cells for name, cells in data.items()}, label)
    if isinstance(data, list | tuple):
        return _records(data, label)
    return _frame(data, label)


def _records(data: Sequence[Any], label: str) -> Any:
    """A table of a list of mappings; another list as it is."""
    if not data or not all(isinstance(row, Mapping) for row in data):
        return data
    names = dict.fromkeys(name for row in data for name in row)
    return _columns({str(name): [row.get(name) for row in data] for name in names}, label)


def _frame(data: Any, label: str) -> Any:
    """A frame, a lazy one or a series as a frame; all else as it is."""
    if hasattr(data, "collect") and hasattr(data, "collect_schema"):
        return data.collect()
    if hasattr(data, "to_frame") and hasattr(data, "name"):
        data = data.to_frame(name="x0" if data.name in (None, "") else data.name)
    if hasattr(data, "dtypes") and hasattr(data, "iloc"):
        return _pandas(data, label)
    if hasattr(data, "rename_columns") and hasattr(data, "schema"):
        return _arrow(data)
    return data


def as_rows(data: Any, label: str) -> np.ndarray:
    """What is no frame as an array.

    Raises:
        DataError: If it is no array, or its rows differ in length.
    """
    if isinstance(data, str | bytes) or hasattr(data, "__fspath__"):
        raise DataError(f"{label}: got the text {str(data)!r}.", f"to read a file, write `read_table({str(data)!r})`")
    if hasattr(data, "toarray"):
        raise DataError(f"{label}: got a sparse matrix.", "a density needs every cell: give `X.toarray()`")
    if data is None or (hasattr(data, "__next__") and not isinstance(data, np.ndarray)):
        raise DataError(f"{label}: got {given(data)}.", "give rows and columns: an array, or a data frame")
    try:
        return np.asarray(data)
    except ValueError:
        raise DataError(f"{label}: the rows differ in length.", "give every row one cell per column") from None


def _unmasked(data: Any) -> np.ndarray:
    """A masked array with NaN, or None among objects, where the mask hides a value."""
    if data.dtype.names:
        return _structured({name: plain(data[name]) for name in data.dtype.names}, data.dtype.names)
    hidden = np.ma.getmaskarray(data)
    if not hidden.any():
        return np.asarray(data.data)
    if data.dtype.kind in "fiu":
        dtype = data.dtype if data.dtype.kind == "f" else np.float64
        return np.where(hidden, np.nan, data.data.astype(dtype)).astype(dtype)
    objects = data.data.astype(object)
    objects[hidden] = None
    return objects


def _structured(columns: Mapping[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    kinds = [(name, columns[name].dtype) for name in names]
    table = np.empty(len(columns[names[0]]), kinds)
    for name in names:
        table[name] = columns[name]
    return table


def _array(data: np.ndarray, label: str) -> Any:
    if data.dtype.names:
        return _columns({name: data[name] for name in data.dtype.names}, label)
    if data.dtype.kind in "mM" and data.ndim <= 2:
        columns = data.reshape(len(data), -1).T if data.ndim else data.reshape(1, 1)
        return _columns(dict(zip(default_names(len(columns)), columns, strict=True)), label)
    return data if data.dtype.isnative else data.astype(data.dtype.newbyteorder("="))


def _columns(columns: Mapping[str, Any], label: str) -> Any:
    import pyarrow as pa

    refuse_duplicates(label, list(columns))
    cells = {name: _one_column(name, values, label) for name, values in columns.items()}
    if not cells:
        raise DataError(f"{label}: there are no columns.", "give at least one")
    lengths = {name: len(values) for name, values in cells.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name!r} has {count}" for name, count in list(lengths.items())[:5])
        raise DataError(f"{label}: the columns differ in length: {told}.", "give every column one cell per row")
    try:
        return pa.table({name: pa.array(values, from_pandas=True) for name, values in cells.items()})
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"{label}: a column holds values of mixed types ({str(error).splitlines()[0]}).",
            "give every column numbers alone, text alone or truth values alone",
        ) from None


def _one_column(name: str, values: Any, label: str) -> Any:
    values = plain(values, label) if isinstance(values, np.ndarray) and values.dtype.kind not in "mM" else values
    if np.ndim(values) == 0:
        raise DataError(f"{label}: column {name!r} is {given(values)}, not a column.", "give one cell for each row")
    if np.ndim(values) > 1:
        raise DataError(
            f"{label}: column {name!r} has shape {np.shape(values)}, but a cell holds one value.",
            "give each of its columns a name of its own",
        )
    return (
        values if isinstance(values, np.ndarray | list | tuple) or hasattr(values, "__arrow_array__") else list(values)
    )


def _pandas(data: Any, label: str) -> Any:
    """A frame of pandas whose names are text and whose numbers have the byte order of the machine."""
    names = list(data.columns)
    text = any(isinstance(name, str) for name in names)
    if any(isinstance(name, tuple) for name in names) or (text and not all(isinstance(name, str) for name in names)):
        names = [
            "_".join(str(part) for part in name if part != "") if isinstance(name, tuple) else str(name)
            for name in names
        ]
        data = data.set_axis(names, axis=1)
    elif not text:
        # As scikit-learn has it: names that are no text, such as the numbers that pandas gives, are none.
        names = list(default_names(len(names)))
        data = data.set_axis(names, axis=1)
    refuse_duplicates(label, list(map(str, names)))
    swapped = {n: kind.newbyteorder("=") for n, kind in data.dtypes.items() if getattr(kind, "isnative", True) is False}
    return data.astype(swapped) if swapped else data


def _arrow(data: Any) -> Any:
    """A table of Arrow whose columns all have names."""
    import pyarrow as pa

    table = data if isinstance(data, pa.Table) else pa.table(data)
    names = list(table.schema.names)
    if all(names):
        return table
    return table.rename_columns([name or own for name, own in zip(names, default_names(len(names)), strict=True)])
