"""Columns of which some values are atoms: numbers with a probability of their own."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from pushforward._params import static
from pushforward._types import Kind, Shape
from pushforward.bijections._base import AbstractBatched, AbstractBijection
from pushforward.supports import REAL, Categories, PartOf, Support
from pushforward.supports._events import Passage, gathered, spread


class Atoms(AbstractBatched):
    r"""$d$ numbers, some of them at atoms, from $d$ numbers and $k$ codes that say at which.

    Behind the numbers stands a code for each column that has atoms: 0 for a value elsewhere, which goes through the
    column's map, and $i$ for its $i$-th atom, whose number on the base side is 0. A column at an atom is counted, not
    measured, and has no share in the log-det: a density times probabilities of the codes becomes a density with respect
    to length plus counting measure on the atoms. All other numbers stay as they are.

    Args:
        size: $d$.
        places: Of the columns with atoms.
        values: The atoms of each of them; values are told from them by equality.
        maps: Of one number, for each of them.

    Raises:
        ValueError: If these do not fit each other, or there is no atom.

    Example:
        >>> rain = Atoms(1, (0,), ((0.0,),), (Exp((1,)),))
        >>> rain.inverse(jnp.array([0.0])).tolist(), rain.inverse(jnp.array([1.0])).tolist()
        ([0.0, 1.0], [0.0, 0.0])
    """

    size: int = static()
    places: tuple[int, ...] = static()
    values: tuple[tuple[float, ...], ...] = static()
    maps: tuple[AbstractBijection, ...]

    cond_shape: ClassVar[Shape | None] = None
    forward_kind: ClassVar[Kind] = "analytic"
    inverse_kind: ClassVar[Kind] = "analytic"

    def __check_init__(self):
        if not self.places or not len(self.places) == len(self.values) == len(self.maps) or not all(self.values):
            raise ValueError(
                f"Atoms: each of `places` needs atoms and a map, got {self.places}, {self.values} and "
                f"{len(self.maps)} maps."
            )
        if not all(0 <= place < self.size for place in self.places) or any(m.in_shape != (1,) for m in self.maps):
            raise ValueError(f"Atoms: `places` must be below {self.size}, and maps of shape (1,), got {self.places}.")

    @property
    def in_shape(self) -> Shape:
        return (self.size + len(self.places),)

    @property
    def out_shape(self) -> Shape:
        return (self.size,)

    @property
    def domain(self) -> Support:
        return self._carry(REAL, Passage(forward=False))

    @property
    def image(self) -> Support:
        return PartOf(REAL)

    def _carry(self, support: Support, passage: Passage) -> Support:
        if passage.forward:
            parts = spread(support, self.in_shape)[: self.size].copy()
            parts[list(self.places)] = PartOf(REAL)
            return gathered(parts)
        parts = spread(support, self.out_shape).copy()
        for place, one in zip(self.places, self.maps, strict=True):
            parts[place] = one.domain
        return gathered([*parts, *(Categories(len(atoms) + 1) for atoms in self.values)])

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        y, codes = x[: self.size], x[self.size :]
        log_det = jnp.zeros(x.shape[1:], x.dtype)
        for place, atoms, one, code in zip(self.places, self.values, self.maps, codes, strict=True):
            cells, own = one._forward_many(jnp.where(code > 0, 0.0, x[place])[None], None, None)
            for i, atom in enumerate(atoms, start=1):
                cells = jnp.where(code == i, jnp.asarray(atom, x.dtype), cells)
            y, log_det = y.at[place].set(cells[0]), log_det + jnp.where(code > 0, 0.0, own)
        return y, log_det

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        z, codes = x, []
        log_det = jnp.zeros(x.shape[1:], x.dtype)
        for place, atoms, one in zip(self.places, self.values, self.maps, strict=True):
            code = _code(x[place], atoms)
            middle = one._forward_many(jnp.zeros((1, 1), x.dtype), None, None)[0]
            cells, own = one._inverse_many(jnp.where(code > 0, middle, x[place]), None, None)
            z = z.at[place].set(jnp.where(code > 0, 0.0, cells[0]))
            log_det += jnp.where(code > 0, 0.0, own)
            codes.append(code)
        return jnp.concatenate([z, jnp.stack(codes)]), log_det


def _code(cells: Array, atoms: tuple[float, ...]) -> Array:
    """Which atom each value is, from 1 on; 0 for none, `(batch,)`."""
    code = jnp.zeros_like(cells)
    for i, atom in enumerate(atoms, start=1):
        code = jnp.where(cells == jnp.asarray(atom, cells.dtype), float(i), code)
    return code
