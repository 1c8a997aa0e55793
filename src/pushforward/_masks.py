"""Degrees and masks of autoregressive networks (Germain et al. 2015, MADE, section 4)."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np


@lru_cache(maxsize=256)
def hidden_degrees(dim: int, width: int, *, conditional: bool) -> tuple[int, ...]:
    """Degrees of a hidden layer, sorted and spread evenly over `lowest .. dim - 1`.

    A unit of degree m sees the first m coordinates. Degree 0, which sees only the condition, is used when there is
    one, or when there is no other. Sorted degrees make the masked weights block lower triangular, on which the
    blocked inverse rests.
    """
    lowest = 0 if conditional or dim == 1 else 1
    return tuple(np.round(np.linspace(lowest, dim - 1, width)).astype(int).tolist())


def connect(to: Sequence[int] | np.ndarray, given: Sequence[int] | np.ndarray) -> np.ndarray:
    """Mask `(len(to), len(given))`: True where a unit of degree `to` may see one of degree `given`."""
    return np.asarray(to)[:, None] >= np.asarray(given)[None, :]
