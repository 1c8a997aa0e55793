"""Scores, samples and maps in chunks of few sizes: memory stays flat, and nothing is compiled for every length."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from pushforward.bijections import Dequantize, Shift
from pushforward.bijections.discrete._one_hot import one_hot_size
from pushforward.data import Schema
from pushforward.data._support import LARGEST
from pushforward.distributions import AbstractDistribution, Transformed
from pushforward.modalities._events import draws_numbers, on_sphere
from pushforward.modalities.table._columns import off_sphere
from pushforward.modalities.table._noise import NUM_DRAWS, shifts

LEAST_ROWS = 256
CELLS, CELLS_ELSEWHERE = 2**15, 2**20
"""Rows times columns of a chunk on a CPU, and on an accelerator, which needs large ones to be busy.

On a CPU twice as many make a spline flow three times slower per row: its temporary numbers, about 200 bytes for each
cell, no longer stay in the cache.
"""


@dataclasses.dataclass(frozen=True)
class TableFlow:
    """What is needed to score and sample.

    Attributes:
        flow: From noise to data in the user's units.
        schema: What its columns can hold.
    """

    flow: AbstractDistribution
    schema: Schema

    def chunk_rows(self, rows: int) -> int:
        """Rows of the chunks for this many rows: a power of two, so that there are few sizes to compile."""
        cells = CELLS if jax.default_backend() == "cpu" else CELLS_ELSEWHERE
        most = _power_of_two(cells // one_hot_size(self.schema.sizes) + 1) // 2
        return max(min(_power_of_two(rows), most), LEAST_ROWS)

    @property
    def noisy_columns(self) -> list[int]:
        """The integer columns that the flow takes for continuous ones with noise."""
        if self.flow.exact:
            return []
        return [i for i, column in enumerate(self.schema.columns) if column.kind == "integer"]


def log_prob(model: TableFlow, x: np.ndarray, condition: np.ndarray | None = None, *, least: int = 0) -> np.ndarray:
    """Log-density of every row in nats, `(rows, dim), (rows, cond_dim) -> (rows,)`, float64.

    Args:
        model: The flow and its schema.
        x: Finite values.
        condition: One row for each row of `x`, or None.
        least: Chunks are as long as for this many rows, where a stream has had longer batches.
    """
    size = model.chunk_rows(max(len(x), least))
    scores = np.empty(len(x))
    for rows in _slices(len(x), size):
        scores[rows] = _chunk_scores(model, x[rows], None if condition is None else condition[rows], size)
    return scores


def iter_log_prob(model: TableFlow, batches: Iterable[tuple[np.ndarray, np.ndarray | None]]) -> Iterator[np.ndarray]:
    """`log_prob` of each batch of a stream."""
    longest = 0
    for x, condition in batches:
        longest = max(longest, len(x))
        yield log_prob(model, x, condition, least=longest)


def iter_draws(
    model: TableFlow, num_rows: int, key: PRNGKeyArray, temperature: float | None, given: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Draws in chunks `(rows, dim)`, float64, inside the support; `num_rows` for each row of `given`, one by one."""
    total = num_rows * (1 if given is None else len(given))
    size = model.chunk_rows(total)
    for number, rows in enumerate(_slices(total, size)):
        chunk_key = jax.random.fold_in(key, number)
        if given is None:
            draws = model.flow.sample(chunk_key, size, temperature=temperature)
        else:
            # Repeated here, so that a million draws for one condition need no memory for a million conditions.
            condition = given[np.arange(rows.start, rows.stop) // num_rows]
            draws = model.flow.sample(chunk_key, (), _padded(condition, size), temperature=temperature)
        yield _inside(model.schema, np.asarray(draws)[: rows.stop - rows.start], np.float64)


def to_latent(model: TableFlow, x: np.ndarray) -> np.ndarray:
    """The noise of each row, `(rows, dim) -> (rows, dim)`, in the type of `x`."""
    return _mapped(model, _invert, x)


def to_data(model: TableFlow, z: np.ndarray) -> np.ndarray:
    """The row of each noise, `(rows, dim) -> (rows, dim)`, in the type of `z` and inside the support."""
    return _inside(model.schema, _mapped(model, _push, z), z.dtype)


def _chunk_scores(model: TableFlow, x: np.ndarray, condition: np.ndarray | None, size: int) -> np.ndarray:
    outside = model.schema.outside(x) | (np.abs(x) > LARGEST).any(axis=1)
    if on_sphere(model.flow) and x.shape[1] == 3:
        outside |= off_sphere(x)
    # A row that the flow cannot see is replaced by a harmless one; its score is -inf all the same.
    seen = model.schema.turned(np.where(outside[:, None], 0.0, x) if outside.any() else x)
    given = None if condition is None else _padded(condition, size)
    noisy = model.noisy_columns
    if draws_numbers(model.flow):
        keys = jax.random.split(jax.random.key(0), NUM_DRAWS)
        draws = [_flow_scores(model.flow, seen, given, size, key) for key in keys]
    elif noisy:
        flow = _taking_fractions(model.flow)
        draws = [_flow_scores(flow, _shifted(seen, noisy, by), given, size) for by in shifts(x, noisy)]
    else:
        draws = [_flow_scores(model.flow, seen, given, size)]
    scores = np.logaddexp.reduce(draws, axis=0) - np.log(len(draws))
    return np.where(outside, -np.inf, scores)


def _flow_scores(
    flow: AbstractDistribution, x: np.ndarray, given: np.ndarray | None, size: int, key: PRNGKeyArray | None = None
) -> np.ndarray:
    function = _log_density if key is None else _keyed_log_density
    return np.asarray(function(flow, _padded(x, size), given, key), np.float64)[: len(x)]


def _taking_fractions(flow: AbstractDistribution) -> AbstractDistribution:
    """The same flow with its dequantisation as a map of real numbers, n to n + 0.5: `shifts` adds the noise."""

    def opened(part: Any) -> Any:
        return Shift(np.full(part.shape, -0.5)) if isinstance(part, Dequantize) else part

    return jax.tree.map(opened, flow, is_leaf=lambda part: isinstance(part, Dequantize))


def _shifted(x: np.ndarray, columns: list[int], by: np.ndarray) -> np.ndarray:
    moved = x.astype(np.float64)
    moved[:, columns] += by
    return moved


def _mapped(model: TableFlow, function: Callable[..., Array], values: np.ndarray) -> np.ndarray:
    size = model.chunk_rows(len(values))
    out = np.empty(values.shape, values.dtype)
    for rows in _slices(len(values), size):
        chunk = values[rows]
        out[rows] = np.asarray(function(model.flow, _padded(chunk, size)))[: len(chunk)]
    return out


# Transposed inside: around a small chunk, each step outside of the compiled function costs as much as the flow.
@jax.jit
def _log_density(flow: AbstractDistribution, x: Array, condition: Array | None, key: None) -> Array:
    return flow._log_prob_many(x.T, None if condition is None else condition.T, key)


# The same noise for every row, so that a score does not depend on a row's neighbours.
@jax.jit
def _keyed_log_density(flow: AbstractDistribution, x: Array, condition: Array | None, key: PRNGKeyArray) -> Array:
    def of_row(x: Array, condition: Array | None) -> Array:
        return flow._log_prob_many(x[:, None], None if condition is None else condition[:, None], key)[0]

    return jax.vmap(of_row, (0, None if condition is None else 0))(x, condition)


@jax.jit
def _invert(flow: Transformed, x: Array) -> Array:
    return flow.bijection._inverse_many(x.T, None, None)[0].T


@jax.jit
def _push(flow: Transformed, z: Array) -> Array:
    return flow.bijection._forward_many(z.T, None, None)[0].T


def _inside(schema: Schema, draws: np.ndarray, dtype: np.dtype | type[np.floating]) -> np.ndarray:
    # Twice: a limit may lie beyond itself when rounded to float32, and the least positive number depends on the type.
    return schema.clip(schema.clip(draws).astype(dtype))


def _padded(values: np.ndarray, size: int) -> np.ndarray:
    """The rows in JAX's precision, with the first one repeated behind them up to `size` rows."""
    full = np.empty((size, *values.shape[1:]), jnp.result_type(float))
    full[: len(values)] = values
    full[len(values) :] = values[0]
    return full


def _slices(rows: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, rows)) for start in range(0, rows, size))


def _power_of_two(rows: int) -> int:
    """The least power of two that is not below `rows`."""
    return 1 << max(rows - 1, 0).bit_length()
