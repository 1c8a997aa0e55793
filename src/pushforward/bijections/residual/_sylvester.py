"""Sylvester maps: bends along several directions at once."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from pushforward._errors import as_key, did_you_mean
from pushforward._matrices import orthogonal, orthonormal
from pushforward._params import static
from pushforward._roots import solve_increasing
from pushforward._types import Kind, Part, Shape
from pushforward.bijections._base import AbstractBatched
from pushforward.bijections.linear._linear import Householder

VARIANTS = ("orthogonal", "householder", "triangular")


class Orthonormal(Part):
    """A matrix with orthonormal columns, from any matrix of full rank.

    Args:
        dim: Number of rows.
        num_columns: Number of columns, at most `dim`.
        key: For the initial matrix, orthonormal already.
    """

    columns: Float[Array, "dim columns"]

    def __init__(self, dim: int, num_columns: int, *, key: PRNGKeyArray):
        self.columns = orthogonal(key, dim)[:, :num_columns]

    @property
    def matrix(self) -> Array:
        return orthonormal(self.columns)


class Sylvester(AbstractBatched):
    r"""$y = x + Q R \tanh(\tilde R Q^\top x + b)$ with $Q^\top Q = I$ and $R$, $\tilde R$ upper triangular.

    $\log|\det| = \sum_{i=1}^M \log(1 + r_{ii}\tilde r_{ii}(1 - \tanh^2(\cdot)_i))$, positive inside because both
    diagonals lie in $(-1, 1)$. `inverse` finds $a = Q^\top x$ from its last coordinate to its first: each is the root
    of one increasing scalar equation, after which the rest is exact.

    Args:
        dim: Size of the event, $D$.
        variant: Where $Q$ comes from. `"orthogonal"`: any $M$ orthonormal directions; `"householder"`: a product of
            reflections, $M = D$; `"triangular"`: the identity, $M = D$, to be put between permutations.
        num_directions: $M$ of the orthogonal variant, default $D$ up to 16.
        num_reflections: Of the Householder variant.
        key: For the initial directions and $\tilde R$; $R$ starts at 0, so the map starts as the identity.

    Raises:
        ValueError: If `variant` is unknown or `num_directions` is not from 1 to `dim`.

    Example:
        >>> layer = Sylvester(3, num_directions=2, key=jax.random.key(0))
        >>> layer.forward(jnp.ones(3)).tolist()
        [1.0, 1.0, 1.0]

    Reference:
        van den Berg, Hasenclever, Tomczak & Welling (2018), Sylvester normalizing flows for variational inference.

    Note:
        $Q$ is orthonormalised by Gram and Schmidt's steps, to rounding, where the paper iterates to a tolerance.
    """

    basis: Orthonormal | Householder | None
    outer: Float[Array, "m m"]
    inner: Float[Array, "m m"]
    offset: Float[Array, " m"]
    dim: int = static()

    forward_kind: ClassVar[Kind] = "analytic"
    inverse_kind: ClassVar[Kind] = "iterative"
    cond_shape: ClassVar[Shape | None] = None

    def __init__(
        self,
        dim: int,
        *,
        variant: str = "orthogonal",
        num_directions: int | None = None,
        num_reflections: int = 8,
        key: PRNGKeyArray,
    ):
        key = as_key("Sylvester", key)
        if variant not in VARIANTS:
            raise ValueError(f"Sylvester: unknown variant {variant!r}; {did_you_mean(variant, VARIANTS)}.")
        m = dim if variant != "orthogonal" else min(dim, DIRECTIONS) if num_directions is None else num_directions
        if not 1 <= m <= dim:
            raise ValueError(f"Sylvester: `num_directions` must be from 1 to dim={dim}, got {m}.")
        basis_key, inner_key = jax.random.split(key)
        self.dim, self.basis = dim, None
        if variant == "orthogonal":
            self.basis = Orthonormal(dim, m, key=basis_key)
        elif variant == "householder":
            self.basis = Householder(dim, num_reflections=num_reflections, key=basis_key)
        self.outer, self.offset = jnp.zeros((m, m)), jnp.zeros(m)
        self.inner = jax.random.normal(inner_key, (m, m), jnp.result_type(float)) / jnp.sqrt(m)

    @property
    def in_shape(self) -> Shape:
        return (self.dim,)

    @property
    def out_shape(self) -> Shape:
        return (self.dim,)

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        q, outer, inner = self._factors()
        bend = jnp.tanh(inner @ _into(q, x) + self.offset[:, None])
        return x + _out_of(q, outer @ bend), _log_det(bend, _diagonal(outer), _diagonal(inner))

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        q, outer, inner = self._factors()
        bend = _solve(_into(q, x), outer, inner, self.offset)
        return x - _out_of(q, outer @ bend), -_log_det(bend, _diagonal(outer), _diagonal(inner))

    def _forward_each(self, x: Array) -> tuple[Array, Array]:
        # Products of many small matrices are several times as fast along a first axis.
        outer, inner = (jax.vmap(_upper)(jnp.moveaxis(raw, -1, 0)) for raw in (self.outer, self.inner))
        q = None
        if isinstance(self.basis, Orthonormal):
            q = jax.vmap(orthonormal)(jnp.moveaxis(self.basis.columns, -1, 0))
        seen = self._turned(q, "bdm,db->mb", x, back=True)
        bend = jnp.tanh(jnp.einsum("bmk,kb->mb", inner, seen) + self.offset)
        moved = self._turned(q, "bdm,mb->db", jnp.einsum("bmk,kb->mb", outer, bend))
        return x + moved, _log_det(bend, *(jnp.diagonal(r, axis1=1, axis2=2).T for r in (outer, inner)))

    def _turned(self, q: Array | None, product: str, a: Array, *, back: bool = False) -> Array:
        r"""$Q a$ or, `back`, $Q^\top a$, for a $Q$ of each event."""
        if q is not None:
            return jnp.einsum(product, q, a)
        return self.basis.reflected(a, back=back) if isinstance(self.basis, Householder) else a

    def _factors(self) -> tuple[Array | None, Array, Array]:
        r"""$Q$, or None for the identity, $R$ and $\tilde R$."""
        q = None if self.basis is None else self.basis.matrix
        return q, _upper(self.outer), _upper(self.inner)


DIRECTIONS = 16
LARGEST_DIAGONAL = 1.0 - 5e-4
"""So that every slope is at least 1e-3: below it, float32 cannot tell the root's place."""


def _upper(raw: Array) -> Array:
    return jnp.triu(raw, 1) + jnp.diag(LARGEST_DIAGONAL * jnp.tanh(jnp.diagonal(raw)))


def _into(q: Array | None, x: Array) -> Array:
    return x if q is None else q.T @ x


def _out_of(q: Array | None, a: Array) -> Array:
    return a if q is None else q @ a


def _log_det(bend: Array, outer: Array, inner: Array) -> Array:
    """From the bends `(m, batch)` and both diagonals, `(m, batch)` or `(m, 1)`."""
    gain = 1.0 + outer * inner
    # 1 + (gain - 1)(1 - bend^2), written without cancellation.
    square = bend * bend
    return jnp.sum(jnp.log(square + gain * (1.0 - square)), axis=0)


def _diagonal(matrix: Array) -> Array:
    return jnp.diagonal(matrix)[:, None]


def _solve(target: Array, outer: Array, inner: Array, offset: Array) -> Array:
    r"""$h = \tanh(\tilde R a + b)$ at the $a$ with $a + R h = $ `target`, `(m, batch)`, from the last row up."""

    def step(carry: tuple[Array, Array], i: Array) -> tuple[tuple[Array, Array], None]:
        a, bend = carry  # rows not yet solved are zero
        shift = inner[i] @ a + offset[i]
        wanted = target[i] - outer[i] @ bend
        root = solve_increasing(lambda v: v + outer[i, i] * jnp.tanh(inner[i, i] * v + shift), wanted, wanted)
        return (a.at[i].set(root), bend.at[i].set(jnp.tanh(inner[i, i] * root + shift))), None

    start = (jnp.zeros_like(target), jnp.zeros_like(target))
    return jax.lax.scan(step, start, jnp.arange(target.shape[0]), reverse=True)[0][1]
