"""Checks of what `fit` is given, and the rows that are held out."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from pushforward._errors import DataError, check_condition
from pushforward._sizes import power_of_two
from pushforward._types import Shape
from pushforward.distributions._base import AbstractDistribution
from pushforward.objectives import Batch
from pushforward.train._batches import SPLIT, as_floats, gathered, shuffled, stored_as
from pushforward.train._stream import stays_on_host
from pushforward.train._weights import checked_weights

MONITOR_BLOCK = 8192  # rows that are evaluated at once, fewer of wide events
MONITOR_CELLS = 4 * MONITOR_BLOCK  # a spline flow needs about 200 bytes for each number of an event
MONITOR_LEAST = 256  # however wide, but no more than a training step has
HELD_OUT_NUMBERS = 2**26  # 256 MiB of floats; more would only tell the same loss with one digit more
CHECKED_NUMBERS = 2**24  # that are looked at together
ROWS_NAMED = 5


def checked_batch(
    flow: AbstractDistribution, x: Any, condition: Any, weights: Any, log_det: Any = None, *, what: str
) -> Batch:
    """Arrays with one batch axis, of the right shapes and finite, or an error that names the rows at fault.

    Weights stay on the host, in float64.

    Raises:
        ValueError: If a shape is wrong, or a condition is missing or not wanted.
        DataError: If there are no rows, text, or values that are not finite, or if the weights cannot be used.
    """
    check_condition(what, condition, flow.cond_shape)
    x = _checked_rows(x, flow.event_shape, what, "x")
    if condition is not None and flow.cond_shape is not None:
        condition = _checked_rows(condition, flow.cond_shape, what, "condition", len(x))
    if weights is not None:
        weights = checked_weights(weights, len(x), what)
    if log_det is not None:
        log_det = _checked_rows(log_det, (), what, "log_det", len(x))
    return Batch(x, condition, weights, log_det)


def unpacked(item: Any) -> tuple[Any, Any, Any]:
    """`x`, `(x, condition)` or `(x, condition, weights)` as three things."""
    parts = tuple(item) if isinstance(item, tuple) else (item,)
    if not 1 <= len(parts) <= 3:
        raise ValueError(f"A batch is x, (x, condition) or (x, condition, weights), got a tuple of {len(parts)}.")
    x, condition, weights = (*parts, None, None)[:3]
    return x, condition, weights


def split_rows(key: PRNGKeyArray, data: Batch, fraction: float) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers for training and for validation, in random order; rows of weight zero are in neither."""
    rows = np.arange(len(data.x)) if data.weights is None else np.flatnonzero(np.asarray(data.weights) > 0)
    rows = shuffled(key, (SPLIT,), rows)
    held_out = min(round(fraction * len(rows)), HELD_OUT_NUMBERS // max(math.prod(data.x.shape[1:]), 1))
    if fraction > 0:
        held_out = min(max(held_out, 1), len(rows) - 1)
    return rows[held_out:], rows[:held_out]


def rows_at_once(event: Shape, batch_size: int, condition: Shape | None = None) -> int:
    """How many rows of this shape are put through a flow together: memory grows with rows times size."""
    # A condition that is no vector goes through a network, whose layers are about as large as it is.
    numbers = max(math.prod(event), math.prod(condition) if condition is not None and len(condition) > 1 else 1)
    return min(MONITOR_BLOCK, max(MONITOR_CELLS // numbers, min(MONITOR_LEAST, batch_size)))


def monitor_blocks(data: Batch, rows: np.ndarray, batch_size: int) -> Batch:
    """The rows as `(num_blocks, rows, ...)`; the last block is filled up with rows of weight zero."""
    condition = None if data.condition is None else data.condition.shape[1:]
    most = rows_at_once(data.x.shape[1:], batch_size, condition)
    count = math.ceil(len(rows) / most)
    # One block has one of few sizes, so that a second table of other length compiles nothing.
    size = math.ceil(len(rows) / count) if count > 1 else min(most, max(MONITOR_LEAST, power_of_two(len(rows))))
    blocks = as_floats(gathered(data, np.resize(rows, count * size)))
    weights = (np.arange(count * size) < len(rows)) * (1.0 if blocks.weights is None else np.asarray(blocks.weights))
    blocks = blocks._replace(weights=jnp.asarray(weights, jnp.result_type(float)))
    return jax.tree.map(lambda a: a.reshape(count, size, *a.shape[1:]), blocks)


def first_blocks(batch: Batch, rows: int, batch_size: int) -> Batch:
    """The first rows as `monitor_blocks` has them; nothing of nothing."""
    return batch if batch.x is None else monitor_blocks(batch, np.arange(min(rows, len(batch.x))), batch_size)


def rows_of_first(blocks: Batch) -> Batch:
    """The rows of the first block, without those that fill it up."""
    rows = slice(None) if blocks.weights is None else np.flatnonzero(np.asarray(blocks.weights[0]))
    return jax.tree.map(lambda a: jnp.asarray(np.asarray(a[0])[rows]), blocks)


def _checked_rows(values: Any, event: Shape, what: str, name: str, rows: int | None = None) -> Any:
    try:
        array = _on_device(values)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{what}: `{name}` is not an array of numbers ({type(values).__name__}).",
            "Encode text columns as numbers, or leave them out.",
        ) from error
    if array.ndim != len(event) + 1 or array.shape[1:] != event:
        raise ValueError(
            f"{what}: `{name}` must have shape {('rows', *event)} with one batch axis, got {array.shape}.".replace(
                "'", ""
            )
        )
    if rows is not None and len(array) != rows:
        raise DataError(f"{what}: `{name}` has {len(array)} rows, but `x` has {rows}.", "Give one for each row of `x`.")
    _check_finite(np.asarray(array), what, name)
    return array


def _on_device(values: Any) -> Any:
    """As floats, or bytes that become floats batch by batch; what is streamed stays as it is."""
    if stays_on_host(values):
        return values
    if isinstance(values, jax.Array):
        return values.astype(stored_as(values.dtype))
    array = np.asarray(values)
    with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is refused
        array = array.astype(stored_as(array.dtype), copy=False)
    # Unlike `jnp.asarray`, this does not hold two copies for a moment.
    return jax.device_put(array)


def _check_finite(array: np.ndarray, what: str, name: str) -> None:
    if array.dtype == np.uint8:
        return
    size = max(CHECKED_NUMBERS // max(math.prod(array.shape[1:]), 1), 1)
    starts = range(0, len(array), size)
    bad = [start + row for start in starts for row in _not_finite(array[start : start + size])]
    if not bad:
        return
    named = ", ".join(map(str, bad[:ROWS_NAMED])) + (", ..." if len(bad) > ROWS_NAMED else "")
    raise DataError(
        f"{what}: `{name}` has NaN, infinite or too large values in {len(bad)} of {len(array)} rows (rows {named}).",
        "Drop or fill these rows; row numbers start at 0.",
    )


def _not_finite(rows: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        finite = np.isfinite(rows.astype(stored_as(rows.dtype), copy=False))
    return np.flatnonzero(~finite.reshape(len(rows), -1).all(axis=1))
