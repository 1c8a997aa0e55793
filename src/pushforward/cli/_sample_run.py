"""The work of `pushforward sample`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from pushforward.cli._given import conditions
from pushforward.cli._talk import Talk, plural
from pushforward.data import Schema, Table, TableWriter
from pushforward.estimators import FlowDensity, load_estimator

FLOAT32_WHOLE = 2**24
"""Up to here float32 holds every whole number."""


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    model: Path
    rows: int
    target: str
    temperature: float
    given: dict[str, str]
    given_file: str | None
    seed: int


def run(request: Request, talk: Talk) -> None:
    """Draw and write rows chunk by chunk, with memory for a few chunks."""
    estimator = load_estimator(request.model)
    given = conditions(estimator, request.given, request.given_file)
    if isinstance(estimator, FlowDensity) or given is None:
        tables = estimator.iter_tables(request.rows, request.seed, request.temperature)
    else:
        tables = estimator.iter_tables(given, request.rows, request.seed, request.temperature)
    chunks = (table.values for table in tables)
    if given is not None:
        chunks = _with_conditions(chunks, given, request.rows)
    total = request.rows * (1 if given is None else given.num_rows)
    schema = estimator.schema_
    names, kinds, categories = schema.names, schema.kinds, schema.categories
    if given is not None:
        names, kinds = (*names, *given.names), (*kinds, *given.kinds)
        categories |= given.categories
    dtype = written_type(schema, given)
    with TableWriter(request.target, names, kinds, categories) as writer:
        for chunk in talk.counted(chunks, "drew", total):
            writer.write(chunk.astype(dtype))
    where = "standard output" if request.target == "-" else request.target
    talk.say(f"wrote {plural(total, 'row')} to {where}")


def _with_conditions(chunks: Iterator[np.ndarray], given: Table, rows_each: int) -> Iterator[np.ndarray]:
    start = 0
    for chunk in chunks:
        index = np.arange(start, start + len(chunk)) // rows_each
        yield np.hstack([chunk, given.values[index]])
        start += len(chunk)


def written_type(schema: Schema, given: Table | None) -> type[np.floating]:
    """The flow's own precision; float64 where float32 would change a large whole number."""
    large = [abs(limit) for c in schema.columns if c.kind == "integer" for limit in (c.low, c.high) if limit]
    large += [] if given is None else [float(np.max(np.abs(given.values)))]
    exact = jax.config.read("jax_enable_x64") or max(large, default=0.0) >= FLOAT32_WHOLE
    return np.float64 if exact else np.float32
