"""Which kind each column has: what the user says, what is inferred, and unbounded otherwise."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pushforward._errors import DataError
from pushforward.data import Column, Schema, Table, infer_schema

OTHERS = "*"
INFER = "infer"
CATEGORICAL = "categorical"
BINARY = "integer(0,1)"

ColumnKinds = str | Mapping[str, str] | None


def schema_of(table: Table, columns: Any) -> Schema:
    """The schema of the columns.

    Args:
        table: The data to fit.
        columns: A kind for all columns, or a mapping from names to kinds in which `"*"` stands for all others;
            the kind `"infer"` looks at the data, and None is `"unbounded"`. Text and truth values are categorical
            unless their own name says otherwise.

    Raises:
        DataError: If a name or a kind is not known, or values do not fit their kind.
    """
    kinds = _by_name(columns)
    others = kinds.pop(OTHERS, "unbounded")
    kinds = {name: others for name in table.names if name not in table.categories} | kinds
    schema, _ = infer_schema(table, {name: kind for name, kind in kinds.items() if kind != INFER})
    return schema


def split_kinds(columns: Any, condition: Table | None) -> tuple[Any, tuple[str, ...]]:
    """The kinds of the columns without those of conditions, and the conditions that are said to be categorical.

    Raises:
        DataError: If a condition is said to have another kind: numbers are standardised, whatever they hold.
    """
    if condition is None or not isinstance(columns, Mapping):
        return columns, ()
    kinds = _by_name(columns)
    named = tuple(name for name in condition.names if name in kinds)
    for name in named:
        if kinds[name] not in (CATEGORICAL, INFER):
            raise DataError(
                f"columns={{{name!r}: {kinds[name]!r}}}: {name!r} is a condition, and the kind of a condition is "
                "categorical or none.",
                "leave it out: conditions that are numbers are standardised, whatever they hold",
            )
    rest = {name: kind for name, kind in kinds.items() if name not in named}
    return rest, tuple(name for name in named if kinds[name] == CATEGORICAL)


def condition_schema_of(condition: Table, categorical: tuple[str, ...]) -> Schema:
    """The schema of conditions: text, truth values and the columns in `categorical` are categories."""
    named = {*condition.categories, *categorical}
    found = {}
    if named:
        names = [name for name in condition.names if name in named]
        schema, _ = infer_schema(condition.select(names), dict.fromkeys(categorical, CATEGORICAL))
        found = {column.name: column for column in schema.columns}
    return Schema([found.get(name, Column(name, "unbounded")) for name in condition.names])


def _by_name(columns: Any) -> dict[str, str]:
    kinds = dict(columns) if isinstance(columns, Mapping) else {OTHERS: columns or "unbounded"}
    if not all(isinstance(text, str) for pair in kinds.items() for text in pair):
        raise DataError(
            f"columns={columns!r} must be a kind, or map names to kinds, as text.",
            'write for example {"age": "positive", "*": "infer"}',
        )
    return kinds


def binary_schema(table: Table) -> Schema:
    """The schema of columns that hold zeros and ones.

    Raises:
        DataError: If another value is among them.
    """
    other = (table.values != 0) & (table.values != 1)
    if other.any():
        row, column = np.argwhere(other)[0]
        raise DataError(
            f"This flow gives probabilities of zeros and ones, but column {table.names[column]!r} holds "
            f"{table.values[row, column]:g} in row {row + 1}.",
            "leave such columns out, or choose a flow for numbers, such as 'nsf'",
        )
    return schema_of(table, BINARY)


def sphere_schema(table: Table) -> Schema:
    """The schema of points of the sphere: three columns of unit vectors, or latitude and longitude in degrees.

    Raises:
        DataError: If a row is no such point.
    """
    if table.num_columns == 2:
        latitude, longitude = table.names
        return schema_of(table, {latitude: "bounded(-90,90)", longitude: "circular(-180,180)"})
    off = np.abs(np.linalg.norm(table.values, axis=1) - 1.0)
    if (off > OFF_SPHERE).any():
        row = int(np.argmax(off))
        raise DataError(
            f"This flow is on the unit sphere, but row {row + 1} has length {np.linalg.norm(table.values[row]):.6g}.",
            "divide each row by its length, or give two columns, latitude and longitude in degrees",
        )
    return schema_of(table, None)


OFF_SPHERE = 1e-3
"""Unit vectors written with four digits are off by less."""
