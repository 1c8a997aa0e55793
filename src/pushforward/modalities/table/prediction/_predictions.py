"""`pushforward predict`: one row of predictions for each row of conditions."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from pushforward._errors import UsageError
from pushforward.data import Column, Schema, TableWriter
from pushforward.data._batches import arrow_values
from pushforward.data._read import read_parts
from pushforward.modalities._model import Model
from pushforward.modalities._options import flatten
from pushforward.modalities._talk import Talk, plural
from pushforward.modalities.table._aligned import ROW, aligned, selection
from pushforward.modalities.table._chunks import TableFlow
from pushforward.modalities.table._far import FarConditions
from pushforward.modalities.table._given import condition_values
from pushforward.modalities.table.prediction import _predict
from pushforward.modalities.table.prediction._one_number import is_one_number


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
        found = {f"q{share:.15g}": share for share in self.quantiles}
        for share in self.intervals:
            found |= {f"low{share:.15g}": 0.5 - 0.5 * share, f"high{share:.15g}": 0.5 + 0.5 * share}
        return found


def predict(model: Model, source: str, target: str, asked: Asked, given: Mapping[str, Any], talk: Talk) -> None:
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
    flow, keep = TableFlow.of(model), flatten(given["keep"])
    far = FarConditions(model.facts)
    exact, rows, dropped = is_one_number(flow), 0, 0
    own = _names(schema, asked, exact=exact)
    parts = read_parts(source, selection(conditions.columns, keep, own, given), drop_missing=given["drop_missing"])
    names = [ROW, *keep, *own]
    with TableWriter(target, names) as writer:
        for part in parts:
            condition = condition_values(part.table, conditions)
            far.add(condition)
            found = list(_answers(flow, condition, asked, exact=exact, text=writer.is_text))
            writer.write_arrow(aligned(part, found, rows + dropped, names))
            rows, dropped = rows + part.table.num_rows, dropped + part.table.dropped
    talk.say(f"wrote {plural(rows, 'prediction')} to {'standard output' if target == '-' else target}")
    if dropped:
        talk.say(f"{plural(dropped, 'row')} without a prediction: a cell was missing")
    for sentence in far.sentences():
        talk.warn(sentence)
    if not exact:
        talk.say(f"  each from {asked.draws:,} draws: the columns `..._error` are their standard errors")


def _names(schema: Schema, asked: Asked, *, exact: bool) -> list[str]:
    names = []
    for column in schema.columns:
        for end in ("mean", *asked.levels):
            names.append(f"{column.name}_{end}")
            if _has_error(column, exact=exact):
                names.append(f"{column.name}_{end}_error")
    return names


def _answers(flow: TableFlow, condition: np.ndarray, asked: Asked, *, exact: bool, text: bool) -> Iterator[Any]:
    """The cells of each written column, `(rows,)`, in the order of `_names`; errors of dates are in their units."""
    key, levels = jax.random.key(0), np.array(list(asked.levels.values()))
    mean = _predict.mean(flow, condition, asked.draws, key)
    quantiles = _predict.quantiles(flow, condition, levels, asked.draws, key) if len(levels) else None
    for place, column in enumerate(flow.schema.columns):
        found = [(mean.value[:, place], mean.error[:, place])]
        if quantiles is not None:
            found += [(quantiles.value[:, i, place], quantiles.error[:, i, place]) for i in range(len(levels))]
        for value, error in found:
            yield _in_own_values(column, value, text=text)
            if _has_error(column, exact=exact):
                yield error


def _in_own_values(column: Column, value: np.ndarray, *, text: bool) -> Any:
    if column.kind == "categorical":
        return np.array(column.categories)[value.astype(int)]
    return value if column.moment is None else arrow_values(value, column.moment, column.name, text=text)


def _has_error(column: Column, *, exact: bool) -> bool:
    return not exact and column.kind not in ("categorical", "circular")
