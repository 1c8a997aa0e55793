"""Tables with missing cells, which are filled for the time being by values of the same column."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pushforward._errors import ColumnError, shell_names
from pushforward.data import Schema, Table, infer_schema
from pushforward.data._read import finished, with_holes
from pushforward.data._source import Source
from pushforward.data._tables import quoted

LEAST = 2
"""Cells that a column must have."""


class Holed(NamedTuple):
    """A table without holes, and where they were.

    Attributes:
        table: In which each missing cell has a value of another row.
        holes: Which cells were missing, `(rows, columns)`.
        left_out: Rows without any cell, which are not in it.
        present: Which rows of the source are in it, `(rows of the source,)`, where that is known.
    """

    table: Table
    holes: np.ndarray
    left_out: int
    present: np.ndarray = np.ones(0, bool)

    def select(self, names: Sequence[str]) -> "Holed":
        """Some of the columns."""
        places = [self.table.names.index(name) for name in names]
        return Holed(self.table.select(names), self.holes[:, places], self.left_out)


def holed(source: Source) -> Holed:
    """All of a source.

    Raises:
        DataError: If there are no rows, or a column has fewer than two cells.
    """
    table = with_holes(source)
    values = table.values
    missing = np.isnan(values)
    rows = np.asarray(~missing.all(axis=1))
    values, missing = values[rows], missing[rows]
    few = [name for name, gone in zip(table.names, missing.T, strict=True) if (~gone).sum() < LEAST]
    if few:
        raise ColumnError(
            f"{source.label}: {quoted('column', few)} {'has' if len(few) == 1 else 'have'} no value, or one alone: "
            "nothing can be learned of what is not there.",
            f"leave out (`--drop {shell_names(few)}`)",
            few,
        )
    table = finished(replace(table, values=_filled(values, missing)), source, np.flatnonzero(rows) + 1)
    return Holed(table, missing, int((~rows).sum()), rows)


def schema_of_holed(
    found: Holed, kinds: Mapping[str, str], *, recurring: bool = True
) -> tuple[Schema, tuple[str, ...]]:
    """The schema, and a sentence for each column, of the cells that are there alone; `recurring` as of `infer_schema`.

    Raises:
        DataError: As `infer_schema`.
    """
    table, columns, sentences = found.table, [], []
    for name, cells, gone in zip(table.names, table.values.T, found.holes.T, strict=True):
        one = replace(table.select([name]), values=cells[~gone, None])
        schema, said = infer_schema(one, {name: kinds[name]} if name in kinds else {}, recurring=recurring)
        columns += schema.columns
        sentences += said
    return Schema(columns), tuple(sentences)


def _filled(values: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Each missing cell with the value of a random row that has one."""
    random, out = np.random.default_rng(0), values.copy()
    for place, gone in enumerate(missing.T):
        out[gone, place] = random.choice(values[~gone, place], int(gone.sum()))
    return out
