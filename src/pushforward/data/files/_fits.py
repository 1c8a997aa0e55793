"""Tables of FITS files, through astropy."""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from pushforward._errors import DataError
from pushforward.data._arrow import open_batches
from pushforward.data._given import plain
from pushforward.data._source import Selection, Source, block_rows


def open_fits(path: Path, selection: Selection, *, label: str) -> Source:
    """Open the first table of a FITS file; what its header calls undefined is missing.

    Raises:
        DataError: If astropy is not installed, or the file has no table.
    """
    table = _table(path, label)
    if not table.colnames:
        raise DataError(f"{label}: the table has no columns.", "give a file with a table")
    first = _batch(table[:1], table.colnames, label)

    def batches(names: Sequence[str]) -> Iterator[Any]:
        rows = block_rows(len(names))
        for start in range(0, len(table), rows):
            yield _batch(table[start : start + rows], names, label)

    return open_batches(label, first.schema, selection, batches)


def _table(path: Path, label: str) -> Any:
    if find_spec("astropy") is None:
        raise DataError(
            f"{label}: FITS files are read through astropy, which is not installed.",
            "install it with `pip install astropy`",
        )
    from astropy.table import Table  # pyright: ignore[reportMissingImports]: an extra

    try:
        return Table.read(path, format="fits", memmap=True)
    except (OSError, ValueError, IndexError, TypeError) as error:
        why = str(error).splitlines()[0] if str(error) else "it has none"
        raise DataError(
            f"{label}: no table can be read from this FITS file ({why}).",
            "give a file with a binary or an ASCII table; for images of FITS, save them as `.npy`",
        ) from None


def _batch(table: Any, names: Sequence[str], label: str) -> Any:
    """Some rows as Arrow has them, without the columns that hold more than one value in a cell."""
    return plain({name: _cells(table[name]) for name in names}, label)


def _cells(column: Any) -> Any:
    cells = column.filled(np.nan) if hasattr(column, "filled") and column.dtype.kind == "f" else column
    masked = np.ma.getmaskarray(np.ma.asarray(cells))
    values = np.ma.masked_array(np.asarray(cells), mask=masked)
    if values.dtype.kind == "S":
        values = np.ma.masked_array(np.char.decode(np.asarray(cells), "utf-8", "replace"), mask=masked)
    return plain(values) if values.ndim == 1 else [str(cell) for cell in np.asarray(cells)]
