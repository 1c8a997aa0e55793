"""`pushforward score` of a table: one row for each row."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from pushforward.data import Schema, Table, TableWriter, encode, unseen_categories
from pushforward.data._coding import unseen_sentence
from pushforward.data._missing import MissingError
from pushforward.data._read import Part, read_parts
from pushforward.data._source import Selection, block_rows
from pushforward.data.shards._within import count_rows, read_within
from pushforward.distributions._latent import latent_of
from pushforward.modalities._model import Model
from pushforward.modalities._options import flatten
from pushforward.modalities._talk import Talk, plural
from pushforward.modalities.table._aligned import ROW, aligned, selection
from pushforward.modalities.table._chunks import TableFlow, iter_log_prob
from pushforward.modalities.table._far import FarConditions
from pushforward.modalities.table._given import condition_values
from pushforward.modalities.table.oddity._ranks import percentiles
from pushforward.modalities.table.parts._shard import Shard

SCORE, RANK = "log_prob", "percentile"
"""The columns of scores: nats, and the percentage of training rows below."""


class Summary:
    """Adds up the scores that pass through, for the last line."""

    def __init__(self, schema: Schema, far: FarConditions, shard: Shard | None = None, before: int = 0) -> None:
        self.schema, self.far, self.shard, self.before = schema, far, shard, before
        self.rows = self.outside = self.dropped = 0
        self.total = 0.0
        self.unseen: dict[str, Counter[object]] = {}
        self.first_outside = ""

    def add_unseen(self, batch: Table) -> None:
        for name, counts in unseen_categories(batch, self.schema).items():
            self.unseen.setdefault(name, Counter()).update(counts)

    @property
    def written(self) -> int:
        """Rows up to here, those without a score and of other shards among them."""
        return self.before + self.rows + self.dropped

    def add(self, scores: np.ndarray, part: Part) -> None:
        """Scores of the complete rows of a part, after all parts before it."""
        self.dropped += part.table.dropped
        inside = scores > -np.inf
        if not self.first_outside and not inside.all():
            self.first_outside = self._first_outside(part)
        self.rows += len(scores)
        self.outside += int(len(scores) - inside.sum())
        self.total += float(scores[inside].sum())

    def _first_outside(self, part: Part) -> str:
        """Where the first value is that the model cannot produce, of rows behind those that are counted."""
        first = self.schema.first_outside(encode(part.table, self.schema).values)
        if first is None:
            return ""
        place = first[0] if part.present is None else np.flatnonzero(part.present)[first[0]]
        return f"; the first in row {self.written - part.table.dropped + place + 1}: {first[1]}"

    def say(self, target: str, talk: Talk) -> None:
        """How many rows, their mean, and what was left out or outside."""
        inside = self.rows - self.outside
        where = "standard output" if target == "-" else target
        mean = f"; mean log_prob {self.total / inside:.4f} nats" if inside else ""
        of_all = "" if self.shard is None else f", {self.shard},"
        talk.say(f"wrote {plural(self.rows, 'score')}{of_all} to {where}{mean}")
        if self.dropped:
            talk.say(f"{plural(self.dropped, 'row')} without a score: a cell was missing")
        for name, counts in self.unseen.items():
            talk.warn(f"{unseen_sentence(name, counts)}: log_prob is -inf there.")
        for sentence in self.far.sentences():
            talk.warn(sentence)
        if self.outside:
            talk.say(
                f"{plural(self.outside, 'row')} with a value that the model cannot produce: log_prob is -inf there, "
                f"and the mean is over the others{self.first_outside}"
            )


def score(model: Model, source: str, target: str, given: Mapping[str, Any], talk: Talk) -> None:
    """Score a table chunk by chunk, with memory for a few chunks."""
    schema, conditions = model.facts.schema, model.facts.condition_schema
    keep = flatten(given["keep"])
    own = [*schema.columns, *(() if conditions is None else conditions.columns)]
    parts, first, least = _parts(source, selection(own, keep, [SCORE, RANK], given), given)
    summary = Summary(schema, FarConditions(model.facts), given["shard"], first)
    passing: deque[Part] = deque()
    pairs = _pairs(_passed(parts, passing, summary), schema, conditions, summary.far)
    ranks = model.facts.scores
    names = [ROW, *keep, SCORE, *([RANK] if ranks else [])]
    with TableWriter(target, names) as writer, _with_other_way():
        for scores in talk.counted(iter_log_prob(TableFlow.of(model), pairs, least=least), "scored"):
            part = passing.popleft()
            columns = [scores, percentiles(scores, ranks)] if ranks else [scores]
            columns = [column.astype(np.float32) for column in columns]
            writer.write_arrow(aligned(part, columns, summary.written, names))
            summary.add(scores, part)
    summary.say(target, talk)
    if not model.flow.exact:
        whole = ", ".join(column.name for column in schema.columns if column.kind == "integer")
        reason = f"whole numbers ({whole}) are scored with noise" if whole else "the flow gives no exact log-densities"
        reason = "latent variables are drawn, 16 times for each row" if latent_of(model.flow) is not None else reason
        talk.say(f"  these are estimates of a bound: {reason}")


def _parts(source: str, chosen: Selection, given: Mapping[str, Any]) -> tuple[Iterator[Part], int, int]:
    """The rows to score, how many are before them, and the longest batch that all rows have."""
    shard, drop_missing = given["shard"], given["drop_missing"]
    if shard is None:
        return read_parts(source, chosen, drop_missing=drop_missing), 0, 0
    total = count_rows(source, chosen)
    rows = shard.rows(total)
    least = min(total, block_rows(len(chosen.columns or ())))
    return read_within(source, chosen, rows, drop_missing=drop_missing), rows.start, least


@contextmanager
def _with_other_way() -> Iterator[None]:
    """A refusal of missing cells that names the option which scores what is there."""
    try:
        yield
    except MissingError as error:
        hint = f"{error.hint}, or score what is there of them by `--incomplete`"
        raise MissingError(error.message, hint, error.columns) from None


def _passed(parts: Iterable[Part], passing: deque[Part], summary: Summary) -> Iterator[Table]:
    """The tables of the parts, each of which waits in `passing` for its scores."""
    for part in parts:
        passing.append(part)
        summary.add_unseen(part.table)
        yield part.table


def _pairs(
    batches: Iterable[Table], schema: Schema, conditions: Schema | None, far: FarConditions
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    for batch in batches:
        condition = None if conditions is None else condition_values(batch, conditions)
        if condition is not None:
            far.add(condition)
        yield encode(batch, schema).values, condition
