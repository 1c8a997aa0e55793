"""The walk through a flow over whole numbers, in the order in which its numbers can be decoded.

Coarse levels come first, because what they hold says how likely the finer ones are. Both directions take the same walk:
`compress` knows the numbers already and `decompress` reads them, and all networks are run by the same programs on the
same numbers, so that both see the same probabilities, to the last bit.
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pushforward._errors import PushforwardError
from pushforward._types import Part
from pushforward.bijections import AbstractBijection
from pushforward.distributions import (
    AbstractCountable,
    AbstractDistribution,
    AbstractPredicted,
    Embedded,
    SplitOff,
    Transformed,
)

BLOCK_ROWS = 256
"""Rows in one call, for both directions: another batch shape could round a network's output the other way."""


class Code(Protocol):
    """What gives the walk its numbers, `(count, rows)`, and has them written or read."""

    def shared(self, part: AbstractCountable, rows: int) -> np.ndarray:
        """Numbers of one law for all rows."""
        ...

    def predicted(self, part: AbstractPredicted, laws: np.ndarray) -> np.ndarray:
        """Numbers of a law for each row, `(rows, facts, count)`."""
        ...


def check_codable(flow: AbstractDistribution) -> None:
    """A PushforwardError where a part of a flow is no law of whole numbers."""
    if isinstance(flow, Transformed):
        check_codable(flow.base)
    elif isinstance(flow, Embedded):
        check_codable(flow.distribution)
    elif isinstance(flow, SplitOff):
        check_codable(flow.kept)
        check_codable(flow.others)
    elif not isinstance(flow, AbstractCountable | AbstractPredicted):
        raise PushforwardError(
            f"compress: needs a flow over whole numbers, and the base of this one is a {type(flow).__name__}.",
            "fit one by `idf` or `idf-image`, or by `modulo` for categories",
        )


def walk(part: AbstractDistribution, conditions: np.ndarray | None, rows: int, code: Code) -> np.ndarray:
    """Events `(rows, *event_shape)` from the numbers that `code` gives, the coarsest first."""
    if isinstance(part, Embedded):
        assert conditions is not None  # checked at the public edge
        inside = by_blocks(_embedded, part, conditions)
        return walk(part.distribution, inside, rows, code)
    if isinstance(part, Transformed):
        return by_blocks(_forward, part.bijection, walk(part.base, conditions, rows, code), conditions)
    if isinstance(part, SplitOff):
        kept = walk(part.kept, conditions, rows, code)
        others = walk(part.others, by_blocks(_seen, part, kept, conditions), rows, code)
        return np.concatenate([kept, others], axis=-1)
    if isinstance(part, AbstractPredicted):
        assert conditions is not None  # what is predicted is conditional
        numbers = code.predicted(part, by_blocks(_laws, part, conditions))
        return _as_float(numbers).reshape(rows, *part.event_shape)
    assert isinstance(part, AbstractCountable)  # checked at the public edge
    return by_blocks(_from_numbers, part, _as_float(code.shared(part, rows)))


def to_numbers(flow: AbstractDistribution, x: np.ndarray, conditions: np.ndarray | None) -> list[np.ndarray]:
    """The numbers of events `(rows, *event_shape)` in the order of the walk, `(count, rows)` for each part."""
    return [_int64(leaf).T for leaf in _leaves_by_blocks(flow, x, conditions)]


def by_blocks(function: Callable[..., Array], part: Part, x: np.ndarray, conditions: Any = None) -> np.ndarray:
    """A compiled function of a part, `(*event, batch) -> (*event, batch)`, on rows in blocks of one size."""
    blocks = [np.moveaxis(np.asarray(function(part, *block)), -1, 0) for block in _blocks(x, conditions)]
    return np.concatenate(blocks)[: len(x)]


def _leaves_by_blocks(flow: AbstractDistribution, x: np.ndarray, conditions: np.ndarray | None) -> list[np.ndarray]:
    blocks = [[np.asarray(leaf).T for leaf in _leaves(flow, *block)] for block in _blocks(x, conditions)]
    return [np.concatenate(leaf)[: len(x)] for leaf in zip(*blocks, strict=True)]


def _blocks(rows: np.ndarray, conditions: np.ndarray | None) -> Iterator[tuple[Array, Array | None]]:
    """Blocks of `BLOCK_ROWS` along the last axis; the last one is filled up with zeros. At least one."""
    for start in range(0, max(len(rows), 1), BLOCK_ROWS):
        yield _block(rows, start), None if conditions is None else _block(conditions, start)


def _block(rows: np.ndarray, start: int) -> Array:
    part = rows[start : start + BLOCK_ROWS]
    filled = np.zeros((BLOCK_ROWS, *rows.shape[1:]), rows.dtype)
    filled[: len(part)] = part
    return jnp.moveaxis(jnp.asarray(filled), 0, -1)


@jax.jit
def _leaves(part: AbstractDistribution, x: Array, condition: Array | None) -> tuple[Array, ...]:
    if isinstance(part, Embedded):
        return _leaves(part.distribution, x, part._embed(condition))
    if isinstance(part, Transformed):
        return _leaves(part.base, part.bijection._inverse_many(x, condition, None)[0], condition)
    if isinstance(part, SplitOff):
        kept, others = part._split(x)
        return (*_leaves(part.kept, kept, condition), others.reshape(-1, others.shape[-1]))
    assert isinstance(part, AbstractCountable)  # checked at the public edge
    return (part.to_numbers(x),)


@jax.jit
def _forward(bijection: AbstractBijection, z: Array, condition: Array | None) -> Array:
    return bijection._forward_many(z, condition, None)[0]


@jax.jit
def _embedded(part: Embedded, condition: Array, _: None) -> Array | None:
    return part._embed(condition)


@jax.jit
def _seen(part: SplitOff, kept: Array, condition: Array | None) -> Array:
    return part._seen(kept, condition)


@jax.jit
def _laws(part: AbstractPredicted, condition: Array, _: None) -> Array:
    return part.laws(condition)


@jax.jit
def _from_numbers(part: AbstractCountable, numbers: Array, _: None) -> Array:
    return part.from_numbers(numbers)


def _as_float(numbers: np.ndarray) -> np.ndarray:
    return numbers.T.astype(jnp.result_type(float))


def _int64(values: np.ndarray) -> np.ndarray:
    """Whole floats as integers; what is beyond them is 0, and its row does not come back."""
    return np.where(np.abs(values) < 2.0**62, values, 0.0).astype(np.int64)
