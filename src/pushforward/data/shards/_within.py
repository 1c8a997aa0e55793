"""Some of the rows of a source, cut where the whole is cut, so that a row has the same neighbours either way."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from pushforward._errors import UsageError
from pushforward.data._missing import Missing
from pushforward.data._read import Part, open_source, regrouped
from pushforward.data._source import Selection, block_rows
from pushforward.data._tables import Table
from pushforward.data.shards._files import ParquetFiles
from pushforward.data.shards._places import Where, names_files


def count_rows(source: Where, selection: Selection) -> int:
    """How many rows a source has; it is read for that, in one column, but for files of Parquet, whose footers say it.

    Raises:
        UsageError: If it is standard input, which can be read once.
        DataError: If it cannot be read.
    """
    if source == "-":
        raise UsageError("--shard: standard input has no parts.", "give a file, or leave --shard out")
    if names_files(source):
        return ParquetFiles(source).num_rows
    first = None if selection.columns is None else selection.columns[:1]
    return sum(map(len, open_source(source, replace(selection, columns=first, keep=())).blocks))


def read_within(source: Where, selection: Selection, rows: range, *, drop_missing: bool) -> Iterator[Part]:
    """The parts of `read_parts`, of which those rows are kept that lie in `rows`; one without rows if that is empty.

    What is missing in other rows is not looked at.

    Raises:
        DataError: As `read_parts`.
    """
    start = 0
    if names_files(source) and selection.columns is not None and rows:
        # Blocks begin where they begin without shards, so that a row has the same neighbours.
        start = rows.start - rows.start % block_rows(len(selection.columns))
    opened = open_source(source, selection, start)
    missing = Missing(opened.label, opened.names, chosen=selection.chosen)
    for block in regrouped(opened.blocks, block_rows(len(opened.names))):
        first, stop = (min(max(end - start, 0), len(block)) for end in (rows.start, rows.stop))
        keys = None if opened.keys is None else opened.keys.take(len(block)).slice(first, stop - first)
        missing.rows_seen = start + first
        kept, present = missing.filter(np.asarray(block[first:stop]))
        if not drop_missing:
            missing.refuse()
        if stop > first or not rows:
            dropped = stop - first - len(kept)
            yield Part(
                Table(opened.names, kept, opened.kinds, opened.notes, dropped, opened.categories, opened.types),
                present,
                keys,
            )
        start += len(block)
        if start >= rows.stop:
            return
