"""Scores and samples in chunks of few sizes, so that memory stays flat and nothing is compiled twice."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from pushforward.data import Schema
from pushforward.data._support import LARGEST
from pushforward.distributions import AbstractDistribution, Transformed
from pushforward.estimators._noise import NUM_DRAWS, shifts

MOST_ROWS, LEAST_ROWS = 65_536, 256
CELLS = 2**20
"""Rows times columns of a chunk: a spline flow needs about 100 numbers for each while it computes."""


class Model(NamedTuple):
    """What is needed to score and sample.

    Attributes:
        flow: From noise to data in the user's units.
        schema: What its columns can hold.
    """

    flow: AbstractDistribution
    schema: Schema

    @property
    def most_rows(self) -> int:
        """Rows of a full chunk."""
        rows = CELLS // len(self.schema.columns)
        return min(max(_power_of_two(rows + 1) // 2, LEAST_ROWS), MOST_ROWS)

    def chunk_rows(self, rows: int) -> int:
        """Rows of the chunks for this many rows: a power of two, so that there are few sizes to compile."""
        return min(max(_power_of_two(rows), LEAST_ROWS), self.most_rows)


def log_prob(model: Model, x: np.ndarray, condition: np.ndarray | None, *, least: int = 0) -> np.ndarray:
    """Log-density of every row in nats, `(rows, dim), (rows, cond_dim) -> (rows,)`, float64.

    Args:
        model: The flow and its schema.
        x: Finite values.
        condition: One row for each row of `x`, or None.
        least: Chunks have at least this many rows, where a stream has had longer ones.
    """
    size = model.chunk_rows(max(len(x), least))
    scores = np.empty(len(x))
    for start in range(0, len(x), size):
        rows = slice(start, start + size)
        scores[rows] = _chunk_scores(model, x[rows], None if condition is None else condition[rows], size)
    return scores


def iter_log_prob(model: Model, batches: Iterable[tuple[np.ndarray, np.ndarray | None]]) -> Iterator[np.ndarray]:
    """`log_prob` of each batch of a stream."""
    longest = 0
    for x, condition in batches:
        longest = max(longest, len(x))
        yield log_prob(model, x, condition, least=longest)


def iter_draws(
    model: Model, num_rows: int, key: PRNGKeyArray, temperature: float | None, condition: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Draws in chunks `(rows, dim)`, float64, inside the support; row i is drawn given row i of `condition`."""
    size = model.chunk_rows(num_rows)
    for number, start in enumerate(range(0, num_rows, size)):
        rows = min(size, num_rows - start)
        chunk_key = jax.random.fold_in(key, number)
        if condition is None:
            draws = model.flow.sample(chunk_key, size, temperature=temperature)
        else:
            given = _padded(condition[start : start + rows], size)
            draws = model.flow.sample(chunk_key, (), given, temperature=temperature)
        yield _inside(model.schema, np.asarray(draws)[:rows])


def to_latent(model: Model, x: np.ndarray) -> np.ndarray:
    """The noise of each row, `(rows, dim) -> (rows, dim)`, in the type of `x`; NaN outside the support."""
    return _mapped(model, _invert, x)


def to_data(model: Model, z: np.ndarray) -> np.ndarray:
    """The row of each noise, `(rows, dim) -> (rows, dim)`, in the type of `z` and inside the support."""
    return model.schema.clip(model.schema.clip(_mapped(model, _push, z)).astype(z.dtype))


def _mapped(model: Model, function: Callable[..., jax.Array], values: np.ndarray) -> np.ndarray:
    size = model.chunk_rows(len(values))
    out = np.empty(values.shape, values.dtype)
    for start in range(0, len(values), size):
        rows = values[start : start + size]
        out[start : start + size] = np.asarray(function(model.flow, _padded(rows, size)))[: len(rows)]
    return out


@jax.jit
def _invert(flow: Transformed, x: jax.Array) -> jax.Array:
    return flow.bijection._inverse_many(x.T, None, None)[0].T


@jax.jit
def _push(flow: Transformed, z: jax.Array) -> jax.Array:
    return flow.bijection._forward_many(z.T, None, None)[0].T


def _chunk_scores(model: Model, x: np.ndarray, condition: np.ndarray | None, size: int) -> np.ndarray:
    outside = model.schema.outside(x) | (np.abs(x) > LARGEST).any(axis=1)
    # A row that the flow cannot see is replaced by a harmless one; its score is -inf all the same.
    safe = np.where(outside[:, None], 0.0, x) if outside.any() else x
    given = None if condition is None else _padded(condition, size)
    integer = [i for i, column in enumerate(model.schema.columns) if column.kind == "integer"]
    if not integer:
        scores = _flow_scores(model.flow, safe, given, size)
    else:
        draws = []
        for shift in shifts(x, integer, NUM_DRAWS):
            moved = safe.copy()
            moved[:, integer] += shift
            draws.append(_flow_scores(model.flow, moved, given, size))
        scores = np.logaddexp.reduce(draws, axis=0) - np.log(len(draws))
    return np.where(outside, -np.inf, scores)


def _flow_scores(flow: AbstractDistribution, x: np.ndarray, given: np.ndarray | None, size: int) -> np.ndarray:
    return np.asarray(flow.log_prob(_padded(x, size), given), np.float64)[: len(x)]


def _inside(schema: Schema, draws: np.ndarray) -> np.ndarray:
    # Twice: a limit can be beyond itself after rounding to float32, and the least positive number depends on the type.
    return schema.clip(schema.clip(draws).astype(np.float64))


def _padded(values: np.ndarray, size: int) -> np.ndarray:
    """The rows in JAX's precision, with the first one repeated behind them up to `size` rows."""
    full = np.empty((size, *values.shape[1:]), jnp.result_type(float))
    full[: len(values)] = values
    full[len(values) :] = values[0]
    return full


def _power_of_two(rows: int) -> int:
    """The least power of two that is not below `rows`."""
    return 1 << max(rows - 1, 0).bit_length()
