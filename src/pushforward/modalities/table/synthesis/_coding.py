"""From the columns of a table to those that a flow learns, and back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from pushforward.data import Column, Schema, Table, encode
from pushforward.modalities.table.synthesis._columns import decimals_of, learned_schema
from pushforward.modalities.table.synthesis._functions import Function, functions_between
from pushforward.modalities.table.synthesis._marginals import Marginal


@dataclass(frozen=True)
class Coding:
    """What stands between the columns of a table and a flow.

    Attributes:
        schema: Of the table.
        seen: The same columns as a flow would see them.
        marginals: By place, the laws of the columns of numbers.
        decimals: By place, to how many decimals such a column is rounded; None where it is not.
        functions: By place, columns that the flow is not shown: they are functions of others.
    """

    schema: Schema
    seen: Schema
    marginals: Mapping[int, Marginal]
    decimals: Mapping[int, int | None]
    functions: Mapping[int, Function]

    @classmethod
    def of(cls, table: Table, schema: Schema, kinds: Mapping[str, str]) -> Self:
        """By the rows that are learned from.

        Args:
            table: The rows as they were read.
            schema: What their columns can hold.
            kinds: What the user has said of that, by name.
        """
        values = encode(table, schema).values
        coded = replace(table, values=schema.turned(values), categories={}, types={}, kinds=())
        seen = learned_schema(coded, schema, kinds)
        on_line = [
            place
            for place, (column, as_seen) in enumerate(zip(schema.columns, seen.columns, strict=True))
            if as_seen.kind == "unbounded" and column.kind != "circular"
        ]
        marginals = {place: Marginal.of(coded.values[:, place]) for place in on_line}
        decimals = {place: decimals_of(coded.values[:, place]) for place in on_line}
        found = cls(schema, seen, marginals, decimals, {})
        all_values, _ = found._standard(coded.values, 0)
        return replace(found, functions=functions_between(all_values, seen))

    @property
    def learned(self) -> tuple[int, ...]:
        """Places of the columns that the flow is shown."""
        return tuple(place for place in range(len(self.schema.columns)) if place not in self.functions)

    def sentences(self) -> list[str]:
        """What is to be said of columns that the flow was not shown."""
        names = self.schema.names
        return [
            f"  {names[place]!r} is a function of {names[function.source]!r}, and was not learned beside it"
            for place, function in self.functions.items()
        ]

    def table_of(self, table: Table, seed: int) -> tuple[Table, np.ndarray]:
        """The rows as the flow sees them, and what that adds to their log-densities, `(rows,)`.

        Args:
            table: Rows in the codes of `schema`.
            seed: Of the places of repeated numbers.
        """
        values, log_det = self._standard(self.schema.turned(table.values), seed)
        for place, function in self.functions.items():
            log_det = np.where(function.of(values) == values[:, place], log_det, -np.inf)
        shown = self.seen.select(self.learned)
        return Table(shown.names, values[:, self.learned], categories=shown.categories, types=shown.types), log_det

    def rows_of(self, z: np.ndarray) -> Table:
        """The table of what a flow draws, `(rows, learned)`: of the types and within the limits of the columns."""
        whole = np.empty((len(z), len(self.schema.columns)))
        whole[:, self.learned] = z
        for place, function in self.functions.items():
            whole[:, place] = function.of(whole)
        for place, (column, seen) in enumerate(zip(self.schema.columns, self.seen.columns, strict=True)):
            if place in self.marginals:
                cells = self.marginals[place].from_normal(whole[:, place])
                whole[:, place] = rounded(cells, column, self.decimals[place])
            elif seen.kind == "categorical" and column.kind != "categorical":
                whole[:, place] = np.array(seen.categories, np.float64)[whole[:, place].astype(int)]
        return self.schema.table(whole)

    def _standard(self, values: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """All columns as a flow would see them, and the slopes of their maps."""
        rng = np.random.default_rng(seed)
        found, log_det = np.array(values, np.float64), np.zeros(len(values))
        for place, (column, seen) in enumerate(zip(self.schema.columns, self.seen.columns, strict=True)):
            if place in self.marginals:
                found[:, place], added = self.marginals[place].to_normal(values[:, place], rng)
                log_det += added
            elif seen.kind == "categorical" and column.kind != "categorical":
                known = np.array(seen.categories, np.float64)
                at = np.searchsorted(known, values[:, place]).clip(0, len(known) - 1)
                found[:, place] = np.where(known[at] == values[:, place], at, -1.0)
        return found, log_det


def rounded(cells: np.ndarray, column: Column, decimals: int | None) -> np.ndarray:
    """Numbers with as many decimals as the source has; a positive number is not rounded to 0."""
    if decimals is None:
        return cells
    found = np.round(cells, decimals)
    if column.kind == "positive" and 0.0 not in column.atoms:
        return np.where(found > 0, found, 10.0**-decimals)
    return found
