"""Rows with weights, before they are fitted."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pushforward._errors import DataError
from pushforward.data import Schema, Table
from pushforward.modalities.table.incomplete._completed import Completed
from pushforward.modalities.table.streamed._sample import Streamed

SMALL = 4096
"""Tables of up to this many rows are sorted: for more it would take time that a fit does not need."""


class Rows(NamedTuple):
    """What a flow is fitted to.

    Attributes:
        x: The rows whose density is wanted.
        condition: What it is conditional on, or None.
        weights: `(rows,)`, or None when all are 1.
        named: Whether the columns have names of the user's.
        schema: What the columns of `x` can hold, where that was found already.
        conditions: The same of the columns of `condition`.
        kinds: The kinds that were asked for, by name.
        holes: Which cells of `x` were missing, `(rows, columns)`, and are filled for the time being; or None.
        completed: How many these are.
        streamed: The files that the others are read from, where the rows are some that were looked at; else None.
    """

    x: Table
    condition: Table | None
    weights: np.ndarray | None
    named: bool = True
    schema: Schema | None = None
    conditions: Schema | None = None
    kinds: Mapping[str, str] | None = None
    holes: np.ndarray | None = None
    completed: Completed | None = None
    streamed: Streamed | None = None

    @property
    def total(self) -> int:
        """Of all rows, also those that are not read yet."""
        return self.x.num_rows if self.streamed is None else self.streamed.files.num_rows


def with_weight(rows: Rows) -> Rows:
    """The rows whose weight is not zero.

    Raises:
        DataError: If fewer than two are left.
    """
    if rows.weights is None or rows.weights.all():
        return rows
    kept = rows.weights > 0
    count = int(kept.sum())
    if count < 2:
        raise DataError(
            f"sample_weight: {count} row{'s have' if count != 1 else ' has'} a weight above 0, "
            "but fitting needs at least 2.",
            "give more rows a weight",
        )
    return taken(rows, kept)


def in_order(rows: Rows) -> Rows:
    """A small table sorted, a row of weight 2 as two rows, so that a fit is the same to the last bit.

    It then depends neither on the order of the rows nor on how their number is said. For larger tables, and weights
    that are not whole, this holds only in the mean.
    """
    if rows.streamed is not None:
        return rows
    weights = np.ones(rows.x.num_rows) if rows.weights is None else rows.weights
    if weights.sum() > SMALL or not np.array_equal(weights, np.floor(weights)):
        return rows
    parts = [rows.x.values] if rows.condition is None else [rows.x.values, rows.condition.values]
    order = np.lexsort(np.hstack(parts).T[::-1])
    return taken(rows._replace(weights=None), np.repeat(order, weights[order].astype(int)))


def taken(rows: Rows, index: np.ndarray) -> Rows:
    """Some of the rows, by number or by mask, with their weights."""
    x, condition, weights, holes = rows.x, rows.condition, rows.weights, rows.holes
    return rows._replace(
        x=replace(x, values=x.values[index]),
        condition=None if condition is None else replace(condition, values=condition.values[index]),
        weights=None if weights is None else weights[index],
        holes=None if holes is None else holes[index],
    )
