"""Files of Parquet as a source like any other."""

from pushforward.data._arrow import open_batches
from pushforward.data._source import Selection, Source, block_rows
from pushforward.data.shards._files import ParquetFiles
from pushforward.data.shards._places import Where


def open_files(source: Where, selection: Selection) -> Source:
    """Open files of Parquet; rows come in blocks, in the order of the names of the files."""
    files = ParquetFiles(source)
    return open_batches(
        files.label, files.schema, selection, lambda names: files.batches(names, block_rows(len(names)))
    )
