"""How a table of the user's is read, and rows of it as a fitted model takes them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from pushforward._errors import DataError
from pushforward.data import Schema, Table, TextOptions, encode, read_table
from pushforward.data._coding import refuse_unseen
from pushforward.modalities.table._facts import TableFacts
from pushforward.modalities.table._given import condition_values


def reading(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a command as `read_table` and `read_batches` take them."""
    form = TextOptions(given["delimiter"], given["decimal"] or ".", given["comment"], given["encoding"], given["dates"])
    return {"missing": tuple(given["missing"]), "form": form}


class Pairs(NamedTuple):
    """Rows, and their conditions or None, both in codes."""

    rows: Table
    given: Table | None

    @property
    def condition(self) -> np.ndarray | None:
        """As the flow takes it."""
        return None if self.given is None else self.given.values


def read_pairs(facts: TableFacts, source: str, given: Mapping[str, Any]) -> Pairs:
    """Rows of a source that all have a density, with angles within the period, and conditions if the model has some.

    Raises:
        DataError: If a column is missing, or a value has no density or was not seen in training.
    """
    schema, conditions = facts.schema, facts.condition_schema
    both = [schema] if conditions is None else [schema, conditions]
    table = read_table(
        source,
        columns=[name for one in both for name in one.names],
        text=[name for one in both for name in one.text_columns],
        moments=[name for one in both for name in one.moments],
        drop_missing=given["drop_missing"],
        **reading(given),
    )
    refuse_unseen(table, schema)
    rows = encode(table.select(schema.names), schema)
    rows = replace(rows, values=inside(source, rows.values, schema), dropped=table.dropped)
    if conditions is None:
        return Pairs(rows, None)
    seen = table.select(conditions.names)
    return Pairs(rows, replace(encode(seen, conditions), values=condition_values(seen, conditions)))


def inside(source: str, x: np.ndarray, schema: Schema) -> np.ndarray:
    """Rows in codes, after a look at whether each has a density.

    Raises:
        DataError: If one has none.
    """
    if (first := schema.first_outside(x)) is not None:
        raise DataError(
            f"{source}: the model gives no density to row {first[0] + 1}: {first[1]}.",
            "`score` shows all such rows: leave them out, or fit a model to rows like them",
        )
    return schema.turned(x)
