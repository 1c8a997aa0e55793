"""The spread of a conditional density, as rows that were held out find it: a flow is too sure of what it learned."""

import math
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pushforward.bijections import Chain, Scale
from pushforward.distributions import AbstractDistribution, Embedded, Normal, Transformed
from pushforward.modalities._learn import Prepared
from pushforward.modalities._model import Model
from pushforward.modalities.table._columns import embedding_of
from pushforward.modalities.table._flow import with_ends, without_ends
from pushforward.objectives import nll

LEAST_HELD_OUT = 20
"""Rows that are held out, below which the spread would be a guess."""
MORE_ROWS = 10
"""That are counted with noise as it should be."""
MOST = 4.0
"""A spread beyond this says that something else is wrong."""
BLOCK = 4096


def wants_spread(ready: Prepared) -> bool:
    """Whether a fit ends with a look at the spread: numbers given conditions, by likelihood."""
    schema, given = ready.facts.schema, ready.condition is not None
    plain = not (schema.categorical or schema.circular or schema.atomic)
    return given and plain and ready.facts.units is not None and ready.objective is nll


def with_spread(model: Model, ready: Prepared) -> Model:
    r"""The model with its noise scaled by $s \ge 1$, $s^2$ the mean square of the noise of the rows that were held out.

    Ten more rows are counted whose noise is as it should be, and the noise is never made less: the same rows chose the
    epoch, so that they are no reason to be surer. A flow of standard normal noise keeps its form.
    """
    held_out = None if ready.held_out is None else ready.held_out(ready)
    flow, columns, embedding = without_ends(model.flow, columns=True, conditions=True)
    standard = isinstance(flow, Transformed) and isinstance(flow.base, Normal) and flow.base.loc is None
    if held_out is None or len(held_out.rows) < LEAST_HELD_OUT or not standard:
        return model
    assert isinstance(flow, Transformed)  # for the type checker
    facts = model.facts
    trained = with_ends(flow, facts.units.training_map(), embedding_of(facts.condition_schema, None))
    squares = _mean_squares(trained, ready, held_out.rows)
    count = len(squares)
    spread = math.sqrt((count * float(np.average(squares, weights=held_out.weights)) + MORE_ROWS) / (count + MORE_ROWS))
    if not 1.0 < spread <= MOST:
        return model
    shape = flow.base.event_shape
    wider = Transformed(flow.base, Chain([Scale(jnp.full(shape, spread)), flow.bijection]))
    whole = with_ends(wider, columns, embedding)
    return replace(model, flow=whole, result=replace(model.result, flow=whole))


def _mean_squares(trained: AbstractDistribution, ready: Prepared, rows: np.ndarray) -> np.ndarray:
    """Of the noise of each row, `(rows,)`."""
    parts = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
    found = [_squares(trained, ready.x[part], ready.condition[part], jax.random.key(0)) for part in parts]
    return np.concatenate([np.asarray(each, np.float64) for each in found])


@jax.jit
def _squares(flow: AbstractDistribution, x: Array, condition: Array, key: Array) -> Array:
    given = condition.T
    if isinstance(flow, Embedded):
        flow, given = flow.distribution, flow._embed(given)
    assert isinstance(flow, Transformed)  # `with_spread` has looked
    return jnp.mean(flow.bijection._inverse_many(x.T, given, key)[0] ** 2, axis=0)
