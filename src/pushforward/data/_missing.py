"""Rows with an empty, NaN or infinite cell: found, counted, and named."""

from collections.abc import Sequence

import numpy as np

from pushforward._errors import ColumnError, DataError, shell_names
from pushforward.data._tables import quoted

IN_SHELL = "drop these rows with `--drop-missing` (in Python: `drop_missing=True`)"
IN_PYTHON = "leave these rows out: `pushforward.data.as_table(X, drop_missing=True)`, which is fitted like X"


class MissingError(ColumnError):
    """Rows have no value in some columns.

    Attributes:
        empty: Whether a column has no value in any row.
    """

    empty = False


class Missing:
    """Finds rows with an empty, NaN or infinite cell, and remembers enough of them to say which.

    Args:
        label: What messages call the data.
        names: Of the columns.
        hint: What to do.
        chosen: Whether the columns were asked for by name, so that none can be left out.
    """

    SHOWN = 5

    def __init__(self, label: str, names: Sequence[str], hint: str = IN_SHELL, *, chosen: bool = False):
        self.label, self.names, self.hint, self.chosen = label, names, hint, chosen
        self.rows_seen = 0
        self.count = 0
        self.first: list[int] = []
        self.per_column = np.zeros(len(names), dtype=np.int64)

    def filter(self, block: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """The complete rows of a block, and which they are; None where that is all of them."""
        bad_cells = ~np.isfinite(block)
        bad = np.asarray(bad_cells.any(axis=1))
        count = int(bad.sum())
        if count:
            wanted = self.SHOWN - len(self.first)
            self.first += [self.rows_seen + int(i) + 1 for i in np.flatnonzero(bad)[: max(wanted, 0)]]
            self.per_column += bad_cells.sum(axis=0)
            self.count += count
        self.rows_seen += len(block)
        return (block[~bad], np.logical_not(bad)) if count else (block, None)

    def refuse(self, first: str | None = None) -> None:
        """Raise a MissingError that names the rows and the columns, if there were any.

        Args:
            first: Where the first of them is, if rows are not those of one file.
        """
        if not self.count:
            return
        shown = ", ".join(map(str, self.first)) + (", ..." if self.count > len(self.first) else "")
        some = self.count != 1
        names = [self.names[i] for i in np.flatnonzero(self.per_column).tolist()]
        empty = [self.names[i] for i in np.flatnonzero(self.per_column == self.rows_seen).tolist()]
        hint = self.hint
        if empty and (self.rows_seen > 1 or self.hint == IN_SHELL):
            has = "has" if len(empty) == 1 else "have"
            hint = f"{quoted('column', empty)} {has} no value at all: {self._way_out(empty)}"
        error = MissingError(
            f"{self.label}: {self.count} row{'s' * some} with an empty, NaN or infinite cell: "
            f"{'row' + 's' * some + ' ' + shown if first is None else 'the first is ' + first} "
            f"({quoted('column', names)}).",
            hint,
            names,
        )
        error.empty = bool(empty)
        raise error

    def _way_out(self, empty: list[str]) -> str:
        """What to do about columns without any value."""
        if self.chosen:
            return "it is wanted there"
        return f"leave out (`--drop {shell_names(empty)}`)" if self.hint == IN_SHELL else "fill it, or fit without it"


def refuse_missing(label: str, names: Sequence[str], values: np.ndarray) -> None:
    """Raise a MissingError that names rows and columns of an array that are not finite."""
    missing = Missing(label, names, IN_PYTHON)
    missing.filter(values)
    missing.refuse()


def refuse_infinite(label: str, names: Sequence[str], values: np.ndarray) -> None:
    """A DataError that names the first infinite cell, which is not a missing one."""
    found = np.argwhere(np.isinf(values))
    if len(found):
        row, place = found[0]
        raise DataError(
            f"{label}: row {row + 1} has an infinite value in column {names[place]!r}.",
            "leave the cell empty where it is missing",
        )
