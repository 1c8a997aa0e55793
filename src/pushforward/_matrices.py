"""Solvers of small matrices, one matrix at a time whatever `jax.vmap` says.

On a CPU, LAPACK's work on many matrices is split among the threads of XLA, and the thread that asked for it waits. Two
such calls in one program may wait for each other for ever where there are two threads (seen with jaxlib 0.10.2). A call
for one matrix splits nothing. On two cores log-dets of 2,000 matrices of 8 to 64 rows took as long in a loop as in one
call, and their gradients 1.1 to 2.2 times as long.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import sequential_vmap
from jaxtyping import Array, Float, PRNGKeyArray


@jax.custom_jvp
def log_abs_det(matrix: Float[Array, "dim dim"]) -> Float[Array, ""]:
    r"""$\log|\det A|$ by an LU decomposition; -inf where `A` is singular."""
    return sequential_vmap(lambda a: jnp.linalg.slogdet(a)[1])(matrix)


@log_abs_det.defjvp
def _log_abs_det_jvp(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (matrix,), (along,) = primals, tangents
    return log_abs_det(matrix), jnp.sum(inverse(matrix).T * along)


@jax.custom_jvp
def inverse(matrix: Float[Array, "dim dim"]) -> Float[Array, "dim dim"]:
    """$A^{-1}$ by an LU decomposition."""
    return sequential_vmap(jnp.linalg.inv)(matrix)


@inverse.defjvp
def _inverse_jvp(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (matrix,), (along,) = primals, tangents
    back = inverse(matrix)
    return back, -back @ along @ back


def orthogonal(key: PRNGKeyArray, dim: int) -> Float[Array, "dim dim"]:
    """A matrix drawn uniformly from all orthogonal ones."""
    return sequential_vmap(lambda k: jax.random.orthogonal(k, dim, dtype=jnp.result_type(float)))(key)
