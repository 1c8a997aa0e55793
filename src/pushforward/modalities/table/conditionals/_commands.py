"""`pushforward sample --where`, `pushforward impute` and `pushforward score --incomplete`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pushforward._errors import DataError, UsageError
from pushforward.data import TableWriter
from pushforward.data._batches import Columns, record_batch
from pushforward.modalities._learn import key_from
from pushforward.modalities._model import Model
from pushforward.modalities._options import flatten
from pushforward.modalities._talk import Talk, plural
from pushforward.modalities.table._aligned import ROW, selection
from pushforward.modalities.table.conditionals._condition import condition_table, score_holes
from pushforward.modalities.table.conditionals._holes import encode_with_holes, read_with_holes
from pushforward.modalities.table.conditionals._impute import doubts_sentence, impute_rows
from pushforward.modalities.table.conditionals._rows import TableJoint
from pushforward.modalities.table.conditionals._where import parse_where

DRAW, SCORE, ERROR = "draw", "log_prob", "log_prob_error"
PARTICLES = 2048
SCORED = 512
"""Particles of each row that is scored."""
MOST_NAMED = 5
"""Rows that a warning names."""


def sample_where(
    model: Model, rows: int, target: str, texts: Sequence[str], *, temperature: float, seed: int, talk: Talk
) -> None:
    """Write rows of all columns, drawn given what is known of some.

    Raises:
        UsageError: If a temperature is asked for too.
    """
    if temperature != 1.0:
        raise UsageError("--where and --temperature exclude each other.", "leave one of them out")
    table = TableJoint.of(model, "--where")
    given = parse_where(table.schema, texts)
    found = condition_table(model, given, PARTICLES, key_from(seed))
    schema = table.schema
    with TableWriter(target, schema.names, schema.kinds, schema.categories, schema.types) as writer:
        writer.write(schema.clip(found.sample_table(rows, random_state=seed).values))
    talk.say(f"wrote {plural(rows, 'row')} to {_named(target)}")
    for sentence in found.sentences():
        talk.say(f"  {sentence}")


def impute(
    model: Model, source: str, target: str, draws: int, given: Mapping[str, Any], *, seed: int, talk: Talk
) -> None:
    """Write the table with its holes filled, as often as it is drawn."""
    import pyarrow as pa

    table, values, keys = _read(model, source, [DRAW] if draws > 1 else [], given, "impute")
    filled = impute_rows(table, values, draws, key_from(seed))
    schema = table.schema
    own = Columns(schema.names, schema.kinds, schema.categories, schema.types)
    kept = {} if keys is None else {name: keys[name] for name in keys.column_names}
    names = [*([ROW, DRAW] if draws > 1 else []), *kept, *(n for n in schema.names if n not in kept)]
    with TableWriter(target, names) as writer:
        for number, rows in enumerate(filled.draws, start=1):
            batch = record_batch(schema.clip(rows), own, text=writer.is_text)
            cells = {name: batch.column(i) for i, name in enumerate(schema.names)}
            counts = {ROW: pa.array(np.arange(1, len(rows) + 1)), DRAW: pa.array(np.full(len(rows), number))}
            writer.write_arrow(pa.table({name: {**cells, **kept, **counts}[name] for name in names}))
    talk.say(f"wrote {plural(len(values), 'row')}{f', {draws} times,' * (draws > 1)} to {_named(target)}")
    talk.say(f"  {plural(filled.holes, 'missing cell')} filled by draws given what is there of the row")
    for name, cells in zip(schema.names, values.T, strict=True):
        if not np.isfinite(cells).any():
            talk.say(f"  column {name!r} has no value at all: every cell of it is drawn")
    if filled.doubts:
        talk.warn(doubts_sentence(filled))


def score_incomplete(model: Model, source: str, target: str, given: Mapping[str, Any], talk: Talk) -> None:
    """Write for each row the log-density of what is there of it, and its standard error."""
    import pyarrow as pa

    table, values, keys = _read(model, source, [SCORE, ERROR], given, "--incomplete")
    found = score_holes(table, values, SCORED, key_from(0))
    columns = {ROW: pa.array(np.arange(1, len(values) + 1))}
    columns |= {} if keys is None else {name: keys[name] for name in keys.column_names}
    columns |= {SCORE: pa.array(found.value.astype(np.float32)), ERROR: pa.array(found.error.astype(np.float32))}
    with TableWriter(target, list(columns)) as writer:
        writer.write_arrow(pa.table(columns))
    talk.say(f"wrote {plural(len(values), 'score')} to {_named(target)}")
    holes = int((~np.isfinite(values)).any(axis=1).sum())
    talk.say(f"  {plural(holes, 'row')} with missing cells: of these it is the density of the columns that are there")
    unknown = np.flatnonzero(np.isinf(found.error)) + 1
    if unknown.size:
        first = ", ".join(str(row) for row in unknown[:MOST_NAMED]) + (" ..." if unknown.size > MOST_NAMED else "")
        talk.warn(
            f"{plural(unknown.size, 'row')} ({first}) with a score that is not to be trusted: its error is infinite. "
            "What is there of such a row is rare."
        )


def _read(
    model: Model, source: str, written: Sequence[str], given: Mapping[str, Any], name: str
) -> tuple[TableJoint, Any, Any]:
    """The model's columns, the rows with NaN for holes, and the columns that are kept.

    Raises:
        DataError: If every cell is missing.
    """
    table = TableJoint.of(model, name)
    schema, keep = table.schema, flatten(given["keep"])
    read, keys = read_with_holes(source, selection(schema.columns, keep, written, given))
    values = encode_with_holes(read, schema)
    if not np.isfinite(values).any():
        raise DataError(f"{source}: every cell of the model's columns is missing.", "`sample` draws whole rows")
    return table, values, keys


def _named(target: str) -> str:
    return "standard output" if target == "-" else target
