"""The generator of a synthetic table: each column by its own law, their dependence by a flow."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pushforward.data import Column, Schema, Table, encode
from pushforward.modalities._learn import prepared, trained
from pushforward.modalities._model import Model
from pushforward.modalities._registry import modality_named
from pushforward.modalities.table._chunks import TableFlow, log_prob
from pushforward.modalities.table._rows import Rows
from pushforward.modalities.table._sample import draws
from pushforward.modalities.table._settings import TableSettings
from pushforward.modalities.table.synthesis._columns import decimals_of, learned_schema, schema_of_rows
from pushforward.modalities.table.synthesis._marginals import Marginal


@dataclass(frozen=True)
class Generator:
    """A fitted flow, and what stands between it and the columns of the table.

    Attributes:
        model: Of the columns as the flow sees them.
        schema: Of the table that is written.
        seen: Of the columns as the flow sees them.
        marginals: By place, the laws of the columns of numbers.
        decimals: By place, to how many decimals such a column is rounded; None where it is not.
        members: Numbers of the training rows that the flow was fitted to, without those that chose its best epoch.
    """

    model: Model
    schema: Schema
    seen: Schema
    marginals: Mapping[int, Marginal]
    decimals: Mapping[int, int | None]
    members: np.ndarray

    def sample(self, rows: int, seed: int) -> Table:
        """New rows, of the types and within the limits of the columns."""
        z = np.concatenate(list(draws(self.model, rows, seed)))
        values = np.empty(z.shape, np.float64)
        for place, (column, seen) in enumerate(zip(self.schema.columns, self.seen.columns, strict=True)):
            cells = z[:, place].astype(np.float64)
            if place in self.marginals:
                cells = _rounded(self.marginals[place].from_normal(cells), column, self.decimals[place])
            elif seen.kind == "categorical" and column.kind != "categorical":
                cells = np.array(seen.categories, np.float64)[cells.astype(int)]
            values[:, place] = cells
        return self.schema.table(values)

    def log_prob(self, table: Table, seed: int) -> np.ndarray:
        """Log-densities in nats of rows in the codes of `schema`, `(rows,)`.

        Exact but for repeated numbers, whose place in their interval is drawn: then it is an estimate.
        """
        values, log_det = seen_values(table, self.schema, self.seen, self.marginals, seed)
        return log_prob(TableFlow.of(self.model), values) + log_det


def fitted(table: Table, settings: TableSettings, kinds: Mapping[str, str], seed: int) -> Generator:
    """Learn a table.

    Args:
        table: Rows as they were read.
        settings: Of the flow and its training.
        kinds: What columns can hold, where the user has said it.
        seed: Of the places of repeated numbers.

    Raises:
        ValueError: If the data, the flow or a setting cannot be used.
    """
    schema = schema_of_rows(table, kinds)
    coded = encode(table, schema)
    coded = replace(coded, values=schema.turned(coded.values))
    seen = learned_schema(coded, schema, kinds)
    marginals = {
        place: Marginal.of(coded.values[:, place])
        for place, (column, as_seen) in enumerate(zip(schema.columns, seen.columns, strict=True))
        if as_seen.kind == "unbounded" and column.kind != "circular"
    }
    values, _ = seen_values(coded, schema, seen, marginals, seed)
    rows = Rows(Table(seen.names, values, categories=seen.categories, types=seen.types), None, None, schema=seen)
    modality: Any = modality_named("table")
    ready, key = prepared(modality, rows, settings)
    members = np.arange(table.num_rows)
    if ready.held_out is not None:
        held = ready.held_out(ready)
        members = _places(rows.x.values, ready.data.x.values[held.train])
    decimals = {place: decimals_of(coded.values[:, place]) for place in marginals}
    return Generator(trained(modality, ready, settings, key), schema, seen, marginals, decimals, members)


def _rounded(cells: np.ndarray, column: Column, decimals: int | None) -> np.ndarray:
    """Numbers with as many decimals as the source has; a positive number is not rounded to 0."""
    if decimals is None:
        return cells
    rounded = np.round(cells, decimals)
    if column.kind == "positive" and 0.0 not in column.atoms:
        return np.where(rounded > 0, rounded, 10.0**-decimals)
    return rounded


def seen_values(
    table: Table, schema: Schema, seen: Schema, marginals: Mapping[int, Marginal], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The rows as the flow sees them, and what the laws of the columns add to their log-densities."""
    rng = np.random.default_rng(seed)
    log_det = np.zeros(table.num_rows)
    values = np.empty(table.values.shape, np.float64)
    for place, (column, as_seen) in enumerate(zip(schema.columns, seen.columns, strict=True)):
        cells = table.values[:, place].astype(np.float64)
        if place in marginals:
            cells, added = marginals[place].to_normal(cells, rng)
            log_det += added
        elif as_seen.kind == "categorical" and column.kind != "categorical":
            known = np.array(as_seen.categories, np.float64)
            found = np.searchsorted(known, cells).clip(0, len(known) - 1)
            cells = np.where(known[found] == cells, found, -1.0)
        values[:, place] = cells
    return values, log_det


def _places(all_rows: np.ndarray, some: np.ndarray) -> np.ndarray:
    """Where rows stand among all, in whatever order a fit has put them."""
    by_row: dict[bytes, list[int]] = {}
    for place, row in enumerate(np.ascontiguousarray(all_rows)):
        by_row.setdefault(row.tobytes(), []).append(place)
    taken = [by_row[row.tobytes()] for row in np.ascontiguousarray(some)]
    return np.unique(np.concatenate(taken))
