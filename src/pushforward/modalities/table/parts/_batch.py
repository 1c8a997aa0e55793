"""Scores of one batch of Arrow, wherever it is."""

from collections.abc import Callable
from typing import Any

import numpy as np

from pushforward._errors import DataError
from pushforward.data import Schema, Table, encode
from pushforward.data._arrow import open_frame
from pushforward.data._missing import Missing
from pushforward.data._source import Selection
from pushforward.modalities.table._given import condition_values

RowScores = Callable[[np.ndarray, np.ndarray | None], np.ndarray]
"""Log-densities of rows in the codes of the schemas, and of their conditions or None."""


def batch_scores(schema: Schema, conditions: Schema | None, batch: Any, scores: RowScores) -> Any:
    """An Arrow array with the score of each row of a batch, null where a cell is missing.

    Args:
        schema: The columns whose density is wanted.
        conditions: What it is conditional on, or None.
        batch: Of Arrow, or a frame.
        scores: Of the complete rows.

    Raises:
        DataError: If it is no batch, or a column is missing or holds something else.
    """
    import pyarrow as pa

    if not any(hasattr(batch, name) for name in ("__arrow_c_stream__", "__arrow_c_array__")):
        raise DataError(
            f"score_batch: got {type(batch).__name__}.", "give a pyarrow.RecordBatch or a pyarrow.Table; "
            "`score_samples` takes arrays",
        )  # fmt: skip
    table, present = _complete(pa.table(batch), schema, conditions)
    found = np.zeros(len(present))
    if table is not None:
        given = None if conditions is None else condition_values(table, conditions)
        found[present] = scores(encode(table, schema).values, given)
    return pa.array(found, pa.float64(), mask=~present)


def _complete(batch: Any, schema: Schema, conditions: Schema | None) -> tuple[Table | None, np.ndarray]:
    """The rows without a missing cell, None where there are none, and which they are."""
    own = [*schema.columns, *(() if conditions is None else conditions.columns)]
    chosen = Selection(
        columns=tuple(column.name for column in own),
        text=tuple(column.name for column in own if column.is_text),
        moments=tuple(column.name for column in own if column.moment is not None),
    )
    if len(set(batch.column_names)) < len(batch.column_names):  # of which those that are not looked at may be
        batch = batch.select([place for place, name in enumerate(batch.column_names) if name in chosen.columns])
    source = open_frame(batch, chosen, label="batch")
    missing = Missing(source.label, source.names, chosen=True)
    blocks, masks = [np.empty((0, len(source.names)))], [np.zeros(0, bool)]
    for block in source.blocks:
        kept, present = missing.filter(block)
        blocks.append(kept)
        masks.append(np.ones(len(block), bool) if present is None else present)
    values, present = np.concatenate(blocks), np.concatenate(masks)
    if not len(values):
        return None, present
    return Table(source.names, values, source.kinds, (), 0, source.categories, source.types), present
