"""Batches of rows that stay where they are, in a file or in the host's memory (design record 0020)."""

import math
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from pushforward.objectives import Batch
from pushforward.train._batches import ORDER, Feed, TakeRows, as_floats, gathered, shuffled

WINDOW_BYTES = 2**26
"""Of the rows that are sent to the device together. Two windows are there, and a third while it is gathered."""
STREAMED_BYTES = 2**32
"""Above this an array in memory stays on the host; one in a file does so as soon as it is larger than a window."""


class StreamedSource:
    """Rows of arrays on the host, in the same batches as `RowSource`, sent to the device a window of steps at a time.

    While the steps of a window run, a thread gathers the next.
    """

    def __init__(self, data: Batch, rows: np.ndarray, batch_size: int):
        self.batch_size = min(batch_size, len(rows))
        self.steps_per_epoch = len(rows) // self.batch_size
        self.take = TakeRows(self.batch_size)
        self._data = jax.tree.map(np.asarray, data)
        self._rows = rows
        row_bytes = sum(a[:1].nbytes for a in jax.tree.leaves(self._data))
        windows = math.ceil(self.steps_per_epoch * self.batch_size * row_bytes / WINDOW_BYTES)
        self._steps = math.ceil(self.steps_per_epoch / min(windows, self.steps_per_epoch))
        self._positions = jnp.arange(self._steps * self.batch_size, dtype=jnp.int32)
        self._ordered: tuple[int, np.ndarray] | None = None
        self._now: Feed | None = None
        self._next: tuple[int, Future[Any]] | None = None
        self._thread = ThreadPoolExecutor(1, "rows")

    def feed(self, key: PRNGKeyArray, step: int) -> Feed:
        epoch, place = divmod(step, self.steps_per_epoch)
        # Windows begin at the same steps always, so that a resumed fit sees the same batches.
        begin = epoch * self.steps_per_epoch
        first = begin + place - place % self._steps
        if self._now is None or self._now.first != first:
            stop = min(first + self._steps, begin + self.steps_per_epoch)
            self._now = Feed((self._window(key, first), self._positions), first, stop)
            self._next = stop, self._thread.submit(self._gather, key, stop)
        return self._now

    def peek(self, key: PRNGKeyArray, rows: int) -> Batch:
        return as_floats(gathered(self._data, self._rows[:rows]))

    def _window(self, key: PRNGKeyArray, first: int) -> Batch:
        if self._next is not None and self._next[0] == first:
            return self._next[1].result()
        return self._gather(key, first)

    def _gather(self, key: PRNGKeyArray, first: int) -> Batch:
        epoch, place = divmod(first, self.steps_per_epoch)
        ordered = self._ordered
        if ordered is None or ordered[0] != epoch:
            self._ordered = ordered = epoch, shuffled(key, (ORDER, epoch), self._rows)
        rows = ordered[1][place * self.batch_size :][: len(self._positions)]
        # Always as many, so that the loop is compiled once; what is past the last step is not used.
        return gathered(self._data, np.pad(rows, (0, len(self._positions) - len(rows)), mode="edge"))


def stays_on_host(values: Any) -> bool:
    """Whether an array is streamed: a large one in a file, or a very large one."""
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiub":
        return False
    return values.nbytes > (WINDOW_BYTES if _is_in_file(values) else STREAMED_BYTES)


def _is_in_file(values: Any) -> bool:
    while values is not None and not isinstance(values, np.memmap):
        values = getattr(values, "base", None)
    return values is not None
