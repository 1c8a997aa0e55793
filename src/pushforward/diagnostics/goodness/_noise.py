"""The noise that data come from, which is standard normal where the flow is right."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pushforward.distributions import (
    AbstractDistribution,
    AwayFromAtoms,
    CategoricalMADE,
    Mixture,
    Normal,
    Transformed,
)
from pushforward.distributions._joint import AbstractGiven

_SURE = 1e-12  # probabilities that are told from 0 and 1


def noise_of(
    flow: AbstractDistribution, x: np.ndarray, rng: np.random.Generator, condition: np.ndarray | None = None
) -> np.ndarray | None:
    """Independent standard normal numbers for rows of a right flow, `(rows, dim) -> (rows, k)`; None where unknown.

    Of a mixture each row is taken to one component, drawn by how probable each is given the row. A category becomes a
    number between the cumulated probabilities of the codes below it and up to it, at random; a number at an atom leaves
    nothing that could be wrong, and is drawn. Parts with other noise, such as angles, are left out.
    """
    if isinstance(flow, Transformed):
        z = np.asarray(_pulled(flow.bijection, x, condition))
        return noise_of(flow.base, z, rng, None if flow.base.cond_shape is None else condition)
    if isinstance(flow, Normal) and flow.cond_shape is None and len(flow.event_shape) == 1:
        loc, scale = flow.loc, flow.scale
        return (x - (0.0 if loc is None else np.asarray(loc))) / (1.0 if scale is None else np.asarray(scale))
    if isinstance(flow, Mixture):
        return _of_mixture(flow, x, rng, condition)
    if isinstance(flow, CategoricalMADE):
        return _of_categories(flow, x, rng, condition)
    if isinstance(flow, AwayFromAtoms) and condition is not None:
        return _away_from_atoms(flow, x, rng, condition)
    if isinstance(flow, AbstractGiven) and len(flow.event_shape) == 1:
        size = flow.first.event_shape[0]
        given = None if condition is None else jnp.asarray(condition.T)
        seen = np.asarray(flow._seen(jnp.asarray(x[:, :size].T), given)).T
        parts = noise_of(flow.first, x[:, :size], rng, condition), noise_of(flow.others, x[:, size:], rng, seen)
        return _beside([part for part in parts if part is not None])
    return None


@jax.jit
def _pulled(bijection: Any, x: Any, condition: Any) -> Any:
    return bijection._inverse_many(x.T, None if condition is None else condition.T, None)[0].T


def _of_mixture(
    flow: Mixture, x: np.ndarray, rng: np.random.Generator, condition: np.ndarray | None
) -> np.ndarray | None:
    shares = jax.nn.log_softmax(flow.logits)
    each = np.stack([np.asarray(part.log_prob(x, condition)) for part in flow.components]) + np.asarray(shares)[:, None]
    found = [noise_of(part, x, rng, condition) for part in flow.components]
    if any(part is None or part.shape != x.shape for part in found):
        return None
    which = np.argmax(each + rng.gumbel(size=each.shape), axis=0)
    return np.stack([part for part in found if part is not None])[which, np.arange(len(x))]


def _of_categories(
    flow: CategoricalMADE, x: np.ndarray, rng: np.random.Generator, condition: np.ndarray | None
) -> np.ndarray:
    from scipy.special import softmax
    from scipy.stats import norm

    from pushforward.bijections.discrete._one_hot import one_hot

    given = None if condition is None else jnp.asarray(condition.T)
    logits = np.asarray(flow._logits(one_hot(jnp.asarray(x.T), flow.sizes), given), np.float64)
    found, ends = [], np.cumsum(flow.sizes)[:-1]
    for own, codes in zip(np.split(logits, ends), x.T.astype(int), strict=True):
        shares = softmax(own, axis=0)
        up_to, place = np.cumsum(shares, axis=0), np.arange(len(codes))
        share = shares[codes, place]
        found.append(up_to[codes, place] - share * rng.random(len(codes)))
    return norm.ppf(np.clip(np.stack(found, axis=1), _SURE, 1 - _SURE))


def _away_from_atoms(
    flow: AwayFromAtoms, x: np.ndarray, rng: np.random.Generator, condition: np.ndarray
) -> np.ndarray | None:
    count = flow._num_others
    parts = [] if flow.others is None else [noise_of(flow.others, x[:, :count], rng, condition)]
    seen = np.asarray(flow._seen(jnp.asarray(x[:, :count]).T, jnp.asarray(condition).T)).T
    measured = condition[:, np.array(flow.flags)] > 0
    cells = np.where(measured, x[:, count:], 0.0).astype(x.dtype)
    for place in range(len(flow.flags)):
        column = jax.tree.map(lambda leaf, place=place: leaf[place], flow.stacked)
        before = np.where(np.arange(cells.shape[1]) < place, cells, 0.0).astype(x.dtype)
        found = noise_of(column, cells[:, place : place + 1], rng, np.hstack([seen, before]))
        if found is not None:
            found = np.where(measured[:, place : place + 1], found, rng.normal(size=found.shape))
        parts.append(found)
    return _beside([part for part in parts if part is not None])


def _beside(parts: list[np.ndarray]) -> np.ndarray | None:
    return np.concatenate(parts, axis=1) if parts else None
