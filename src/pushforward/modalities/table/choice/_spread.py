"""The spread of a conditional density, as rows that were held out find it: a flow is too sure of what it learned."""

import math
from dataclasses import replace

import jax.numpy as jnp
import numpy as np

from pushforward.bijections import Chain, Scale
from pushforward.distributions import Normal, Transformed
from pushforward.modalities._learn import Prepared
from pushforward.modalities._model import Model
from pushforward.modalities.table._chunks import TableFlow
from pushforward.modalities.table._flow import with_ends, without_ends
from pushforward.modalities.table._rows import taken
from pushforward.objectives import nll

LEAST_HELD_OUT = 20
"""Rows that are held out, below which the spread would be a guess."""
MORE_ROWS = 10
"""That are counted with noise as it should be."""
MOST = 4.0
"""A spread beyond this says that something else is wrong."""
MOST_ROWS = 4096
"""That are looked at: so many know a deviation to a hundredth."""


def wants_spread(ready: Prepared) -> bool:
    """Whether a fit ends with a look at the spread: numbers given conditions, by likelihood."""
    facts = ready.facts
    known = facts.units is not None and facts.schema.has_densities_alone
    return known and ready.data.condition is not None and ready.objective is nll


def with_spread(model: Model, ready: Prepared) -> Model:
    r"""The model with its noise scaled by $s \ge 1$, $s^2$ the mean square of the noise of the rows that were held out.

    Ten more rows are counted whose noise is as it should be, and the noise is never made less: the same rows chose the
    epoch, so that they are no reason to be surer. A flow of standard normal noise keeps its form.
    """
    from pushforward.modalities.table.prediction._predict import noise_of  # only a fit with conditions asks for it

    held_out = None if ready.held_out is None else ready.held_out(ready)
    flow, columns, embedding = without_ends(model.flow, columns=True, conditions=True)
    standard = isinstance(flow, Transformed) and isinstance(flow.base, Normal) and flow.base.loc is None
    if held_out is None or len(held_out.rows) < LEAST_HELD_OUT or not standard:
        return model
    assert isinstance(flow, Transformed)  # for the type checker
    rows = taken(ready.data, held_out.rows[:MOST_ROWS])
    assert rows.condition is not None  # `wants_spread` has asked
    noise = noise_of(TableFlow.of(model), rows.condition.values, rows.x.values)
    weights = None if held_out.weights is None else held_out.weights[:MOST_ROWS]
    count, mean = len(noise), float(np.average(np.mean(noise**2, axis=1), weights=weights))
    spread = math.sqrt((count * mean + MORE_ROWS) / (count + MORE_ROWS))
    if not 1.0 < spread <= MOST:
        return model
    shape = flow.base.event_shape
    wider = Transformed(flow.base, Chain([Scale(jnp.full(shape, spread)), flow.bijection]))
    whole = with_ends(wider, columns, embedding)
    return replace(model, flow=whole, result=replace(model.result, flow=whole))
