"""Numbers of which some are at atoms, and have no density there."""

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

    Args:
        columns: $p_j$ over events `(1,)`, each conditional on the whole condition, what is seen of $a$ (angles as
            cosine and sine), and the columns before it.
        flags: For each of them the place in the condition that is 1 where it is not at an atom, else 0.
        others: Over $a$, conditional on the whole condition; None where there is none.
        angles: Which numbers of $a$ are angles.

    Raises:
        ValueError: If the conditions of the parts do not fit.
    """

    columns: tuple[AbstractDistribution, ...]
    flags: tuple[int, ...] = static()
    others: AbstractDistribution | None = None
    angles: tuple[bool, ...] = static(default=())

    def __check_init__(self):
        if not self.columns or len(self.columns) != len(self.flags):
            raise ValueError(f"AwayFromAtoms: {len(self.columns)} columns, but {len(self.flags)} flags.")
        shapes = [column.cond_shape for column in self.columns]
        given = self._num_given
        if any(column.event_shape != (1,) for column in self.columns) or any(
            shape != (given + self._num_seen + i,) for i, shape in enumerate(shapes)
        ):
            raise ValueError(
                f"AwayFromAtoms: columns must be of one number, conditional on {given} of the condition, "
                f"{self._num_seen} of the others and those before, got conditions {shapes}."
            )

    @property
    def _num_given(self) -> int:
        shape = (self.columns[0] if self.others is None else self.others).cond_shape
        return 0 if shape is None else shape[0]

    @property
    def _num_others(self) -> int:
        return 0 if self.others is None else self.others.event_shape[0]

    @property
    def _num_seen(self) -> int:
        return self._num_others + sum(self.angles)

    @property
    def event_shape(self) -> Shape:
        return (self._num_others + len(self.columns),)

    @property
    def cond_shape(self) -> Shape | None:
        return (self._num_given,)

    @property
    def _parts(self) -> list[AbstractDistribution]:
        return [*([] if self.others is None else [self.others]), *self.columns]

    @property
    def exact(self) -> bool:
        return all(part.exact for part in self._parts)

    @property
    def support(self) -> Support:
        return joined([part.support for part in self._parts], [part.event_shape for part in self._parts])

    @property
    def kinds(self) -> tuple[Kind, Kind]:
        density, sampling = zip(*(part.kinds for part in self._parts), strict=True)
        return worst_kind(list(density)), worst_kind(list(sampling))

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        assert condition is not None
        keys = [None] * len(self._parts) if key is None else list(jax.random.split(key, len(self._parts)))
        a, columns = x[: self._num_others], x[self._num_others :]
        total = jnp.zeros(x.shape[1:], x.dtype)
        if self.others is not None:
            total += self.others._log_prob_many(a, condition, keys.pop(0))
        seen = self._seen(a, condition)
        for column, cells, measured, own_key in zip(self.columns, columns, condition[self._places], keys, strict=True):
            cells = jnp.where(measured > 0, cells, 0.0)[None]
            total += jnp.where(measured > 0, column._log_prob_many(cells, seen, own_key), 0.0)
            seen = jnp.concatenate([seen, cells])
        return total

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        assert condition is not None
        keys = list(jax.random.split(key, len(self._parts)))
        drawn = []
        if self.others is not None:
            drawn.append(self.others._sample_many(keys.pop(0), n, condition, temperature))
        seen = self._seen(drawn[0] if drawn else condition[:0], condition)
        for column, measured, own_key in zip(self.columns, condition[self._places], keys, strict=True):
            cells = column._sample_many(own_key, n, seen, temperature)
            drawn.append(jnp.where(measured > 0, cells, 0.0))
            seen = jnp.concatenate([seen, drawn[-1]])
        return jnp.concatenate(drawn)

    def _data_init(self, x: Array, condition: Array | None) -> "AwayFromAtoms":
        """Of the others alone: a batch of a column may have hardly a row that is not at an atom."""
        if self.others is None:
            return self
        started = self.others._data_init(x[: self._num_others], condition)
        return AwayFromAtoms(self.columns, self.flags, started, self.angles)

    @property
    def _places(self) -> np.ndarray:
        return np.array(self.flags)

    def _seen(self, a: Array, condition: Array) -> Array:
        """What the first column sees: the condition, and the numbers without atoms."""
        if any(self.angles):
            a = CosineSine(self.angles)._inverse_many(a, None, None)[0]
        return jnp.concatenate([condition, a])
