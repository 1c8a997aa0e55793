"""CSV and TSV, read in blocks with flat memory from a file or from standard input."""

import csv
import io
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pushforward._errors import DataError
from pushforward.data._arrow import column_array, column_kind, example_value, is_text, refuse_slips, vocabularies
from pushforward.data._categories import Vocabulary
from pushforward.data._source import Selection, Source, refuse_text
from pushforward.data._tables import default_names

HEAD_BYTES = 1 << 20
"""How much of a file is looked at to tell numbers from text before the rest is read."""
BLOCK_BYTES = 1 << 20
"""Text that Arrow parses at a time; it holds about forty blocks."""
MISSING = ("?", "None", "none", "<NA>", "NAN")
"""Spellings of a missing cell beside those that Arrow knows."""

_CELL_ERROR = re.compile(r"In CSV column #(\d+): Row #(\d+): .*invalid value '(.*)'", re.DOTALL)
_ROW_ERROR = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")


@dataclass(frozen=True)
class _Layout:
    names: tuple[str, ...]
    delimiter: str
    header: bool
    notes: tuple[str, ...]


def open_csv(path: Path | None, selection: Selection, *, label: str, delimiter: str | None = None) -> Source:
    """Open a delimited text file, or standard input when `path` is None.

    The first line names the columns, unless it holds numbers only. A leading column without a name is the row
    index that data frames write, and is left out. Without a `delimiter`, a first line that has no comma may use
    semicolons or tabs.

    Raises:
        DataError: If it is empty, not text, ragged, or a selected column holds text.
    """
    try:
        head, stream = _peek(path)
    except OSError as error:
        raise _unreadable(label, error) from None
    layout = _layout(label, head, delimiter)
    kept = selection.of(label, [name for name in layout.names if name])
    named = [i for i, name in enumerate(layout.names) if name]
    names = tuple(layout.names[named[i]] for i in kept)
    asked = tuple(name for name in names if selection.reads(name))
    types = _types(label, head, layout, names, asked)
    words = vocabularies(names, [types[name] for name in names], retyped=asked)
    return Source(
        label=label,
        names=names,
        kinds=tuple(column_kind(types[name]) or "float" for name in names),
        dtype=np.dtype(np.float64),
        blocks=_blocks(label, stream, layout, names, types, words),
        notes=layout.notes,
        vocabularies=words,
    )


def _peek(path: Path | None) -> tuple[bytes, Any]:
    """The first bytes, and a stream that begins with them again."""
    import pyarrow as pa

    if path is not None and path.is_file():
        # Opened again rather than replayed: Arrow's reading thread may outlive the interpreter, and must not hold
        # a Python object then.
        with pa.input_stream(str(path)) as stream:
            return _head(stream), pa.input_stream(str(path))
    stream: Any = sys.stdin.buffer if path is None else pa.input_stream(str(path))
    head = _head(stream)
    return head, io.BufferedReader(_Replay(head, stream), BLOCK_BYTES)


def _head(stream: Any) -> bytes:
    parts = []
    while sum(map(len, parts)) < HEAD_BYTES and (part := stream.read(HEAD_BYTES)):
        parts.append(part)
    return b"".join(parts)


class _Replay(io.RawIOBase):
    def __init__(self, head: bytes, rest: Any):
        self._head = io.BytesIO(head)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._head.read(len(buffer)) or self._rest.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _layout(label: str, head: bytes, delimiter: str | None) -> _Layout:
    if not head.strip():
        raise DataError(f"{label}: the file is empty.", "a table needs a line of column names and rows of numbers")
    if b"\x00" in head:
        raise DataError(f"{label}: this is not text.", "give a text table in UTF-8, or use the extension of its format")
    try:
        line = head.splitlines()[0].decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{label}: the column names are not UTF-8 text.", "save the file as UTF-8") from None
    if not line.strip():
        raise DataError(
            f"{label}: the first line is empty.", "begin the table with its line of column names, or with numbers"
        )
    delimiter = delimiter or next((mark for mark in ",;\t" if mark in line), ",")
    cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))]
    if all(_is_float(cell) for cell in cells) and cells != [str(i) for i in range(len(cells))]:
        note = f"{label}: the first line holds numbers, so the columns are named x0 to x{len(cells) - 1}."
        return _Layout(default_names(len(cells)), delimiter, header=False, notes=(note,))
    notes = ()
    if cells[0] == "" and len(cells) > 1:
        notes = (f"{label}: the first column has no name; taken for a row index and left out.",)
    names = (cells[0], *(cell or f"x{i}" for i, cell in enumerate(cells[1:], start=1)))
    return _Layout(names, delimiter, header=True, notes=notes)


def _types(label: str, head: bytes, layout: _Layout, names: tuple[str, ...], asked: tuple[str, ...]) -> dict[str, Any]:
    """The Arrow type of each selected column by the first rows, text where it is asked for; dates are refused."""
    import pyarrow as pa

    whole_lines = head if len(head) < HEAD_BYTES else head[: head.rfind(b"\n") + 1] or head
    with _explained(label, layout, names):
        first = _open(pa.BufferReader(whole_lines), layout, names, dict.fromkeys(asked, pa.string())).read_all()
    types = {name: first.schema.field(name).type for name in names}
    other = [name for name in names if column_kind(types[name]) is None]
    refuse_text(label, [(name, *example_value(first[name], _is_float)) for name in other])
    refuse_slips(label, {name: first[name] for name in names if is_text(types[name]) and name not in asked})
    return types


def _blocks(
    label: str,
    stream: Any,
    layout: _Layout,
    names: tuple[str, ...],
    types: dict[str, Any],
    words: Mapping[str, Vocabulary],
) -> Iterator[np.ndarray]:
    import pyarrow as pa

    # Integers of the first rows may be followed by decimals: all numbers are read as float64.
    wanted = {name: types[name] if name in words else pa.float64() for name in names}
    with _explained(label, layout, names):
        for batch in _open(stream, layout, names, wanted):
            block = np.empty((batch.num_rows, len(names)))
            for i, (name, column) in enumerate(zip(names, batch.columns, strict=True)):
                block[:, i] = column_array(column, words.get(name))
            yield block


def _open(stream: Any, layout: _Layout, names: tuple[str, ...], types: dict[str, Any]) -> Any:
    from pyarrow import csv as arrow_csv

    # One thread: the only way in which Arrow tells the row of an error.
    read = arrow_csv.ReadOptions(
        column_names=list(layout.names), skip_rows=int(layout.header), use_threads=False, block_size=BLOCK_BYTES
    )
    convert = arrow_csv.ConvertOptions(
        column_types=types,
        include_columns=list(names),
        null_values=[*arrow_csv.ConvertOptions().null_values, *MISSING],
        strings_can_be_null=True,
    )
    parse = arrow_csv.ParseOptions(delimiter=layout.delimiter)
    return arrow_csv.open_csv(stream, read_options=read, parse_options=parse, convert_options=convert)


class _explained:
    """Turns Arrow's errors into ours, with data rows counted from 1."""

    def __init__(self, label: str, layout: _Layout, names: tuple[str, ...]):
        self.label, self.layout, self.names = label, layout, names

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        import pyarrow as pa

        if error is None or not isinstance(error, pa.ArrowInvalid | OSError):
            return
        text = str(error)
        if cell := _CELL_ERROR.search(text):
            refuse_text(self.label, [(self._name(int(cell[1])), cell[3], self._row(cell[2]))])
        if row := _ROW_ERROR.search(text):
            raise DataError(
                f"{self.label}: row {self._row(row[1])} has {row[3]} cells, but there are {row[2]} columns.",
                "give every row one cell per column",
            ) from None
        raise _unreadable(self.label, error) from None

    def _name(self, index: int) -> str:
        return self.layout.names[index] if index < len(self.layout.names) else f"column {index}"

    def _row(self, number: str) -> int:
        return int(number) - int(self.layout.header)


def _unreadable(label: str, error: BaseException) -> DataError:
    return DataError(
        f"{label}: cannot be read as a text table ({str(error).splitlines()[0]}).",
        "check that the file is whole and that its extension fits its format",
    )


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
