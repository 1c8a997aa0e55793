"""Numbers of which some are at atoms, and have no density there."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._params import static
from pushforward._types import Kind, Shape, worst_kind
from pushforward.bijections import CosineSine
from pushforward.distributions._base import AbstractDistribution
from pushforward.supports import Support
from pushforward.supports._events import joined


class AwayFromAtoms(AbstractDistribution):
    r"""$p(a \mid c) \prod_{j \text{ not at an atom}} p_j(x_j \mid a, x_{<j}, c)$: numbers given codes of atoms.

    $a$ are numbers without atoms, and each $x_j$ is a number of a column that has some. Whether it is at one is told by
    the condition; then it is 0, in the event and wherever another column sees it, and has no factor: it is counted,
    not measured. For each combination of columns at atoms this is a density of the others that integrates to 1, and it
    is exact if the parts are: nothing is filled with noise, and nothing has to be integrated out.

    The laws $p_j$ differ in their weights alone and are run side by side, so that many compile as fast as one.

    Args:
        columns: $p_j$ over events `(1,)`, all conditional on the whole condition, what is seen of $a$ (angles as cosine
            and sine), and all columns, of which each is given zeros in place of itself and those behind it.
        flags: For each of them the place in the condition that is 1 where it is not at an atom, else 0.
        others: Over $a$, conditional on the whole condition; None where there is none.
        angles: Which numbers of $a$ are angles.

    Raises:
        ValueError: If the parts do not fit each other, or the columns differ in more than their weights.
    """

    stacked: AbstractDistribution
    flags: tuple[int, ...] = static()
    others: AbstractDistribution | None
    angles: tuple[bool, ...] = static()

    def __init__(
        self,
        columns: Sequence[AbstractDistribution],
        flags: tuple[int, ...],
        others: AbstractDistribution | None = None,
        angles: tuple[bool, ...] = (),
    ):
        if not columns or len(columns) != len(flags):
            raise ValueError(f"AwayFromAtoms: {len(columns)} columns, but {len(flags)} flags.")
        if len({jax.tree.structure(column) for column in columns}) > 1:
            raise ValueError("AwayFromAtoms: the columns must differ in their weights alone.")
        seen = (0 if others is None else others.event_shape[0]) + sum(angles) + len(columns)
        shape, given = columns[0].cond_shape, None if others is None else others.cond_shape
        wanted = None if given is None else (given[0] + seen,)
        if columns[0].event_shape != (1,) or shape is None or (others is not None and shape != wanted):
            raise ValueError(
                f"AwayFromAtoms: columns must be of one number, conditional on the condition and {seen} numbers, got "
                f"conditions of shape {shape} beside {given}."
            )
        self.stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *columns)
        self.flags, self.others, self.angles = tuple(flags), others, tuple(angles)

    @property
    def _column(self) -> AbstractDistribution:
        """One of the columns."""
        return jax.tree.map(lambda leaf: leaf[0], self.stacked)

    @property
    def _num_others(self) -> int:
        return 0 if self.others is None else self.others.event_shape[0]

    @property
    def event_shape(self) -> Shape:
        return (self._num_others + len(self.flags),)

    @property
    def cond_shape(self) -> Shape | None:
        shape = self._column.cond_shape
        assert shape is not None
        return (shape[0] - self._num_others - sum(self.angles) - len(self.flags),)

    @property
    def _parts(self) -> list[AbstractDistribution]:
        return [*([] if self.others is None else [self.others]), self._column]

    @property
    def exact(self) -> bool:
        return all(part.exact for part in self._parts)

    @property
    def support(self) -> Support:
        parts = [*self._parts, *[self._column] * (len(self.flags) - 1)]
        return joined([part.support for part in parts], [part.event_shape for part in parts])

    @property
    def kinds(self) -> tuple[Kind, Kind]:
        density, sampling = zip(*(part.kinds for part in self._parts), strict=True)
        return worst_kind(list(density)), worst_kind([*sampling, "sequential"])

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        assert condition is not None
        first, rest = (None, None) if key is None else jax.random.split(key)
        a, measured = x[: self._num_others], condition[self._places] > 0
        cells, count = jnp.where(measured, x[self._num_others :], 0.0), len(self.flags)
        before = jnp.where(np.tri(count, k=-1, dtype=bool)[:, :, None], cells, 0.0)
        seen = self._seen(a, condition)
        given = jnp.concatenate([jnp.broadcast_to(seen, (count, *seen.shape)), before], axis=1)
        each = jax.vmap(lambda column, own, sees: column._log_prob_many(own[None], sees, rest))(
            self.stacked, cells, given
        )
        total = jnp.sum(jnp.where(measured, each, 0.0), axis=0)
        return total if self.others is None else total + self.others._log_prob_many(a, condition, first)

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        assert condition is not None
        first, rest = jax.random.split(key)
        a = condition[:0] if self.others is None else self.others._sample_many(first, n, condition, temperature)
        seen, count = self._seen(a, condition), len(self.flags)

        def draw(cells: Array, part: tuple[Array, AbstractDistribution, Array, PRNGKeyArray]) -> tuple[Array, None]:
            place, column, measured, own_key = part
            # Those behind it are still zeros.
            drawn = column._sample_many(own_key, n, jnp.concatenate([seen, cells]), temperature)[0]
            return cells.at[place].set(jnp.where(measured > 0, drawn, 0.0)), None

        parts = jnp.arange(count), self.stacked, condition[self._places], jax.random.split(rest, count)
        cells, _ = jax.lax.scan(draw, jnp.zeros((count, n), condition.dtype), parts)
        return jnp.concatenate([a, cells])

    def _data_init(self, x: Array, condition: Array | None) -> "AwayFromAtoms":
        """Of the others alone: a batch of a column may have hardly a row that is not at an atom."""
        if self.others is None:
            return self
        started = self.others._data_init(x[: self._num_others], condition)
        return eqx.tree_at(lambda law: law.others, self, started)

    @property
    def _places(self) -> np.ndarray:
        return np.array(self.flags)

    def _seen(self, a: Array, condition: Array) -> Array:
        """What all columns see: the condition, and the numbers without atoms."""
        if any(self.angles):
            a = CosineSine(self.angles)._inverse_many(a, None, None)[0]
        return jnp.concatenate([condition, a])
