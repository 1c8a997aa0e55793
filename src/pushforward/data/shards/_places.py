"""Where files of Parquet lie: a folder, a pattern, a list, or a URL that fsspec knows."""

import glob
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from pushforward._errors import DataError

ENDINGS = (".parquet", ".pq")
PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "hf": "huggingface_hub",
}
"""What fsspec needs for a scheme."""
GLANCE = 10_000
"""Entries of a folder among which a file of Parquet is looked for before it is taken for something else."""
_URL, _PATTERN = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]+://"), re.compile(r"[*?\[]")

Where = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""A folder, a pattern, a URL, or several of these or of files."""


class Located(NamedTuple):
    """Files that were found.

    Attributes:
        filesystem: Of Arrow.
        paths: As it names them, sorted.
        base: The folder below which names of folders such as `year=2024` are columns; empty for none.
    """

    filesystem: Any
    paths: tuple[str, ...]
    base: str


def is_url(source: object) -> bool:
    """Whether a source is one of fsspec's URLs."""
    return isinstance(source, str) and _URL.match(source) is not None


def names_files(source: object) -> bool:
    """Whether a source is several files of Parquet, or one behind a URL; a glance, which raises nothing."""
    if isinstance(source, list | tuple) or is_url(source):
        return True
    if not isinstance(source, str | os.PathLike):
        return False
    text = os.fspath(source)
    path = Path(text)
    try:
        if path.is_dir():
            return next(_in_folder(path, GLANCE), None) is not None
        return bool(_PATTERN.search(text)) and text.lower().endswith(ENDINGS) and not path.exists()
    except OSError:
        return False


def located(source: Where) -> Located:
    """The files of a source.

    Raises:
        DataError: If there are none, they may not be read, or what reads the URL is not installed.
    """
    if isinstance(source, list | tuple):
        found = [located(one) for one in source]
        if not found:
            raise DataError("an empty list of files.", "give at least one")
        if len({one.filesystem.type_name for one in found}) > 1:
            raise DataError("the files of a list lie in different places.", "give files of one file system")
        return Located(found[0].filesystem, tuple(path for one in found for path in one.paths), _common(found))
    text = path_text(source)
    with reading_of(text):
        return _behind_url(text) if is_url(text) else _local(text)


def _common(found: Sequence[Located]) -> str:
    """The folder below which all folders of a list lie, so that names such as `year=2024` of these are columns."""
    bases = [one.base for one in found]
    try:
        return os.path.commonpath(bases) if all(bases) else ""
    except ValueError:  # one is relative and one is not
        return ""


def path_text(source: Where) -> str:
    """A source that is no list, as text."""
    assert isinstance(source, str | os.PathLike)  # for the type checker: lists have gone
    return os.fspath(source)


def _local(text: str) -> Located:
    from pyarrow import fs

    path = Path(text)
    if path.is_dir():
        found, base = [os.fspath(one) for one in _in_folder(path)], text
    elif path.exists():
        found, base = [text], ""
    elif _PATTERN.search(text):
        found, base = glob.glob(text, recursive=True), _before_pattern(text)
        found = [one for one in found if os.path.isfile(one)]
    else:
        raise DataError(f"{text}: no such file.", "check the path")
    return Located(fs.LocalFileSystem(), _sorted(text, found), base)


def _behind_url(text: str) -> Located:
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise DataError(f"{text}: URLs are read by fsspec, which is not installed.", "`pip install fsspec`") from None
    from pyarrow import fs

    try:
        remote, path = url_to_fs(text)
    except ValueError as error:
        raise DataError(
            f"{text}: no such kind of URL ({_line(error)}).",
            "s3://, gs://, file:// and memory:// are among those known",
        ) from None
    if _PATTERN.search(path):
        found, base = remote.glob(path), _before_pattern(path)
    elif remote.isfile(path):
        found, base = [path], ""
    else:
        found, base = remote.find(path), path
        found = [one for one in found if _is_data(one[len(path) :])]
    return Located(fs.PyFileSystem(fs.FSSpecHandler(remote)), _sorted(text, found), base)


@contextmanager
def reading_of(label: str) -> Iterator[None]:
    """What file systems raise, as sentences.

    Raises:
        DataError: In place of what fsspec, a service or the system raises.
    """
    try:
        yield
    except DataError:
        raise
    except ImportError as error:
        package = PACKAGES.get(label.partition("://")[0].lower())
        hint = f"`pip install {package}`" if package else _line(error)
        raise DataError(f"{label}: what reads this kind of URL is not installed.", hint) from None
    except FileNotFoundError:
        raise DataError(
            f"{label}: no such file or folder.",
            "check the name; should the file have been there when a fit began, put it back and go on by --resume",
        ) from None
    except PermissionError as error:
        raise DataError(f"{label}: you may not read this ({_line(error)}).", _RIGHTS) from None
    except Exception as error:
        if "credential" in f"{type(error).__name__} {error}".lower():
            raise DataError(f"{label}: who you are is not known ({_line(error)}).", _RIGHTS) from None
        if "not in range" in str(error):
            raise DataError(
                f"{label}: a column has whole numbers beyond 2^53, and floats in another of the files, which do not "
                "hold these to the last digit.",
                "write the column as whole numbers in all files, or as floats in all",
            ) from None
        raise DataError(
            f"{label}: cannot be read ({type(error).__name__}: {_line(error)}).",
            "check that the files are whole and that they are reached from here",
        ) from error


_RIGHTS = (
    "ask for the right to list and to read; of s3:// by the usual settings, such as AWS_PROFILE or AWS_ACCESS_KEY_ID, "
    "and of a service of your own by AWS_ENDPOINT_URL"
)


def _in_folder(path: Path, most: int | None = None) -> Iterator[Path]:
    """Files of Parquet among the entries of a folder, or among the first `most` of them."""
    entries = islice(path.rglob("*"), most)
    return (one for one in entries if _is_data(os.fspath(one.relative_to(path))) and one.is_file())


def _is_data(name: str) -> bool:
    """As Arrow and Spark have it, names that begin with a dot or a line are not data."""
    parts = [part for part in name.split("/") if part]
    return name.lower().endswith(ENDINGS) and not any(part.startswith((".", "_")) for part in parts)


def _sorted(text: str, found: Sequence[str]) -> tuple[str, ...]:
    if not found:
        raise DataError(f"{text}: no files of Parquet are there.", "their names end in .parquet or .pq")
    return tuple(sorted(found))


def _before_pattern(text: str) -> str:
    return text[: _PATTERN.search(text).start()].rpartition("/")[0]  # pyright: ignore[reportOptionalMemberAccess]


def _line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
