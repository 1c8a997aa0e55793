"""A table in the codes of a schema: categories are found by their values, whatever codes a reader gave them."""

from dataclasses import replace

import numpy as np

from pushforward._errors import DataError
from pushforward.data._categories import UNKNOWN, Category, codes_of, is_number, labels_of, listed
from pushforward.data._schema import Column, Schema
from pushforward.data._tables import Table, match_columns, positions
from pushforward.data.moments._columns import converted, text_numbers
from pushforward.data.moments._moment import Moment
from pushforward.data.text._slips import advice


def encode(table: Table, schema: Schema) -> Table:
    """The columns of a schema, in its order, with the codes that it gives to categories; -1 for one that it lacks.

    Args:
        table: May hold other columns too, which are left out with a note.
        schema: Of a model.

    Raises:
        DataError: If a column is missing, or holds text where the schema has numbers.

    Example:
        >>> schema = Schema([Column("colour", "categorical", categories=("blue", "red"))])
        >>> table = Table(("colour",), np.array([[0.0], [1.0]]), categories={"colour": ("red", "green")})
        >>> encode(table, schema).values.ravel().tolist()
        [1.0, -1.0]
    """
    matched = match_columns(table, schema.names)
    if not matched.categories and not schema.categorical and not matched.moments and not schema.moments:
        return replace(matched, types=schema.types)
    dtype = np.float64 if schema.moments else matched.values.dtype
    values = np.empty((table.num_rows, len(schema.columns)), dtype)
    for place, column in enumerate(schema.columns):
        if column.kind == "categorical":
            labels, places = cells(matched, column.name)
            values[:, place] = np.append(codes_of(labels, column.categories), UNKNOWN)[places]
        elif column.moment is not None and column.name in matched.categories:
            values[:, place] = _of_text(matched, column.name, column.moment)
        else:
            cells_of = numbers(matched, column.name)
            values[:, place] = converted(cells_of, matched.types.get(column.name), column.type, column.name)
    kinds = _kinds(matched, schema)
    return replace(matched, values=values, kinds=kinds, categories=schema.categories, types=schema.types)


def _of_text(table: Table, name: str, moment: Moment) -> np.ndarray:
    """A column of text as numbers of a type of moments."""
    codes = table.column(name).astype(int)
    present, first, places = np.unique(codes, return_index=True, return_inverse=True)
    if not len(present):
        return np.empty(0)
    labels = table.categories[name]
    return text_numbers([labels[code] for code in present], moment, name, first)[places]


def unseen_categories(table: Table, schema: Schema) -> dict[str, dict[object, int]]:
    """By column, the categories of a table that a schema lacks, and in how many rows each of them is."""
    found: dict[str, dict[object, int]] = {}
    for place in schema.categorical:
        column = schema.columns[place]
        labels, places = cells(table, column.name)
        counts = np.bincount(places, minlength=len(labels))
        new = [code for code in np.flatnonzero(codes_of(labels, column.categories) == UNKNOWN) if counts[code]]
        if new:
            found[column.name] = {labels[code]: int(counts[code]) for code in new}
    return found


def unseen_sentence(name: str, counts: dict[object, int]) -> str:
    """`column 'colour': 'green' was not seen in training (3 rows)`."""
    rows = sum(counts.values())
    ordered = sorted(counts, key=lambda label: -counts[label])
    were = "was" if len(counts) == 1 else "were"
    return f"column {name!r}: {listed(ordered)} {were} not seen in training ({rows:,} row{'s' * (rows != 1)})"


def refuse_unseen(table: Table, schema: Schema) -> None:
    """Raise a DataError that names categories which a schema lacks."""
    for name, counts in unseen_categories(table, schema).items():
        known: list[Category] = list(schema.categories[name])
        raise DataError(
            f"{unseen_sentence(name, counts)}: nothing is known given it.", f"choose among {listed(known, limit=20)}"
        )


def cells(table: Table, name: str) -> tuple[list[object], np.ndarray]:
    """The different values of a column, and the place of each row's among them."""
    if name not in table.categories:
        return labels_of(table.column(name))
    codes = table.column(name)
    labels: list[object] = list(table.categories[name])
    return labels, np.where((codes >= 0) & (codes < len(labels)), codes, len(labels)).astype(int)


def numbers(table: Table, name: str) -> np.ndarray:
    """A column of numbers; truth values are 1 and 0, and text may hold numbers.

    Raises:
        DataError: If it holds other text.
    """
    if name not in table.categories:
        return table.column(name)
    labels, places = cells(table, name)
    wrong = [code for code, label in enumerate(labels) if isinstance(label, str) and not is_number(label)]
    rows = np.flatnonzero(np.isin(places, wrong))
    if len(rows):
        raise DataError(
            f"column {name!r} holds text: {labels[places[rows[0]]]!r} in row {rows[0] + 1}, but numbers are wanted.",
            advice([str(labels[code]) for code in wrong]) or "correct it, or leave the column out",
        )
    as_numbers = [float(label) if isinstance(label, str) else label for label in labels]
    return np.array([*as_numbers, np.nan], np.float64)[places]


def _kinds(table: Table, schema: Schema) -> tuple:
    places = positions("table", table.names, schema.names)
    pairs = zip(schema.columns, (table.kinds[place] for place in places), strict=True)
    return tuple(_kind(column, kind) for column, kind in pairs)


def _kind(column: Column, kind: str) -> str:
    if column.kind == "categorical":
        return "category"
    if column.moment is not None:
        return "moment"
    return "float" if kind == "category" else kind
