"""From a table to what `fit` learns from: rows, conditions and weights, each said to the user."""

from collections import Counter
from collections.abc import Mapping, Sequence
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
from pushforward.data._missing import MissingError
from pushforward.data._read import open_source
from pushforward.data._source import Selection
from pushforward.modalities._options import flatten, once
from pushforward.modalities._talk import Talk, plural
from pushforward.modalities.table._columns import OF_CONDITIONS, condition_schema_of
from pushforward.modalities.table._problems import all_problems
from pushforward.modalities.table._reading import reading
from pushforward.modalities.table._rows import Rows
from pushforward.modalities.table.incomplete._completed import ASSUMED
from pushforward.modalities.table.incomplete._prepare import counted, refuse_holes
from pushforward.modalities.table.incomplete._read import Holed, holed, schema_of_holed
from pushforward.modalities.table.private._declared import OF_ALL, OF_WEIGHT, declared_schema, refused
from pushforward.modalities.table.streamed._sample import Streamed, sampled, streamed_files

OTHERS = "*"
"""In `--column`, all columns that are not named."""
MOST_LINES = 40
"""With more columns than this, only those that are not unbounded are named, and at most so many of them."""


def read_rows(source: str, given: Mapping[str, Any], talk: Talk) -> Rows:
    """Read the table, set conditions and weights apart, infer the kinds of the other columns, and say so."""
    drop, overrides = flatten(given["drop"]), _overrides(given["kinds"])
    if source == "-":  # it can be read once
        found = _Found.of(source, given, overrides, drop, drop_missing=given["drop_missing"])
    else:
        found = all_problems(
            lambda drop, drop_missing: _Found.of(source, given, overrides, drop, drop_missing=drop_missing),
            drop,
            drop_missing=given["drop_missing"],
        )
    return found.say(talk)


def _overrides(texts: Sequence[str]) -> dict[str, str]:
    """The kinds of `--column` by name."""
    found = [parse_override(text) for text in texts]
    try:
        once(name for name, _ in found)
    except ValueError as error:
        raise UsageError(f"--column: {error}", "leave one of them out") from None
    return dict(found)


class _Found(NamedTuple):
    """What was read and inferred, before it is told.

    Attributes:
        rows: Of the columns that are learned.
        lines: What is said of the reading.
        sentences: What is said of each column.
        private: Whether nothing is said of their values.
    """

    rows: Rows
    lines: tuple[str, ...]
    sentences: tuple[str, ...]
    private: bool = False

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
        if given.get("epsilon") is not None and (condition or weights):
            raise refused("condition", OF_ALL) if condition else refused("weights", OF_WEIGHT)
        found, streamed = _opened(source, given, drop, categorical, drop_missing=drop_missing)
        table, holes = found.table, found.holes
        size = f"{plural(table.num_rows, 'row')}, {plural(table.num_columns, 'column')}"
        lines = (f"read {source}: {size}" if streamed is None else streamed.told(source), *table.notes)
        _check_roles(table, condition, weights, overrides)
        per_row = None if weights is None else _weights(table, weights)
        if per_row is not None and not per_row.all():
            table, holes = replace(table, values=table.values[per_row > 0]), holes[per_row > 0]
            per_row = per_row[per_row > 0]
            lines = (*lines, f"{plural(table.num_rows, 'row')} with a weight above 0")
        apart = (*condition, *([] if weights is None else [weights]))
        for name in apart:
            refuse_holes(name, holes[:, table.names.index(name)], "a weight" if name == weights else "a condition")
        found = Holed(table, holes, found.left_out).select([name for name in table.names if name not in apart])
        x = found.table
        kinds = dict(overrides)
        if OTHERS in kinds:
            others = kinds.pop(OTHERS)
            known = {*x.categories, *x.moments}
            kinds = {name: others for name in x.names if name not in known} | kinds
        own = {name: kind for name, kind in kinds.items() if name not in condition}
        missing = bool(found.holes.any())
        schema, sentences = _schema(found, own, given, recurring=not condition and streamed is None)
        seen = table.select(condition) if condition else None
        said = {name: kind for name, kind in kinds.items() if name in condition}
        conditions = None if seen is None else condition_schema_of(seen, said)
        rows = Rows(x, seen, per_row, schema=schema, conditions=conditions, kinds=kinds, streamed=streamed)
        if missing:
            completed = counted(found)
            lines = (*lines, completed.sentence, f"  assumed: {ASSUMED}")
            rows = rows._replace(holes=found.holes, completed=completed)
        return cls(rows, lines, sentences, given.get("epsilon") is not None)

    def say(self, talk: Talk) -> Rows:
        """Tell it, with warnings, and give the rows."""
        rows = self.rows
        assert rows.schema is not None
        for line in self.lines:
            talk.say(line)
        _say_columns(rows.schema, self.sentences, talk)
        for sentence in () if self.private else _doubts(rows, rows.schema):
            talk.warn(sentence)
        for column in () if rows.conditions is None else rows.conditions.columns:
            if column.kind in OF_CONDITIONS:
                talk.say(f"  condition {column.name!r} is {column.spec}: {column.note}.")
        return rows


def _schema(
    found: Holed, kinds: Mapping[str, str], given: Mapping[str, Any], *, recurring: bool
) -> tuple[Schema, tuple[str, ...]]:
    """The columns as they are declared, or inferred, and a sentence for each."""
    if given.get("epsilon") is not None:
        schema = declared_schema(found.table, kinds, dict(given["bounds"]), dict(given["categories"]))
        return schema, tuple(f"{column.name!r} is {column.spec}, as declared." for column in schema.columns)
    if found.holes.any():
        return schema_of_holed(found, kinds, recurring=recurring)
    return infer_schema(found.table, kinds, recurring=recurring)


def _opened(
    source: str, given: Mapping[str, Any], drop: tuple[str, ...], text: tuple[str, ...], *, drop_missing: bool
) -> tuple[Holed, Streamed | None]:
    """The table, with or without rows that lack cells; of files that are streamed the rows that are looked at."""
    selection, streamed = Selection(drop=drop, text=text, **reading(given)), None
    if given.get("incomplete"):
        if drop_missing:
            raise UsageError("--incomplete and --drop-missing exclude each other.", "leave one of them out")
        streamed_files(source, given)  # which a window excludes
        return holed(open_source(source, selection)), None
    files = None
    try:
        if (files := streamed_files(source, given)) is not None:
            table, streamed = sampled(files, selection, drop_missing=drop_missing, window=given["window"])
            return Holed(table, np.zeros(table.values.shape, bool), 0), streamed
        table = read_table(source, drop=drop, drop_missing=drop_missing, text=text, **reading(given))
    except MissingError as error:
        if "incomplete" not in given or error.empty:
            raise
        raise MissingError(
            error.message,
            f"{error.hint}, or learn from them with `--incomplete`{'' if files is None else ', in memory'}",
            error.columns,
        ) from None
    return Holed(table, np.zeros(table.values.shape, bool), 0), None


def _doubts(rows: Rows, schema: Schema) -> tuple[str, ...]:
    """What is said of columns, by the rows that are whole."""
    table = encode(rows.x, schema)
    if rows.holes is not None:
        whole = ~rows.holes.any(axis=1)
        if whole.sum() < LEAST_WHOLE:
            return ()
        table = replace(table, values=table.values[whole])
    return column_warnings(table, schema)


LEAST_WHOLE = 20
"""Rows without a missing cell, below which nothing is said of the columns together."""


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
