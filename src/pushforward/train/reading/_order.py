"""In which order the rows of files are taken: a function of seed and epoch, whatever the number of processes.

The groups of rows are put in an order by seed and epoch, one behind the other, and cut into windows of a whole number
of batches. A window is cut into as many strata as a batch has places: place j of every batch in it is filled from the
j-th stratum, whose rows are shuffled. So who fills some places in a row of every batch needs a contiguous part of a
window.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from pushforward.train._batches import ORDER


class Piece(NamedTuple):
    """Rows of one group that follow each other.

    Attributes:
        group: Its number.
        rows: Which of those of the group that are trained on.
        steps: In which step of the window each is used, `(rows,)`.
        places: At which place of the batch, `(rows,)`.
    """

    group: int
    rows: slice
    steps: np.ndarray
    places: np.ndarray


@dataclass(frozen=True)
class Order:
    """The order of the rows of all epochs.

    Attributes:
        sizes: Rows of each group that are trained on, `(groups,)`.
        batch_size: Places of a batch.
        window_rows: About how many rows are shuffled together.
    """

    sizes: np.ndarray
    batch_size: int
    window_rows: int

    @cached_property
    def total(self) -> int:
        """Rows of an epoch."""
        return int(self.sizes.sum())

    @cached_property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch, of which the last may have empty places."""
        return math.ceil(self.total / self.batch_size)

    @cached_property
    def window_steps(self) -> int:
        """Batches of a window; the last one of an epoch may have fewer."""
        windows = math.ceil(self.steps_per_epoch / max(self.window_rows // self.batch_size, 1))
        return math.ceil(self.steps_per_epoch / windows)

    def pieces(self, words: tuple[int, ...], epoch: int, window: int, places: range) -> Iterator[Piece]:
        """What fills some places of the batches of a window.

        Args:
            words: Of the fit's key.
            epoch: From 0.
            window: Of the epoch, from 0.
            places: Of a batch, in a row.
        """
        start = window * self.window_steps * self.batch_size
        rows = min(self.window_steps * self.batch_size, self.total - start)
        edges = rows * np.arange(self.batch_size + 1) // self.batch_size
        turns = _turns(np.diff(edges), np.random.default_rng([*words, ORDER, epoch, window + 1]))
        groups = np.random.default_rng([*words, ORDER, epoch]).permutation(len(self.sizes))
        ends = np.cumsum(self.sizes[groups])
        at, stop = (start + int(edges[place]) for place in (places.start, places.stop))
        while at < stop:
            number = int(np.searchsorted(ends, at, "right"))
            end, first = min(int(ends[number]), stop), int(ends[number] - self.sizes[groups[number]])
            offsets = np.arange(at - start, end - start)
            strata = np.searchsorted(edges, offsets, "right") - 1
            yield Piece(
                int(groups[number]), slice(at - first, end - first), turns[strata, offsets - edges[strata]], strata
            )
            at = end


def _turns(sizes: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """In which step each row of each stratum is used, `(strata, steps)`: the first `size` entries of each."""
    turns = np.zeros((len(sizes), int(sizes.max())), np.int32)
    for size in np.unique(sizes).tolist():
        chosen = sizes == size
        steps = np.broadcast_to(np.arange(size, dtype=np.int32), (int(chosen.sum()), size))
        turns[chosen, :size] = random.permuted(steps, axis=1)
    return turns
