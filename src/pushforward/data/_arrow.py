"""Arrow's types, Parquet and Feather files, and data frames."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pushforward._errors import DataError, together, told_together
from pushforward.data._batches import ColumnKind
from pushforward.data._categories import MOST_LABELS, TRUTH, Vocabulary, is_number, mostly_numbers
from pushforward.data._source import Selection, Source, block_rows, refuse_text
from pushforward.data.files._keys import Keys
from pushforward.data.files._stored import ColumnType, stored_of
from pushforward.data.moments._arrow import moment_of, seconds_of, what_of
from pushforward.data.moments._forms import are_moments
from pushforward.data.text._slips import advice

PAGE_BYTES = 1 << 16
COLUMNS_AT_ONCE = 8


def is_text(kind: Any) -> bool:
    import pyarrow as pa

    checks = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(check(kind) for check in checks)


def column_kind(kind: Any) -> ColumnKind | None:
    """What a column of this Arrow type can be read as: numbers, categories, moments, or neither.

    Text, truth values and what is encoded by a dictionary are categories. A column without any value counts as one
    of numbers.
    """
    import pyarrow as pa

    if pa.types.is_integer(kind):
        return "int"
    if any(check(kind) for check in (pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)):
        return "float"
    if what_of(kind) is not None:
        return "moment"
    return "category" if is_text(kind) or pa.types.is_boolean(kind) or pa.types.is_dictionary(kind) else None


def vocabularies(
    names: Sequence[str],
    types: Sequence[Any],
    retyped: Sequence[str] = (),
    missing: Mapping[str, Sequence[str]] = {},
    moments: Sequence[str] = (),
) -> dict[str, Vocabulary]:
    """An empty vocabulary for each column of categories; truth values are known, and moments unlimited."""
    import pyarrow as pa

    return {
        name: Vocabulary(
            name,
            TRUTH if pa.types.is_boolean(kind) else (),
            retyped=name in retyped,
            missing=missing.get(name, ()),
            most=None if name in moments else MOST_LABELS,
        )
        for name, kind in zip(names, types, strict=True)
        if column_kind(kind) == "category"
    }


def column_array(column: Any, vocabulary: Vocabulary | None) -> np.ndarray:
    """One Arrow column as floats, nulls as NaN; float32 stays float32, categories become codes."""
    import pyarrow as pa

    if vocabulary is not None:
        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        return np.concatenate([_codes(chunk, vocabulary) for chunk in chunks]) if chunks else np.empty(0)
    if what_of(column.type) is not None:
        return seconds_of(column)
    small = pa.types.is_float32(column.type) or pa.types.is_float16(column.type)
    target = pa.float32() if small else pa.float64()
    if column.type != target:
        column = column.cast(target, safe=False)
    return column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy()


def _codes(column: Any, vocabulary: Vocabulary) -> np.ndarray:
    """Categories as codes, nulls as NaN."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        # Arrow cannot encode a view of text.
        column = (column.cast(pa.large_string()) if is_text(column.type) else column).dictionary_encode()
    present = np.unique(column.indices.drop_null().to_numpy(zero_copy_only=False))
    words = column.dictionary.cast(pa.large_string()) if is_text(column.dictionary.type) else column.dictionary
    if column.type.ordered:
        vocabulary.codes(label for label in words.to_pylist() if label is not None)  # in their order
    labels = words.take(pa.array(present)).to_pylist()
    table = np.full(len(words) + 1, np.nan)
    known = np.array([label is not None for label in labels], bool)
    table[present[known]] = vocabulary.codes(label for label in labels if label is not None)
    # A null, as index or as entry of the dictionary, is a missing cell.
    return table[column.indices.cast(pa.int64()).fill_null(len(words)).to_numpy(zero_copy_only=False)]


def refuse_slips(
    label: str, columns: Mapping[str, Any], is_float: Callable[[str], bool] = is_number, *, chosen: bool = False
) -> None:
    """Raise a DataError for columns of text that are numbers with slips in between, each with the first slip."""
    groups: dict[str | None, dict[str, list[str]]] = {}
    for name, cells in columns.items():
        values = cells.unique().to_pylist()
        if mostly_numbers(values):
            odd = [text for text in values if text is not None and not is_float(text)]
            groups.setdefault(advice(odd), {})[name] = odd
    problems: list[DataError] = []
    for group in groups.values():
        examples = [(name, *example_value(columns[name], is_float)) for name in group]
        with told_together(problems):
            refuse_text(label, examples, values=next(iter(group.values())), chosen=chosen)
    if problems:
        raise together(problems)


def example_value(column: Any, is_float: Callable[[str], bool]) -> tuple[object, int]:
    """The first value that is no number, and its row, counted from 1; where all are numbers, the first of them."""
    first = None
    for row, cell in enumerate(column, start=1):
        value = cell.as_py()
        if value is not None and not (isinstance(value, str) and is_float(value)):
            return (value if isinstance(value, str) else str(value)), row
        if value is not None and first is None:
            first = value, row
    return first or ("", 1)


def open_parquet(path: Path, selection: Selection, *, label: str) -> Source:
    """Open a Parquet file; rows come in blocks, so that a large file never lies in memory as a whole."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        # A buffered stream: without it, every column of a row group is held whole before the first row comes out.
        file = parquet.ParquetFile(path, pre_buffer=False, buffer_size=PAGE_BYTES)
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(label, "Parquet", error) from None
    source = open_batches(
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
    if not file.metadata.num_row_groups:  # pyarrow 18 cannot read a file that has none
        return values
    try:
        for start in range(0, len(source.names), COLUMNS_AT_ONCE):
            group = source.names[start : start + COLUMNS_AT_ONCE]
            part = file.read(columns=list(group))
            for offset, name in enumerate(group):
                values[:, start + offset] = column_array(part[name], source.vocabularies.get(name))
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(source.label, "Parquet", error) from None
    return values


def open_feather(path: Path, selection: Selection, *, label: str) -> Source:
    """Open an Arrow IPC file (Feather version 2) or an Arrow stream."""
    import pyarrow as pa

    try:
        schema = _open_ipc(path)[0].schema
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(label, "Feather or Arrow", error) from None
    # Opened for each reading: text is looked at before the rows are read.
    return open_batches(
        label, schema, selection, lambda names: (batch.select(list(names)) for batch in _open_ipc(path)[1])
    )


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
    return open_batches(label, table.schema, selection, lambda names: table.select(list(names)).to_batches())


def open_batches(
    label: str, schema: Any, selection: Selection, batches: Callable[[tuple[str, ...]], Any], *, typed: bool = True
) -> Source:
    """A source of Arrow's batches; `batches(names)` begins them anew, with these columns in this order.

    `typed` says that text is a type of the source, and not what all that is no number looks like.
    """
    import pyarrow as pa

    # pandas stores an unnamed row index beside the columns.
    named = [name for name in schema.names if not name.startswith("__index_level_")]
    names = tuple(named[i] for i in selection.of(label, named))
    types = [schema.field(name).type for name in names]
    kinds: list[ColumnKind | None] = [column_kind(kind) for kind in types]
    other = tuple(name for name, kind in zip(names, kinds, strict=True) if kind is None)
    text = tuple(name for name, kind in zip(names, types, strict=True) if is_text(kind) and not selection.reads(name))
    first = next(iter(batches((*other, *text))), None) if other or text else None
    words_of = {} if first is None else {name: first[name] for name in text if name not in selection.moments}
    texts = tuple(name for name, cells in words_of.items() if are_moments(cells.unique().to_pylist()))
    problems = []
    with told_together(problems):
        refuse_text(
            label, [(name, *_first_value(first, name)) for name in other], as_categories=False, chosen=selection.chosen
        )
    with told_together(problems):
        refuse_slips(label, {n: c for n, c in words_of.items() if n not in texts}, chosen=selection.chosen)
    if problems:
        raise together(problems)
    numbers = [kind for kind in types if column_kind(kind) != "category"]
    small = bool(numbers) and all(pa.types.is_float32(kind) or pa.types.is_float16(kind) for kind in numbers)
    dtype = np.dtype(np.float32 if small else np.float64)
    words = vocabularies(names, types, moments=(*texts, *selection.moments))
    keys = selection.keys(label, named)
    read = names if keys is None else tuple(dict.fromkeys((*names, *keys.names)))
    blocks = _blocks(label, batches(read), names, dtype, words, keys)
    return Source(
        label,
        names,
        _known(kinds),
        dtype,
        blocks,
        vocabularies=words,
        keys=keys,
        types=_types(schema, names),
        texts=texts,
        typed=typed,
    )


def _types(schema: Any, names: Sequence[str]) -> dict[str, ColumnType]:
    """What is to be known of columns beside their numbers."""
    of_pandas = (schema.pandas_metadata or {}).get("columns", ())
    pandas = {column.get("name"): str(column.get("numpy_type")) for column in of_pandas}
    found = {}
    for name in names:
        field = schema.field(name)
        found[name] = moment_of(field.type) or stored_of(field, pandas.get(name, ""))
    return {name: kind for name, kind in found.items() if kind is not None}


def _known(kinds: Sequence[ColumnKind | None]) -> tuple[ColumnKind, ...]:
    return tuple(kind for kind in kinds if kind is not None)


def _first_value(batch: Any, name: str) -> tuple[object, int]:
    return ("", 1) if batch is None else example_value(batch[name], lambda text: False)


def _blocks(
    label: str,
    batches: Any,
    names: tuple[str, ...],
    dtype: np.dtype,
    words: Mapping[str, Vocabulary],
    keys: Keys | None,
) -> Iterator[np.ndarray]:
    import pyarrow as pa

    try:
        for batch in batches:
            rows = block_rows(len(names))
            for start in range(0, batch.num_rows, rows):
                part = batch.slice(start, rows)
                block = np.empty((part.num_rows, len(names)), dtype)
                for i, name in enumerate(names):
                    block[:, i] = column_array(part[name], words.get(name))
                if keys is not None:
                    keys.put(part)
                yield block
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(label, "table", error) from None


def _unreadable(label: str, what: str, error: Exception) -> DataError:
    return DataError(
        f"{label}: cannot be read as a {what} file ({str(error).splitlines()[0]}).",
        "check that the file is whole and that its extension fits its format",
    )
