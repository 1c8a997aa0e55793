"""Scores, samples and maps in chunks of few sizes: memory stays flat, and nothing is compiled for every length."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Self

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from pushforward._sizes import power_of_two
from pushforward.bijections.discrete._one_hot import one_hot_size
from pushforward.data import Schema
from pushforward.data._units import LARGEST, Units
from pushforward.distributions import AbstractDistribution, Mixture, Transformed
from pushforward.modalities._events import draws_numbers, on_sphere
from pushforward.modalities._model import Model
from pushforward.modalities.table._columns import embedding_of, off_sphere
from pushforward.modalities.table._flow import stands_alone, with_ends, without_ends
from pushforward.modalities.table._noise import NUM_DRAWS, shifts

LEAST_ROWS = 256
SCORED_ROWS, FEW_ROWS = 2**10, 2**14
"""A chunk in one pass of all but long tables: 500 rows, 700 and those that a fit holds out share a program."""
CELLS, CELLS_ELSEWHERE = 2**15, 2**20
"""Rows times columns of a chunk on a CPU, and on an accelerator, which needs large ones to be busy.

On a CPU twice as many make a spline flow three times slower per row: its temporary numbers, about 200 bytes for each
cell, no longer stay in the cache.
"""


@dataclasses.dataclass(frozen=True)
class TableFlow:
    """What is needed to score and sample.

    Attributes:
        flow: From noise to rows as it sees them.
        schema: What the columns can hold.
        units: Between the columns and what the flow sees; None where it sees them as they are.
        condition_units: The same of conditions.
    """

    flow: AbstractDistribution
    schema: Schema
    units: Units | None = None
    condition_units: Units | None = None

    @classmethod
    def of(cls, model: Model) -> Self:
        """The flow of a model, apart from its units."""
        facts = model.facts
        conditions = facts.condition_schema
        flow, columns, embedding = without_ends(model.flow, columns=False, conditions=conditions is not None)
        if not stands_alone(flow):
            flow, columns, _ = without_ends(flow, columns=True, conditions=False)
        units, given_units = facts.units, facts.condition_units
        if columns is not None and units is None:
            units = Units.in_flow(columns, facts.schema.supports)
        if conditions is not None and embedding is not None:
            given_units = given_units or Units.in_flow(embedding, conditions.supports).plain()
            flow = with_ends(flow, None, embedding_of(conditions, None))
        return cls(flow, facts.schema, units, given_units)

    def seen_conditions(self, condition: np.ndarray) -> np.ndarray:
        """Conditions as the flow sees them, `(rows, conditions)`."""
        return condition if self.condition_units is None else self.condition_units.standard(condition)[0]

    def chunk_rows(self, rows: int) -> int:
        """Rows of the chunks for this many rows: a power of two, so that there are few sizes to compile."""
        return max(min(power_of_two(rows), self._most_rows), LEAST_ROWS)

    def scored_rows(self, rows: int) -> int:
        """Rows of the chunks in which this many rows are scored; where a row costs many passes, as few as can be."""
        if self.flow.kinds[0] != "analytic" or rows > FEW_ROWS:
            return self.chunk_rows(rows)
        return max(min(SCORED_ROWS, self._most_rows), LEAST_ROWS)

    @property
    def _most_rows(self) -> int:
        cells = CELLS if jax.default_backend() == "cpu" else CELLS_ELSEWHERE
        return power_of_two(cells // one_hot_size(self.schema.sizes) + 1) // 2


def log_prob(model: TableFlow, x: np.ndarray, condition: np.ndarray | None = None, *, least: int = 0) -> np.ndarray:
    """Log-density of every row in nats, `(rows, dim), (rows, cond_dim) -> (rows,)`, float64.

    Args:
        model: The flow and its schema.
        x: Finite values.
        condition: One row for each row of `x`, or None.
        least: Chunks are as long as for this many rows, where a stream has had longer batches.
    """
    size = model.scored_rows(max(len(x), least))
    scores = np.empty(len(x))
    for rows in _slices(len(x), size):
        scores[rows] = _chunk_scores(model, x[rows], None if condition is None else condition[rows], size)
    return scores


def iter_log_prob(
    model: TableFlow, batches: Iterable[tuple[np.ndarray, np.ndarray | None]], *, least: int = 0
) -> Iterator[np.ndarray]:
    """`log_prob` of each batch of a stream; chunks are as long as for `least` rows at least."""
    longest = least
    for x, condition in batches:
        longest = max(longest, len(x))
        yield log_prob(model, x, condition, least=longest)


def iter_draws(
    model: TableFlow,
    num_rows: int,
    key: PRNGKeyArray,
    temperature: float | None,
    given: np.ndarray | None = None,
    within: range | None = None,
) -> Iterator[np.ndarray]:
    """Draws in chunks `(rows, dim)`, float64, inside the support; `num_rows` for each row of `given`, one by one.

    With `within` only these of all the rows, which are then the same as without; of no rows, one chunk without any.
    """
    total = num_rows * (1 if given is None else len(given))
    within = range(total) if within is None else within
    if not within:
        yield np.empty((0, len(model.schema.columns)))
    size = model.chunk_rows(total)
    for number, rows in enumerate(_slices(total, size)):
        if rows.stop <= within.start or rows.start >= within.stop:
            continue
        chunk_key = jax.random.fold_in(key, number)
        if given is None:
            draws = model.flow.sample(chunk_key, size, temperature=temperature)
        else:
            # Repeated here, so that a million draws for one condition need no memory for a million conditions.
            condition = model.seen_conditions(given[np.arange(rows.start, rows.stop) // num_rows])
            draws = model.flow.sample(chunk_key, (), _padded(condition, size), temperature=temperature)
        chunk = _original(model, np.asarray(draws)[: rows.stop - rows.start], chunk_key)
        yield chunk[max(within.start - rows.start, 0) : within.stop - rows.start]


def to_latent(model: TableFlow, x: np.ndarray) -> np.ndarray:
    """The noise of each row, `(rows, dim) -> (rows, dim)`, in the type of `x`."""
    seen = x if model.units is None else model.units.standard(x)[0]
    return _mapped(model, _invert, seen).astype(x.dtype)


def to_data(model: TableFlow, z: np.ndarray) -> np.ndarray:
    """The row of each noise, `(rows, dim) -> (rows, dim)`, in the type of `z` and inside the support."""
    return model.schema.clip(_original(model, _mapped(model, _push, z)).astype(z.dtype))


def _chunk_scores(model: TableFlow, x: np.ndarray, condition: np.ndarray | None, size: int) -> np.ndarray:
    outside = model.schema.outside(x)
    if on_sphere(model.flow) and x.shape[1] == 3:
        outside |= off_sphere(x)
    # A row that the flow cannot see is replaced by a harmless one; its score is -inf all the same.
    x = model.schema.turned(np.where(outside[:, None], 0.0, x) if outside.any() else x)
    given = None if condition is None else _padded(model.seen_conditions(condition), size)
    draws = []
    for seen, log_det, key in _seen(model, x):
        far: np.ndarray = np.logical_not((np.abs(seen) <= LARGEST).all(axis=1))
        harmless = np.where(far[:, None], 0.0, seen) if far.any() else seen
        draws.append(_flow_scores(model.flow, harmless, given, size, key) + log_det)
        outside |= far
    scores = np.logaddexp.reduce(draws, axis=0) - np.log(len(draws))
    return np.where(outside, -np.inf, scores)


def _seen(model: TableFlow, x: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray | float, PRNGKeyArray | None]]:
    """The rows as the flow sees them, log-dets and a key, once for each draw of noise that scores are a mean of."""
    keys = jax.random.split(jax.random.key(0), NUM_DRAWS) if draws_numbers(model.flow) else [None]
    whole = () if model.units is None else model.units.integers
    if whole:
        assert model.units is not None  # it said which columns are whole
        for number, by in enumerate(shifts(x, whole)):
            yield *model.units.standard(x, by + 0.5), keys[number % len(keys)]
        return
    seen, log_det = (x, 0.0) if model.units is None else model.units.standard(x)
    yield from ((seen, log_det, key) for key in keys)


def _flow_scores(
    flow: AbstractDistribution, x: np.ndarray, given: np.ndarray | None, size: int, key: PRNGKeyArray | None = None
) -> np.ndarray:
    return _padded_scores(flow, _padded(x, size), given, key)[: len(x)]


def _padded_scores(
    flow: AbstractDistribution, x: np.ndarray, given: np.ndarray | None, key: PRNGKeyArray | None
) -> np.ndarray:
    if isinstance(flow, Mixture) and key is None:
        # Part by part: equal ones, and those of which a fit has found the weights, are compiled already.
        logits = np.asarray(flow.logits, np.float64)
        parts = np.stack([_padded_scores(part, x, given, key) for part in flow.components])
        return np.logaddexp.reduce(parts + (logits - np.logaddexp.reduce(logits))[:, None], axis=0)
    return np.asarray((_log_density if key is None else _keyed_log_density)(flow, x, given, key), np.float64)


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


def _original(model: TableFlow, draws: np.ndarray, key: PRNGKeyArray | None = None) -> np.ndarray:
    """Rows in the user's units, float64 and inside the support; with a key those of draws, told apart."""
    if model.units is None:
        # Twice: a limit may lie beyond itself when rounded to float32.
        return model.schema.clip(model.schema.clip(draws).astype(np.float64))
    if key is None or draws.dtype == np.float64:
        return model.units.original(draws)
    return model.units.original(draws, np.random.default_rng(np.asarray(jax.random.key_data(key))))


def _padded(values: np.ndarray, size: int) -> np.ndarray:
    """The rows in JAX's precision, with the first one repeated behind them up to `size` rows."""
    full = np.empty((size, *values.shape[1:]), jnp.result_type(float))
    full[: len(values)] = values
    full[len(values) :] = values[0]
    return full


def _slices(rows: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, rows)) for start in range(0, rows, size))
