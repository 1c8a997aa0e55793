"""What kind each column has, said or inferred or unbounded; and what a flow sees of conditions."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pushforward._errors import DataError
from pushforward.bijections import AbstractBijection, Chain, CosineSine, Standardize
from pushforward.bijections.discrete._one_hot import OneHot, one_hot_size
from pushforward.data import Column, Schema, Table, infer_schema, parse_kind

OTHERS = "*"
INFER = "infer"
OF_CONDITIONS = ("categorical", "circular")
"""Kinds that a condition can have; other numbers are standardised."""
BINARY = "integer(0,1)"


Infer = Callable[[Mapping[str, str]], tuple[Schema, tuple[str, ...]]]
"""As `infer_schema` of one table."""


def schema_of(table: Table, columns: Any, infer: Infer | None = None, *, recurring: bool = True) -> Schema:
    """The schema of the columns.

    Args:
        table: The data to fit.
        columns: A kind for all columns, or a mapping from names to kinds in which `"*"` stands for all others;
            the kind `"infer"` looks at the data, and None is `"unbounded"`. Text and truth values are categorical, and
            dates and times are looked at, unless their own name says otherwise.
        infer: What looks at the data; `infer_schema` of the table where it is None.
        recurring: As of `infer_schema`.

    Raises:
        DataError: If a name or a kind is not known, or values do not fit their kind.
    """
    kinds = by_name(columns)
    others = kinds.pop(OTHERS, "unbounded")
    known = {*table.categories, *table.moments}
    kinds = {name: others for name in table.names if name not in known} | kinds
    said = {name: kind for name, kind in kinds.items() if kind != INFER}
    return (infer_schema(table, said, recurring=recurring) if infer is None else infer(said))[0]


def split_kinds(columns: Any, condition: Table | None) -> tuple[Any, dict[str, str]]:
    """The kinds of the columns without those of conditions, and the kinds that are said of conditions, by name.

    Raises:
        DataError: If a condition is said to have a kind that conditions do not have.
    """
    if condition is None or not isinstance(columns, Mapping):
        return columns, {}
    kinds = by_name(columns)
    said = {name: kind for name, kind in kinds.items() if name in condition.names}
    rest = {name: kind for name, kind in kinds.items() if name not in said}
    said = {name: kind for name, kind in said.items() if kind != INFER}
    for name, kind in said.items():
        if parse_kind(kind).kind not in OF_CONDITIONS:
            raise DataError(
                f"columns={{{name!r}: {kind!r}}}: {name!r} is a condition, and the kind of a condition is "
                "categorical, circular or none.",
                "leave it out: other conditions that are numbers are standardised, whatever they hold",
            )
    return rest, said


def condition_schema_of(condition: Table, kinds: Mapping[str, str]) -> Schema:
    """The schema of conditions: text and truth values are categories, and the columns in `kinds` are what it says."""
    found = {}
    names = [name for name in condition.names if name in {*condition.categories, *kinds}]
    if names:
        schema, _ = infer_schema(condition.select(names), kinds)
        found = {column.name: column for column in schema.columns}
    plain = [Column(name, "unbounded", type=condition.moments.get(name)) for name in condition.names]
    return Schema([found.get(column.name, column) for column in plain])


def embedding_of(conditions: Schema, standardize: Standardize | None) -> AbstractBijection | None:
    """What a flow sees of conditions, by its inverse: angles are cosine and sine, categories are zeros and ones.

    Args:
        conditions: Their schema.
        standardize: Of conditions in the user's units; None where that is done on the host.

    Returns:
        The map, or None where nothing is to be done.
    """
    parts: list[AbstractBijection] = [] if standardize is None else [standardize]
    circular = [column.kind == "circular" for column in conditions.columns]
    if any(circular):
        parts.append(CosineSine(tuple(circular)))
    if conditions.categorical:
        parts.append(OneHot(tuple(np.repeat(conditions.sizes, np.add(circular, 1)).tolist())))
    return Chain(parts[::-1]) if len(parts) > 1 else parts[0] if parts else None


def seen_size(conditions: Schema) -> int:
    """How many numbers a flow sees of conditions."""
    return one_hot_size(conditions.sizes) + len(conditions.circular)


def by_name(columns: Any) -> dict[str, str]:
    """Kinds by name, where `"*"` stands for all columns that are not named."""
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


def sphere_schema(table: Table, said: Schema) -> Schema:
    """The schema of points of the sphere: three columns of unit vectors, or latitude and longitude in degrees.

    Args:
        table: The points.
        said: What the columns were said to be; a longitude may be circular(360) too.

    Raises:
        DataError: If a row is no such point, or the names say that longitude comes first.
    """
    if table.num_columns == 2:
        latitude, longitude = table.names
        if latitude.lower().startswith("lon") or longitude.lower().startswith("lat"):
            raise DataError(
                f"This flow takes latitude and then longitude, but the columns are {latitude!r} and {longitude!r}.",
                f"change their order: {longitude!r} first",
            )
        own = said.columns[1].spec
        full_turn = own.kind == "circular" and (own.high or 0.0) - (own.low or 0.0) == 360
        turn = str(own) if full_turn else "circular(-180,180)"
        return schema_of(table, {latitude: "bounded(-90,90)", longitude: turn})
    off = off_sphere(table.values)
    if off.any():
        row = int(np.argmax(np.abs(np.linalg.norm(table.values, axis=1) - 1.0)))
        raise DataError(
            f"This flow is on the unit sphere, but row {row + 1} has length {np.linalg.norm(table.values[row]):.6g}.",
            "divide each row by its length, or give two columns, latitude and longitude in degrees",
        )
    return schema_of(table, None)


OFF_SPHERE = 1e-3
"""Unit vectors written with four digits are off by less."""


def off_sphere(values: np.ndarray) -> np.ndarray:
    """Which vectors are not of length 1, `(rows, 3) -> (rows,)`."""
    return np.abs(np.linalg.norm(values, axis=1) - 1.0) > OFF_SPHERE
