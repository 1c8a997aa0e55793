"""From what `fit` is given to a source of batches and the rows that are held out."""

import warnings
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from pushforward._errors import DataError
from pushforward._sizes import power_of_two
from pushforward.data.shards._rows import RowGroups
from pushforward.distributions._base import AbstractDistribution
from pushforward.objectives import Batch
from pushforward.train._batches import DrawSource, IteratorSource, RowSource, Source
from pushforward.train._inputs import checked_batch, first_blocks, monitor_blocks, split_rows, unpacked
from pushforward.train._stream import StreamedSource
from pushforward.train._weights import shared_out
from pushforward.train.reading._look import look
from pushforward.train.reading._source import FileSource

# Where no batch size is given; on 410 rows, batches of 41 instead of 256 took a MAF from 17.9 to 7.1 test nats.
BATCH_LEAST, BATCH_MOST, STEPS_LEAST = 32, 256, 10
GUARD_ROWS = 512  # that tell of a flow gone bad where none are held out
START_ROWS = 4096  # for data-dependent starts, and for a look at data that has no end


@runtime_checkable
class _ArrayLike(Protocol):
    def __array__(self) -> np.ndarray: ...


class Prepared(NamedTuple):
    """Data that are ready for training.

    Attributes:
        source: Where batches come from.
        held_out: Rows for validation, in blocks, or None.
    """

    source: Source
    held_out: Batch | None


def prepare(
    flow: AbstractDistribution,
    data: Any,
    condition: Any,
    weights: Any,
    log_det: Any,
    validation: Any,
    batch_size: int | None,
    steps_per_epoch: int,
    key: PRNGKeyArray,
) -> Prepared:
    """Check everything and put it on the device, but for arrays that are streamed."""
    fraction = float(validation or 0.0) if validation is None or isinstance(validation, int | float) else None
    if fraction is not None and not 0 <= fraction < 1:
        raise ValueError(f"fit: `validation` as a fraction must be in [0, 1), got {validation}.")
    if isinstance(data, RowGroups):
        if condition is not None or weights is not None or log_det is not None:
            raise ValueError(
                "fit: rows in files bring their conditions with them: `ParquetRows(source, condition=...)`."
            )
        source, monitor = _from_files(flow, data, fraction or 0.0, batch_size)
    elif is_endless(data):
        if condition is not None or weights is not None or log_det is not None:
            raise ValueError(
                "fit: `condition`, `weights` and `log_det` go with arrays. A function or iterator returns them itself: "
                "(x, condition) or (x, condition, weights)."
            )
        source = _endless_source(flow, data, batch_size or BATCH_MOST, steps_per_epoch)
        drawn = isinstance(source, DrawSource) and bool(fraction)
        monitor = first_blocks(source.peek(key, START_ROWS), START_ROWS, source.batch_size) if drawn else None
    else:
        source, monitor = _from_arrays(flow, (data, condition, weights, log_det), fraction or 0.0, batch_size, key)
    return Prepared(source, monitor if fraction is not None else _given_monitor(flow, validation, source.batch_size))


def _from_arrays(
    flow: AbstractDistribution,
    arrays: tuple[Any, Any, Any, Any],
    fraction: float,
    batch_size: int | None,
    key: PRNGKeyArray,
) -> Prepared:
    batch = checked_batch(flow, *arrays, what="fit")
    train, held_out = split_rows(key, batch, fraction)
    if len(train) < 2:
        apart = f", as {len(held_out)} of {len(train) + len(held_out)} is held out" if len(held_out) else ""
        raise DataError(
            f"fit: needs at least 2 rows to train on, got {len(train)} sample(s){apart}.",
            "Give more rows" + (", or hold out none with `validation=None`." if apart else "."),
        )
    monitored = batch
    if batch.weights is not None:
        train, held_out, here, there = shared_out(key, np.asarray(batch.weights), train, held_out)
        batch, monitored = (batch._replace(weights=_on_device(each)) for each in (here, there))
    size = batch_size or _usual_size(len(train))
    monitor = monitor_blocks(monitored, held_out, size) if len(held_out) else None
    source = StreamedSource if isinstance(batch.x, np.ndarray) else RowSource
    return Prepared(source(batch, train, size), monitor)


def _from_files(flow: AbstractDistribution, data: RowGroups, fraction: float, batch_size: int | None) -> Prepared:
    processes, groups = jax.process_count(), len(data.sizes)
    if processes > groups:
        warnings.warn(
            f"{processes} processes share {groups} row groups, so that several read the same one: write files with "
            "more row groups (`row_group_size=`), or start fewer processes.",
            stacklevel=4,
        )
    size = batch_size or _usual_size(int((1 - fraction) * data.sizes.sum()))
    seen = look(flow, data, fraction, size, START_ROWS)
    return Prepared(FileSource(data, seen, size), seen.monitor)


def _usual_size(rows: int) -> int:
    """A power of two, which tables of like lengths share: it is compiled in."""
    return min(BATCH_MOST, max(BATCH_LEAST, power_of_two(rows // STEPS_LEAST + 1) // 2))


def _given_monitor(flow: AbstractDistribution, validation: Any, batch_size: int) -> Batch:
    parts = validation[:4] if isinstance(validation, Batch) else unpacked(validation)
    batch = checked_batch(flow, *parts, what="fit: validation")
    if batch.weights is None:
        return monitor_blocks(batch, np.arange(len(batch.x)), batch_size)
    weights = np.asarray(batch.weights) / np.max(batch.weights)
    return monitor_blocks(batch._replace(weights=_on_device(weights)), np.flatnonzero(weights), batch_size)


def _on_device(weights: np.ndarray) -> Array:
    return jax.device_put(weights.astype(jnp.result_type(float)))  # `asarray` would compile for their number


def is_endless(data: Any) -> bool:
    """Whether data are no array: a function, an iterator, or nothing."""
    if data is None or callable(data):
        return True
    return isinstance(data, Iterable) and not isinstance(data, list | tuple | _ArrayLike)


def _endless_source(flow: AbstractDistribution, data: Any, batch_size: int, steps_per_epoch: int) -> Source:
    if data is None:
        return DrawSource(None, batch_size, steps_per_epoch)
    if isinstance(data, Iterable):
        return IteratorSource(data, batch_size, steps_per_epoch, _Items(flow))
    source = DrawSource(data, batch_size, steps_per_epoch)
    drawn = jax.eval_shape(lambda key: source.take((), key, 0), jax.random.key(0))
    if drawn.x.shape != (batch_size, *flow.event_shape):
        raise ValueError(
            f"fit: `data(key, {batch_size})` must return x of shape {(batch_size, *flow.event_shape)}, "
            f"or (x, condition), got x of shape {drawn.x.shape}."
        )
    return source


class _Items:
    """Checks what an iterator gives; weights are in units of the largest of the first item."""

    def __init__(self, flow: AbstractDistribution):
        self._flow = flow
        self._unit: float | None = None

    def __call__(self, item: Any) -> Batch:
        batch = checked_batch(self._flow, *unpacked(item), what="fit: iterator")
        if batch.weights is None:
            return batch
        weights = np.asarray(batch.weights)
        self._unit = self._unit or float(weights.max())
        return batch._replace(weights=weights / self._unit)
