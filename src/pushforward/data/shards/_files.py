"""Files of Parquet as one table, of which one row group is read at a time."""

import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath
from typing import Any, Literal, NamedTuple

import numpy as np

from pushforward._errors import DataError
from pushforward.data._tables import positions
from pushforward.data.shards._places import Located, Where, located, path_text, reading_of

FOOTERS_AT_ONCE = 16


class Group(NamedTuple):
    """A row group.

    Attributes:
        file: The number of its file.
        number: Of the group in the file.
        rows: How many there are, at least one.
        before: Rows of the file before it.
    """

    file: int
    number: int
    rows: int
    before: int


class ParquetFiles:
    """Files of Parquet with the same columns, of which only the footers were read.

    Files without rows are passed over. Names of folders such as `year=2024` are columns.

    Args:
        source: As of `located`.

    Raises:
        DataError: If there are no files, one cannot be read, no row is in any, or columns differ.
    """

    def __init__(self, source: Where):
        from pyarrow import dataset

        self.label = _label(source)
        places = located(source)
        self.paths, self._filesystem = places.paths, places.filesystem
        self._stamps = self._stamps_of(self.paths)
        folders = {"partitioning": "hive", "partition_base_dir": places.base} if places.base else {}
        with reading_of(self.label):
            _check_names(self.paths[0], places)
            found = dataset.dataset(list(self.paths), filesystem=places.filesystem, format="parquet", **folders)
            self._fragments = _with_footers(found.get_fragments())
        self.schema = self._one_schema(found.schema)
        self.groups = tuple(self._groups())
        if not self.groups:
            raise DataError(f"{self.label}: no rows.", "the files hold column names, but no rows")
        self.sizes = np.array([group.rows for group in self.groups])
        self.num_rows = int(self.sizes.sum())

    def read(self, number: int, names: Sequence[str]) -> Any:
        """Some columns of a row group, as an Arrow table.

        Raises:
            DataError: If its file is gone, or is not what it was.
        """
        group = self.groups[number]
        if self._stamps_of([self._path(group)]) != [self._stamps[group.file]]:
            # The footer that is known tells where columns lie in the file as it was.
            raise DataError(
                f"{self._path(group)}: was written anew since it was first looked at.",
                "let files be as they are while they are read, and begin again with these",
            )
        with reading_of(self._path(group)):
            part = self._fragments[group.file].subset(row_group_ids=[group.number])
            return part.to_table(schema=self.schema, columns=list(names), use_threads=False)

    def _stamps_of(self, paths: Sequence[str]) -> list[tuple[int | None, int | None]]:
        """Sizes and times of files, as far as their file system knows."""
        with reading_of(paths[0] if len(paths) == 1 else self.label):
            return [(info.size, info.mtime_ns) for info in self._filesystem.get_file_info(list(paths))]

    def batches(self, names: Sequence[str], rows: int, first: int = 0) -> Iterator[Any]:
        """All rows from a number on, in the order of the files, in batches of Arrow with at most so many rows."""
        start = 0
        for number, group in enumerate(self.groups):
            if start + group.rows > first:
                table = self.read(number, names).slice(max(first - start, 0))
                yield from table.to_batches(max_chunksize=rows)
            start += group.rows

    def where(self, number: int, row: int) -> str:
        """A row of a group for messages: its file, and its number there, from 1."""
        group = self.groups[number]
        return f"{self._path(group)}, row {group.before + row + 1}"

    def checksum(self) -> str:
        """Of the names and the footers, which hold sizes, limits and counts of every column of every group."""
        import pyarrow as pa

        sum_ = 0
        for path, fragment in zip(self.paths, self._fragments, strict=True):
            sink = pa.BufferOutputStream()
            fragment.metadata.write_metadata_file(sink)
            sum_ = zlib.crc32(sink.getvalue(), zlib.crc32(PurePosixPath(path).name.encode(), sum_))
        return f"{len(self.paths)} files, {self.num_rows} rows, {sum_:08x}"

    def extremes(self, name: str) -> Iterator[tuple[Literal["min", "max"], int]]:
        """The groups with the least and with the greatest value of a column, as far as footers know."""
        least: tuple[Any, int] | None = None
        most: tuple[Any, int] | None = None
        for number, group in enumerate(self.groups):
            footer = self._fragments[group.file].metadata
            place = _place(footer, name)
            known = None if place is None else footer.row_group(group.number).column(place).statistics
            if known is None or not known.has_min_max:
                continue
            least = (known.min, number) if least is None or known.min < least[0] else least
            most = (known.max, number) if most is None or known.max > most[0] else most
        if least is not None and most is not None:
            yield "min", least[1]
            yield "max", most[1]

    def _path(self, group: Group) -> str:
        return self.paths[group.file]

    def _groups(self) -> Iterator[Group]:
        for file, fragment in enumerate(self._fragments):
            before = 0
            for number in range(fragment.metadata.num_row_groups):
                rows = fragment.metadata.row_group(number).num_rows
                if rows:
                    yield Group(file, number, rows, before)
                before += rows

    def _one_schema(self, found: Any) -> Any:
        """The columns of all files; where one has other numbers than another, of the wider type."""
        import pyarrow as pa

        first = self._fragments[0].physical_schema
        whole = first.remove_metadata()
        for path, fragment in zip(self.paths[1:], self._fragments[1:], strict=True):
            schema = fragment.physical_schema
            for name in (*first.names, *schema.names):
                if name not in schema.names or name not in first.names:
                    has, lacks = (path, self.paths[0]) if name in schema.names else (self.paths[0], path)
                    raise DataError(f"{lacks}: no column {name!r}, which {has} has.", _ONE_SCHEMA)
            try:
                whole = pa.unify_schemas([whole, schema.remove_metadata()], promote_options="permissive")
            except (pa.ArrowTypeError, pa.ArrowInvalid):
                name = next(n for n in first.names if not _fit(whole.field(n), schema.field(n)))
                raise DataError(
                    f"{path}: column {name!r} is {schema.field(name).type}, and {whole.field(name).type} in "
                    f"{self.paths[0]}.",
                    _ONE_SCHEMA,
                ) from None
        for field in found:  # those that are names of folders
            if field.name not in whole.names:
                whole = whole.append(field)
        return whole.with_metadata(first.metadata)


_ONE_SCHEMA = "write all files with the same columns and types, or give those that have them by a pattern"


def chosen_names(files: ParquetFiles, names: Sequence[str]) -> list[str]:
    """These columns, or a DataError that names the nearest.

    Raises:
        DataError: If one is not there.
    """
    positions(files.label, files.schema.names, names)
    return list(names)


def _check_names(path: str, places: Located) -> None:
    """A DataError for a name of a column that is used twice, in a file or in a file and a folder."""
    from pyarrow import parquet

    names = list(parquet.read_schema(path, filesystem=places.filesystem).names)
    below = PurePosixPath(path).parent.as_posix().removeprefix(PurePosixPath(places.base).as_posix())
    folders = [part.partition("=")[0] for part in below.split("/") if "=" in part] if places.base else []
    for name in (*names, *folders):
        if names.count(name) + folders.count(name) > 1:
            also = " and is the name of a folder" if name in folders else ", more than once"
            raise DataError(
                f"{path}: column {name!r} is in the file{also}.", "rename one of the two, or leave it out of the files"
            )


def _label(source: Where) -> str:
    return f"{len(source)} files" if isinstance(source, list | tuple) else path_text(source)


def _with_footers(fragments: Iterator[Any]) -> list[Any]:
    def read(fragment: Any) -> Any:
        with reading_of(fragment.path):
            fragment.ensure_complete_metadata()
        return fragment

    with ThreadPoolExecutor(FOOTERS_AT_ONCE) as threads:
        return list(threads.map(read, fragments))


def _fit(one: Any, other: Any) -> bool:
    import pyarrow as pa

    try:
        pa.unify_schemas([pa.schema([one]), pa.schema([other])], promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return False
    return True


def _place(footer: Any, name: str) -> int | None:
    if not footer.num_row_groups:
        return None
    group = footer.row_group(0)
    return next((place for place in range(group.num_columns) if group.column(place).path_in_schema == name), None)
