"""One draw for each of many rows that lack cells, which goes on from the draw that the row has."""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from pushforward.conditionals._exact import AbstractExact
from pushforward.conditionals._joint import Joint
from pushforward.conditionals._marginal import parts_of
from pushforward.conditionals._query import Query
from pushforward.conditionals._start import Effort, starting_clusters

CHEAP = Effort(draws=128, counts=(1, 4), rounds=0, last_sweeps=0)
"""Clusters of a few of the flow's draws near to what a row has: a poor proposal costs time, and no bias."""
ROWS = 256
"""That are drawn for at once."""


class Renewed(NamedTuple):
    r"""Draws, and what they say of the cells that are there.

    Attributes:
        events: `(rows, dim)`.
        log_z: $\log p(b)$ in nats, `(rows,)`: of proposals alone, whose mean weight has no bias.
    """

    events: np.ndarray
    log_z: np.ndarray


def renewed(
    joint: Joint, query: Query, events: np.ndarray, pool: np.ndarray, proposals: int, random: np.random.Generator
) -> Renewed:
    r"""The next draw of a chain that leaves $p(a \mid b)$ of each row as it is.

    Proposals come from clusters $q$ that know of the row what is there, and not the draw that it has. One of them, or
    the draw itself, is taken with a probability in proportion to $p / q$.

    Args:
        joint: Of all coordinates.
        query: What is there, of rows that lack the same cells.
        events: The draw of each row, `(rows, dim)`.
        pool: Draws of the joint density, `(n, dim)`.
        proposals: For each row.
        random: Of all draws.

    Reference:
        Andrieu, Lee & Vihola (2018), Uniform ergodicity of the iterated conditional SMC, section 2, with one step.
    """
    parts, start = [], 0
    for part in parts_of(query, ROWS):
        parts.append(_renewed(joint, part, events[start : start + len(part.values)], pool, proposals, random))
        start += len(part.values)
    return Renewed(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def redrawn(closed: AbstractExact, query: Query, key: PRNGKeyArray) -> Renewed:
    """Draws of the exact conditional."""
    keys = jax.random.split(key, len(query.values))
    each = [closed.sample(own, 1, row) for own, row in zip(keys, query.values, strict=True)]
    return Renewed(np.concatenate(each), np.asarray(closed.log_prob(query.values), np.float64))


def _renewed(
    joint: Joint, query: Query, events: np.ndarray, pool: np.ndarray, proposals: int, random: np.random.Generator
) -> Renewed:
    space, clusters = starting_clusters(query.space(joint), pool, random, CHEAP)
    y, codes = clusters.draw(proposals, random)
    own = events[:, None]
    y = np.concatenate([space.place(own[..., list(space.numbers)]), y], axis=1)
    codes = np.concatenate([np.asarray(own[..., list(space.codes)] - space.least_code, int), codes], axis=1)
    log_weights = space.log_density(y, codes) - clusters.log_density(y, codes)
    # Where neither has a density, the draw stays.
    log_weights[:, 0] = np.maximum(np.nan_to_num(log_weights[:, 0], nan=-np.inf), LEAST)
    log_weights = np.where(np.isnan(log_weights), -np.inf, log_weights)
    chosen = np.argmax(log_weights + random.gumbel(size=log_weights.shape), axis=1)[:, None]
    row = np.arange(len(y))[:, None]
    log_z = np.logaddexp.reduce(log_weights[:, 1:], axis=1) - np.log(proposals)
    return Renewed(space.events(y[row, chosen], codes[row, chosen])[0][:, 0], log_z)


LEAST = -1e6
"""In nats, of a draw that the flow gives no density."""
