"""`pushforward predict`: one row of predictions for each row of conditions."""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np

from pushforward._errors import UsageError
from pushforward.data import Column, Schema, TableWriter, read_batches
from pushforward.modalities._model import Model
from pushforward.modalities._talk import Talk, plural
from pushforward.modalities.table import _predict
from pushforward.modalities.table._chunks import TableFlow
from pushforward.modalities.table._given import condition_values


class Asked(NamedTuple):
    """What is to be predicted beside the mean.

    Attributes:
        intervals: Shares, each with as much of the rest below as above.
        quantiles: Shares below.
        draws: For each row, where the model has several columns.
    """

    intervals: tuple[float, ...]
    quantiles: tuple[float, ...]
    draws: int

    @property
    def levels(self) -> dict[str, float]:
        """By the end of a column's name, the quantiles that are needed."""
        found = {f"q{share:g}": share for share in self.quantiles}
        for share in self.intervals:
            found |= {f"low{share:g}": 0.5 - 0.5 * share, f"high{share:g}": 0.5 + 0.5 * share}
        return found


def predict(model: Model, source: str, target: str, asked: Asked, *, drop_missing: bool, talk: Talk) -> None:
    """Predict chunk by chunk, with memory for a few chunks.

    Raises:
        UsageError: If the model has no conditions.
        DataError: If a column has no quantiles and these are asked for.
    """
    schema, conditions = model.facts.schema, model.facts.condition_schema
    if conditions is None:
        raise UsageError(
            "the model is not conditional: it has nothing to predict from.",
            "fit one with `--condition A,B`, the columns that are known",
        )
    flow = TableFlow.of(model)
    exact, rows, dropped = _predict.is_monotone(flow), 0, 0
    batches = read_batches(
        source, columns=conditions.names, drop_missing=drop_missing, text=list(conditions.categories)
    )
    names, kinds = _columns(schema, asked, exact=exact)
    categories = {f"{name}_mean": labels for name, labels in schema.categories.items()}
    with TableWriter(target, names, kinds, categories) as writer:
        for batch in batches:
            dropped += batch.dropped
            rows += batch.num_rows
            if batch.num_rows:
                writer.write(
                    np.column_stack(list(_answers(flow, condition_values(batch, conditions), asked, exact=exact)))
                )
    talk.say(f"wrote {plural(rows, 'prediction')} to {'standard output' if target == '-' else target}")
    if dropped:
        talk.say(f"{plural(dropped, 'row')} dropped: a cell was missing")
    if not exact:
        talk.say(f"  each from {asked.draws:,} draws: the columns `..._error` are their standard errors")


def _columns(schema: Schema, asked: Asked, *, exact: bool) -> tuple[list[str], list]:
    ends = ["mean", *asked.levels]
    names, kinds = [], []
    for column in schema.columns:
        for end in ends:
            names.append(f"{column.name}_{end}")
            kinds.append("category" if column.kind == "categorical" else "float")
            if _has_error(column, exact=exact):
                names.append(f"{column.name}_{end}_error")
                kinds.append("float")
    return names, kinds


def _answers(flow: TableFlow, condition: np.ndarray, asked: Asked, *, exact: bool) -> Iterator[np.ndarray]:
    """The cells of each written column, `(rows,)`, in the order of `_columns`."""
    key, levels = jax.random.key(0), np.array(list(asked.levels.values()))
    mean = _predict.mean(flow, condition, asked.draws, key)
    quantiles = _predict.quantiles(flow, condition, levels, asked.draws, key) if len(levels) else None
    for place, column in enumerate(flow.schema.columns):
        found = [(mean.value[:, place], mean.error[:, place])]
        if quantiles is not None:
            found += [(quantiles.value[:, i, place], quantiles.error[:, i, place]) for i in range(len(levels))]
        for value, error in found:
            yield value
            if _has_error(column, exact=exact):
                yield error


def _has_error(column: Column, *, exact: bool) -> bool:
    return not exact and column.kind not in ("categorical", "circular")
