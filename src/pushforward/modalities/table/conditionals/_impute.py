"""Missing cells filled by draws given what is there."""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from pushforward.conditionals._anneal import ISLANDS
from pushforward.conditionals._condition import POOL
from pushforward.conditionals._marginal import parts_of
from pushforward.conditionals._query import doubts, solve
from pushforward.conditionals._start import QUICK
from pushforward.modalities.table.conditionals._condition import closed_form, patterns
from pushforward.modalities.table.conditionals._rows import TableJoint

PARTICLES = 256
"""Of each row, of which as many as are wanted are taken."""
CELLS = 2**15
"""Rows times particles that are led at once."""


class Filled(NamedTuple):
    """Rows without holes.

    Attributes:
        draws: `(draws, rows, columns)`; what was there is the same in all of them.
        doubtful: Which rows are not to be trusted, `(rows,)`, and `doubts` says why.
        doubts: By reason, how many rows.
        holes: Missing cells.
    """

    draws: np.ndarray
    doubtful: np.ndarray
    doubts: dict[str, int]
    holes: int


def impute_rows(table: TableJoint, values: np.ndarray, draws: int, key: PRNGKeyArray) -> Filled:
    """Draws of the missing cells of each row given those that are there, `(rows, columns)` with NaN for holes."""
    random_key, pool_key, key = jax.random.split(key, 3)
    random = np.random.default_rng(np.asarray(jax.random.key_data(random_key)))
    out = np.repeat(values[None], draws, axis=0)
    doubtful, reasons = np.zeros(len(values), bool), {}
    pool = table.joint.sample(pool_key, POOL, random)
    for number, (places, rows) in enumerate(patterns(values)):
        if len(places) == values.shape[1]:
            continue
        own = jax.random.fold_in(key, number)
        if not places:
            events = table.joint.sample(own, draws * len(rows), random).reshape(draws, len(rows), -1)
            found: list[str | None] = [None] * len(rows)
        else:
            events, found = _of_pattern(table, values[rows][:, list(places)], places, draws, pool, own, random)
        flat = table.values_of(events.reshape(-1, events.shape[-1])).reshape(draws, len(rows), -1)
        out[:, rows] = np.where(np.isfinite(values[rows]), values[rows], flat)
        doubtful[rows] = [reason is not None for reason in found]
        for reason in found:
            if reason is not None:
                word = reason.split(" is ")[0] if " is " in reason else reason
                reasons[word] = reasons.get(word, 0) + 1
    return Filled(out, doubtful, reasons, int((~np.isfinite(values)).sum()))


def doubts_sentence(filled: Filled) -> str:
    """How many rows are not to be trusted, and why."""
    count = int(filled.doubtful.sum())
    why = "; ".join(f"{reason} ({rows:,})" for reason, rows in filled.doubts.items())
    return f"{count:,} row{'s' * (count != 1)} filled by draws that are not to be trusted: {why}"


def _of_pattern(
    table: TableJoint,
    values: np.ndarray,
    places: tuple[int, ...],
    draws: int,
    pool: np.ndarray,
    key: PRNGKeyArray,
    random: np.random.Generator,
) -> tuple[np.ndarray, list[str | None]]:
    """Events `(draws, rows, coordinates)` of rows that lack the same cells, and why each is not to be trusted."""
    query, _ = table.query(places, values, {}, {})
    closed = closed_form(table.joint, query)
    if closed is not None:
        keys = jax.random.split(key, len(values))
        each = [closed.sample(own, draws, row) for own, row in zip(keys, query.values, strict=True)]
        return np.stack(each, axis=1), [None] * len(values)
    size = 2 * -(-max(PARTICLES, draws) // (2 * ISLANDS))
    events, reasons = [], []
    for part in parts_of(query, max(CELLS // (size * ISLANDS), 1)):
        found = solve(table.joint, part, pool, size, random, QUICK)
        reasons += doubts(found)
        chosen = random.permuted(np.tile(np.arange(size * ISLANDS), (len(found.x), 1)), axis=1)[:, :draws]
        events.append(np.swapaxes(found.x[np.arange(len(found.x))[:, None], chosen], 0, 1))
    return np.concatenate(events, axis=1), reasons
