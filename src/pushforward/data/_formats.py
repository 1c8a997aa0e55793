"""How rows are written in each format; every writer takes blocks of rows and a binary stream."""

import contextlib
import csv
import io
import os
from collections.abc import Callable
from typing import IO, Any, Protocol

import numpy as np

from pushforward._errors import DataError
from pushforward.data._batches import Columns, record_batch
from pushforward.data._categories import in_numbers
from pushforward.data._source import block_rows


class Format(Protocol):
    """Writes blocks of rows to a stream."""

    def begin(self, out: IO[bytes], columns: Columns) -> None:
        """Called once, before the first block."""
        ...

    def write(self, block: np.ndarray) -> None:
        """Append a `(rows, columns)` block."""
        ...

    def write_arrow(self, table: Any) -> None:
        """Append an Arrow table with the same columns."""
        ...

    def end(self) -> None:
        """Called once, after the last block."""
        ...

    def abandon(self) -> None:
        """Called instead of `end` when the rows are not wanted any more."""
        ...


class ArrowFormat:
    """Any format that Arrow writes batch by batch; `open_writer(out, schema)` gives the writer.

    `text` says that it has no types.
    """

    def __init__(self, open_writer: Callable[[IO[bytes], Any], Any], *, text: bool = False):
        self._open_writer, self.text = open_writer, text

    def begin(self, out: IO[bytes], columns: Columns) -> None:
        self._out, self._columns = out, columns
        self._writer: Any = None

    def write(self, block: np.ndarray) -> None:
        writer = self._writer or self._start(block.dtype)
        writer.write_batch(record_batch(block, self._columns, text=self.text))

    def write_arrow(self, table: Any) -> None:
        if self._writer is None:
            self._writer = self._open_writer(self._out, table.schema)
        for batch in table.to_batches():
            self._writer.write_batch(batch)

    def end(self) -> None:
        writer = self._writer or self._start(np.dtype(np.float64))
        writer.close()

    def abandon(self) -> None:
        if self._writer is not None:
            # Arrow closes its writer when it is collected, and complains if the stream is gone by then.
            with contextlib.suppress(Exception):
                self._writer.close()

    def _start(self, dtype: np.dtype) -> Any:
        self._writer = self._open_writer(
            self._out,
            record_batch(np.empty((0, len(self._columns.names)), dtype), self._columns, text=self.text).schema,
        )
        return self._writer


class NpyFormat:
    """A `.npy` array, whose row count is filled in at the end."""

    def begin(self, out: IO[bytes], columns: Columns) -> None:
        self._labels = _require_numbers(columns, ".npy")
        self._out, self._columns, self._rows, self._dtype = out, len(columns.names), 0, np.dtype(np.float64)

    def write(self, block: np.ndarray) -> None:
        if self._rows == 0:
            self._dtype = np.dtype(np.float32 if block.dtype == np.float32 else np.float64)
            self._header()
        self._out.write(np.ascontiguousarray(in_numbers(block, self._labels), self._dtype).tobytes())
        self._rows += len(block)

    def write_arrow(self, table: Any) -> None:
        self.write(_as_numbers(table, ".npy"))

    def end(self) -> None:
        self._header()
        self._out.seek(0, os.SEEK_END)

    def abandon(self) -> None:
        return None

    def _header(self) -> None:
        # NumPy pads this header so that the row count can grow in place.
        self._out.seek(0)
        header = {
            "descr": np.lib.format.dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": (self._rows, self._columns),
        }
        np.lib.format.write_array_header_1_0(self._out, header)


class NpzFormat:
    """An `.npz` archive with the arrays `x` and `names`; gathered in memory, because its entries need their size."""

    def begin(self, out: IO[bytes], columns: Columns) -> None:
        self._labels = _require_numbers(columns, ".npz")
        self._out, self._names, self._blocks = out, columns.names, [np.empty((0, len(columns.names)), np.float32)]

    def write(self, block: np.ndarray) -> None:
        self._blocks.append(np.array(in_numbers(block, self._labels)))

    def write_arrow(self, table: Any) -> None:
        self.write(_as_numbers(table, ".npz"))

    def end(self) -> None:
        np.savez(self._out, x=np.concatenate(self._blocks), names=np.array(self._names))

    def abandon(self) -> None:
        self._blocks.clear()


def delimited(delimiter: str) -> ArrowFormat:
    """Text with a line of names; floats are written with the digits that give the same float back."""

    def open_writer(out: IO[bytes], schema: Any) -> Any:
        from pyarrow import csv as arrow_csv

        _refuse_nested(schema)
        line = io.StringIO()
        csv.writer(line, delimiter=delimiter, lineterminator="\n").writerow(schema.names)
        out.write(line.getvalue().encode())
        options = arrow_csv.WriteOptions(include_header=False, delimiter=delimiter)
        return arrow_csv.CSVWriter(out, schema, write_options=options)

    return ArrowFormat(open_writer, text=True)


def _refuse_nested(schema: Any) -> None:
    import pyarrow as pa

    for field in schema:
        if pa.types.is_nested(field.type):
            raise DataError(
                f"column {field.name!r} holds {field.type}, which text cannot.", "leave it out, or write .parquet"
            )


class _RowGroups:
    """A Parquet writer whose row groups have at least `block_rows`, however short the batches are."""

    def __init__(self, writer: Any):
        self._writer, self._held, self._rows = writer, [], 0

    def write_batch(self, batch: Any) -> None:
        self._held.append(batch)
        self._rows += batch.num_rows
        if self._rows >= block_rows(batch.num_columns):
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._held:
            self._writer.write_table(pa.Table.from_batches(self._held))
        self._held, self._rows = [], 0


def parquet() -> ArrowFormat:
    def open_writer(out: IO[bytes], schema: Any) -> Any:
        from pyarrow import parquet as arrow_parquet

        # A dictionary of numbers that hardly repeat is thrown away once it is full, and takes room until then.
        words = [name for name, kind in zip(schema.names, schema.types, strict=True) if not _is_float(kind)]
        return _RowGroups(arrow_parquet.ParquetWriter(out, schema, use_dictionary=words or False))  # pyright: ignore[reportArgumentType]

    return ArrowFormat(open_writer)


def _is_float(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_floating(kind)


def feather() -> ArrowFormat:
    def open_writer(out: IO[bytes], schema: Any) -> Any:
        from pyarrow import ipc

        return ipc.new_file(out, schema)

    return ArrowFormat(open_writer)


WRITERS: dict[str, Callable[[], Format]] = {
    ".csv": lambda: delimited(","),
    ".tsv": lambda: delimited("\t"),
    ".parquet": parquet,
    ".pq": parquet,
    ".feather": feather,
    ".arrow": feather,
    ".npy": NpyFormat,
    ".npz": NpzFormat,
}
"""The writer of each file name extension."""


def _require_numbers(columns: Columns, extension: str) -> dict[int, np.ndarray]:
    """By place, the categories that are numbers with fractions; all other categories, and dates, are refused."""
    other = [name for name, labels in columns.categories.items() if not isinstance(labels[0], float)]
    if other:
        raise DataError(
            f"column {other[0]!r} is categorical, and an {extension} file holds numbers alone.",
            "write a .csv or .parquet file",
        )
    moment = next((name for name, kind in zip(columns.names, columns.kinds, strict=True) if kind == "moment"), None)
    if moment is not None:
        raise DataError(
            f"column {moment!r} holds dates or times, and an {extension} file holds numbers alone.",
            "write a .csv or .parquet file",
        )
    return {columns.names.index(name): np.array(labels) for name, labels in columns.categories.items()}


def _as_numbers(table: Any, extension: str) -> np.ndarray:
    """An Arrow table as `(rows, columns)` in float64, nulls as NaN."""
    import pyarrow as pa

    for name, kind in zip(table.schema.names, table.schema.types, strict=True):
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            raise DataError(
                f"column {name!r} holds no numbers, and an {extension} file holds numbers alone.",
                "write a .csv or .parquet file",
            )
    return np.column_stack([column.cast(pa.float64(), safe=False).to_numpy() for column in table.columns])
