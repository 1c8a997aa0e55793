"""JSON Lines: one object a line, read in blocks with flat memory."""

import io
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pushforward._errors import DataError
from pushforward.data._arrow import open_batches
from pushforward.data._source import Selection, Source
from pushforward.data.moments._arrow import what_of
from pushforward.data.text._compressed import open_bytes

BLOCK_BYTES = 1 << 22


def open_jsonl(path: Path, selection: Selection, *, label: str) -> Source:
    """Open a file of one JSON object a line; a name that an object lacks is a missing cell.

    Raises:
        DataError: If a line is no object, or a value of a column is of another type than those before it.
    """
    try:
        first = next(_lines(path), b"")
    except OSError as error:
        raise _unreadable(label, error) from None
    if not first.strip():
        raise DataError(f"{label}: the file is empty.", "a table needs rows: one JSON object a line")
    if first.lstrip()[:1] == b"[":
        raise DataError(f"{label}: this is one array, not one object a line.", "write each row as a line of its own")
    schema = _untyped(_parsed(label, first, None).schema)
    batches = partial(_batches, label, path, schema)
    return open_batches(label, schema, selection, batches, typed=False)


def _untyped(schema: Any) -> Any:
    """The schema with text in place of the moments that Arrow sees in it."""
    import pyarrow as pa

    return pa.schema([(field.name, pa.string() if what_of(field.type) else field.type) for field in schema])


def _batches(label: str, path: Path, schema: Any, names: Sequence[str]) -> Iterator[Any]:
    import pyarrow as pa

    # Integers of the first rows may be followed by decimals.
    wide = {name: schema.field(name).type for name in names}
    types = {name: pa.float64() if pa.types.is_integer(kind) else kind for name, kind in wide.items()}
    wanted = pa.schema(list(types.items()))
    try:
        for text in _lines(path):
            yield from _parsed(label, text, wanted).select(list(names)).to_batches()
    except OSError as error:
        raise _unreadable(label, error) from None


def _parsed(label: str, text: bytes, wanted: Any) -> Any:
    import pyarrow as pa
    from pyarrow import json

    options = json.ParseOptions(
        explicit_schema=wanted, unexpected_field_behavior="infer" if wanted is None else "ignore"
    )
    read = json.ReadOptions(use_threads=False, block_size=max(len(text), 1))
    try:
        return json.read_json(io.BytesIO(text), read_options=read, parse_options=options)
    except pa.ArrowInvalid as error:
        raise _unreadable(label, error) from None


def _lines(path: Path) -> Iterator[bytes]:
    """Whole lines, some megabytes at a time."""
    rest = b""
    with open_bytes(path) as stream:
        while part := stream.read(BLOCK_BYTES):
            text, newline, after = (rest + part).rpartition(b"\n")
            if newline:
                yield text + newline
            rest = after if newline else rest + part
    if rest.strip():
        yield rest


def _unreadable(label: str, error: BaseException) -> DataError:
    return DataError(
        f"{label}: cannot be read as JSON Lines ({str(error).splitlines()[0]}).",
        'give one object a line, such as {"a": 1.5, "b": 2}, each name always with one type of value',
    )
