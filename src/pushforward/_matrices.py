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


@jax.custom_jvp
def orthonormal(columns: Float[Array, "dim m"]) -> Float[Array, "dim m"]:
    """The first factor of the QR decomposition whose second has a positive diagonal, by Gram and Schmidt's steps.

    Each column is freed twice from those before it, after which all are orthonormal to rounding (Giraud, Langou &
    Rozložník 2005). No call of LAPACK, so that `jax.vmap` may take many at once: along a first axis, where products of
    100 matrices of 40 rows took a tenth of the time that they take along the last. A column that depends on those
    before it becomes some unit vector or zero.
    """
    rows = columns.T

    def step(found: Array, i: Array) -> tuple[Array, None]:
        own = rows[i]
        for _ in range(2):
            own = own - (found @ own) @ found
        unit = own * jax.lax.rsqrt(jnp.maximum(own @ own, jnp.finfo(own.dtype).tiny))
        return found.at[i].set(unit), None

    return jax.lax.scan(step, jnp.zeros_like(rows), jnp.arange(len(rows)))[0].T


@orthonormal.defjvp
def _orthonormal_jvp(primals: Any, tangents: Any) -> tuple[Array, Array]:
    r"""$\dot Q = X + Q(L - L^\top - C)$, $A = QR$, $X = \dot A R^{-1}$, $C = Q^\top X$, $L$ below its diagonal."""
    (columns,), (along,) = primals, tangents
    q = orthonormal(columns)
    upper = q.T @ columns
    x = lower_solve(upper.T, along.T).T
    c = q.T @ x
    lower = jnp.tril(c, -1)
    return q, x + q @ (lower - lower.T - c)


@jax.custom_jvp
def lower_inverse(lower: Float[Array, "m m"]) -> Float[Array, "m m"]:
    r"""$L^{-1}$ from the inverses of blocks on the diagonal, joined two by two. What is above is not looked at.

    Of $\begin{pmatrix} A & 0 \\ C & B \end{pmatrix}$ it is $\begin{pmatrix} A^{-1} & 0 \\ -B^{-1}CA^{-1} & B^{-1}
    \end{pmatrix}$. No LAPACK: behind a call of it its threads wait for work, on the cores that XLA's want.
    """
    dim, size = len(lower), 1
    whole = 1 << (dim - 1).bit_length()
    padded = jnp.eye(whole, dtype=lower.dtype).at[:dim, :dim].set(lower)
    found = 1.0 / jnp.diagonal(padded)[:, None, None]
    while size < whole:
        pairs = whole // (2 * size)
        corners = padded.reshape(pairs, 2, size, pairs, 2, size)[:, 1, :, :, 0]
        first, second = found[0::2], found[1::2]
        between = -second @ jnp.moveaxis(jnp.diagonal(corners, axis1=0, axis2=2), -1, 0) @ first
        found = jnp.block([[first, jnp.zeros_like(first)], [between, second]])
        size *= 2
    return found[0, :dim, :dim]


@lower_inverse.defjvp
def _lower_inverse_jvp(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (lower,), (along,) = primals, tangents
    back = lower_inverse(lower)
    return back, -back @ jnp.tril(along) @ back


def lower_solve(lower: Float[Array, "m m"], y: Float[Array, "m *n"]) -> Float[Array, "m *n"]:
    """$L^{-1}y$ row by row; no LAPACK, for many matrices at once. What is above the diagonal is not looked at."""

    def step(found: Array, i: Array) -> tuple[Array, None]:
        # Rows that are not found yet are zero, and so is what stands for this one.
        return found.at[i].set((y[i] - lower[i] @ found) / jnp.where(lower[i, i] == 0, 1.0, lower[i, i])), None

    return jax.lax.scan(step, jnp.zeros_like(y), jnp.arange(len(y)))[0]
