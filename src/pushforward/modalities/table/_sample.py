"""`pushforward sample` of a table: new rows, in its own columns."""

from collections.abc import Iterator

import jax
import numpy as np

from pushforward.data import Table, TableWriter
from pushforward.data._units import Units
from pushforward.modalities._learn import key_from
from pushforward.modalities._model import Model
from pushforward.modalities._talk import Talk, plural
from pushforward.modalities.table._chunks import TableFlow, iter_draws
from pushforward.modalities.table._far import FarConditions
from pushforward.modalities.table._given import condition_values
from pushforward.modalities.table.parts._shard import Shard

FLOAT32_WHOLE = 2**24
"""Up to here float32 holds every whole number."""


def sample(
    model: Model,
    rows: int,
    target: str,
    given: Table | None,
    *,
    temperature: float,
    seed: int,
    talk: Talk,
    shard: Shard | None = None,
) -> None:
    """Draw and write rows chunk by chunk, with memory for a few chunks; `rows` for each row of `given`.

    With a shard only its part of them.
    """
    schema = model.facts.schema
    dtype = np.float64 if schema.moments else written_type(TableFlow.of(model).units, given)
    # Rounded to float32, a value may lie on a limit, or beyond it.
    total = rows * (1 if given is None else given.num_rows)
    within = range(total) if shard is None else shard.rows(total)
    drawn = draws(model, rows, seed, temperature, given, within)
    chunks = (schema.clip(chunk.astype(dtype)) for chunk in drawn)
    names, kinds, categories, types = schema.names, schema.kinds, schema.categories, schema.types
    if given is not None:
        chunks = _with_conditions(chunks, given, rows, within.start)
        names, kinds = (*names, *given.names), (*kinds, *given.kinds)
        categories |= given.categories
        types |= given.types
    with TableWriter(target, names, kinds, categories, types) as writer:
        for chunk in talk.counted(chunks, "drew", len(within)):
            writer.write(chunk.astype(dtype))
    where = "standard output" if target == "-" else target
    of_all = "" if shard is None else f", {shard} of {plural(total, 'row')},"
    talk.say(f"wrote {plural(len(within), 'row')}{of_all} to {where}")
    if given is not None:
        far = FarConditions(model.facts)
        far.add(given.values)
        for sentence in far.sentences():
            talk.warn(sentence)


def draws(
    model: Model,
    rows: int,
    seed: int,
    temperature: float | None = None,
    given: Table | None = None,
    within: range | None = None,
) -> Iterator[np.ndarray]:
    """Draws in chunks `(rows, columns)`, `rows` for each row of `given`; of all of them those `within`."""
    facts = model.facts
    condition = None if given is None else condition_values(given, facts.condition_schema)
    return iter_draws(TableFlow.of(model), rows, key_from(seed), temperature, condition, within)


def _with_conditions(chunks: Iterator[np.ndarray], given: Table, rows_each: int, start: int) -> Iterator[np.ndarray]:
    for chunk in chunks:
        index = np.arange(start, start + len(chunk)) // rows_each
        yield np.hstack([chunk, given.values[index]])
        start += len(chunk)


def written_type(units: Units | None, given: Table | None) -> type[np.floating]:
    """The flow's own precision, or float64 where float32 would change values."""
    blurred = units is not None and not units.fit_float32
    if given is not None:
        blurred |= bool(given.moments) or float(np.max(np.abs(given.values))) >= FLOAT32_WHOLE
    return np.float64 if blurred or jax.config.read("jax_enable_x64") else np.float32
