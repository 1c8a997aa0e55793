"""Noise for integer columns when scoring: a function of the row, so that a score does not depend on its neighbours."""

from collections.abc import Iterator

import numpy as np

NUM_DRAWS = 16
"""Draws over which the density of a row with integer columns is averaged."""
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio, odd
MIX = np.uint64(0xBF58476D1CE4E5B9)  # from SplitMix64


def shifts(x: np.ndarray, columns: list[int], num_draws: int = NUM_DRAWS) -> Iterator[np.ndarray]:
    """For each draw what to add to the integer columns, `(rows, len(columns))` in [-0.5, 0.5).

    A flow that is asked for a density without a key takes an integer n at n + 0.5; shifted, it is asked at n + u
    with u in [0, 1). In each column the draws of a row are spread evenly, from a start that is a hash of the row and
    in an order of the column's own (a Latin hypercube).
    """
    # This generator's stream is frozen, so a score is the same with every version of NumPy.
    random = np.random.RandomState(0)
    strata = np.stack([random.permutation(num_draws) for _ in columns], axis=1) / num_draws
    odd = random.randint(2**63, size=len(columns), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    start = ((_hash(x)[:, None] * odd) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    for stratum in strata:
        yield (start + stratum) % 1.0 - 0.5


def _hash(x: np.ndarray) -> np.ndarray:
    """64 well mixed bits for each row, `(rows, columns) -> (rows,)`."""
    state = np.full(len(x), GOLDEN)
    for column in x.T:
        # Adding 0.0 makes -0.0 and 0.0 the same.
        state = (state ^ (column.astype(np.float64) + 0.0).view(np.uint64)) * MIX
        state ^= state >> np.uint64(31)
    return state
