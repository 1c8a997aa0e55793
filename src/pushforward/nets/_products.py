"""A matrix times one axis of an array, as a product of two matrices.

The gradient of a product of a matrix and an array of three axes or more has the array copied with its axes turned, by
one thread where it is in a loop (jaxlib 0.10.2 on a CPU: a third of a training step of WaveGlow). With an array of two
axes XLA reads it as it lies.
"""

import math
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float


def times_first(
    matrix: Float[Array, "out inputs"], x: Float[Array, "inputs *rest"], dtype: Any = None
) -> Float[Array, "out *rest"]:
    """The matrix times the first axis of `x`, summed up and given in `dtype` or the common type of both."""
    flat = x.reshape(x.shape[0], math.prod(x.shape[1:]))
    return jnp.matmul(matrix, flat, preferred_element_type=dtype).reshape(matrix.shape[0], *x.shape[1:])


def times_last(matrix: Float[Array, "out inputs"], x: Float[Array, "*rest inputs"]) -> Float[Array, "*rest out"]:
    """The matrix times the last axis of `x`."""
    flat = x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
    return (flat @ matrix.T).reshape(*x.shape[:-1], matrix.shape[0])
