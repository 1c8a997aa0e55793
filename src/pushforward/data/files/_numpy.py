"""NumPy's `.npy` and `.npz` files, and arrays in memory."""

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pushforward._errors import ColumnError, DataError
from pushforward.data._batches import ColumnKind
from pushforward.data._categories import TRUTH, Vocabulary, is_number
from pushforward.data._source import Selection, Source, block_rows
from pushforward.data._tables import default_names
from pushforward.data.files._keys import Keys

DATA_KEYS = ("x", "X", "data")
"""The arrays of an `.npz` file that are taken for the table, first come, first served."""
NAMES_KEY = "names"


def open_npy(path: Path, selection: Selection, *, label: str) -> Source:
    """Open a `.npy` file; its rows are mapped, not loaded."""
    _require_magic(path, b"\x93NUMPY", label, "a `.npy` array")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise _refused(label, error) from None
    return open_array(array, selection, label=label)


def open_npz(path: Path, selection: Selection, *, label: str) -> Source:
    """Open an `.npz` file: its array `x`, `X` or `data`, or the only one; `names` may name the columns."""
    _require_magic(path, b"PK", label, "an `.npz` archive")
    try:
        with np.load(path, allow_pickle=False) as archive:
            key = _data_key(label, [key for key in archive.files if key != NAMES_KEY])
            names = [str(name) for name in archive[NAMES_KEY]] if NAMES_KEY in archive.files else None
            array = archive[key]
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        if isinstance(error, DataError):
            raise
        raise _refused(label, error) from None
    return open_array(array, selection, label=label, names=names)


def open_array(array: np.ndarray, selection: Selection, *, label: str, names: Any = None) -> Source:
    """A `(rows, columns)` array as a source; one dimension is one column.

    Raises:
        DataError: If it has three or more dimensions, or does not hold numbers.
    """
    if array.dtype.kind not in "fiub":
        raise DataError(
            f"{label}: the array holds {array.dtype}, not numbers.",
            "give a two-dimensional array of floats or integers",
        )
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise DataError(
            f"{label}: the array has shape {array.shape}, but a table has rows and columns.",
            "reshape it to (rows, columns), for example with `x.reshape(len(x), -1)`",
        )
    if names is not None and len(names) != array.shape[1]:
        raise DataError(f"{label}: {len(names)} column names for {array.shape[1]} columns.", "give one name per column")
    given = default_names(array.shape[1]) if names is None else tuple(names)
    kept = selection.of(label, given)
    small = array.dtype.kind == "f" and array.dtype.itemsize <= 4
    dtype = np.dtype(np.float32 if small else np.float64)
    kind = "float" if array.dtype.kind == "f" else "int"
    chosen = tuple(given[i] for i in kept)
    keys = selection.keys(label, given)
    return Source(label, chosen, (kind,) * len(kept), dtype, _blocks(array, kept, dtype, given, keys), keys=keys)


def open_objects(array: np.ndarray, names: Any, selection: Selection, *, label: str) -> Source:
    """An array of objects or of text, `(rows, columns)`, as a source: columns of numbers and of categories.

    A column of truth values, or one that holds text which is no number or is asked for, is one of categories.
    """
    given = default_names(array.shape[1]) if names is None else tuple(names)
    words: dict[str, Vocabulary] = {}
    values = np.empty(array.shape)
    for place, (name, cells) in enumerate(zip(given, array.T, strict=True)):
        missing = np.array([cell is None or cell != cell for cell in cells], bool)
        values[missing, place] = np.nan
        present = cells[~missing].tolist()
        truths = [isinstance(cell, bool | np.bool_) for cell in present]
        texts = [cell for cell in present if isinstance(cell, str)]
        asked = bool(texts) and selection.reads(str(name))
        if present and (all(truths) or asked or not all(map(is_number, texts))):
            words[name] = Vocabulary(name, TRUTH if all(truths) else ())
            labels = present if all(truths) else map(str, present)
            values[~missing, place] = words[name].codes(labels)
        else:
            values[~missing, place] = _floats(label, name, present)
    kinds: tuple[ColumnKind, ...] = tuple("category" if name in words else "float" for name in given)
    rows = block_rows(array.shape[1])
    blocks = (values[start : start + rows] for start in range(0, len(values), rows))
    return Source(label, given, kinds, values.dtype, blocks, vocabularies=words)


def _floats(label: str, name: str, cells: list[Any]) -> np.ndarray:
    try:
        return np.array(cells, np.float64)
    except (TypeError, ValueError) as error:
        raise ColumnError(
            f"{label}: column {name!r} holds what is neither a number nor text ({error}).",
            "give numbers, text and truth values alone; dates and times in a data frame",
            [name],
        ) from None


def _blocks(
    array: np.ndarray, kept: list[int], dtype: np.dtype, names: Sequence[str], keys: Keys | None
) -> Iterator[np.ndarray]:
    all_columns = kept == list(range(array.shape[1]))
    rows = block_rows(len(kept))
    for start in range(0, array.shape[0], rows):
        block = array[start : start + rows]
        if keys is not None:
            keys.put(_batch(block, names))
        yield np.asarray(block if all_columns else block[:, kept], dtype)


def _batch(block: np.ndarray, names: Sequence[str]) -> Any:
    import pyarrow as pa

    return pa.record_batch({name: np.ascontiguousarray(cells) for name, cells in zip(names, block.T, strict=True)})


def _data_key(label: str, keys: list[str]) -> str:
    for key in DATA_KEYS:
        if key in keys:
            return key
    if len(keys) == 1:
        return keys[0]
    raise DataError(
        f"{label}: no array is named x, X or data; the file has {', '.join(keys) or 'none'}.",
        "save the table under the name `x`, or as a `.npy` file",
    )


def _require_magic(path: Path, magic: bytes, label: str, what: str) -> None:
    """NumPy takes any file of another kind for a pickle; say what it is not instead."""
    with path.open("rb") as file:
        if file.read(len(magic)) != magic:
            raise DataError(f"{label}: this is not {what}.", "check that its extension fits its format")


def _refused(label: str, error: Exception) -> DataError:
    if any(words in str(error) for words in ("allow_pickle", "Object arrays", "Python objects")):
        return DataError(
            f"{label}: the array holds Python objects (a pickle), which are not read.",
            "save an array of numbers: `np.save(path, x.astype(float))`",
        )
    return DataError(
        f"{label}: cannot be read as a NumPy file ({str(error).splitlines()[0] if str(error) else 'it is empty'}).",
        "check that the file is whole and that its extension fits its format",
    )
