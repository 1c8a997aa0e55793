"""By how much a fitted flow is better than one Gaussian, on the rows that its fit held out."""

import numpy as np

from pushforward._errors import DataError
from pushforward.modalities._events import on_sphere
from pushforward.modalities._learn import HeldOut, Prepared
from pushforward.modalities._model import Model
from pushforward.modalities.table._rows import Rows, taken
from pushforward.modalities.table._settings import TableSettings
from pushforward.modalities.table.choice._compare import gaussian_model
from pushforward.modalities.table.choice._comparison import mean_and_error
from pushforward.modalities.table.choice._folds import scores_of

MOST_ROWS = 4096
"""Rows that are held out are scored, at most."""
MOST_TRAINING = 100_000
"""Rows that the Gaussian is fitted to, at most."""
LEAST_ROWS = 2


def gain(model: Model, ready: Prepared) -> tuple[float, float] | None:
    """The mean difference in nats a row, and its standard error; None where nothing was held out.

    The Gaussian is fitted to the rows that the flow was trained on, behind the same supports. The flow's best epoch
    was chosen on the rows that are held out, which favours it a little.
    """
    rows: Rows = ready.data
    held_out = None if ready.held_out is None else ready.held_out(ready)
    if held_out is None or len(held_out.rows) < LEAST_ROWS or not model.result.history or on_sphere(model.flow):
        return None
    rows = rows._replace(schema=model.facts.schema, conditions=model.facts.condition_schema)
    places = held_out.rows[:MOST_ROWS]
    try:
        baseline = gaussian_model(taken(rows, np.sort(held_out.train[:MOST_TRAINING])), TableSettings())
    except DataError:  # a column is constant in what is left
        return None
    apart = taken(rows, places)
    # As many as `with_scores` takes, which then finds its program compiled.
    least = min(rows.x.num_rows, MOST_ROWS)
    scores = scores_of(model, apart, least=least) - scores_of(baseline, apart)
    found = mean_and_error(scores, _weights(held_out))
    return found if np.isfinite(found).all() else None


def told(found: tuple[float, float], what: str = "one Gaussian") -> tuple[str, ...]:
    """The sentence that a fit ends with, and what to do where the flow is worse."""
    amount, error = found
    if amount >= 0:
        return (f"{amount:.2f} ± {error:.2f} nats a row better than {what}, on the rows that were held out",)
    return (
        f"{-amount:.2f} ± {error:.2f} nats a row worse than {what}, on the rows that were held out",
        "  `--flow auto` takes what is best, and `pushforward compare` shows how far apart flows are",
    )


def _weights(held_out: HeldOut) -> np.ndarray | None:
    return None if held_out.weights is None else held_out.weights[:MOST_ROWS]
