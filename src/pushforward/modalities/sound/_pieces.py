"""Sounds of any length through flows of convolutions: in pieces, with the numbers of one piece.

A flow of convolutions is local: what it makes of a sample depends on samples within its *reach*. So the log-density of
a sound is a sum over its samples, but for what is near to an end. Of two pieces that overlap by more than twice the
reach, `log p(both) = log p(first) + log p(second) - log p(overlap)`: the wrong ends of the pieces are those of the
overlap, and cancel. Memory is that of a piece, whatever the length.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

BLOCK = 2**16
"""Samples of noise that are drawn at once, so that they do not depend on how a sound is cut."""


class Piece(NamedTuple):
    """A part of a sound, and how often its log-density is counted.

    Attributes:
        start: Its first sample.
        stop: The sample behind its last one.
        sign: 1, or -1 for an overlap.
    """

    start: int
    stop: int
    sign: int


def pieces(count: int, size: int, overlap: int) -> Iterator[Piece]:
    """Pieces of at most `size` samples whose log-densities add up to that of a sound of `count` samples.

    Args:
        count: Samples of the sound.
        size: Samples of a piece, more than twice `overlap`.
        overlap: Samples that two neighbours share at least.
    """
    start = 0
    while start + size < count:
        yield Piece(start, start + size, 1)
        yield Piece(start + size - overlap, start + size, -1)
        start += size - overlap
    yield Piece(start, count, 1)


def uniform(seed: int, start: int, stop: int) -> np.ndarray:
    """Noise from U(0, 1) for the samples from `start` on, the same however a sound is cut."""
    return _by_blocks(lambda rng: rng.random(BLOCK, np.float32), seed, start, stop)


def normal(seed: int, start: int, stop: int) -> np.ndarray:
    """Noise from N(0, 1) from a place on, likewise."""
    return _by_blocks(lambda rng: rng.standard_normal(BLOCK, np.float32), seed, start, stop)


def _by_blocks(draw: Callable[[np.random.Generator], np.ndarray], seed: int, start: int, stop: int) -> np.ndarray:
    first, last = start // BLOCK, -(-stop // BLOCK)
    drawn = [draw(np.random.default_rng([seed, block])) for block in range(first, last)]
    joined = np.concatenate([np.zeros(0, np.float32), *drawn])
    return joined[start - first * BLOCK : stop - first * BLOCK]
