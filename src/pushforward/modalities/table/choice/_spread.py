"""The spread of a fitted density, as rows that were held out find it: a flow is too sure of what it learned."""

import math
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize_scalar

from pushforward.bijections import Chain, Scale
from pushforward.distributions import AbstractDistribution, Normal, Transformed
from pushforward.modalities._learn import Prepared
from pushforward.modalities._model import Model
from pushforward.modalities.table._flow import with_ends, without_ends
from pushforward.modalities.table._rows import Rows, taken
from pushforward.modalities.table.choice._folds import scores_of
from pushforward.objectives import nll

LEAST_HELD_OUT = 20
"""Rows that are held out, below which the spread would be a guess."""
MORE_ROWS = 10
"""That are counted with noise as it should be."""
MOST = 4.0
"""A spread beyond this says that something else is wrong."""
MOST_ROWS = 4096
"""That are looked at: so many know a deviation to a hundredth."""
TOLERANCE = 5e-3
"""Of the logarithm of the spread."""


def wants_spread(ready: Prepared) -> bool:
    """Whether a fit ends with a look at the spread: numbers given conditions, by likelihood."""
    facts = ready.facts
    known = facts.units is not None and facts.schema.has_densities_alone
    return known and ready.data.condition is not None and ready.objective is nll


def with_spread(model: Model, ready: Prepared) -> Model:
    """The model, `widened` by the rows that were held out."""
    held_out = None if ready.held_out is None else ready.held_out(ready)
    if held_out is None:
        return model
    weights = None if held_out.weights is None else held_out.weights[:MOST_ROWS]
    return widened(model, taken(ready.data, held_out.rows[:MOST_ROWS]), weights)


def widened(model: Model, apart: Rows, weights: np.ndarray | None) -> Model:
    r"""The model with its noise scaled by the $s \ge 1$ that makes rows that were not learned the likeliest.

    Ten more rows are counted whose noise is as it should be, so that $s^2 = (n m + 10) / (n + 10)$ for $n$ rows whose
    noise has the mean square $m$. The noise is never made less: the same rows chose the epoch, so that they are no
    reason to be surer. A flow of standard normal noise keeps its form; one of other noise stays as it is.

    Args:
        model: As it was fitted.
        apart: Rows that it did not learn.
        weights: How many rows each of them stands for, or None.
    """
    flow = without_ends(model.flow, columns=True, conditions=apart.condition is not None)[0]
    standard = isinstance(flow, Transformed) and isinstance(flow.base, Normal) and flow.base.loc is None
    if not standard or apart.x.num_rows < LEAST_HELD_OUT:
        return model
    spread = _likeliest(model, apart, weights, flow.event_shape[0])
    # Always a scale, be it 1: what is compiled for one fit then serves the next.
    return _scaled(model, spread, conditions=apart.condition is not None)


def _likeliest(model: Model, apart: Rows, weights: np.ndarray | None, dim: int) -> float:
    count, conditions = apart.x.num_rows, apart.condition is not None

    def short(log_spread: float) -> float:
        scores = scores_of(_scaled(model, math.exp(log_spread), conditions=conditions), apart)
        known = np.isfinite(scores)  # the rows outside of a support are so for every spread
        mean = np.average(scores[known], weights=None if weights is None else weights[known]) if known.any() else 0.0
        return MORE_ROWS * dim * (log_spread + 0.5 * math.exp(-2.0 * log_spread)) - count * float(mean)

    most = math.log(MOST)
    found = minimize_scalar(short, bounds=(0.0, most), method="bounded", options={"xatol": TOLERANCE})
    inside = TOLERANCE < found.x < most - 2.0 * TOLERANCE
    return math.exp(found.x) if inside else 1.0


def _scaled(model: Model, spread: float, *, conditions: bool) -> Model:
    flow, columns, embedding = without_ends(model.flow, columns=True, conditions=conditions)
    assert isinstance(flow, Transformed)  # `widened` has asked
    scale = Scale(jnp.full(flow.base.event_shape, spread))
    whole: AbstractDistribution = Transformed(flow.base, Chain([scale, flow.bijection]))
    whole = with_ends(whole, columns, embedding)
    return replace(model, flow=whole, result=replace(model.result, flow=whole))
