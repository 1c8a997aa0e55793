"""Columns that are functions of others, as the number of a level is of its name: a flow breaks such a rule at times."""

from dataclasses import dataclass

import numpy as np

from pushforward.data import Schema

ROWS_EACH = 20
"""So many rows there must be for each category that another is a function of."""
MOST_COMMON = 0.95
"""A column that has one value more often than this is not called a function: nearly all others would explain it."""


@dataclass(frozen=True)
class Function:
    """The code of one column by that of another.

    Attributes:
        source: Place of the other column.
        codes: By its code.
    """

    source: int
    codes: np.ndarray

    def of(self, values: np.ndarray) -> np.ndarray:
        """The column, of rows of all columns, `(rows,)`; -1 where the other one holds nothing known."""
        given = values[:, self.source].astype(int)
        inside = (given >= 0) & (given < len(self.codes))
        return np.where(inside, self.codes[given.clip(0, len(self.codes) - 1)], -1.0)


def functions_between(values: np.ndarray, schema: Schema) -> dict[int, Function]:
    """By place, the columns of categories that are functions of one that is not itself among them.

    Args:
        values: `(rows, columns)`, in the codes of the schema.
        schema: Of the columns.
    """
    found: dict[int, Function] = {}
    kept: set[int] = set()
    places = schema.categorical
    for place in places:
        codes = values[:, place].astype(int)
        if np.bincount(codes).max() > MOST_COMMON * len(codes):
            continue
        for source in places:
            if source == place or source in found or place in kept:
                continue
            function = _function(values[:, source].astype(int), codes, schema.sizes[source])
            if function is not None:
                found[place] = Function(source, function)
                kept.add(source)
                break
    return found


def _function(given: np.ndarray, codes: np.ndarray, size: int) -> np.ndarray | None:
    """The code of each of `size` categories, or None if one has several, or there are few rows for them."""
    present, first = np.unique(given, return_index=True)
    if len(present) * ROWS_EACH > len(given):
        return None
    by_code = np.full(size, -1.0)
    by_code[present] = codes[first]
    return by_code if np.array_equal(by_code[given], codes) else None
