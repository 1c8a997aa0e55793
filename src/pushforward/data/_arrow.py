"""Arrow's types, Parquet and Feather files, and data frames."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pushforward._errors import DataError
from pushforward.data._source import Selection, Source, block_rows, refuse_categories, refuse_text
from pushforward.data._tables import ColumnKind

PAGE_BYTES = 1 << 16
COLUMNS_AT_ONCE = 8


def is_integer(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_integer(kind)


def is_boolean(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_boolean(kind)


def column_kind(kind: Any) -> ColumnKind:
    """Integers and truth values are whole numbers, all else is not."""
    return "int" if is_integer(kind) or is_boolean(kind) else "float"


def is_number(kind: Any) -> bool:
    """Whether a column of this Arrow type can be read as numbers; a column without any value counts as one."""
    import pyarrow as pa

    checks = (
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_boolean,
        pa.types.is_decimal,
        pa.types.is_null,
    )
    return any(check(kind) for check in checks)


def column_array(column: Any) -> np.ndarray:
    """One Arrow column as floats, nulls as NaN; float32 stays float32."""
    import pyarrow as pa

    small = pa.types.is_float32(column.type) or pa.types.is_float16(column.type)
    target = pa.float32() if small else pa.float64()
    if column.type != target:
        column = column.cast(target, safe=False)
    return column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy()


def example_value(column: Any, is_float: Callable[[str], bool]) -> tuple[object, int]:
    """The first value that is no number, and its row, counted from 1."""
    for row, cell in enumerate(column, start=1):
        value = cell.as_py()
        if value is not None and not (isinstance(value, str) and is_float(value)):
            return (value if isinstance(value, str) else str(value)), row
    return "", 1


def open_parquet(path: Path, selection: Selection, *, label: str) -> Source:
    """Open a Parquet file; rows come in blocks, so that a large file never lies in memory as a whole."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        # A buffered stream: without it, every column of a row group is held whole before the first row comes out.
        file = parquet.ParquetFile(path, pre_buffer=False, buffer_size=PAGE_BYTES)
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(label, "Parquet", error) from None
    source = _source(
        label,
        file.schema_arrow,
        selection,
        lambda names: file.iter_batches(batch_size=block_rows(len(names)), columns=list(names)),
    )
    return replace(source, whole=lambda: _by_columns(file, source))


def _by_columns(file: Any, source: Source) -> np.ndarray:
    """The whole file, a few columns at a time: every column that is open holds a page of about a megabyte."""
    import pyarrow as pa

    values = np.empty((file.metadata.num_rows, len(source.names)), source.dtype)
    try:
        for start in range(0, len(source.names), COLUMNS_AT_ONCE):
            group = source.names[start : start + COLUMNS_AT_ONCE]
            part = file.read(columns=list(group))
            for offset, name in enumerate(group):
                values[:, start + offset] = column_array(part[name])
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(source.label, "Parquet", error) from None
    return values


def open_feather(path: Path, selection: Selection, *, label: str) -> Source:
    """Open an Arrow IPC file (Feather version 2) or an Arrow stream."""
    import pyarrow as pa

    try:
        reader, batches = _open_ipc(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(label, "Feather or Arrow", error) from None
    return _source(label, reader.schema, selection, lambda names: (batch.select(list(names)) for batch in batches))


def _open_ipc(path: Path) -> tuple[Any, Iterator[Any]]:
    import pyarrow as pa
    from pyarrow import ipc

    try:
        reader = ipc.open_file(pa.OSFile(str(path)))
    except pa.ArrowInvalid:
        stream = ipc.open_stream(pa.OSFile(str(path)))
        return stream, iter(stream)
    return reader, (reader.get_batch(i) for i in range(reader.num_record_batches))


def open_frame(frame: Any, selection: Selection, *, label: str) -> Source:
    """Open a data frame of pandas, polars or Arrow, through the Arrow C stream that they all give."""
    import pyarrow as pa

    try:
        table = pa.table(frame)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"{label}: a column holds values of mixed types ({str(error).splitlines()[0]}).",
            "give every column one type of number",
        ) from None
    return _source(label, table.schema, selection, lambda names: table.select(list(names)).to_batches())


def _source(label: str, schema: Any, selection: Selection, batches: Callable[[tuple[str, ...]], Any]) -> Source:
    import pyarrow as pa

    # pandas stores an unnamed row index beside the columns.
    named = [name for name in schema.names if not name.startswith("__index_level_")]
    names = tuple(named[i] for i in selection.of(label, named))
    types = [schema.field(name).type for name in names]
    refuse_categories(label, [n for n, t in zip(names, types, strict=True) if pa.types.is_dictionary(t)])
    text = tuple(name for name, kind in zip(names, types, strict=True) if not is_number(kind))
    if text:
        first = next(iter(batches(text)), None)
        refuse_text(label, [(name, *_first_text(first, name)) for name in text])
    small = all(pa.types.is_float32(kind) or pa.types.is_float16(kind) for kind in types)
    dtype = np.dtype(np.float32 if small else np.float64)
    kinds: list[ColumnKind] = [column_kind(kind) for kind in types]
    return Source(label, names, tuple(kinds), dtype, _blocks(label, batches(names), dtype))


def _first_text(batch: Any, name: str) -> tuple[object, int]:
    return ("", 1) if batch is None else example_value(batch[name], lambda text: False)


def _blocks(label: str, batches: Any, dtype: np.dtype) -> Iterator[np.ndarray]:
    import pyarrow as pa

    try:
        for batch in batches:
            rows = block_rows(batch.num_columns)
            for start in range(0, batch.num_rows, rows):
                part = batch.slice(start, rows)
                block = np.empty((part.num_rows, part.num_columns), dtype)
                for i, column in enumerate(part.columns):
                    block[:, i] = column_array(column)
                yield block
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(label, "table", error) from None


def _unreadable(label: str, what: str, error: Exception) -> DataError:
    return DataError(
        f"{label}: cannot be read as a {what} file ({str(error).splitlines()[0]}).",
        "check that the file is whole and that its extension fits its format",
    )
