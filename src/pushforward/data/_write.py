"""Writing tables: atomically to files, or to standard output."""

import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from pushforward._errors import DataError, FileError
from pushforward.data._batches import ColumnKind, Columns
from pushforward.data._categories import Category
from pushforward.data._formats import WRITERS, ArrowFormat, Format, delimited
from pushforward.data._read import extension
from pushforward.data._source import block_rows
from pushforward.data._tables import Table, refuse_duplicates
from pushforward.data.files._stored import ColumnType
from pushforward.data.text._compressed import COMPRESSED


class TableWriter:
    """Writes a table piece by piece; a context manager.

    A file appears under its name only when all of it is written: until then, and after an error, an older file of
    that name stays as it was.

    Args:
        target: A path ending in .csv, .tsv, .parquet, .feather, .arrow, .npy or .npz, or `-` for CSV on standard
            output. An `.npz` file is gathered in memory; the others need memory for one piece.
        names: Column names.
        kinds: "int" for columns to write as integers; all "float" when left out.
        categories: By name, what the codes of a column stand for; not in an `.npy` or `.npz` file.
        types: By name, what else is to be known of columns, as `Table.types` has it.

    Raises:
        DataError: If the extension is not known, or an integer column holds a number that is not whole.
        FileError: If the folder is missing, read-only or full.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with TableWriter(f"{folder}/scores.csv", ["log_prob"]) as writer:
        ...         writer.write(np.zeros((2, 1)))
        ...     Path(folder, "scores.csv").read_text().split()
        ['log_prob', '0', '0']
    """

    def __init__(
        self,
        target: str | os.PathLike[str],
        names: Sequence[str],
        kinds: Sequence[ColumnKind] = (),
        categories: Mapping[str, tuple[Category, ...]] | None = None,
        types: Mapping[str, ColumnType] | None = None,
    ):
        self.names = tuple(names)
        given: tuple[ColumnKind, ...] = tuple(kinds) or ("float",) * len(self.names)
        self.categories, self.types = dict(categories or {}), dict(types or {})
        pairs = zip(self.names, given, strict=True)
        self.kinds: tuple[ColumnKind, ...] = tuple("category" if n in self.categories else k for n, k in pairs)
        refuse_duplicates("table", self.names)
        self._format, self._file = _destination(os.fspath(target))
        self._open = False

    @property
    def is_text(self) -> bool:
        """Whether the file has no types."""
        return isinstance(self._format, ArrowFormat) and self._format.text

    def __enter__(self) -> "TableWriter":
        stream = _standard_output() if self._file is None else self._file.open()
        self._open = True
        self._guarded(lambda: self._format.begin(stream, Columns(self.names, self.kinds, self.categories, self.types)))
        return self

    def write(self, rows: np.ndarray | Table) -> None:
        """Append rows: `(rows, columns)` in the order of `names`, or a table, matched by name.

        Codes of categories are those that the writer was told.
        """
        values = rows.select(self.names).values if isinstance(rows, Table) else np.asarray(rows)
        if values.ndim != 2 or values.shape[1] != len(self.names):
            raise DataError(
                f"TableWriter: rows have shape {values.shape}, but there are {len(self.names)} columns.",
                "give a (rows, columns) array",
            )
        if not self._open:
            raise RuntimeError("TableWriter: open it with `with` before writing.")
        rows_at_once = block_rows(len(self.names))
        for start in range(0, len(values) or 1, rows_at_once):  # of no rows, the types
            self._guarded(lambda block=values[start : start + rows_at_once]: self._format.write(block))

    def write_arrow(self, table: Any) -> None:
        """Append an Arrow table with the columns of `names`, of whatever types, the same each time."""
        self._guarded(lambda: self._format.write_arrow(table))

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        self._open = False
        try:
            if error is None:
                self._guarded(self._format.end)
                self._guarded(sys.stdout.flush if self._file is None else self._file.commit)
        finally:
            if self._file is not None:
                if not self._file.committed:
                    self._format.abandon()
                self._file.discard()

    def _guarded(self, action: Callable[[], Any]) -> None:
        try:
            action()
        except OSError as error:
            if self._file is None:
                raise
            raise _cannot_write(self._file.path, error) from None


def write_table(target: str | os.PathLike[str], table: Table) -> None:
    """Write a whole table; see `TableWriter`."""
    with TableWriter(target, table.names, table.kinds, table.categories, table.types) as writer:
        writer.write(table.values)


def check_output(target: str, like: Table | None = None) -> None:
    """Raise a DataError for a file that a table cannot be written to, before there is one to write.

    Args:
        target: As of `TableWriter`.
        like: A table with the same columns, where it is known.
    """
    form, _ = _destination(target)
    if like is not None:
        with tempfile.TemporaryFile() as stream:
            form.begin(stream, Columns(like.names, like.kinds, like.categories, like.types))
            form.abandon()


class _AtomicFile:
    """A temporary file in the folder of `path`, which takes that name when it is committed."""

    def __init__(self, path: Path):
        self.path = path
        self.committed = False
        self._stream: IO[bytes] | None = None
        self._temporary = ""

    def open(self) -> IO[bytes]:
        # Replacing a folder fails, and replacing a device or a pipe would delete it.
        if self.path.exists() and not self.path.is_file():
            raise FileError(f"{self.path}: cannot be written, it is not a plain file.", "give another file name")
        try:
            descriptor, self._temporary = tempfile.mkstemp(
                prefix=f".{self.path.name}.", suffix=".tmp", dir=self.path.parent
            )
        except OSError as error:
            raise _cannot_write(self.path, error) from None
        self._stream = os.fdopen(descriptor, "w+b")
        return self._stream

    def commit(self) -> None:
        if self._stream is None:
            return
        self._stream.flush()
        os.fsync(self._stream.fileno())
        os.chmod(self._temporary, _mode(self.path))
        os.replace(self._temporary, self.path)
        self.committed = True

    def discard(self) -> None:
        """Close the stream and remove what was not committed."""
        try:
            if self._stream is not None:
                self._stream.close()
        except OSError:
            pass  # A full disk was reported when it was written to.
        if os.path.exists(self._temporary):
            os.unlink(self._temporary)


def _destination(target: str) -> tuple[Format, _AtomicFile | None]:
    if target == "-":
        return delimited(","), None
    path = Path(os.path.realpath(target))
    if path.suffix.lower() in COMPRESSED:
        raise DataError(f"{path.name}: compressed text is read, but not written.", f"leave out `{path.suffix}`")
    return WRITERS[extension(path, WRITERS)](), _AtomicFile(path)


def _standard_output() -> IO[bytes]:
    sys.stdout.flush()
    return sys.stdout.buffer


def _mode(path: Path) -> int:
    """The permissions of the file that is replaced, or those of a new file."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _cannot_write(path: Path, error: OSError) -> FileError:
    hint = "check that the folder exists, that you may write there, and that the disk has room"
    return FileError(f"{path}: cannot be written ({error.strerror or error}).", hint)
