"""Tables that are compared, in one code: numbers as they are, categories as whole numbers."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pushforward._errors import DataError
from pushforward.data import Table, as_table
from pushforward.data._coding import cells
from pushforward.data._tables import quoted

LEAST_ROWS = 10
"""Fewer rows say nothing of a distribution."""


@dataclass(frozen=True)
class Coded:
    """One of the tables.

    Attributes:
        names: Of the columns.
        values: `(rows, columns)`, float64; a category is its place among those of all tables.
        sizes: How many categories each column has; 0 for numbers.
    """

    names: tuple[str, ...]
    values: np.ndarray
    sizes: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def categorical(self) -> tuple[int, ...]:
        """Places of the columns of categories."""
        return tuple(place for place, size in enumerate(self.sizes) if size)

    @property
    def numeric(self) -> tuple[int, ...]:
        """Places of the columns of numbers."""
        return tuple(place for place, size in enumerate(self.sizes) if not size)

    def at(self, rows: np.ndarray | slice) -> "Coded":
        """Some of the rows."""
        return replace(self, values=self.values[rows])

    def some(self, most: int, rng: np.random.Generator) -> "Coded":
        """At most so many rows, at random."""
        if len(self) <= most:
            return self
        return self.at(rng.permutation(len(self))[:most])

    def without(self, place: int) -> "Coded":
        """All columns but one."""
        kept = [other for other in range(len(self.names)) if other != place]
        return Coded(tuple(self.names[i] for i in kept), self.values[:, kept], tuple(self.sizes[i] for i in kept))

    def place(self, label: str, column: str) -> int:
        """Where a column stands.

        Raises:
            DataError: If there is none of this name.
        """
        if column not in self.names:
            raise DataError(f"{label}: there is no column {column!r}.", f"the columns are {', '.join(self.names[:20])}")
        return self.names.index(column)


def coded(label: str, *, least: int = LEAST_ROWS, **tables: Any) -> tuple[Coded, ...]:
    """The tables in one code, in the order given, with the columns of the first.

    Args:
        label: Who asks, for messages.
        least: How many rows each must have.
        **tables: By what they are called.

    Raises:
        DataError: If a table lacks a column, has others, or too few rows.
    """
    if all(isinstance(table, Coded) for table in tables.values()):
        found = list(tables.values())
    else:
        found = _in_one_code(label, {name: as_table(table) for name, table in tables.items()})
    for name, table in zip(tables, found, strict=True):
        if len(table) < least:
            raise DataError(f"{label}: `{name}` has {len(table)} rows, at least {least} are needed.", "give more rows")
    return tuple(found)


def _in_one_code(label: str, tables: dict[str, Table]) -> list[Coded]:
    first = next(iter(tables.values()))
    for name, table in tables.items():
        if missing := [column for column in first.names if column not in table.names]:
            raise DataError(f"{label}: `{name}` has no {quoted('column', missing)}.", "give tables of equal columns")
        if more := [column for column in table.names if column not in first.names]:
            raise DataError(f"{label}: only `{name}` has {quoted('column', more)}.", "give tables of equal columns")
    is_category = {name: any(name in table.categories for table in tables.values()) for name in first.names}
    columns = {
        name: _codes(list(tables.values()), name)
        if is_category[name]
        else ([t.column(name) for t in tables.values()], 0)
        for name in first.names
    }
    sizes = tuple(size for _, size in columns.values())
    return [
        Coded(first.names, np.stack([cells[i] for cells, _ in columns.values()], axis=1).astype(np.float64), sizes)
        for i in range(len(tables))
    ]


def _codes(tables: list[Table], name: str) -> tuple[list[np.ndarray], int]:
    """The codes of a column in each table, by the text of its values, and how many there are."""
    known: dict[str, int] = {}
    found = []
    for table in tables:
        labels, places = cells(table, name)
        codes = [known.setdefault(str(label), len(known)) for label in labels]
        if (places == len(labels)).any():  # of a category that a schema lacks
            codes.append(known.setdefault("", len(known)))
        found.append(np.array(codes, np.float64)[places])
    return found, len(known)
