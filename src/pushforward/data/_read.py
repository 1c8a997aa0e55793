"""Reading a table from a file, a stream, a data frame or a built-in set."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pushforward._errors import DataError, did_you_mean
from pushforward.data._arrow import open_feather, open_frame, open_parquet
from pushforward.data._builtin import open_sklearn, open_toy
from pushforward.data._categories import in_order
from pushforward.data._given import as_rows, plain
from pushforward.data._missing import IN_PYTHON, IN_SHELL, Missing, refuse_infinite
from pushforward.data._source import Selection, Source, block_rows
from pushforward.data._tables import Table
from pushforward.data.files._fits import open_fits
from pushforward.data.files._jsonl import open_jsonl
from pushforward.data.files._numpy import open_array, open_npy, open_npz, open_objects
from pushforward.data.files._sentinels import without_missing
from pushforward.data.files._stored import Stored
from pushforward.data.moments._columns import with_moments
from pushforward.data.shards._open import open_files
from pushforward.data.shards._places import Where, names_files, path_text
from pushforward.data.text._compressed import COMPRESSED, inner_name
from pushforward.data.text._csv import open_csv
from pushforward.data.text._options import AS_FOUND, TextOptions

READERS: dict[str, Callable[..., Source]] = {
    ".csv": open_csv,
    ".tsv": lambda path, selection, *, label: open_csv(path, selection, label=label, delimiter="\t"),
    ".txt": open_csv,
    ".dat": open_csv,
    ".jsonl": open_jsonl,
    ".ndjson": open_jsonl,
    ".parquet": open_parquet,
    ".pq": open_parquet,
    ".feather": open_feather,
    ".arrow": open_feather,
    ".fits": open_fits,
    ".npy": open_npy,
    ".npz": open_npz,
}
"""How each file name extension is opened."""
TEXT = (".csv", ".tsv", ".txt", ".dat", ".jsonl", ".ndjson")
"""Those that may be compressed."""


def read_table(
    source: Where,
    *,
    columns: Sequence[str] | None = None,
    drop: Sequence[str] = (),
    drop_missing: bool = False,
    text: Sequence[str] = (),
    missing: Sequence[str] = (),
    form: TextOptions | None = None,
    moments: Sequence[str] = (),
) -> Table:
    """Read a whole table.

    Args:
        source: A path ending in .csv, .tsv, .txt, .dat, .jsonl, .parquet, .feather, .arrow, .fits, .npy or .npz, and
            of text also .gz, .bz2, .xz, .zst or .zip behind that; a folder, a pattern, a list or a URL of files of
            Parquet; `-` for CSV from standard input; `toy:NAME[:rows[:seed]]` for a toy density; `sklearn:NAME` for a
            set bundled with scikit-learn.
        columns: The columns to read, in this order; all when None. Others may hold anything.
        drop: Columns to leave out.
        drop_missing: Leave out rows with an empty, NaN or infinite cell, instead of raising.
        text: Columns of categories whose values may look like numbers in a file without types; `"*"` for all.
        missing: Values that stand for a missing cell, such as `"-99"`, beside the usual ones of text.
        form: What to know of a text table that cannot be found out: `TextOptions(decimal=",", encoding="cp1252")`.
        moments: Columns of dates, times or durations whose text a model knows how to read: it is kept as text.

    Raises:
        DataError: If there is nothing to read, or something that is neither a finite number, a date, a time nor a
            category.

    Example:
        >>> read_table("toy:moons:1000").values.shape
        (1000, 2)
    """
    opened = open_source(source, replace(_selection(columns, drop, text, missing, form), moments=tuple(moments)))
    return _collect(opened, drop_missing, chosen=columns is not None)


def as_table(
    data: Any, *, names: Sequence[str] | None = None, drop_missing: bool = False, text: Sequence[str] = ()
) -> Table:
    """A table from an array `(rows, columns)`, nested lists, or a data frame of pandas, polars or Arrow.

    Args:
        data: The values, numbers, text or, in an array of objects, both; a `Table` is returned as it is. A mapping
            from names to columns, a structured array and a lazy frame are taken too. What a mask hides is missing.
        names: Column names for an array; `x0, x1, ...` when None.
        drop_missing: As in `read_table`.
        text: As in `read_table`: text in these columns is categories even where it looks like numbers.

    Raises:
        DataError: As `read_table`.
    """
    if isinstance(data, Table):
        return data
    data = plain(data)
    own = Selection(text=tuple(text))
    if hasattr(data, "__arrow_c_stream__"):
        return _collect(open_frame(data, own, label="data frame"), drop_missing, IN_PYTHON)
    array = as_rows(data, "array")
    if array.dtype.kind in "OU" and array.ndim == 2:
        source = open_objects(array, names, own, label="array")
    else:
        source = open_array(array, Selection(), label="array", names=names)
    return _collect(source, drop_missing, IN_PYTHON)


def read_batches(
    source: Where,
    rows: int | None = None,
    *,
    columns: Sequence[str] | None = None,
    drop: Sequence[str] = (),
    drop_missing: bool = False,
    text: Sequence[str] = (),
    missing: Sequence[str] = (),
    form: TextOptions | None = None,
) -> Iterator[Table]:
    """Read a table in batches of `rows` rows (the last may be smaller), with memory for a few batches.

    Args:
        source: As in `read_table`.
        rows: Rows per batch; when None, at most 65,536, and fewer for a wide table.
        columns: As in `read_table`.
        drop: As in `read_table`.
        drop_missing: As in `read_table`; each batch says in `dropped` how many of its rows were left out.
        text: As in `read_table`. The codes of a batch are those of the batches before, and more.
        missing: As in `read_table`.
        form: As in `read_table`.

    Raises:
        DataError: As `read_table`; a missing cell is reported when its batch is reached.
    """
    chosen = _selection(columns, drop, text, missing, form)
    return (part.table for part in read_parts(source, chosen, rows, drop_missing=drop_missing))


class Part(NamedTuple):
    """Some rows of a source.

    Attributes:
        table: Those of them that are complete.
        present: Which they are, `(rows,)`, or None where that is all.
        keys: The columns that were kept, of all of the rows, as an Arrow table; None where none is.
    """

    table: Table
    present: np.ndarray | None
    keys: Any


def read_parts(source: Where, selection: Selection, rows: int | None = None, *, drop_missing: bool) -> Iterator[Part]:
    """The table in parts, as `read_batches` reads it, with what lies beside its values."""
    opened = open_source(source, selection)
    missing = Missing(opened.label, opened.names, chosen=selection.chosen)
    return _parts(opened, rows or block_rows(len(opened.names)), missing, drop_missing)


def _parts(source: Source, rows: int, missing: Missing, drop_missing: bool) -> Iterator[Part]:
    found_any = False
    notes = source.notes
    for block in regrouped(source.blocks, rows):
        found_any = True
        kept, present = missing.filter(block)
        if not drop_missing:
            missing.refuse()
        table = Table(source.names, kept, source.kinds, notes, len(block) - len(kept), source.categories, source.types)
        yield Part(table, present, None if source.keys is None else source.keys.take(len(block)))
        notes = ()
    if not found_any:
        raise _no_rows(source.label)


def _selection(
    columns: Sequence[str] | None,
    drop: Sequence[str],
    text: Sequence[str],
    missing: Sequence[str],
    form: TextOptions | None,
) -> Selection:
    chosen = None if columns is None else tuple(columns)
    return Selection(chosen, tuple(drop), tuple(text), (), tuple(map(str, missing)), form or AS_FOUND)


def open_source(source: Where, selection: Selection, first: int = 0) -> Source:
    """Open whatever `source` names; nothing but the head is read yet. Only `names_files` begin at another row."""
    if names_files(source):
        return _as_said(open_files(source, selection, first), selection)
    text = path_text(source)
    if text == "-":
        return _as_said(open_csv(None, selection, label="standard input"), selection)
    if text.startswith("toy:"):
        return open_toy(text, selection)
    if text.startswith("sklearn:"):
        return open_sklearn(text, selection)
    _require_file(path := Path(text))
    suffix = extension(Path(inner_name(path)), READERS)
    if suffix not in TEXT and path.suffix.lower() in COMPRESSED:
        raise DataError(f"{path.name}: compressed {suffix} files are not read.", "decompress it first")
    return _as_said(READERS[suffix](path, selection, label=path.name), selection)


def _as_said(source: Source, selection: Selection) -> Source:
    return replace(without_missing(source, selection.missing), order=selection.form.dates)


def extension(path: Path, known: Sequence[str] | dict[str, Any]) -> str:
    """The extension that decides the format, or a DataError that names the nearest known one."""
    suffix = path.suffix.lower()
    if suffix in known:
        return suffix
    given = f"the extension {suffix!r} is not known" if suffix else "the name has no extension"
    nearest = did_you_mean(suffix, known) if suffix else f"use {', '.join(known)}"
    raise DataError(f"{path.name}: {given}.", _spreadsheet(suffix) or nearest)


def _spreadsheet(suffix: str) -> str:
    books = (".xls", ".xlsx", ".ods")
    return "save the sheet as CSV; did you mean '.csv'?" if suffix in books else ""


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise DataError(f"{path}: this is a folder.", "give one file, or a folder of Parquet files")
    if not path.exists():
        if not (folder := path.parent).is_dir():
            raise DataError(f"{path}: no such file.", f"there is no folder {str(folder)!r}")
        names = [entry.name for entry in folder.iterdir() if entry.suffix.lower() in (*READERS, *COMPRESSED)][:1000]
        raise DataError(f"{path}: no such file.", did_you_mean(path.name, names) if names else "check the path")
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path.name}: the file is empty.", "a table needs column names and rows of numbers")
    if not os.access(path, os.R_OK):
        raise DataError(f"{path.name}: you may not read this file.", "change its permissions")


def with_holes(source: Source) -> Table:
    """All of a source, with NaN where a cell is missing.

    Raises:
        DataError: If there are no rows, or a cell is infinite.
    """
    blocks = [source.whole()] if source.whole else list(source.blocks)
    if not sum(map(len, blocks)):
        raise _no_rows(source.label)
    values = np.concatenate(blocks).astype(np.float64)
    refuse_infinite(source.label, source.names, values)
    return Table(source.names, values, source.kinds, source.notes, 0, source.categories, source.types)


def _collect(source: Source, drop_missing: bool, hint: str = IN_SHELL, *, chosen: bool = False) -> Table:
    missing = Missing(source.label, source.names, hint, chosen=chosen)
    blocks, masks = [], []
    for block in [source.whole()] if source.whole else source.blocks:
        kept, present = missing.filter(block)
        if source.texts:
            masks.append(np.ones(len(block), bool) if present is None else present)
        if drop_missing or not missing.count:
            blocks.append(kept)
    if missing.rows_seen == 0:
        raise _no_rows(source.label)
    if not drop_missing:
        missing.refuse()
    notes = source.notes
    if missing.count:
        notes = (*notes, f"{source.label}: {missing.count} of {missing.rows_seen} rows dropped: a cell was missing.")
    values = _stack(blocks, len(source.names), source.dtype)
    if not len(values):
        missing.refuse()
    table = Table(source.names, values, source.kinds, notes, missing.count, source.categories, source.types)
    return finished(table, source, np.flatnonzero(np.concatenate(masks)) + 1 if masks else None)


def finished(table: Table, source: Source, rows: np.ndarray | None = None) -> Table:
    """The table with numbers for dates in text, and with sorted categories; `rows` are the numbers of its rows."""
    if table.moments or source.texts:
        rows = np.arange(1, table.num_rows + 1) if rows is None else rows
        table = with_moments(table, source.texts, source.order, rows=rows, typed=source.typed)
    return _whole_kinds(_sorted(table))


def _sorted(table: Table) -> Table:
    """The same table with the categories of every column sorted, but for those that have an order."""
    categories = {}
    for place, name in enumerate(table.names):
        if name in table.categories:
            # Values of categories were made by a reader: no array of the user's is changed.
            stored = table.types.get(name)
            if isinstance(stored, Stored) and stored.ordered:
                categories[name] = table.categories[name]
                continue
            categories[name], rank = in_order(table.categories[name])
            table.values[:, place] = rank[table.values[:, place].astype(int)]
    return replace(table, categories=categories)


def _stack(blocks: list[np.ndarray], columns: int, dtype: np.dtype) -> np.ndarray:
    """All blocks in one array; each is freed as it is copied, so that memory stays near one copy of the data."""
    if len(blocks) == 1:
        return blocks.pop()
    values = np.empty((sum(map(len, blocks)), columns), dtype)
    blocks.reverse()
    start = 0
    while blocks:
        block = blocks.pop()
        values[start : start + len(block)] = block
        start += len(block)
    return values


def _whole_kinds(table: Table) -> Table:
    """Kinds seen at the head of a file hold only if no later value has decimals."""
    kinds = tuple(
        "float" if kind == "int" and not np.array_equal(column, np.floor(column)) else kind
        for kind, column in zip(table.kinds, table.values.T, strict=True)
    )
    return replace(table, kinds=kinds)


def regrouped(blocks: Iterator[np.ndarray], rows: int) -> Iterator[np.ndarray]:
    """The same rows in blocks of exactly `rows`, but for the last."""
    held: list[np.ndarray] = []
    count = 0
    for block in blocks:
        start = 0
        while count + len(block) - start >= rows:
            stop = start + rows - count
            yield np.concatenate([*held, block[start:stop]]) if held else block[start:stop]
            held, count, start = [], 0, stop
        if start < len(block):
            held.append(block[start:])
            count += len(block) - start
    if held:
        yield np.concatenate(held)


def _no_rows(label: str) -> DataError:
    return DataError(f"{label}: no rows.", "there are column names, but no numbers under them")
