"""Missing cells drawn anew given those that are there, for whole tables and in little time."""

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from pushforward.conditionals._exact import GaussianPart
from pushforward.conditionals._renew import redrawn, renewed
from pushforward.modalities.table._chunks import log_prob
from pushforward.modalities.table.conditionals._condition import closed_form, patterns
from pushforward.modalities.table.conditionals._rows import TableJoint

POOL = 2048
"""Draws of the model, near which proposals are made."""
PROPOSALS, MANY = 24, 256
"""For each row, while the model is trained, and where the density of what is there is wanted."""


def drawn_anew(
    table: TableJoint, values: np.ndarray, holes: np.ndarray, key: PRNGKeyArray, proposals: int = PROPOSALS
) -> tuple[np.ndarray, np.ndarray]:
    """The rows with their holes drawn anew, and log-densities of the cells that were there.

    Args:
        table: A model.
        values: Whole rows, whose holes are filled by what was drawn before, `(rows, columns)`.
        holes: Which cells were missing, `(rows, columns)`.
        key: Of all draws.
        proposals: For each row.

    Returns:
        `(rows, columns)` and, in nats and the columns' units, `(rows,)`.
    """
    pool_key, random_key, key = jax.random.split(key, 3)
    random = np.random.default_rng(np.asarray(jax.random.key_data(random_key)))
    pool = table.joint.sample(pool_key, POOL, random)
    out, there = values.astype(np.float64), np.empty(len(values))
    for number, (places, rows) in enumerate(patterns(np.where(holes, np.nan, values))):
        if len(places) == values.shape[1]:
            there[rows] = log_prob(table.flow, values[rows])
            continue
        query, gain = table.query(places, values[rows][:, list(places)], {}, {})
        closed = closed_form(table.joint, query)
        if isinstance(closed, GaussianPart):
            found = redrawn(closed, query, jax.random.fold_in(key, number))
        else:
            events = table.events_of(values[rows], random)
            found = renewed(table.joint, query, events, pool, proposals, random)
        drawn = table.schema.clip(table.values_of(found.events))
        out[rows] = np.where(holes[rows], drawn, values[rows])
        there[rows] = found.log_z + gain
    return out, there
