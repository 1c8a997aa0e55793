"""Keep, of a fit, the scores of the rows that it held out."""

from dataclasses import replace

import numpy as np

from pushforward.modalities._learn import Prepared
from pushforward.modalities._model import Model
from pushforward.modalities.table._rows import Rows, taken
from pushforward.modalities.table.choice._folds import scores_of
from pushforward.modalities.table.oddity._calibration import MOST_ROWS, Calibration


def with_calibration(model: Model, ready: Prepared) -> Model:
    """The model with the scores of the rows that its fit held out; without, where there are none, or with weights."""
    rows: Rows = ready.data
    held_out = None if ready.held_out is None else ready.held_out(ready)
    if held_out is None or held_out.weights is not None or not len(held_out.rows) or not model.result.history:
        return model
    least = min(rows.x.num_rows, MOST_ROWS)  # as many as `with_scores` takes, which finds its program compiled
    scores = scores_of(model, taken(rows, held_out.rows[:MOST_ROWS]), least=least)
    if np.isnan(scores).any():
        return model
    return replace(model, facts=replace(model.facts, calibration=Calibration.of(scores, unseen=False)))
