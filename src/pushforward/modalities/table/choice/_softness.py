"""How sure fitted probabilities are, as rows that were held out find it: of categories, and of atoms."""

import math
from collections.abc import Callable
from dataclasses import replace

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from scipy.special import log_softmax

from pushforward.bijections.discrete._one_hot import one_hot, one_hot_ends
from pushforward.distributions import AbstractDistribution, CategoricalMADE, GivenCategories, Mixture, Transformed
from pushforward.modalities._model import Model
from pushforward.modalities.table._flow import with_ends, without_ends
from pushforward.modalities.table._rows import Rows
from pushforward.modalities.table.choice._factor import FAR, LEAST_HELD_OUT, MORE_ROWS, likeliest_factor
from pushforward.modalities.table.choice._folds import scores_of


def softened(model: Model, apart: Rows, value: Callable[[np.ndarray], float]) -> Model:
    """The model with the logits of its categories divided by the temperature, at least 1, that held-out rows choose.

    Numbers given the categories stay as they are, and so does a model without a `CategoricalMADE`. All parts of a
    mixture have one temperature.

    Args:
        model: As it was fitted.
        apart: Rows that it did not learn.
        value: From the log-densities of these rows to the log-likelihood of all.

    Reference:
        Guo, Pleiss, Sun & Weinberger (2017), On calibration of modern neural networks, section 4.2.
    """
    flow, columns, embedding = without_ends(
        model.flow, columns=model.facts.units is not None, conditions=apart.condition is not None
    )
    parts = flow.components if isinstance(flow, Mixture) else (flow,)
    laws = [law for law in map(_law, parts) if law is not None]
    if len(laws) < len(parts) or len(apart.x.values) < LEAST_HELD_OUT:
        return model
    seen = None
    if embedding is not None and apart.condition is not None:
        seen = embedding._inverse_many(jnp.asarray(apart.condition.values.T, jnp.result_type(float)), None, None)[0]
    sizes, codes = laws[0].sizes, _codes(model, apart)
    logits = [np.asarray(law._logits(one_hot(jnp.asarray(codes), sizes), seen), np.float64) for law in laws]
    whole = [replace(model, flow=with_ends(part, columns, embedding)) for part in parts]
    scores = np.stack([scores_of(one, apart) for one in whole])
    weights = flow.logits if isinstance(flow, Mixture) else np.zeros(1)
    log_shares = log_softmax(np.asarray(weights, np.float64))[:, None]
    shares = np.exp(log_shares[:, 0])
    scores = np.where(np.isfinite(scores), scores, FAR)  # a row outside of a support is so at every temperature
    surest = [_logs(own, sizes) for own in logits]
    others = scores + log_shares - np.stack([_of_rows(own, codes) for own in surest])  # of the numbers, and the part

    def short(log_temperature: float) -> float:
        softer = [_logs(own * math.exp(-log_temperature), sizes) for own in logits]
        of_rows = np.logaddexp.reduce(others + np.stack([_of_rows(own, codes) for own in softer]), axis=0)
        expected = shares @ [_expected(sure, soft) for sure, soft in zip(surest, softer, strict=True)]
        return -value(of_rows) - MORE_ROWS * float(expected)

    temperature = likeliest_factor(short)
    if temperature == 1.0:
        return model
    softer = [_with_temperature(part, temperature) for part in parts]
    inner = eqx.tree_at(lambda one: one.components, flow, tuple(softer)) if isinstance(flow, Mixture) else softer[0]
    new = with_ends(inner, columns, embedding)
    return replace(model, flow=new, result=replace(model.result, flow=new))


def _law(part: AbstractDistribution) -> CategoricalMADE | None:
    """The law of the categories, of which the numbers are given."""
    if isinstance(part, Transformed):
        part = part.base
    if isinstance(part, GivenCategories):
        part = part.categories
    return part if isinstance(part, CategoricalMADE) else None


def _with_temperature(part: AbstractDistribution, temperature: float) -> AbstractDistribution:
    if isinstance(part, CategoricalMADE):
        ends = part.net.weights[-1] / temperature, part.net.biases[-1] / temperature
        return eqx.tree_at(lambda law: (law.net.weights[-1], law.net.biases[-1]), part, ends)
    if isinstance(part, GivenCategories):
        return eqx.tree_at(lambda law: law.categories, part, _with_temperature(part.categories, temperature))
    assert isinstance(part, Transformed)  # `_law` has found one
    return Transformed(_with_temperature(part.base, temperature), part.bijection)


def _codes(model: Model, rows: Rows) -> np.ndarray:
    """Of categories, then of atoms, `(coordinates, rows)`."""
    schema, values = model.facts.schema, rows.x.values
    atoms = [schema.supports[place].codes(values[:, place]) for place in schema.atomic]
    return np.stack([*(values[:, place] for place in schema.categorical), *atoms]).astype(float)


def _logs(logits: np.ndarray, sizes: tuple[int, ...]) -> list[np.ndarray]:
    """The logarithm of each probability, of each coordinate `(categories, rows)`."""
    return [log_softmax(own, axis=0) for own in np.split(logits, one_hot_ends(sizes))]


def _of_rows(logs: list[np.ndarray], codes: np.ndarray) -> np.ndarray:
    """Of the categories that rows have, `(rows,)`."""
    own = (np.take_along_axis(one, code[None].astype(int), axis=0)[0] for one, code in zip(logs, codes, strict=True))
    return np.sum(list(own), axis=0)


def _expected(sure: list[np.ndarray], soft: list[np.ndarray]) -> float:
    """The mean over rows of what rows score by softer probabilities, drawn by the surer ones."""
    return float(sum(np.sum(np.exp(a) * b, axis=0).mean() for a, b in zip(sure, soft, strict=True)))
