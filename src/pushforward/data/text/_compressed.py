"""Compressed text: which endings there are, and the bytes within."""

import lzma
import zipfile
from pathlib import Path
from typing import Any

from pushforward._errors import DataError

COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")
"""Endings behind that of a text table, or, of an archive with one table in it, alone."""


def inner_name(path: Path) -> str:
    """The name of the table in a file: without the ending of a compression, or as an archive calls it.

    Raises:
        DataError: If an archive holds no table, or several.
    """
    if path.suffix.lower() not in COMPRESSED:
        return path.name
    stem = path.with_suffix("").name
    if path.suffix.lower() != ".zip" or not path.is_file():
        return stem
    inner = _only_member(path)
    return inner if Path(inner).suffix else stem


def open_bytes(path: Path) -> Any:
    """A stream of the text in a file, decompressed on the way; an OSError where it is damaged."""
    import pyarrow as pa

    suffix = path.suffix.lower()
    if suffix == ".xz":
        return _Guarded(lzma.open(path))
    if suffix == ".zip":
        archive = zipfile.ZipFile(path)
        try:
            return _Guarded(archive.open(_only_member(path)))
        except RuntimeError:
            raise DataError(f"{path.name}: the archive has a password.", "unpack it first") from None
    return pa.input_stream(str(path))


class _Guarded:
    """A stream of Python whose failures are OSErrors."""

    def __init__(self, stream: Any):
        self._stream = stream

    def read(self, count: int = -1) -> bytes:
        try:
            return self._stream.read(count)
        except (lzma.LZMAError, EOFError, zipfile.BadZipFile) as error:
            raise OSError(str(error)) from None

    def __enter__(self) -> "_Guarded":
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


def _only_member(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/") and "__MACOSX" not in name]
    except zipfile.BadZipFile as error:
        raise DataError(f"{path.name}: cannot be read as an archive ({error}).", "check that it is whole") from None
    if len(names) != 1:
        what = f"{len(names)} files ({', '.join(names[:5])})" if names else "no file"
        raise DataError(f"{path.name}: the archive holds {what}.", "unpack it, and give one of the files")
    return names[0]
