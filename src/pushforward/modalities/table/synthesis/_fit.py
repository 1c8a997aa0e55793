"""The generator of a synthetic table: each column by its own law, their dependence by a flow."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pushforward.data import Schema, Table, encode
from pushforward.modalities._learn import prepared, trained
from pushforward.modalities._model import Model
from pushforward.modalities._registry import modality_named
from pushforward.modalities.table._chunks import TableFlow, log_prob
from pushforward.modalities.table._rows import Rows
from pushforward.modalities.table._sample import draws
from pushforward.modalities.table._settings import TableSettings
from pushforward.modalities.table.synthesis._coding import Coding
from pushforward.modalities.table.synthesis._columns import schema_of_rows


@dataclass(frozen=True)
class Generator:
    """A fitted flow, and what stands between it and the columns of the table.

    Attributes:
        model: Of the columns as the flow sees them.
        coding: Between these and the table.
        members: Numbers of the training rows that the flow was fitted to, without those that chose its best epoch.
    """

    model: Model
    coding: Coding
    members: np.ndarray

    @property
    def schema(self) -> Schema:
        """Of the table that is written."""
        return self.coding.schema

    def sample(self, rows: int, seed: int) -> Table:
        """New rows, of the types and within the limits of the columns."""
        return self.coding.rows_of(np.concatenate(list(draws(self.model, rows, seed))))

    def log_prob(self, table: Table, seed: int) -> np.ndarray:
        """Log-densities in nats of rows in the codes of `schema`, `(rows,)`.

        Exact but for repeated numbers, whose place in their interval is drawn: then it is an estimate.
        """
        seen, log_det = self.coding.table_of(table, seed)
        return log_prob(TableFlow.of(self.model), seen.values) + log_det


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
    coding = Coding.of(table, schema, kinds)
    shown, _ = coding.table_of(encode(table, schema), seed)
    rows = Rows(shown, None, None, schema=coding.seen.select(coding.learned))
    modality: Any = modality_named("table")
    ready, key = prepared(modality, rows, settings)
    members = np.arange(table.num_rows)
    if ready.held_out is not None:
        members = _places(shown.values, ready.data.x.values[ready.held_out(ready).train])
    return Generator(trained(modality, ready, settings, key), coding, members)


def _places(all_rows: np.ndarray, some: np.ndarray) -> np.ndarray:
    """Where rows stand among all, in whatever order a fit has put them."""
    by_row: dict[bytes, list[int]] = {}
    for place, row in enumerate(np.ascontiguousarray(all_rows)):
        by_row.setdefault(row.tobytes(), []).append(place)
    taken = [by_row[row.tobytes()] for row in np.ascontiguousarray(some)]
    return np.unique(np.concatenate(taken))
