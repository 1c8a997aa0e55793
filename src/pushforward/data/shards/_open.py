"""Files of Parquet as a source like any other."""

from collections.abc import Iterator
from typing import Any

from pushforward.data._arrow import open_batches
from pushforward.data._source import Selection, Source, block_rows
from pushforward.data.shards._files import ParquetFiles
from pushforward.data.shards._places import Where


def open_files(source: Where, selection: Selection, first: int = 0) -> Source:
    """Open files of Parquet from a row on; rows come in blocks, in the order of the names of the files."""
    files = ParquetFiles(source)

    def batches(names: tuple[str, ...]) -> Iterator[Any]:
        return files.batches(names, block_rows(len(names)), first)

    return open_batches(files.label, files.schema, selection, batches)
