"""Rows of a table, and what its model says of them, as tests take them."""

import jax.numpy as jnp
import numpy as np

from pushforward._errors import DataError
from pushforward.data import Schema
from pushforward.diagnostics import diagnose
from pushforward.diagnostics.goodness._baselines import by_columns, folds
from pushforward.diagnostics.goodness._case import Case, Columns, used
from pushforward.diagnostics.goodness._noise import noise_of
from pushforward.modalities._events import on_sphere
from pushforward.modalities._learn import key_from
from pushforward.modalities._model import Model
from pushforward.modalities.table._chunks import TableFlow, iter_draws, log_prob
from pushforward.modalities.table._rows import Rows
from pushforward.modalities.table._settings import TableSettings
from pushforward.modalities.table.choice._compare import gaussian_model

FRACTIONS = 64
"""Fractions of whole numbers among which one is drawn."""
MOST_NOISE = 1000
"""Rows whose fractions are drawn."""


def columns_of(schema: Schema) -> Columns:
    """What columns hold, as tests want to know it."""
    whole = tuple(place for place, column in enumerate(schema.columns) if column.kind == "integer")
    return Columns(schema.names, schema.categorical, whole, tuple(column.atoms for column in schema.columns))


def case_of(model: Model, data: np.ndarray, train: np.ndarray | None, *, level: float, seed: int) -> Case:
    """The case of rows in codes.

    Raises:
        DataError: If there are too few.
    """
    flow, rng = TableFlow.of(model), np.random.default_rng(seed)
    rows = used("data", data, rng)
    known = None if train is None else used("train", train, rng)
    drawn = np.concatenate(list(iter_draws(flow, len(rows), key_from(seed), None)))
    drawn_scores = log_prob(flow, drawn)
    columns = columns_of(flow.schema)
    seen = _dequantised(flow, rows, rng)
    return Case(
        rows,
        drawn,
        log_prob(flow, rows),
        drawn_scores,
        known,
        None if known is None else log_prob(flow, known),
        _by_gaussian(model, rows, rng),
        by_columns(rows, rng, columns),
        None if flow.units is None else noise_of(flow.flow, seen, rng),
        _problems(flow, seen, drawn_scores, seed),
        columns,
        level,
        seed,
    )


def _problems(flow: TableFlow, seen: np.ndarray, drawn_scores: np.ndarray, seed: int) -> tuple[str, ...]:
    """What is wrong with the numbers; where categories and atoms have laws of their own, of log-densities alone."""
    if not (flow.schema.categorical or flow.schema.atomic):
        return tuple(diagnose(flow.flow, seen, key=seed).problems)
    share = 1.0 - float(np.isfinite(drawn_scores).mean())
    return (f"log_prob of {share:.1%} of the samples is not finite",) if share else ()


def _by_gaussian(model: Model, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """By one Gaussian behind the model's own supports; None where there is none."""
    schema = model.facts.schema
    if on_sphere(model.flow):
        return None

    def score(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        gaussian = gaussian_model(Rows(schema.table(train), None, None, schema=schema), TableSettings())
        return log_prob(TableFlow.of(gaussian), test)

    try:
        return folds(rows, rng, score)
    except DataError:  # a column is constant
        return None


def _dequantised(flow: TableFlow, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What the flow sees of rows, of whole numbers with a fraction that is drawn as the flow has it.

    The flow rounds down, so that a whole number of a right model comes with a fraction whose density is the flow's own,
    which is not even. One of 64 even ones is chosen by it.
    """
    if flow.units is None:
        return np.asarray(rows, jnp.result_type(float))
    whole = len(flow.units.integers)
    if not whole:
        return flow.units.standard(rows)[0]
    rows = rows[:MOST_NOISE]
    fractions = (np.arange(FRACTIONS)[:, None, None] + rng.random((FRACTIONS, len(rows), whole))) / FRACTIONS
    fractions = rng.permuted(fractions, axis=0)  # even in each column, and in each column in an order of its own
    tried = [flow.units.standard(rows, own) for own in fractions]
    scores = np.stack([np.asarray(flow.flow.log_prob(seen)) + log_det for seen, log_det in tried])
    chosen = np.argmax(scores + rng.gumbel(size=scores.shape), axis=0)
    return np.stack([seen for seen, _ in tried])[chosen, np.arange(len(rows))]
