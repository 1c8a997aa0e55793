"""Rows in folds, and the scores of a model on those that it has not seen."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pushforward._errors import UsageError
from pushforward.data import encode
from pushforward.modalities._model import Model
from pushforward.modalities.table._chunks import TableFlow, log_prob
from pushforward.modalities.table._prepare import coded
from pushforward.modalities.table._rows import Rows, taken, with_weight

LEAST_TRAINING = 2


class Fold(NamedTuple):
    """One division of the rows.

    Attributes:
        training: To fit.
        held_out: To score.
        places: Of the rows that are held out, among all.
    """

    training: Rows
    held_out: Rows
    places: np.ndarray


def with_schemas(rows: Rows, columns: object) -> Rows:
    """The rows with what their columns can hold, found once, so that all folds and flows mean the same by a density.

    Raises:
        DataError: If the columns cannot be used.
    """
    rows = with_weight(rows)
    _, schema, conditions = coded(rows, columns)
    return rows._replace(schema=schema, conditions=conditions)


def check_folds(folds: int, num_rows: int) -> None:
    """A UsageError for a number of folds that cannot be.

    Raises:
        UsageError: For one fold, a fraction, or more folds than rows.
    """
    if not isinstance(folds, int | np.integer) or isinstance(folds, bool) or folds < 2:
        raise UsageError(f"folds must be a whole number of at least 2, got {folds}.", "5 is usual")
    if num_rows - -(-num_rows // folds) < LEAST_TRAINING or folds > num_rows:
        raise UsageError(
            f"{num_rows} rows cannot be divided into {folds} folds that leave at least {LEAST_TRAINING} to train on.",
            f"choose from 2 to {num_rows} folds" if num_rows > 3 else "give more rows",
        )


def folds_of(rows: Rows, folds: int, seed: int) -> Iterator[Fold]:
    """The rows, each held out once; which row is in which fold depends on the seed alone."""
    order = np.random.default_rng(seed).permutation(rows.x.num_rows)
    parts = np.array_split(order, folds)
    size = len(order) - len(parts[0])
    for number, part in enumerate(parts):
        # Always as many rows to train on, so that nothing compiles again: one row may sit a fold out.
        kept = np.concatenate([other for place, other in enumerate(parts) if place != number])[:size]
        places = np.sort(part)
        yield Fold(taken(rows, np.sort(kept)), taken(rows, places), places)


def rare_sentences(rows: Rows) -> Iterator[str]:
    """What is to be said of categories with one row: where it is held out, none is left to learn from."""
    for table, schema in ((rows.x, rows.schema), (rows.condition, rows.conditions)):
        if table is None or schema is None:
            continue
        for place in schema.categorical:
            column = schema.columns[place]
            counts = Counter(encode(table, schema).values[:, place].astype(int).tolist())
            once = [column.categories[code] for code, count in sorted(counts.items()) if count == 1]
            if once:
                named = ", ".join(map(repr, once[:3])) + ", ..." * (len(once) > 3)
                yield f"column {column.name!r}: {named} in one row only, which a fit never sees where it is held out."


def scores_of(model: Model, rows: Rows, *, least: int = 0) -> np.ndarray:
    """Log-densities in nats and in the units of the data, `(rows,)`.

    Args:
        model: Of a table.
        rows: As the user has them, or in codes.
        least: As of `log_prob`: with the rows that are scored elsewhere, nothing compiles for these.
    """
    facts, condition = model.facts, rows.condition
    given = None
    if condition is not None and facts.condition_schema is not None:
        given = facts.condition_schema.turned(encode(condition, facts.condition_schema).values)
    return log_prob(TableFlow.of(model), encode(rows.x, facts.schema).values, given, least=least)


def subset(rows: Rows, most: int, seed: int) -> Rows:
    """At most so many rows, at random."""
    if rows.x.num_rows <= most:
        return rows
    return taken(rows, np.sort(np.random.default_rng(seed).permutation(rows.x.num_rows)[:most]))
