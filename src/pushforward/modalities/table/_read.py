"""From a table to what `fit` learns from: rows, conditions and weights, each said to the user."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple, Self

import numpy as np

from pushforward._errors import DataError, UsageError, did_you_mean
from pushforward.data import (
    Schema,
    Table,
    column_warnings,
    encode,
    infer_schema,
    parse_kind,
    parse_override,
    read_table,
)
from pushforward.data._coding import numbers
from pushforward.modalities._options import flatten
from pushforward.modalities._talk import Talk, plural
from pushforward.modalities.table._columns import OF_CONDITIONS, condition_schema_of
from pushforward.modalities.table._problems import all_problems
from pushforward.modalities.table._reading import reading
from pushforward.modalities.table._rows import Rows

OTHERS = "*"
"""In `--column`, all columns that are not named."""
MOST_LINES = 40
"""With more columns than this, only those that are not unbounded are named, and at most so many of them."""


def read_rows(source: str, given: Mapping[str, Any], talk: Talk) -> Rows:
    """Read the table, set conditions and weights apart, infer the kinds of the other columns, and say so."""
    drop, overrides = flatten(given["drop"]), dict(map(parse_override, given["kinds"]))
    if source == "-":  # it can be read once
        found = _Found.of(source, given, overrides, drop, drop_missing=given["drop_missing"])
    else:
        found = all_problems(
            lambda drop, drop_missing: _Found.of(source, given, overrides, drop, drop_missing=drop_missing),
            drop,
            drop_missing=given["drop_missing"],
        )
    return found.say(talk)


class _Found(NamedTuple):
    """What was read and inferred, before it is told.

    Attributes:
        rows: Of the columns that are learned.
        lines: What is said of the reading.
        sentences: What is said of each column.
    """

    rows: Rows
    lines: tuple[str, ...]
    sentences: tuple[str, ...]

    @classmethod
    def of(
        cls,
        source: str,
        given: Mapping[str, Any],
        overrides: Mapping[str, str],
        drop: tuple[str, ...],
        *,
        drop_missing: bool,
    ) -> Self:
        """Read and infer; all that is refused is refused here."""
        condition, weights = flatten(given["condition"]), given["weights"]
        categorical = tuple(name for name, kind in overrides.items() if parse_kind(kind).kind == "categorical")
        table = read_table(source, drop=drop, drop_missing=drop_missing, text=categorical, **reading(given))
        size = f"{plural(table.num_rows, 'row')}, {plural(table.num_columns, 'column')}"
        lines = (f"read {source}: {size}", *table.notes)
        _check_roles(table, condition, weights, overrides)
        per_row = None if weights is None else _weights(table, weights)
        if per_row is not None and not per_row.all():
            table, per_row = replace(table, values=table.values[per_row > 0]), per_row[per_row > 0]
            lines = (*lines, f"{plural(table.num_rows, 'row')} with a weight above 0")
        apart = (*condition, *([] if weights is None else [weights]))
        x = table.drop(apart) if apart else table
        kinds = dict(overrides)
        if OTHERS in kinds:
            others = kinds.pop(OTHERS)
            known = {*x.categories, *x.moments}
            kinds = {name: others for name in x.names if name not in known} | kinds
        schema, sentences = infer_schema(x, {name: kind for name, kind in kinds.items() if name not in condition})
        seen = table.select(condition) if condition else None
        said = {name: kind for name, kind in kinds.items() if name in condition}
        conditions = None if seen is None else condition_schema_of(seen, said)
        return cls(Rows(x, seen, per_row, schema=schema, conditions=conditions, kinds=kinds), lines, sentences)

    def say(self, talk: Talk) -> Rows:
        """Tell it, with warnings, and give the rows."""
        rows = self.rows
        assert rows.schema is not None
        for line in self.lines:
            talk.say(line)
        _say_columns(rows.schema, self.sentences, talk)
        for sentence in column_warnings(encode(rows.x, rows.schema), rows.schema):
            talk.warn(sentence)
        for column in () if rows.conditions is None else rows.conditions.columns:
            if column.kind in OF_CONDITIONS:
                talk.say(f"  condition {column.name!r} is {column.spec}: {column.note}.")
        return rows


def _check_roles(table: Table, condition: tuple[str, ...], weights: str | None, overrides: Mapping[str, str]) -> None:
    given = {"--condition": condition, "--weights": () if weights is None else (weights,), "--column": overrides}
    for option, names in given.items():
        for name in names:
            if name not in table.names and not (option == "--column" and name == OTHERS):
                raise DataError(f"{option}: there is no column {name!r}.", did_you_mean(name, table.names))
    apart = (*condition, *given["--weights"])
    repeated = [name for name, count in Counter(apart).items() if count > 1]
    if repeated:
        raise UsageError(f"column {repeated[0]!r} has two roles.", "name it once, in --condition or in --weights")
    if len(apart) == table.num_columns:
        raise DataError("no column is left to learn.", "leave at least one out of --condition and --weights")
    for name, kind in overrides.items():
        if name in apart and not (name in condition and parse_kind(kind).kind in OF_CONDITIONS):
            raise UsageError(
                f"--column {name}:{kind}: the kind of a condition is categorical or circular, a weight has none.",
                "leave the option out: other conditions that are numbers are standardised, whatever they hold",
            )


def _weights(table: Table, name: str) -> np.ndarray:
    weights = numbers(table, name)
    if (weights < 0).any():
        row = int(np.argmax(weights < 0))
        raise DataError(
            f"column {name!r} holds a negative weight: {weights[row]:g} in row {row + 1}.",
            "a weight says how many rows a row stands for: 0 or more",
        )
    return weights


def _say_columns(schema: Schema, sentences: tuple[str, ...], talk: Talk) -> None:
    if len(sentences) > MOST_LINES:
        counts = Counter(column.kind for column in schema.columns)
        talk.say("columns: " + ", ".join(f"{count} {kind}" for kind, count in counts.most_common()))
        named = [s for s, column in zip(sentences, schema.columns, strict=True) if column.kind != "unbounded"]
        sentences = tuple(named[:MOST_LINES])
    for sentence in sentences:
        talk.say(f"  {sentence}")
