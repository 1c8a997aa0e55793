"""Missing cells filled by draws given what is there."""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from pushforward.conditionals._anneal import ISLANDS, Found
from pushforward.conditionals._condition import POOL
from pushforward.conditionals._query import Query, doubts, solve
from pushforward.conditionals._start import QUICK, THOROUGH, Effort
from pushforward.modalities.table.conditionals._condition import closed_form, patterns
from pushforward.modalities.table.conditionals._rows import TableJoint

EFFORTS = ((256, QUICK), (1024, THOROUGH), (4096, Effort(counts=(4, 12, 32))))
"""Particles of a row, of which as many as are wanted are taken, and what is done for it; where that was too little, the
next."""
DIFFERENT = 6
"""Particles that are not equal, for each draw that is wanted, or half of them: with fewer, draws lie too close."""
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
    return _led(table, query, draws, pool, random)


def _led(
    table: TableJoint, query: Query, draws: int, pool: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, list[str | None]]:
    """As `_of_pattern`, by particles: few for all rows, more for those in which too many of them are equal."""
    count = len(query.values)
    events, reasons = np.empty((draws, count, pool.shape[1])), np.full(count, None, object)
    rest = np.arange(count)
    for particles, effort in EFFORTS:
        size = 2 * -(-max(particles, draws) // (2 * ISLANDS))
        step, poor = max(CELLS // (size * ISLANDS), 1), []
        for rows in [rest[start : start + step] for start in range(0, len(rest), step)]:
            found = solve(table.joint, query.taken(rows), pool, size, random, effort)
            reasons[rows] = doubts(found)
            chosen = random.permuted(np.tile(np.arange(size * ISLANDS), (len(rows), 1)), axis=1)[:, :draws]
            events[:, rows] = np.swapaxes(found.x[np.arange(len(rows))[:, None], chosen], 0, 1)
            poor.append(rows[_different(found) < min(DIFFERENT * draws, size * ISLANDS // 2)])
        rest = np.concatenate(poor)
        if not len(rest):
            break
    return events, list(reasons)


def _different(found: Found) -> np.ndarray:
    """How many particles of each row are not equal, `(rows,)`; codes alone may well be."""
    y = found.particles.y
    if not y.shape[-1]:
        return np.full(len(y), np.inf)
    return 1 + np.count_nonzero(np.diff(np.sort(y[..., 0], axis=1), axis=1), axis=1)
