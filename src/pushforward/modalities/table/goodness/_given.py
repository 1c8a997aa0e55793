"""Rows of a conditional model, and the ranks of their values among its draws."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from pushforward.data import Table, encode, read_table
from pushforward.data._coding import refuse_unseen
from pushforward.diagnostics.goodness import _tests as tests
from pushforward.diagnostics.goodness._calibration import Calibration, calibration_of
from pushforward.diagnostics.goodness._report import Finding
from pushforward.modalities._learn import key_from
from pushforward.modalities._model import Model
from pushforward.modalities.table._chunks import TableFlow, iter_draws, log_prob
from pushforward.modalities.table._given import condition_values
from pushforward.modalities.table._reading import reading
from pushforward.modalities.table.goodness._case import inside

DRAWS, MOST_ROWS = 255, 1000
"""Draws for each row, and rows that are used at most."""


class Pairs(NamedTuple):
    """Rows with their conditions, both in codes."""

    rows: Table
    given: Table

    @property
    def condition(self) -> np.ndarray:
        """As the flow takes it."""
        return self.given.values


def pairs_of(model: Model, source: str, given: Mapping[str, Any]) -> Pairs:
    """Rows and conditions of a source.

    Raises:
        DataError: If a column is missing, or a value has no density.
    """
    schema, conditions = model.facts.schema, model.facts.condition_schema
    own = {"text": [*schema.categories, *conditions.categories], "moments": [*schema.moments, *conditions.moments]}
    how = {**own, "drop_missing": given["drop_missing"], **reading(given)}
    table = read_table(source, columns=(*schema.names, *conditions.names), **how)
    refuse_unseen(table, schema)
    rows = encode(table.select(schema.names), schema)
    seen = encode(table.select(conditions.names), conditions)
    seen = replace(seen, values=condition_values(table.select(conditions.names), conditions))
    return Pairs(replace(rows, values=inside(source, rows.values, schema), dropped=table.dropped), seen)


def calibrated(model: Model, data: Pairs, train: Pairs | None, *, level: float, seed: int) -> Calibration:
    """The ranks of at most 1,000 rows, and what tests say of them.

    Raises:
        DataError: If there are too few rows.
    """
    flow, rng, schema = TableFlow.of(model), np.random.default_rng(seed), model.facts.schema
    places = rng.permutation(data.rows.num_rows)[:MOST_ROWS]
    x, condition = data.rows.values[places], data.condition[places]
    ranks = ranks_of(flow, x, condition, seed)
    more = [] if train is None else [_gap(flow, data, train, level)]
    unordered = (*schema.categorical, *schema.circular)
    return calibration_of(ranks, condition, schema.names, unordered=unordered, more=more, level=level, seed=seed)


def ranks_of(flow: TableFlow, x: np.ndarray, condition: np.ndarray, seed: int) -> np.ndarray:
    """The share of draws below each value, ties broken at random, `(rows, columns)`."""
    ties = np.random.default_rng(seed).random(x.shape)
    below, equal, start = np.zeros(x.shape), np.zeros(x.shape), 0
    for draws in iter_draws(flow, DRAWS, key_from(seed), None, condition):
        own = np.arange(start, start + len(draws)) // DRAWS
        np.add.at(below, own, draws < x[own])
        np.add.at(equal, own, draws == x[own])
        start += len(draws)
    return (below + ties * (equal + 1)) / (DRAWS + 1)


def _gap(flow: TableFlow, data: Pairs, train: Pairs, level: float) -> Finding:
    """Whether the rows of training are denser than others given their conditions."""
    ours, theirs = (log_prob(flow, pairs.rows.values, pairs.condition) for pairs in (data, train))
    p_value, difference, error = tests.mean_p_value(theirs[np.isfinite(theirs)], ours[np.isfinite(ours)])
    passed = p_value > level or difference < 0
    says = f"rows of training are {difference:+.3f} ± {error:.3f} nats denser than the data"
    return Finding("training gap", p_value, passed, says, "" if passed else "fewer epochs, a smaller flow, more rows")
