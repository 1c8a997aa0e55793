"""The spread of a fitted density, as rows that were held out find it: a flow is too sure of what it learned."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import equinox as eqx
import jax
import numpy as np

from pushforward.bijections import Chain, Scale
from pushforward.data import Schema
from pushforward.distributions import (
    AbstractDistribution,
    AwayFromAtoms,
    GivenAngles,
    GivenCategories,
    Mixture,
    Transformed,
)
from pushforward.modalities._learn import Prepared
from pushforward.modalities._model import Model
from pushforward.modalities.table._flow import from_standard_noise, with_ends, without_ends
from pushforward.modalities.table._rows import Rows, taken
from pushforward.modalities.table.choice._factor import FAR, LEAST_HELD_OUT, MORE_ROWS, likeliest_factor
from pushforward.modalities.table.choice._folds import scores_of
from pushforward.modalities.table.choice._softness import softened
from pushforward.objectives import nll

MOST_HELD_OUT = 4096
"""Rows that are looked at: so many know a deviation to a hundredth."""


def wants_spread(ready: Prepared) -> bool:
    """Whether a fit by likelihood ends with a look at the spread: of numbers given conditions or categories.

    Numbers alone get theirs with their background.
    """
    given = ready.data.condition is not None or not ready.facts.schema.has_densities_alone
    return given and ready.objective is nll


def with_spread(model: Model, ready: Prepared) -> Model:
    """The model, `softened` and `widened` by the rows that were held out."""
    held_out = None if ready.held_out is None else ready.held_out(ready)
    if held_out is None:
        return model
    apart = taken(ready.data, held_out.rows[:MOST_HELD_OUT])
    counts = row_counts(len(apart.x.values), held_out.weights)

    def value(scores: np.ndarray) -> float:
        return float(counts @ scores)

    model = softened(model, apart, value)
    return model if model.facts.units is None else widened(model, apart, value)  # without units there are no numbers


def row_counts(rows: int, weights: np.ndarray | None) -> np.ndarray:
    """How many rows each of so many stands for, of sum `rows`; the first weights are theirs."""
    if weights is None or not weights[:rows].sum() > 0:
        return np.ones(rows)
    return weights[:rows] * rows / weights[:rows].sum()


def widened(model: Model, apart: Rows, value: Callable[[np.ndarray], float]) -> Model:
    r"""The model with its noise scaled by the $s \ge 1$ that makes rows that were not learned the likeliest.

    Ten more rows are counted whose noise is as it should be: of rows that stand for themselves, $s^2 = (n m + 10) /
    (n + 10)$ with $m$ the mean square of the noise of $n$ rows. The noise is never made less: the same rows chose the
    epoch, so that they are no reason to be surer. A flow of standard normal noise keeps its form, and so do all parts
    of a mixture, by one $s$; one of other noise stays as it is. Probabilities, of categories and of atoms, and angles
    stay as they are: only the numbers given them are widened.

    Args:
        model: As it was fitted.
        apart: Rows that it did not learn.
        value: From the log-densities of these rows to the log-likelihood of all, which may have other parts.
    """
    flow, columns, embedding = without_ends(model.flow, columns=True, conditions=apart.condition is not None)
    parts = flow.components if isinstance(flow, Mixture) else (flow,)
    if any(_wider(part, 1.0) is None for part in parts):
        return model

    def scores(part: AbstractDistribution, spread: float) -> np.ndarray:
        return scores_of(replace(model, flow=with_ends(_known_wider(part, spread), columns, embedding)), apart)

    # Always a scale, be it 1: what is compiled for one fit then serves the next.
    spread = 1.0
    if len(apart.x.values) >= LEAST_HELD_OUT:
        first, second = (np.stack([scores(part, width) for part in parts]) for width in (1.0, 2.0))
        shares = jax.nn.log_softmax(flow.logits) if isinstance(flow, Mixture) else np.zeros(1)
        spread = _likeliest(first, second, np.asarray(shares)[:, None], value, _measured(apart, model.facts.schema))
    wider = [_known_wider(part, spread) for part in parts]
    inner = eqx.tree_at(lambda one: one.components, flow, tuple(wider)) if isinstance(flow, Mixture) else wider[0]
    whole = with_ends(inner, columns, embedding)
    return replace(model, flow=whole, result=replace(model.result, flow=whole))


def _likeliest(
    first: np.ndarray, second: np.ndarray, shares: np.ndarray, value: Callable[[np.ndarray], float], dims: np.ndarray
) -> float:
    """The spread; two scores of a row tell the square of its noise, and so the score with any spread.

    Args:
        first: Log-densities by each part, `(parts, rows)`.
        second: The same with twice the spread.
        shares: Logarithms of the shares of the parts, `(parts, 1)`.
        value: As of `widened`.
        dims: How many numbers of each row have noise.
    """
    dim = float(dims.mean())
    known = np.isfinite(first) & np.isfinite(second)  # a row outside of a support is so for every spread
    # log p_s = log p_1 - dim log s + |z|^2 (1 - 1 / s^2) / 2
    squares = np.where(known, np.maximum(second - first + dims * math.log(2.0), 0.0) / 0.375, 0.0)
    base = np.where(known, first, FAR)

    def short(log_spread: float) -> float:
        lost = math.exp(-2.0 * log_spread)
        scores = base - known * dims * log_spread + 0.5 * squares * (1.0 - lost)
        return MORE_ROWS * dim * (log_spread + 0.5 * lost) - value(np.logaddexp.reduce(scores + shares, axis=0))

    return likeliest_factor(short)


def _measured(rows: Rows, schema: Schema) -> np.ndarray:
    """How many numbers of each row a flow has made of noise: all on a line that are at no atom, `(rows,)`."""
    on_line = sum(column.kind not in ("categorical", "circular") for column in schema.columns)
    values = rows.x.values
    at_atoms = [schema.supports[place].codes(values[:, place]) > 0 for place in schema.atomic]
    return np.full(len(values), float(on_line)) - sum(at_atoms, start=np.zeros(len(values)))


def _known_wider(flow: AbstractDistribution, spread: float) -> AbstractDistribution:
    wider = _wider(flow, spread)
    assert wider is not None  # `widened` has asked
    return wider


def _wider(flow: AbstractDistribution, spread: float) -> AbstractDistribution | None:
    """The flow with the noise of its numbers scaled; None where they have other noise, or there are none."""
    if isinstance(flow, Transformed) and from_standard_noise(flow):
        scale = Scale(np.full(flow.base.event_shape, spread))
        return Transformed(flow.base, Chain([scale, flow.bijection]))
    if isinstance(flow, Transformed):
        inner = _wider(flow.base, spread)
        return None if inner is None else Transformed(inner, flow.bijection)
    if isinstance(flow, GivenAngles | GivenCategories):
        inner = _wider(flow.others, spread)
        return None if inner is None else eqx.tree_at(lambda law: law.others, flow, inner)
    if not isinstance(flow, AwayFromAtoms) or not from_standard_noise(flow._column):
        return None
    wider = eqx.tree_at(
        lambda law: law.stacked, flow, eqx.filter_vmap(partial(_known_wider, spread=spread))(flow.stacked)
    )
    if flow.others is None:
        return wider
    inner = _wider(flow.others, spread)
    return None if inner is None else eqx.tree_at(lambda law: law.others, wider, inner)
