"""Some rows of files that are too large to be read whole: what is found of columns is found in them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pushforward._errors import DataError, UsageError
from pushforward.data import Table
from pushforward.data._arrow import column_kind, is_text, open_frame
from pushforward.data._missing import Missing
from pushforward.data._read import finished
from pushforward.data._source import Selection, Source
from pushforward.data.files._sentinels import without_missing
from pushforward.data.shards._files import ParquetFiles
from pushforward.data.shards._places import ENDINGS, names_files
from pushforward.data.shards._rows import apart, held_out
from pushforward.modalities._learn import HeldOut, Prepared
from pushforward.modalities._talk import plural
from pushforward.train.reading._look import most_held_out

STREAMED_CELLS = 2**23
"""Files of more cells are streamed: as numbers they take 64 MiB."""
SAMPLE_CELLS = 2**23
"""That are looked at, at most."""
WHOLE = ("weights", "incomplete", "epsilon")
"""Options of fits that need all rows at once."""


@dataclass(frozen=True)
class Streamed:
    """Files, how they are read, and which rows were looked at.

    Attributes:
        files: All of them.
        selection: How rows are read.
        drop_missing: Whether rows without a value are left out.
        window: How many rows are shuffled together, or None.
        looked: Groups of the rows that were looked at, and their numbers, `(rows, 2)`.
    """

    files: ParquetFiles
    selection: Selection
    drop_missing: bool
    window: int | None
    looked: np.ndarray

    def held_out(self, fraction: float | None, ready: Prepared) -> HeldOut:
        """Which of the rows that were looked at the fit holds out, and which not."""
        held = held_out(self.files.sizes, fraction or 0.0, most_held_out(ready.flow))
        out = np.zeros(len(self.looked), bool)
        for group, rows in held.items():
            out |= (self.looked[:, 0] == group) & np.isin(self.looked[:, 1], rows)
        # In any order but that of the files: those who take the first few take some of all.
        order = np.random.default_rng(0).permutation(len(out))
        return HeldOut(np.flatnonzero(~out), order[out[order]], None)

    def told(self, source: str) -> str:
        """What was found, in a line."""
        names = {group.file for group in self.files.groups}
        return (
            f"found {source}: {plural(self.files.num_rows, 'row')} in {plural(len(names), 'file')} and "
            f"{plural(len(self.files.groups), 'row group')}, which are read while the fit goes on; "
            f"{len(self.looked):,} of them were looked at"
        )


def streamed_files(source: str, given: Mapping[str, Any]) -> ParquetFiles | None:
    """The files of a source, if they are to be streamed.

    Raises:
        UsageError: If a window is asked for where nothing is streamed.
        DataError: If they cannot be read.
    """
    window = given.get("window")
    if not names_files(source):
        if window is not None and not _is_one(source):
            raise UsageError("--window is for files of Parquet.", "give a folder, a pattern or a URL of such files")
        if window is None:
            return None
    asked = [name for name in WHOLE if given.get(name) not in (None, False)]
    if window is not None and asked:
        raise UsageError(f"--window and --{asked[0]} exclude each other.", "leave one of them out")
    if asked or "window" not in given:
        return None
    files = ParquetFiles(source)
    large = files.num_rows * len(files.schema.names) > STREAMED_CELLS
    return files if large or window is not None else None


def _is_one(source: str) -> bool:
    """Whether a source is one file of Parquet, which is streamed if a window is asked for.

    Raises:
        DataError: If nothing of that name is there.
    """
    path = Path(source)
    if ":" not in source and not path.exists():
        raise DataError(f"{source}: no such file.", "check the path")
    return path.is_file() and source.lower().endswith(ENDINGS)


def sampled(
    files: ParquetFiles, selection: Selection, *, drop_missing: bool, window: int | None
) -> tuple[Table, Streamed]:
    """The rows that are looked at, and what is to be known to read the others.

    They are some of all that lie in a few groups, and with them those with the least and the greatest value of each
    column, where footers say in which group these are, and one of each category.

    Raises:
        DataError: If a row has no value in a column, and these are not left out, or a column cannot be used.
    """
    import pyarrow as pa

    named = [name for name in files.schema.names if not name.startswith("__index_level_")]
    names = [named[place] for place in selection.of(files.label, named)]
    chosen = apart(files.sizes, min(files.num_rows, max(SAMPLE_CELLS // len(names), 2)))
    for group, row in (*_extremes(files, names), *_categories(files, names)):
        chosen[group] = np.union1d(chosen.get(group, np.empty(0, int)), [row]).astype(int)
    groups = [group for group in sorted(chosen) if len(chosen[group])]
    parts = [files.read(group, names).take(pa.array(chosen[group])) for group in groups]
    label = f"{files.label}, of {sum(map(len, parts)):,} rows that were looked at"
    looked = np.concatenate([np.column_stack([np.full(len(chosen[group]), group), chosen[group]]) for group in groups])
    with _numbered_in(label):
        opened = opened_rows(pa.concat_tables(parts), replace(selection, drop=()), label)
        cells = np.concatenate(list(opened.blocks))
    missing = Missing(opened.label, opened.names, chosen=selection.chosen)
    values, present = missing.filter(cells)
    if missing.count and (not drop_missing or not len(values)):
        missing.refuse(files.where(*looked[missing.first[0] - 1].tolist()))
    looked = looked if present is None else looked[present]
    table = Table(opened.names, values, opened.kinds, (), 0, opened.categories, opened.types)
    return finished(table, opened), Streamed(files, selection, drop_missing, window, looked)


@contextmanager
def _numbered_in(label: str) -> Iterator[None]:
    """Says of what a row in a message is a row."""
    try:
        yield
    except DataError as error:
        if label not in error.message:  # and so it numbers rows as if these were the file
            error.args = (f"{label}: {error}",)
            error.message = f"{label}: {error.message}"
        raise


def opened_rows(table: Any, selection: Selection, label: str) -> Source:
    """Rows of an Arrow table as a file of them would be opened."""
    return without_missing(open_frame(table, selection, label=label), selection.missing)


def _extremes(files: ParquetFiles, names: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Group and row of the least and the greatest value of each column of numbers."""
    import pyarrow.compute as pc

    wanted: dict[int, list[tuple[str, str]]] = {}
    for name in names:
        if column_kind(files.schema.field(name).type) in ("int", "float", "moment"):
            for how, group in files.extremes(name):
                wanted.setdefault(group, []).append((how, name))
    for group, asked in wanted.items():
        table = files.read(group, sorted({name for _, name in asked}))
        for how, name in asked:
            cells = table[name]
            row = pc.index(cells, _ends(cells)[how]).as_py()
            if row >= 0:
                yield group, row


def _ends(cells: Any) -> Any:
    import pyarrow.compute as pc

    return pc.call_function("min_max", [cells])


def _text_type(kind: Any) -> Any:
    """The type of the text of a column, which a dictionary may hold; None for other columns."""
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return kind if is_text(kind) else None


def _categories(files: ParquetFiles, names: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Group and row of one of each text: columns of text are read whole, and no others."""
    import pyarrow.compute as pc

    types = {name: _text_type(files.schema.field(name).type) for name in names}
    text = [name for name, kind in types.items() if kind is not None]
    seen: dict[str, set[object]] = {name: set() for name in text}
    for group in range(len(files.groups)) if text else ():
        table = files.read(group, text)
        for name in text:
            cells = table[name].cast(types[name])
            new = [label for label in cells.unique().to_pylist() if label not in seen[name]]
            seen[name].update(new)
            for label in new:
                if label is not None:
                    yield group, pc.index(cells, label).as_py()
