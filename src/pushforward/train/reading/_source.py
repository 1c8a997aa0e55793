"""Batches of rows that are read from files, a window of steps at a time, while the steps of the last one run."""

import dataclasses
import math
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward.data.shards._rows import Block, RowGroups
from pushforward.objectives import Batch
from pushforward.train._batches import Feed
from pushforward.train._devices import Devices
from pushforward.train._stream import WINDOW_BYTES
from pushforward.train.reading._look import Look, batch_of
from pushforward.train.reading._order import Order


@dataclasses.dataclass(frozen=True)
class TakeStep:
    """The batch of a step of a window whose places may be more than a batch has, so that devices share them evenly."""

    batch_size: int

    def __call__(self, arrays: Batch, key: PRNGKeyArray, index: ArrayLike) -> Batch:
        def one(a: Array) -> Array:
            return jax.lax.dynamic_index_in_dim(a, index, keepdims=False)[: self.batch_size]

        return jax.tree.map(one, arrays)


class FileSource:
    """Rows of groups, in the order of `Order`; each process reads what its own devices are to have.

    Args:
        data: The groups.
        look: What was seen of them.
        batch_size: Rows of a step.

    Attributes:
        waited: Seconds that steps waited for rows so far.
        facts: What must be the same for a fit to go on.
    """

    def __init__(self, data: RowGroups, look: Look, batch_size: int):
        held = np.array([len(look.held_out.get(group, ())) for group in range(len(data.sizes))])
        sizes = data.sizes - held
        self.batch_size = min(batch_size, int(sizes.sum()))
        numbers = sum(int(np.prod(a.shape[1:])) for a in jax.tree.leaves(look.head))
        self._order = Order(sizes, self.batch_size, data.window or max(WINDOW_BYTES // (4 * numbers), 1))
        self.steps_per_epoch = self._order.steps_per_epoch
        self.take = TakeStep(self.batch_size)
        self.facts = {"files": data.checksum(), "window": self._order.window_steps}
        self.waited = 0.0
        self._data, self._look = data, look
        self._devices: Devices | None = None
        self._fill = jax.tree.map(lambda a: np.asarray(a)[:1], look.head)
        self._given = None if self._fill.condition is None else self._fill.condition.shape[1:]
        self._words: tuple[int, ...] = ()
        self._kept: tuple[int, Block] | None = None
        self._now: Feed | None = None
        self._next: tuple[int, Future[Batch]] | None = None
        self._thread = ThreadPoolExecutor(1, "files")

    def on(self, devices: Devices) -> "FileSource":
        """The same, whose windows lie on these devices, each of which has its places of every batch."""
        self._devices = devices
        return self

    def feed(self, key: PRNGKeyArray, step: int) -> Feed:
        self._words = self._words or tuple(np.asarray(jax.random.key_data(key)).ravel().tolist())
        epoch, place = divmod(step, self.steps_per_epoch)
        steps, begin = self._order.window_steps, epoch * self.steps_per_epoch
        first = begin + place - place % steps
        if self._now is None or self._now.first != first:
            self._now = None  # its memory is free for the next
            stop = min(first + steps, begin + self.steps_per_epoch)
            self._now = Feed(self._placed(self._window(first)), first, stop)
            self._next = stop, self._thread.submit(self._gathered, stop)
        return self._now

    def peek(self, key: PRNGKeyArray, rows: int) -> Batch:
        return jax.tree.map(lambda a: a[:rows], self._look.head)

    def _window(self, first: int) -> Batch:
        start = time.perf_counter()
        ready = self._next is not None and self._next[0] == first
        found = self._next[1].result() if self._next is not None and ready else self._gathered(first)
        self.waited += time.perf_counter() - start
        return found

    def _places(self) -> tuple[range, int]:
        """Places that this process fills, and how many there are with those that only make the devices even."""
        if self._devices is None:
            return range(self.batch_size), self.batch_size
        size = self._devices.mesh.size
        count = math.ceil(self.batch_size / size) * size
        return self._devices.own(count), count

    def _gathered(self, first: int) -> Batch:
        """The rows of a window for the places of this process, `(steps, places, ...)`."""
        epoch, place = divmod(first, self.steps_per_epoch)
        places, _ = self._places()
        steps, count = self._order.window_steps, len(places)
        weights = np.zeros((steps, count), jnp.result_type(float))
        out = jax.tree.map(lambda a: np.repeat(a, steps * count, 0).reshape(steps, count, *a.shape[1:]), self._fill)
        real = range(min(places.start, self.batch_size), min(places.stop, self.batch_size))
        for piece in self._order.pieces(self._words, epoch, place // steps, real):
            block, at = self._read(piece.group).take(piece.rows), (piece.steps, piece.places - places.start)
            weights[at] = 1.0 if block.weights is None else block.weights
            kept = weights[at] > 0
            to = tuple(index[kept] for index in at)
            batch = batch_of(block, self._fill.x.shape[1:], self._given)
            for target, values in zip(jax.tree.leaves(out), jax.tree.leaves(batch), strict=True):
                target[to] = values[kept]
        return out._replace(weights=weights)

    def _read(self, group: int) -> Block:
        """The rows of a group that are trained on; the last one is kept, as the next window may begin in it."""
        if self._kept is None or self._kept[0] != group:
            self._kept = None
            block = self._data.read(group)
            held = self._look.held_out.get(group, ())
            self._kept = group, block.take(np.delete(np.arange(len(block.x)), held)) if len(held) else block
        return self._kept[1]

    def _placed(self, window: Batch) -> Batch:
        if self._devices is None:
            return jax.device_put(window)
        devices, (places, count) = self._devices, self._places()

        def one(a: np.ndarray) -> Array:
            shape = (len(a), count, *a.shape[2:])

            def part(index: Any) -> np.ndarray:
                start, stop, _ = index[1].indices(count)
                return a[:, start - places.start : stop - places.start]

            return jax.make_array_from_callback(shape, devices.rows(1), part)

        return jax.tree.map(one, window)
