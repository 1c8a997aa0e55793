"""Rows of a conditional model, and the ranks of their values among its draws."""

import numpy as np

from pushforward.diagnostics.goodness import _tests as tests
from pushforward.diagnostics.goodness._calibration import Calibration, calibration_of
from pushforward.diagnostics.goodness._report import Finding
from pushforward.modalities._learn import key_from
from pushforward.modalities._model import Model
from pushforward.modalities.table._chunks import TableFlow, iter_draws, log_prob
from pushforward.modalities.table._reading import Pairs

DRAWS, MOST_ROWS = 255, 1000
"""Draws for each row, and rows that are used at most."""


def calibrated(model: Model, data: Pairs, train: Pairs | None, *, level: float, seed: int) -> Calibration:
    """The ranks of at most 1,000 rows, and what tests say of them.

    Raises:
        DataError: If there are too few rows.
    """
    flow, rng, schema = TableFlow.of(model), np.random.default_rng(seed), model.facts.schema
    places = rng.permutation(data.rows.num_rows)[:MOST_ROWS]
    assert data.condition is not None
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
