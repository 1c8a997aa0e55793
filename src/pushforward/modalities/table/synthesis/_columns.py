"""What a synthetic table can hold in each column, and columns that no synthetic table should have."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from pushforward._errors import ColumnError, shell_names
from pushforward.data import Column, Schema, Table, encode, infer_schema
from pushforward.data._categories import listed
from pushforward.data._doubts import identifier_sentences
from pushforward.data._tables import quoted
from pushforward.modalities.table.synthesis._marginals import LEAST_REPEATED

MOST_VALUES = 200
"""A column of whole numbers with at most so many different ones is learned as categories, spikes and all."""
ROWS_EACH = 5
"""So many rows there must be for each of the different values."""
MOST_DECIMALS, LARGEST_ROUNDED = 6, 1e9
"""Decimals of a rounded column, at most, and numbers up to which float64 holds so many."""
ON_A_LINE = ("unbounded", "positive", "bounded", "integer")
"""Kinds of columns whose own distribution function is learned first."""


def refuse_identifiers(table: Table, kinds: Mapping[str, str]) -> None:
    """Raise a ColumnError for columns that name rows, unless the user has said what they hold.

    Raises:
        ColumnError: With the names of all of them.
    """
    found = [
        name
        for name in table.names
        if name not in table.categories and name not in kinds and any(identifier_sentences(name, table.column(name)))
    ]
    if found:
        one = len(found) == 1
        raise ColumnError(
            f"{quoted('column', found)} {'is' if one else 'are'} of another whole number in every row, as identifiers "
            "are: a synthetic one would be copied from a real row, or belong to nobody.",
            f"leave {'it' if one else 'them'} out (`--drop {shell_names(found)}`), or say what "
            f"{'it measures' if one else 'they measure'} (`--column {found[0]}:integer`)",
            found,
        )


def schema_of_rows(table: Table, kinds: Mapping[str, str]) -> Schema:
    """What the columns can hold, by the rows that are learned from."""
    return infer_schema(table, kinds)[0]


def learned_schema(table: Table, schema: Schema, kinds: Mapping[str, str]) -> Schema:
    """The columns as the flow sees them: few whole numbers are categories, other numbers stand on the whole line.

    Args:
        table: Rows in the codes of `schema`.
        schema: Of the table that is written.
        kinds: What the user has said, by name; such columns of whole numbers stay what they are.
    """
    columns = []
    for column, cells in zip(schema.columns, table.values.T, strict=True):
        values = np.unique(cells) if column.kind == "integer" and column.name not in kinds else np.empty(0)
        if 0 < len(values) <= MOST_VALUES and ROWS_EACH * len(values) <= len(cells):
            columns.append(Column(column.name, "categorical", categories=tuple(int(value) for value in values)))
        elif column.kind in ON_A_LINE:
            columns.append(Column(column.name, "unbounded"))
        else:
            columns.append(replace(column, type=None) if column.kind == "categorical" else column)
    return Schema(columns)


def rare_values(table: Table, schema: Schema) -> Iterator[str]:
    """Sentences on categories that few rows have: a synthetic row with one of them points to those."""
    codes = encode(table, schema).values
    for place in schema.categorical:
        column = schema.columns[place]
        counts = np.bincount(codes[:, place].astype(int), minlength=len(column.categories))
        rare = [label for label, count in zip(column.categories, counts, strict=True) if 0 < count < LEAST_REPEATED]
        if rare:
            yield (
                f"column {column.name!r}: {listed(rare, limit=3)} in fewer than {LEAST_REPEATED} rows each: a "
                "synthetic row that holds such a value points to few people; put rare values together before you share."
            )


def decimals_of(cells: np.ndarray) -> int | None:
    """To how many decimals a column is rounded, at most `MOST_DECIMALS`; None for one that is not."""
    if float(np.abs(cells).max()) >= LARGEST_ROUNDED:
        return None
    for count in range(MOST_DECIMALS + 1):
        if np.allclose(np.round(cells, count), cells, rtol=1e-13, atol=0.0):
            return count
    return None
