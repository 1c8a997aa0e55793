"""Pictures of forecasts."""

from typing import Any

import jax
import numpy as np

from pushforward import plots
from pushforward._errors import UsageError
from pushforward.data.series._series import SeriesData
from pushforward.modalities._model import Model
from pushforward.modalities._told import Look
from pushforward.modalities.series._forecast import paths_of

PATHS = 200
BEFORE = 3
"""Horizons of the past that are shown."""


def picture(model: Model, data: SeriesData | None, what: str, look: Look, seed: int) -> Any:
    """A figure of a model of series; of several items the first is shown."""
    if what == "loss":
        return plots.loss_curve(model.result, **look._asdict())
    whole = look.whole("series", "leave them out, or give a --title")
    if data is None:
        raise UsageError(f"--what {what} needs a past.", "give the series behind the model")
    facts, flow = model.facts, model.flow
    paths, ahead = paths_of(flow, facts, data, PATHS, jax.random.key(seed))  # pyright: ignore[reportArgumentType]
    past = data.items[0]
    if what == "fan":
        shown = slice(-BEFORE * len(ahead[0].times), None)
        before, after = (
            item.times if facts.moment is None else item.times.astype("datetime64[s]") for item in (past, ahead[0])
        )
        return plots.fan(before[shown], past.values[shown], after, paths[0], names=facts.names, **whole)
    behind = np.broadcast_to(past.values[-1], (len(paths[0]), 1, len(facts.names)))
    steps = np.diff(np.concatenate([behind, paths[0]], axis=1), axis=1)
    known = np.diff(past.values, axis=0)
    both = [_correlation(known[np.isfinite(known).all(axis=1)]), _correlation(steps.reshape(-1, steps.shape[2]))]
    return plots.correlations(both, names=facts.names, titles=["changes in the data", "changes in paths"], **whole)


def _correlation(changes: np.ndarray) -> np.ndarray:
    changes = changes[np.isfinite(changes).all(axis=1)]
    return np.atleast_2d(np.corrcoef(changes, rowvar=False))
