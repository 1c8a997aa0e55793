"""`pushforward score` of a table: one row for each row."""

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np

from pushforward.data import Schema, Table, TableWriter, encode, read_batches, unseen_categories
from pushforward.data._coding import unseen_sentence
from pushforward.modalities._model import Model
from pushforward.modalities._talk import Talk, plural
from pushforward.modalities.table._chunks import TableFlow, iter_log_prob
from pushforward.modalities.table._given import condition_values


class Summary:
    """Adds up the scores that pass through, for the last line."""

    def __init__(self) -> None:
        self.rows = self.outside = self.dropped = 0
        self.total = 0.0
        self.unseen: dict[str, Counter[object]] = {}

    def add_unseen(self, batch: Table, schema: Schema) -> None:
        for name, counts in unseen_categories(batch, schema).items():
            self.unseen.setdefault(name, Counter()).update(counts)

    def add(self, scores: np.ndarray) -> None:
        inside = scores > -np.inf
        self.rows += len(scores)
        self.outside += int(len(scores) - inside.sum())
        self.total += float(scores[inside].sum())

    def say(self, target: str, talk: Talk) -> None:
        """How many rows, their mean, and what was left out or outside."""
        inside = self.rows - self.outside
        where = "standard output" if target == "-" else target
        mean = f"; mean log_prob {self.total / inside:.4f} nats" if inside else ""
        talk.say(f"wrote {plural(self.rows, 'score')} to {where}{mean}")
        if self.dropped:
            talk.say(f"{plural(self.dropped, 'row')} dropped: a cell was missing")
        for name, counts in self.unseen.items():
            talk.warn(f"{unseen_sentence(name, counts)}: log_prob is -inf there.")
        if self.outside:
            talk.say(
                f"{plural(self.outside, 'row')} with a value that the model cannot produce: log_prob is -inf there, "
                "and the mean is over the others"
            )


def score(model: Model, source: str, target: str, *, drop_missing: bool, talk: Talk) -> None:
    """Score a table chunk by chunk, with memory for a few chunks."""
    schema, conditions = model.facts.schema, model.facts.condition_schema
    wanted = (*schema.names, *(() if conditions is None else conditions.names))
    text = [*schema.categories, *(() if conditions is None else conditions.categories)]
    batches = read_batches(source, columns=wanted, drop_missing=drop_missing, text=text)
    summary = Summary()
    pairs = _pairs(_kept(batches, summary, schema), schema, conditions)
    with TableWriter(target, ["log_prob"]) as writer:
        for scores in talk.counted(iter_log_prob(TableFlow.of(model), pairs), "scored"):
            summary.add(scores)
            writer.write(scores[:, None].astype(np.float32))
    summary.say(target, talk)
    if not model.flow.exact:
        talk.say("  these are estimates of a bound: the flow does not give exact log-densities")


def _kept(batches: Iterable[Table], summary: Summary, schema: Schema) -> Iterator[Table]:
    for batch in batches:
        summary.dropped += batch.dropped
        if batch.num_rows:
            summary.add_unseen(batch, schema)
            yield batch


def _pairs(
    batches: Iterable[Table], schema: Schema, conditions: Schema | None
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    for batch in batches:
        yield encode(batch, schema).values, None if conditions is None else condition_values(batch, conditions)
