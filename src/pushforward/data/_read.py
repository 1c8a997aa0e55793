"""Reading a table from a file, a stream, a data frame or a built-in set."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pushforward._errors import DataError, did_you_mean
from pushforward.data._arrow import open_feather, open_frame, open_parquet
from pushforward.data._builtin import open_sklearn, open_toy
from pushforward.data._categories import in_order
from pushforward.data._csv import open_csv
from pushforward.data._numpy import open_array, open_npy, open_npz, open_objects
from pushforward.data._source import Selection, Source, block_rows
from pushforward.data._tables import Table, quoted

READERS = {
    ".csv": open_csv,
    ".tsv": lambda path, selection, *, label: open_csv(path, selection, label=label, delimiter="\t"),
    ".parquet": open_parquet,
    ".pq": open_parquet,
    ".feather": open_feather,
    ".arrow": open_feather,
    ".npy": open_npy,
    ".npz": open_npz,
}
"""How each file name extension is opened; `.csv.gz` and `.tsv.gz` are decompressed on the way."""


def read_table(
    source: str | os.PathLike[str],
    *,
    columns: Sequence[str] | None = None,
    drop: Sequence[str] = (),
    drop_missing: bool = False,
    text: Sequence[str] = (),
) -> Table:
    """Read a whole table.

    Args:
        source: A path ending in .csv, .tsv, .parquet, .feather, .arrow, .npy or .npz; `-` for CSV from standard
            input; `toy:NAME[:rows[:seed]]` for a toy density; `sklearn:NAME` for a set bundled with scikit-learn.
        columns: The columns to read, in this order; all when None. Others may hold anything.
        drop: Columns to leave out.
        drop_missing: Leave out rows with an empty, NaN or infinite cell, instead of raising.
        text: Columns of categories whose values may look like numbers in a file without types; `"*"` for all.

    Raises:
        DataError: If there is nothing to read, or something that is neither a finite number nor a category.

    Example:
        >>> read_table("toy:moons:1000").values.shape
        (1000, 2)
    """
    selection = Selection(None if columns is None else tuple(columns), tuple(drop), tuple(text))
    return _collect(open_source(source, selection), drop_missing)


def as_table(
    data: Any, *, names: Sequence[str] | None = None, drop_missing: bool = False, text: Sequence[str] = ()
) -> Table:
    """A table from an array `(rows, columns)`, nested lists, or a data frame of pandas, polars or Arrow.

    Args:
        data: The values, numbers, text or, in an array of objects, both; a `Table` is returned as it is.
        names: Column names for an array; `x0, x1, ...` when None.
        drop_missing: As in `read_table`.
        text: As in `read_table`: text in these columns is categories even where it looks like numbers.

    Raises:
        DataError: As `read_table`.
    """
    if isinstance(data, Table):
        return data
    if hasattr(data, "__arrow_c_stream__"):
        return _collect(open_frame(data, Selection(text=tuple(text)), label="data frame"), drop_missing)
    array = np.asarray(data)
    if array.dtype.kind in "OU" and array.ndim == 2:
        return _collect(open_objects(array, names, Selection(text=tuple(text)), label="array"), drop_missing)
    return _collect(open_array(array, Selection(), label="array", names=names), drop_missing)


def read_batches(
    source: str | os.PathLike[str],
    rows: int | None = None,
    *,
    columns: Sequence[str] | None = None,
    drop: Sequence[str] = (),
    drop_missing: bool = False,
    text: Sequence[str] = (),
) -> Iterator[Table]:
    """Read a table in batches of `rows` rows (the last may be smaller), with memory for a few batches.

    Args:
        source: As in `read_table`.
        rows: Rows per batch; when None, at most 65,536, and fewer for a wide table.
        columns: As in `read_table`.
        drop: As in `read_table`.
        drop_missing: As in `read_table`; each batch says in `dropped` how many of its rows were left out.
        text: As in `read_table`. The codes of a batch are those of the batches before, and more.

    Raises:
        DataError: As `read_table`; a missing cell is reported when its batch is reached.
    """
    selection = Selection(None if columns is None else tuple(columns), tuple(drop), tuple(text))
    opened = open_source(source, selection)
    return _batches(opened, rows or block_rows(len(opened.names)), drop_missing)


def _batches(source: Source, rows: int, drop_missing: bool) -> Iterator[Table]:
    missing = _Missing(source)
    found_any = False
    notes = source.notes
    for block in _regroup(source.blocks, rows):
        found_any = True
        kept, dropped = missing.filter(block)
        if not drop_missing:
            missing.refuse()
        yield Table(source.names, kept, source.kinds, notes, dropped, source.categories)
        notes = ()
    if not found_any:
        raise _no_rows(source.label)


def open_source(source: str | os.PathLike[str], selection: Selection) -> Source:
    """Open whatever `source` names; nothing but the head is read yet."""
    text = os.fspath(source)
    if text == "-":
        return open_csv(None, selection, label="standard input")
    if text.startswith("toy:"):
        return open_toy(text, selection)
    if text.startswith("sklearn:"):
        return open_sklearn(text, selection)
    path = Path(text)
    _require_file(path)
    suffix = extension(path, READERS)
    return READERS[suffix](path, selection, label=path.name)


def extension(path: Path, known: Sequence[str] | dict[str, Any]) -> str:
    """The extension that decides the format, or a DataError that names the nearest known one."""
    stem = path.with_suffix("") if path.suffix == ".gz" else path
    suffix = stem.suffix.lower()
    if suffix in known:
        return suffix
    given = f"the extension {suffix!r} is not known" if suffix else "the name has no extension"
    raise DataError(f"{path.name}: {given}.", did_you_mean(suffix, known) if suffix else f"use {', '.join(known)}")


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise DataError(f"{path}: this is a folder.", "give the path of one file")
    if not path.exists():
        folder = path.parent
        if not folder.is_dir():
            raise DataError(f"{path}: no such file.", f"there is no folder {str(folder)!r}")
        names = [entry.name for entry in folder.iterdir() if entry.suffix.lower() in READERS][:1000]
        raise DataError(f"{path}: no such file.", did_you_mean(path.name, names) if names else "check the path")
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path.name}: the file is empty.", "a table needs column names and rows of numbers")
    if not os.access(path, os.R_OK):
        raise DataError(f"{path.name}: you may not read this file.", "change its permissions")


class _Missing:
    """Finds rows with an empty, NaN or infinite cell, and remembers enough of them to say which."""

    SHOWN = 5

    def __init__(self, source: Source):
        self.source = source
        self.rows_seen = 0
        self.count = 0
        self.first: list[int] = []
        self.per_column = np.zeros(len(source.names), dtype=np.int64)

    def filter(self, block: np.ndarray) -> tuple[np.ndarray, int]:
        """The complete rows of a block, and how many were not."""
        bad_cells = ~np.isfinite(block)
        bad = bad_cells.any(axis=1)
        count = int(bad.sum())
        if count:
            wanted = self.SHOWN - len(self.first)
            self.first += [self.rows_seen + int(i) + 1 for i in np.flatnonzero(bad)[: max(wanted, 0)]]
            self.per_column += bad_cells.sum(axis=0)
            self.count += count
        self.rows_seen += len(block)
        return (block[~bad] if count else block), count

    def refuse(self) -> None:
        """Raise a DataError that names the rows, if there were any."""
        if not self.count:
            return
        shown = ", ".join(map(str, self.first)) + (", ..." if self.count > len(self.first) else "")
        some = self.count != 1
        names = [self.source.names[i] for i in np.flatnonzero(self.per_column)]
        empty = [self.source.names[i] for i in np.flatnonzero(self.per_column == self.rows_seen)]
        hint = "drop these rows with `--drop-missing` (in Python: `drop_missing=True`)"
        if empty:
            has = "has" if len(empty) == 1 else "have"
            hint = f"{quoted('column', empty)} {has} no value at all: leave out (`--drop {','.join(empty[:3])}`)"
        raise DataError(
            f"{self.source.label}: {self.count} row{'s' * some} with an empty, NaN or infinite cell: "
            f"row{'s' * some} {shown} ({quoted('column', names)}).",
            hint,
        )


def _collect(source: Source, drop_missing: bool) -> Table:
    missing = _Missing(source)
    blocks = []
    for block in [source.whole()] if source.whole else source.blocks:
        kept, _ = missing.filter(block)
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
    return _whole_kinds(_sorted(Table(source.names, values, source.kinds, notes, missing.count, source.categories)))


def _sorted(table: Table) -> Table:
    """The same table with the categories of every column sorted."""
    categories = {}
    for place, name in enumerate(table.names):
        if name in table.categories:
            # Values of categories were made by a reader: no array of the user's is changed.
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


def _regroup(blocks: Iterator[np.ndarray], rows: int) -> Iterator[np.ndarray]:
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
