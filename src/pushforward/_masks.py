"""Degrees and masks of autoregressive networks (Germain et al. 2015, MADE, section 4)."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array


@lru_cache(maxsize=256)
def hidden_degrees(dim: int, width: int, *, conditional: bool) -> tuple[int, ...]:
    """Degrees of a hidden layer, sorted and spread evenly over `lowest .. dim - 1`.

    A unit of degree m sees the first m coordinates. Degree 0, which sees only the condition, is used when there is
    one, or when there is no other. Sorted degrees make the masked weights block lower triangular, on which the
    blocked inverse rests.
    """
    lowest = 0 if conditional or dim == 1 else 1
    return tuple(np.round(np.linspace(lowest, dim - 1, width)).astype(int).tolist())


class Degrees(NamedTuple):
    """Degrees of all the units of an autoregressive network.

    Coordinate `i` of rank `r` (from 1) is seen by units of degree at least `r`, and its output sees units of degree
    below `r`.
    """

    inputs: Array | np.ndarray
    hidden: Sequence[Array | np.ndarray]


def masks(degrees: Degrees, cond_dim: int, num_params: int, num_features: int = 1) -> list[Array | np.ndarray]:
    """True where a connection is allowed, `(out, in)` for every layer; the condition is seen by all.

    Of each coordinate the network sees `num_features` numbers, next to each other.
    """
    xp = np if isinstance(degrees.inputs, np.ndarray) else jnp
    given = xp.concatenate([xp.repeat(degrees.inputs, num_features), xp.zeros(cond_dim, int)])
    allowed = []
    for units in degrees.hidden:
        allowed.append(units[:, None] >= given[None, :])
        given = units
    return [*allowed, xp.tile(degrees.inputs[:, None] > given[None, :], (num_params, 1))]
