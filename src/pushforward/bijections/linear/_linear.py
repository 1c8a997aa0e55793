"""Linear maps of a vector, each with a cheap log-det and inverse."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from pushforward._errors import as_key, check_positive, violated
from pushforward._matrices import inverse, log_abs_det, lower_inverse, lower_solve, orthogonal
from pushforward._params import positive, positive_raw, static
from pushforward._types import Kind, Shape
from pushforward.bijections._base import AbstractBatched


class AbstractLinear(AbstractBatched):
    """A linear map of a vector plus a shift, closed form both ways."""

    dim: int = static()

    forward_kind: ClassVar[Kind] = "analytic"
    inverse_kind: ClassVar[Kind] = "analytic"
    cond_shape: ClassVar[Shape | None] = None

    @property
    def in_shape(self) -> Shape:
        return (self.dim,)

    @property
    def out_shape(self) -> Shape:
        return (self.dim,)


class TriangularAffine(AbstractLinear):
    r"""$y = Lx + t$ with $L$ lower triangular and a positive diagonal; $\log|\det| = \sum_i \log L_{ii}$.

    Args:
        loc: $t$. Shape `(dim,)`.
        matrix: $L$, with zeros above the diagonal. Shape `(dim, dim)`.

    Raises:
        ValueError: If `matrix` is not square, fits not `loc`, has a diagonal entry that is not positive, or one above
            the diagonal that is not zero.
    """

    loc: Float[Array, " dim"]
    diagonal_raw: Float[Array, " dim"]
    lower: Float[Array, "dim dim"]

    def __init__(self, loc: ArrayLike, matrix: ArrayLike):
        dtype = jnp.result_type(float)
        self.loc, matrix = jnp.asarray(loc, dtype), jnp.asarray(matrix, dtype)
        self.dim = _square("TriangularAffine", matrix)
        if self.loc.shape != (self.dim,):
            raise ValueError(f"TriangularAffine: `loc` must have shape ({self.dim},), got {self.loc.shape}.")
        diagonal, self.diagonal_raw, self.lower, is_lower = _lower_parts(matrix)
        check_positive("TriangularAffine", "diagonal", diagonal)
        if violated(is_lower):
            raise ValueError(f"TriangularAffine: above the diagonal `matrix` must be zero, got {matrix}.")

    @property
    def matrix(self) -> Array:
        return jnp.tril(self.lower, -1) + jnp.diag(positive(self.diagonal_raw)[0])

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return self.matrix @ x + self.loc[:, None], self._log_det(x)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return lower_inverse(self.matrix) @ (x - self.loc[:, None]), -self._log_det(x)

    def _inverse_each(self, x: Array) -> tuple[Array, Array]:
        back = jax.vmap(lambda f, y: lower_solve(f.matrix, y - f.loc), -1, -1)(self, x)
        return back, -jnp.sum(positive(self.diagonal_raw)[1], axis=0)

    def _log_det(self, x: Array) -> Array:
        return jnp.broadcast_to(jnp.sum(positive(self.diagonal_raw)[1]), x.shape[-1:])


class LU(AbstractLinear):
    r"""$y = LUx + t$, $L$ unit lower, $U$ upper triangular with a positive diagonal; $\log|\det| = \sum_i\log U_{ii}$.

    Starts as the identity. A permutation before it makes every linear map of positive determinant reachable.

    Args:
        dim: Size of the event.

    Reference:
        Kingma & Dhariwal (2018), Glow, section 3.2; Durkan et al. (2019), Neural spline flows, section 3.1.
    """

    loc: Float[Array, " dim"]
    lower: Float[Array, "dim dim"]
    upper: Float[Array, "dim dim"]
    diagonal_raw: Float[Array, " dim"]

    def __init__(self, dim: int):
        self.dim = dim
        self.loc, self.diagonal_raw = jnp.zeros(dim), jnp.zeros(dim)
        self.lower, self.upper = jnp.zeros((dim, dim)), jnp.zeros((dim, dim))

    def _factors(self) -> tuple[Array, Array, Array]:
        diagonal, log_diagonal = positive(self.diagonal_raw)
        lower = jnp.tril(self.lower, -1) + jnp.eye(self.dim, dtype=self.lower.dtype)
        return lower, jnp.triu(self.upper, 1) + jnp.diag(diagonal), jnp.sum(log_diagonal)

    @property
    def matrix(self) -> Array:
        lower, upper, _ = self._factors()
        return lower @ upper

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        lower, upper, log_det = self._factors()
        return (lower @ upper) @ x + self.loc[:, None], jnp.broadcast_to(log_det, x.shape[-1:])

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        lower, upper, log_det = self._factors()
        back = lower_inverse(upper.T).T @ lower_inverse(lower)
        return back @ (x - self.loc[:, None]), jnp.broadcast_to(-log_det, x.shape[-1:])

    def _inverse_each(self, x: Array) -> tuple[Array, Array]:
        def one(f: LU, y: Array) -> tuple[Array, Array]:
            lower, upper, log_det = f._factors()
            z = lower_solve(lower, y - f.loc)
            return lower_solve(upper[::-1, ::-1], z[::-1])[::-1], -log_det

        return jax.vmap(one, -1, -1)(self, x)


class Householder(AbstractLinear):
    r"""An orthogonal map, a product of reflections $I - 2vv^\top/\|v\|^2$; the log-det is 0.

    Args:
        dim: Size of the event.
        num_reflections: How many; `dim` of them reach every orthogonal matrix. Even by default, a rotation.
        key: For the initial directions.

    Reference:
        Tomczak & Welling (2016), Improving variational auto-encoders using Householder flow.
    """

    vectors: Float[Array, "reflections dim"]

    def __init__(self, dim: int, *, num_reflections: int | None = None, key: PRNGKeyArray):
        self.dim = dim
        count = dim + dim % 2 if num_reflections is None else num_reflections
        if count < 1:
            raise ValueError(f"Householder: `num_reflections` must be at least 1, got {count}.")
        self.vectors = jax.random.normal(as_key("Householder", key), (count, dim), jnp.result_type(float))

    @property
    def matrix(self) -> Array:
        def reflect(rows: Array, vector: Array) -> tuple[Array, None]:
            vector, norm = _of_size_one(vector)
            return rows - (2.0 / norm) * jnp.outer(vector, vector @ rows), None

        return jax.lax.scan(reflect, jnp.eye(self.dim, dtype=self.vectors.dtype), self.vectors)[0]

    def reflected(self, x: Array, *, back: bool = False) -> Array:
        """Events `(dim, batch)` by reflections of their own, `(reflections, dim, batch)`; `back` is the inverse."""

        def reflect(x: Array, vector: Array) -> tuple[Array, None]:
            vector, norm = _of_size_one(vector)
            return x - (2.0 / norm) * vector * jnp.sum(vector * x, axis=0), None

        return jax.lax.scan(reflect, x, self.vectors, reverse=back)[0]

    def _forward_each(self, x: Array) -> tuple[Array, Array]:
        return self.reflected(x), jnp.zeros(x.shape[-1], x.dtype)

    def _inverse_each(self, x: Array) -> tuple[Array, Array]:
        return self.reflected(x, back=True), jnp.zeros(x.shape[-1], x.dtype)

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return self.matrix @ x, jnp.zeros(x.shape[-1], x.dtype)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return self.matrix.T @ x, jnp.zeros(x.shape[-1], x.dtype)


class Linear(AbstractLinear):
    r"""$y = Wx + t$ with a full matrix; $\log|\det W|$ by an LU decomposition, $O(D^3)$.

    Args:
        dim: Size of the event.
        matrix: $W$, invertible; default a random rotation. Shape `(dim, dim)`.
        key: For the random rotation; needed when `matrix` is left out.

    Raises:
        ValueError: If neither `matrix` nor `key` is given, or the matrix is not `(dim, dim)`.
    """

    loc: Float[Array, " dim"]
    matrix: Float[Array, "dim dim"]

    def __init__(self, dim: int, *, matrix: ArrayLike | None = None, key: PRNGKeyArray | None = None):
        dtype = jnp.result_type(float)
        if matrix is None:
            if key is None:
                raise ValueError("Linear: give a `matrix`, or a `key` for a random rotation.")
            matrix = orthogonal(as_key("Linear", key), dim)
        self.matrix = jnp.asarray(matrix, dtype)
        if _square("Linear", self.matrix) != dim:
            raise ValueError(f"Linear: `matrix` must have shape ({dim}, {dim}), got {self.matrix.shape}.")
        self.dim, self.loc = dim, jnp.zeros(dim, dtype)

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return self.matrix @ x + self.loc[:, None], jnp.broadcast_to(self._log_det(), x.shape[-1:])

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        back = inverse(self.matrix) @ (x - self.loc[:, None])
        return back, jnp.broadcast_to(-self._log_det(), x.shape[-1:])

    def _inverse_each(self, x: Array) -> tuple[Array, Array]:
        return jax.vmap(lambda f, y: (inverse(f.matrix) @ (y - f.loc), -f._log_det()), -1, -1)(self, x)

    def _log_det(self) -> Array:
        return log_abs_det(self.matrix)


def _square(name: str, matrix: Array) -> int:
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"{name}: `matrix` must be square, got shape {matrix.shape}.")
    return matrix.shape[0]


def _of_size_one(vector: Array) -> tuple[Array, Array]:
    """Vectors along the first axis by their largest number, and squares of their lengths; zeros stay, with length 1.

    A reflection is the same for any length, so that none need overflow, nor have a gradient.
    """
    most = jax.lax.stop_gradient(jnp.max(jnp.abs(vector), axis=0))
    vector = vector / jnp.where(most > 0, most, 1.0)
    square = jnp.sum(vector * vector, axis=0)
    return vector, jnp.where(square > 0, square, 1.0)


@jax.jit
def _lower_parts(matrix: Array) -> tuple[Array, Array, Array, Array]:
    """In one program: the diagonal and its raw numbers, what is below it, and whether nothing is above."""
    diagonal = jnp.diagonal(matrix)
    return diagonal, positive_raw(diagonal), jnp.tril(matrix, -1), jnp.all(jnp.triu(matrix, 1) == 0)
