"""`pushforward check` of a table: whether the fit is good, by rows that it was not made from."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pushforward._errors import DataError, UsageError
from pushforward.data import encode, read_table
from pushforward.data._coding import refuse_unseen
from pushforward.diagnostics import Check, check
from pushforward.modalities._model import Model
from pushforward.modalities.table._reading import reading

NUMBERS = ("unbounded", "positive", "bounded", "circular")


def checked(
    model: Model, source: str, train: str | None, given: Mapping[str, Any], *, level: float, seed: int
) -> Check:
    """What the tests say of the rows of a source.

    Raises:
        UsageError: If the model is conditional, or has columns of categories, whole numbers or atoms.
        DataError: If the rows cannot be used.
    """
    facts = model.facts
    if facts.condition_schema is not None:
        raise UsageError(
            f"the model is conditional on {', '.join(facts.condition_schema.names)}, and `check` is for densities of "
            "whole rows.",
            "fit one without --condition, or look at `predict`, whose intervals say what they promise",
        )
    other = [column.name for column in facts.schema.columns if column.kind not in NUMBERS or column.atoms]
    if other:
        raise UsageError(
            f"{', '.join(other[:5])}: `check` is for columns of numbers, not for categories, whole numbers or atoms.",
            "compare samples with data by `plot --what corner` or `--what shares`",
        )
    rows = _rows(model, source, given)
    return check(model.flow, rows, None if train is None else _rows(model, train, given), level=level, key=seed)


def _rows(model: Model, source: str, given: Mapping[str, Any]) -> np.ndarray:
    schema = model.facts.schema
    table = read_table(source, columns=schema.names, drop_missing=given["drop_missing"], **reading(given))
    refuse_unseen(table, schema)
    x = encode(table.select(schema.names), schema).values
    if (outside := schema.outside(x)).any():
        raise DataError(
            f"{source}: row {int(np.argmax(outside)) + 1} holds a value that the model gives no density.",
            "`score` shows all such rows: they alone say that the model does not fit",
        )
    return x
