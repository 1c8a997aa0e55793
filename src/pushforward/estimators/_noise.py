"""Noise for integer columns when scoring: a function of the row, so that a score does not depend on its neighbours."""

from collections.abc import Iterator

import numpy as np

NUM_DRAWS = 16
"""Draws over which the density of a row with integer columns is averaged."""
GOLDEN = 0x9E3779B97F4A7C15  # 2**64 over the golden ratio, odd
MIX = 0xBF58476D1CE4E5B9  # from SplitMix64


def shifts(x: np.ndarray, columns: list[int], num_draws: int) -> Iterator[np.ndarray]:
    """For each draw what to add to the integer columns, `(rows, len(columns))` in [-0.5, 0.5).

    A flow that is asked for a density without a key takes an integer n at n + 0.5; shifted, it is asked at n + u
    with u in [0, 1). Each row has its own random start, a hash of its values, and steps through [0, 1) in even
    strides from there; every column has its own stride, so that all corners of the unit cube are visited.
    """
    start = _hash(x)[:, None] * _odd(len(columns))[None, :]
    start = (start >> np.uint64(11)).astype(np.float64) * 2.0**-53
    strides = np.array([(2 * i + 1) for i in range(len(columns))])
    for draw in range(num_draws):
        yield (start + draw * strides / num_draws) % 1.0 - 0.5


def _hash(x: np.ndarray) -> np.ndarray:
    """64 well mixed bits for each row."""
    state = np.full(len(x), GOLDEN, np.uint64)
    for column in x.T:
        # Adding 0.0 makes -0.0 and 0.0 the same.
        state = (state ^ (column.astype(np.float64) + 0.0).view(np.uint64)) * np.uint64(MIX)
        state ^= state >> np.uint64(31)
    return state


def _odd(count: int) -> np.ndarray:
    return (np.arange(count, dtype=np.uint64) * np.uint64(2) + np.uint64(1)) * np.uint64(GOLDEN)
