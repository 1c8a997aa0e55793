"""CSV, TSV and their like, read in blocks with flat memory from a file or from standard input."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pushforward._errors import DataError, together, told_together
from pushforward.data._arrow import column_array, column_kind, example_value, is_text, refuse_slips, vocabularies
from pushforward.data._categories import MISSING, is_number
from pushforward.data._source import Selection, Source, refuse_text
from pushforward.data.moments._forms import are_moments
from pushforward.data.text._compressed import open_bytes
from pushforward.data.text._layout import Layout, find_layout, not_utf8
from pushforward.data.text._options import TextOptions
from pushforward.data.text._streams import as_file, cleaned, read_head, recoded, replayed

HEAD_BYTES = 1 << 20
"""How much of a file is looked at to tell numbers from text before the rest is read."""
BLOCK_BYTES = 1 << 20
"""Text that Arrow parses at a time; it holds about forty blocks."""

_CELL_ERROR = re.compile(r"In CSV column #(\d+): Row #(\d+): .*invalid value '(.*)'", re.DOTALL)
_ROW_ERROR = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)(?:: (.*))?", re.DOTALL)
_QUOTED_NUMBER = re.compile(rb'(?:^|[,;\t|])"[-+]?\d[\d.eE+-]*"(?=[,;\t|\r\n])', re.MULTILINE)


def open_csv(path: Path | None, selection: Selection, *, label: str, delimiter: str | None = None) -> Source:
    """Open a delimited text file, or standard input when `path` is None.

    The first line names the columns, unless it holds numbers only. A leading column without a name is the row
    index that data frames write, and is left out. Without a `delimiter`, it is found by the first rows.

    Raises:
        DataError: If it is empty, not text, ragged, or a selected column holds text.
    """
    form = selection.form
    if delimiter is not None and form.delimiter is None:
        form = TextOptions(delimiter, form.decimal, form.comment, form.encoding, form.dates)
    try:
        head, stream = _begun(label, path, form)
    except OSError as error:
        raise _unreadable(label, error) from None
    layout = find_layout(label, head, form)
    if layout.steps:
        whole = len(head) < HEAD_BYTES
        head, stream = layout.clean(head if whole else _whole_lines(head)), cleaned(stream, layout.clean)
    kept = selection.of(label, [name for name in layout.names if name])
    named = [i for i, name in enumerate(layout.names) if name]
    names = tuple(layout.names[named[i]] for i in kept)
    table = _Reader(label, layout, names, selection, head)
    return Source(
        label=label,
        names=names,
        kinds=tuple(column_kind(table.types[name]) or "float" for name in names),
        dtype=np.dtype(np.float64),
        blocks=table.blocks(stream),
        notes=layout.notes,
        vocabularies=table.words,
        keys=table.keys,
        texts=table.texts,
    )


def _begun(label: str, path: Path | None, form: TextOptions) -> tuple[bytes, Any]:
    """The first bytes in UTF-8, and a stream that begins with them again."""
    head, stream = _peek(path)
    if form.recoded and form.encoding:
        try:
            stream = recoded(stream, form.encoding)
            head = read_head(stream, HEAD_BYTES)
        except UnicodeError:
            raise DataError(f"{label}: this is not {form.encoding} text.", "give another `--encoding`") from None
        return head, replayed(head, stream)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(
            f"{label}: this is not text in UTF-8.",
            "it begins like UTF-16: save it as UTF-8, or give `--encoding utf-16`",
        )
    if b"\x00" in head:
        raise DataError(f"{label}: this is not text.", "give a text table in UTF-8, or use the extension of its format")
    return head, stream


def _peek(path: Path | None) -> tuple[bytes, Any]:
    """The first bytes, and a stream that begins with them again."""
    if path is not None and path.is_file():
        # Opened again rather than replayed: Arrow's reading thread may outlive the interpreter, and must not hold
        # a Python object then.
        with open_bytes(path) as stream:
            return read_head(stream, HEAD_BYTES), as_file(open_bytes(path))
    stream: Any = sys.stdin.buffer if path is None else open_bytes(path)
    head = read_head(stream, HEAD_BYTES)
    return head, replayed(head, stream)


def _whole_lines(head: bytes) -> bytes:
    return head[: head.rfind(b"\n") + 1] or head


class _Reader:
    """Arrow's reader of text, told what the head of the table shows.

    Args:
        label: What messages call the table.
        layout: Of the table.
        names: The selected columns.
        selection: What else is asked for.
        head: The first bytes.
    """

    def __init__(self, label: str, layout: Layout, names: tuple[str, ...], selection: Selection, head: bytes):
        self.label, self.layout, self.names, self.chosen = label, layout, names, selection.chosen
        self.keys = selection.keys(label, [name for name in layout.names if name])
        self.read = tuple(dict.fromkeys((*names, *selection.keep)))
        self.missing = (*MISSING, *selection.missing)
        # Where numbers stand in quotes too, quotes say nothing.
        self.quoted_nulls = _QUOTED_NUMBER.search(head) is not None
        moments = tuple(name for name in names if name in selection.moments)
        asked = (*(name for name in names if selection.reads(name)), *moments)
        self.texts: tuple[str, ...] = ()
        self.types = self._types(head if len(head) < HEAD_BYTES else _whole_lines(head), asked)
        missing = {name: selection.missing if name in selection.empty else ("", *selection.missing) for name in names}
        retyped = tuple(name for name in asked if name not in moments)
        types = [self.types[name] for name in names]
        self.words = vocabularies(names, types, retyped, missing, (*moments, *self.texts))

    def _types(self, head: bytes, asked: tuple[str, ...]) -> dict[str, Any]:
        """The Arrow type of each selected column by the first rows, text where it is asked for and of dates."""
        import pyarrow as pa

        with _explained(self.label, self.layout, chosen=self.chosen):
            first = self._open(pa.BufferReader(head), dict.fromkeys(asked, pa.string()) | self._key_types()).read_all()
        types = {name: first.schema.field(name).type for name in self.names}
        if any(map(pa.types.is_binary, types.values())):
            name = next(name for name, kind in types.items() if pa.types.is_binary(kind))
            raise not_utf8(self.label, f"cells of column {name!r} are")
        other = [name for name in self.names if column_kind(types[name]) is None]
        words = {name: first[name] for name in self.names if is_text(types[name]) and name not in asked}
        moments = [name for name, cells in words.items() if are_moments(cells.unique().to_pylist())]
        moments += [name for name in self.names if column_kind(types[name]) == "moment"]
        types |= dict.fromkeys(moments, pa.string())
        self.texts = tuple(moments)
        words = {name: cells for name, cells in words.items() if name not in moments}
        problems: list[DataError] = []
        with told_together(problems):
            refuse_text(
                self.label, [(name, *example_value(first[name], is_number)) for name in other], chosen=self.chosen
            )
        with told_together(problems):
            refuse_slips(self.label, words, self._is_number, chosen=self.chosen)
        if problems:
            raise together(problems)
        return types

    def blocks(self, stream: Any) -> Iterator[np.ndarray]:
        """The rows of the selected columns."""
        import pyarrow as pa

        # Integers of the first rows may be followed by decimals: all numbers are read as float64.
        wanted = {name: self.types[name] if name in self.words else pa.float64() for name in self.names}
        with _explained(self.label, self.layout, chosen=self.chosen):
            for batch in self._open(stream, wanted | self._key_types()):
                block = np.empty((batch.num_rows, len(self.names)))
                for i, name in enumerate(self.names):
                    block[:, i] = column_array(batch.column(i), self.words.get(name))
                if self.keys is not None:
                    self.keys.put(batch)
                yield block

    def _is_number(self, text: str) -> bool:
        decimal = self.layout.decimal
        return is_number(text.replace(decimal, ".")) and (decimal == "." or "." not in text)

    def _key_types(self) -> dict[str, Any]:
        """Text for what only goes through, so that it comes out as it was."""
        import pyarrow as pa

        return dict.fromkeys(self.read[len(self.names) :], pa.string())

    def _open(self, stream: Any, types: dict[str, Any]) -> Any:
        from pyarrow import csv as arrow_csv

        # One thread: the only way in which Arrow tells the row of an error.
        read = arrow_csv.ReadOptions(
            column_names=list(self.layout.names), skip_rows=self.layout.skip, use_threads=False, block_size=BLOCK_BYTES
        )
        convert = arrow_csv.ConvertOptions(
            column_types=types,
            include_columns=list(self.read),
            null_values=list(self.missing),
            strings_can_be_null=True,
            quoted_strings_can_be_null=self.quoted_nulls,
            decimal_point=self.layout.decimal,
        )
        parse = arrow_csv.ParseOptions(delimiter=self.layout.delimiter, newlines_in_values=True)
        return arrow_csv.open_csv(stream, read_options=read, parse_options=parse, convert_options=convert)


class _explained:
    """Turns Arrow's errors into ours, with data rows counted from 1."""

    def __init__(self, label: str, layout: Layout, *, chosen: bool):
        self.label, self.layout, self.chosen = label, layout, chosen

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        import pyarrow as pa

        if isinstance(error, UnicodeError):
            raise DataError(f"{self.label}: this is not text of that encoding.", "give another `--encoding`") from None
        if error is None or not isinstance(error, pa.ArrowInvalid | OSError):
            return
        text = str(error)
        if cell := _CELL_ERROR.search(text):
            refuse_text(self.label, [(self._name(int(cell[1])), cell[3], self._row(cell[2]))], chosen=self.chosen)
        if row := _ROW_ERROR.search(text):
            raise DataError(
                f"{self.label}: row {self._row(row[1])} has {row[3]} cells, but there are {row[2]} columns.",
                _ragged_hint((row[4] or "").lstrip()),
            ) from None
        if "UTF8" in text:
            raise not_utf8(self.label, "some cells are") from None
        raise _unreadable(self.label, error) from None

    def _name(self, index: int) -> str:
        return self.layout.names[index] if index < len(self.layout.names) else f"column {index}"

    def _row(self, number: str) -> int:
        return int(number) - self.layout.skip


def _ragged_hint(row: str) -> str:
    if row[:1] in ("#", "%", "!") or row[:2] == "//":
        mark = row[:2] if row[:2] == "//" else row[:1]
        return f"if lines that begin with {mark!r} are comments, give `--comment '{mark}'`"
    return "give every row one cell per column"


def _unreadable(label: str, error: BaseException) -> DataError:
    return DataError(
        f"{label}: cannot be read as a text table ({str(error).splitlines()[0]}).",
        "check that the file is whole and that its extension fits its format",
    )
