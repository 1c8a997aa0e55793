"""`pushforward synthesize` of a table: new rows, and what is to be said of sharing them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pushforward._errors import DataError, did_you_mean
from pushforward.data import Table, encode
from pushforward.data._write import check_output
from pushforward.diagnostics.synthetic import Assessment, assess
from pushforward.modalities._options import flatten
from pushforward.modalities._talk import Talk, duration, plural
from pushforward.modalities.table._read import OTHERS, read_rows
from pushforward.modalities.table._settings import TableSettings
from pushforward.modalities.table.synthesis._columns import rare_values, refuse_identifiers
from pushforward.modalities.table.synthesis._fit import Generator, fitted
from pushforward.modalities.table.synthesis._page import page_of
from pushforward.reports import Page

EMA = 0.999
"""Of the running mean of the parameters that is kept, where none is given: the last steps alone move whole columns."""
HOLDOUT = 0.2
"""Share of the rows that the flow does not see."""
LEAST_ROWS = 10
"""To hold out, and to learn from."""
FEW_ROWS = 1_000
"""So few rows are judged with others of the same generator."""
MOST_SCORED = 20_000
"""Rows whose log-densities are compared, of each part, at most."""


@dataclass(frozen=True)
class Synthesis:
    """New rows, and the real ones that they are judged by.

    Attributes:
        table: The new rows.
        judged: The same, and more of the same generator where they are too few to be judged.
        generator: What drew them.
        train: The rows that it was fitted to, in the codes of its schema.
        held_out: Those that it has not seen.
        targets: Columns to predict; all, or the first ten, where there is none.
        seed: Of all randomness.
        source: The real table, as the user named it.
    """

    table: Table
    judged: Table
    generator: Generator
    train: Table
    held_out: Table
    targets: tuple[str, ...]
    seed: int
    source: str = ""

    def page(self, found: Assessment) -> Page:
        """The report as a page."""
        return page_of(found, self.source, self.generator.model.recipe)

    def assess(self) -> Assessment:
        """How good the rows are, and what they tell of those of training."""
        rng = np.random.default_rng(self.seed)
        members = rng.permutation(self.generator.members)[:MOST_SCORED]
        others = rng.permutation(self.held_out.num_rows)[:MOST_SCORED]
        scores = [
            self.generator.log_prob(replace(table, values=table.values[rows]), self.seed)
            for table, rows in ((self.train, members), (self.held_out, others))
        ]
        return assess(
            self.train,
            self.held_out,
            self.judged,
            targets=self.targets or None,
            log_prob=(scores[0], scores[1]),
            seed=self.seed,
        )


def synthesize(
    source: str, target: str, count: int | None, given: Mapping[str, Any], *, common: Mapping[str, Any], talk: Talk
) -> Synthesis:
    """Read a source, fit a part of its rows, and draw new ones.

    Args:
        source: A table.
        target: The file that the rows will be written to.
        count: How many rows to draw; None for as many as the source has.
        given: The options of tables.
        common: The settings of a fit.
        talk: Is told of each step.

    Raises:
        DataError: If the rows cannot be used, are too few, or a column names them.
    """
    rows = read_rows(source, {**given, "condition": (), "weights": None, "background": False}, talk)
    check_output(target, rows.x)
    kinds = {name: kind for name, kind in (rows.kinds or {}).items() if name != OTHERS}
    targets = flatten(given["target"])
    how = {"common": common, "kinds": kinds, "targets": targets, "holdout": given["holdout"], "talk": talk}
    return replace(synthesized(rows.x, count, **how), source=source)


def synthesized(
    x: Table,
    count: int | None,
    *,
    common: Mapping[str, Any],
    kinds: Mapping[str, str] | None = None,
    targets: tuple[str, ...] = (),
    holdout: float = HOLDOUT,
    talk: Talk,
) -> Synthesis:
    """Fit a part of the rows of a table, and draw new ones.

    Args:
        x: The rows.
        count: How many rows to draw; None for as many as there are.
        common: The settings of a fit.
        kinds: What columns can hold, where the user has said it.
        targets: Columns that a report predicts.
        holdout: Share of the rows that the flow does not see.
        talk: Is told of each step.

    Raises:
        DataError: If the rows cannot be used, are too few, or a column names them.
    """
    kinds = dict(kinds or {})
    _check(x, targets, holdout, kinds)
    seed = common["random_state"]
    train, held_out = _split(x, holdout, seed)
    talk.say(
        f"fitting {common['flow']} to {plural(train.num_rows, 'row')}; "
        f"{plural(held_out.num_rows, 'row')} are held out, to judge by"
    )
    ema = {"ema": EMA if common.get("ema") is None else common["ema"]}
    settings = TableSettings(**{**common, **ema}, columns={"*": "infer"} | kinds, background=False)
    generator = fitted(train, settings, kinds, seed)
    result = generator.model.result
    talk.say(
        f"stopped after {plural(len(result.history), 'epoch')}, {duration(result.seconds)}: {result.stopped_because}"
    )
    for sentence in generator.coding.sentences():
        talk.say(sentence)
    for sentence in rare_values(train, generator.schema):
        talk.warn(sentence)
    count = x.num_rows if count is None else count
    judged = generator.sample(max(count, min(x.num_rows, FEW_ROWS)), seed + 1)
    table = replace(judged, values=judged.values[:count])
    known, others = (encode(part, generator.schema) for part in (train, held_out))
    return Synthesis(table, judged, generator, known, others, targets, seed)


def _check(table: Table, targets: tuple[str, ...], holdout: float, kinds: Mapping[str, str]) -> None:
    for target in targets:
        if target not in table.names:
            raise DataError(f"--target: there is no column {target!r}.", did_you_mean(target, table.names))
    if targets and table.num_columns == 1:
        raise DataError("--target: there is no other column to predict it from.", "leave it out")
    apart = _held_out_rows(table.num_rows, holdout)
    if apart < LEAST_ROWS or table.num_rows - apart < LEAST_ROWS:
        least = int(np.ceil(LEAST_ROWS / min(holdout, 1 - holdout)))
        raise DataError(
            f"{plural(table.num_rows, 'row')}, of which {apart} would be held out and {table.num_rows - apart} learned "
            f"from: at least {LEAST_ROWS} of each are needed to say anything.",
            f"give at least {least} rows, or another share with --holdout; some hundreds give a first impression",
        )
    refuse_identifiers(table, kinds)


def _held_out_rows(rows: int, holdout: float) -> int:
    return round(holdout * rows)


def _split(table: Table, holdout: float, seed: int) -> tuple[Table, Table]:
    """What is learned from and what is held out, both in the order of the table."""
    order = np.random.default_rng(seed).permutation(table.num_rows)
    apart = _held_out_rows(table.num_rows, holdout)
    parts = (np.sort(order[apart:]), np.sort(order[:apart]))
    train, held_out = (replace(table, values=table.values[places]) for places in parts)
    return train, held_out
