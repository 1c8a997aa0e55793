"""Where batches come from: rows of arrays, a function, or an iterator.

A source makes a *feed* for some steps; inside the compiled loop its `take(arrays, key, index)` picks the batch of one
step. Batches depend on the seed and the step alone, so that a fit can be resumed exactly.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._errors import DataError
from pushforward._functions import hashable
from pushforward._sizes import power_of_two
from pushforward.objectives import Batch

ORDER, DATA, NOISE, MONITOR, SPLIT = range(5)  # one stream of random numbers for each use
STACKED_ROWS = 4096  # rows of an iterator that go to the device together, at least one batch
ROOM, ROOM_BYTES = 4096, 2**26
"""Up to this size rows are stored as `ROOM`, or as a power of two above it: how many there are is compiled in."""


class Feed(NamedTuple):
    """Batches for the steps from `first` up to `stop`."""

    arrays: Any
    first: int
    stop: int


class Source(Protocol):
    """Anything that can feed the loop.

    Attributes:
        take: `(arrays, key, index) -> Batch`, compiled into the step; equal ones share a compilation.
        batch_size: Rows in a batch.
        steps_per_epoch: Steps in an epoch.
    """

    take: Callable[[Any, PRNGKeyArray, ArrayLike], Batch]
    batch_size: int
    steps_per_epoch: int

    def feed(self, key: PRNGKeyArray, step: int) -> Feed | None:
        """What the loop needs from `step` on; None when the data have ended."""
        ...

    def peek(self, key: PRNGKeyArray, rows: int) -> Batch:
        """At most `rows` rows of the training data, always the same."""
        ...


@dataclasses.dataclass(frozen=True)
class TakeRows:
    """The rows named by a shuffled list of row numbers."""

    batch_size: int

    def __call__(self, arrays: tuple[Batch, Array], key: PRNGKeyArray, index: ArrayLike) -> Batch:
        data, order = arrays
        return rows_of(data, jax.lax.dynamic_slice(order, (index * self.batch_size,), (self.batch_size,)))


@dataclasses.dataclass(frozen=True)
class TakeDraw:
    """What a function `(key, batch_size) -> x or (x, condition)` draws; nothing if there is no function."""

    draw: Callable[[PRNGKeyArray, int], Any] | None
    batch_size: int

    def __call__(self, arrays: Any, key: PRNGKeyArray, index: ArrayLike) -> Batch:
        if self.draw is None:
            return Batch()
        drawn = self.draw(key, self.batch_size)
        return Batch(*drawn) if isinstance(drawn, tuple) else Batch(drawn)


def take_stacked(arrays: Batch, key: PRNGKeyArray, index: ArrayLike) -> Batch:
    """Batch number `index` of several along the first axis."""
    return jax.tree.map(lambda a: _as_float(jax.lax.dynamic_index_in_dim(a, index, keepdims=False)), arrays)


class RowSource:
    """Rows of arrays on the device, in a new order every epoch; what does not fill a batch sits that epoch out."""

    def __init__(self, data: Batch, rows: np.ndarray, batch_size: int):
        self.batch_size = min(batch_size, len(rows))
        self.steps_per_epoch = len(rows) // self.batch_size
        self.take = TakeRows(self.batch_size)
        self._data = jax.tree.map(_with_room, data)
        self._rows = np.asarray(rows, np.int32)
        self._ordered: tuple[int, Array] | None = None

    def feed(self, key: PRNGKeyArray, step: int) -> Feed:
        epoch = step // self.steps_per_epoch
        if self._ordered is None or self._ordered[0] != epoch:
            self._ordered = epoch, jnp.asarray(_with_room(shuffled(key, (ORDER, epoch), self._rows)))
        first = epoch * self.steps_per_epoch
        return Feed((self._data, self._ordered[1]), first, first + self.steps_per_epoch)

    def peek(self, key: PRNGKeyArray, rows: int) -> Batch:
        return as_floats(gathered(self._data, self._rows[:rows]))


class DrawSource:
    """Batches that a function draws inside the compiled loop."""

    def __init__(self, draw: Callable[[PRNGKeyArray, int], Any] | None, batch_size: int, steps_per_epoch: int):
        self.batch_size = batch_size
        self.steps_per_epoch = steps_per_epoch
        self.take = TakeDraw(None if draw is None else hashable(draw), batch_size)

    def feed(self, key: PRNGKeyArray, step: int) -> Feed:
        return Feed((), step, (step // self.steps_per_epoch + 1) * self.steps_per_epoch)

    def peek(self, key: PRNGKeyArray, rows: int) -> Batch:
        return take_once(TakeDraw(self.take.draw, rows), (), jax.random.fold_in(key, MONITOR))


class IteratorSource:
    """Arrays of any length from an iterator, cut into batches and sent to the device a few at a time.

    An iterable that is not its own iterator (a data loader) is begun again at its end; a generator ends the training.
    """

    def __init__(self, items: Iterable[Any], batch_size: int, steps_per_epoch: int, check: Callable[[Any], Batch]):
        self.batch_size = batch_size
        self.steps_per_epoch = steps_per_epoch
        self.take = take_stacked
        self._items = _endless(items, check)
        self._stack = max(1, STACKED_ROWS // batch_size)
        self._buffer: list[Batch] = []
        self._feed = Feed(None, 0, 0)

    def feed(self, key: PRNGKeyArray, step: int) -> Feed | None:
        # A resumed fit passes over the rows that were used before.
        while step >= self._feed.stop:
            rows = self._pull(self._stack * self.batch_size)
            count = _length(rows) // self.batch_size
            if count == 0:
                return None
            stacked = jax.tree.map(partial(_stacked, shape=(self._stack, self.batch_size)), rows)
            self._feed = Feed(stacked, self._feed.stop, self._feed.stop + count)
        return self._feed

    def peek(self, key: PRNGKeyArray, rows: int) -> Batch:
        if not self._buffer:
            self._buffer = list(itertools.islice(self._items, 1))
        if not self._buffer:
            raise DataError("fit: the iterator has no rows.", "A generator can be used once; make a new one.")
        return jax.tree.map(lambda a: a[:rows], self._buffer[0])

    def _pull(self, rows: int) -> Batch:
        while sum(map(_length, self._buffer)) < rows:
            item = next(self._items, None)
            if item is None:
                break
            self._buffer.append(item)
        if not self._buffer:
            return Batch()
        joined = jax.tree.map(lambda *parts: np.concatenate(parts), *self._buffer)
        self._buffer = [jax.tree.map(lambda a: a[rows:], joined)] if _length(joined) > rows else []
        return jax.tree.map(lambda a: a[:rows], joined)


def rows_of(data: Batch, rows: Array) -> Batch:
    """The rows with these numbers, which must be in range."""
    return jax.tree.map(lambda a: _as_float(a.at[rows].get(mode="promise_in_bounds")), data)


def gathered(data: Batch, rows: np.ndarray) -> Batch:
    """The rows with these numbers, taken on the host: there the number of rows is not compiled in."""
    forward = np.argsort(rows, kind="stable")  # the order in which a disk reads

    def take(array: ArrayLike) -> Array:
        given = np.asarray(array)
        values = np.empty((len(rows), *given.shape[1:]), stored_as(given.dtype))
        values[forward] = given[rows[forward]]
        return jax.device_put(values)

    return jax.tree.map(take, data)


def as_floats(data: Batch) -> Batch:
    """Bytes as floats of the session's precision, and all else as it is."""
    return jax.tree.map(_as_float, data)


def stored_as(dtype: np.dtype) -> np.dtype:
    """The type that numbers have on the device: bytes (images) stay bytes, a quarter of the memory."""
    keeps = dtype == np.uint8 or (dtype != np.float64 and jnp.issubdtype(dtype, jnp.floating))
    return dtype if keeps else jnp.result_type(float)


def _as_float(a: Array) -> Array:
    return a.astype(jnp.result_type(float)) if a.dtype == jnp.uint8 else a


def shuffled(key: PRNGKeyArray, stream: tuple[int, ...], rows: np.ndarray) -> np.ndarray:
    """The rows in a random order, a function of the key and the stream.

    NumPy takes 0.2 ms for 20,000 rows where XLA's sort takes 12 ms on a CPU, as long as four steps of a small flow.
    """
    return np.random.default_rng([*np.asarray(jax.random.key_data(key)).ravel(), *stream]).permutation(rows)


@partial(jax.jit, static_argnums=0)
def take_once(take: Callable[..., Batch], arrays: Any, key: PRNGKeyArray) -> Batch:
    return take(arrays, key, jnp.zeros((), jnp.int32))


def _endless(items: Iterable[Any], check: Callable[[Any], Batch]) -> Iterator[Batch]:
    while True:
        empty = True
        for item in items:
            empty = False
            yield jax.tree.map(np.asarray, check(item))
        if empty or iter(items) is items:
            return


def _stacked(a: np.ndarray, shape: tuple[int, int]) -> Array:
    # Always the same shape, with unused zeros at the end of the data: the loop is compiled once.
    full = np.zeros((shape[0] * shape[1], *a.shape[1:]), stored_as(a.dtype))
    full[: len(a)] = a
    return jnp.asarray(full.reshape(*shape, *a.shape[1:]))


def _with_room(a: Any) -> Any:
    """The rows with unused ones behind them, unless they are large."""
    rows = max(ROOM, power_of_two(len(a)))
    if rows == len(a) or rows * a.nbytes > ROOM_BYTES * len(a):
        return a
    full = np.zeros((rows, *a.shape[1:]), a.dtype)
    full[: len(a)] = a
    return jax.device_put(full)


def _length(batch: Batch) -> int:
    return 0 if batch.x is None else len(batch.x)
