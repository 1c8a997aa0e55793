"""Distributions over parts of an event: independent side by side, or one given another."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._types import Shape
from pushforward.bijections._compose import shared_cond_shape
from pushforward.distributions._base import AbstractDistribution
from pushforward.nets._mlp import features


class Product(AbstractDistribution):
    r"""$p(x) = \prod_k p_k(x_k)$: independent slices along the first axis.

    Args:
        parts: Distributions in the order of their slices; events have one axis.

    Raises:
        ValueError: If an event has not one axis, or two conditions have different shapes.

    Example:
        >>> Product([Normal.standard((2,)), Uniform.standard((1,))]).event_shape
        (3,)
    """

    parts: tuple[AbstractDistribution, ...]

    def __init__(self, parts: Sequence[AbstractDistribution]):
        if not parts or any(len(part.event_shape) != 1 for part in parts):
            raise ValueError(f"Product: events must have one axis, got {[part.event_shape for part in parts]}.")
        shared_cond_shape(parts, "Product")
        self.parts = tuple(parts)

    @property
    def event_shape(self) -> Shape:
        return (sum(part.event_shape[0] for part in self.parts),)

    @property
    def cond_shape(self) -> Shape | None:
        return shared_cond_shape(self.parts, "Product")

    @property
    def exact(self) -> bool:
        return all(part.exact for part in self.parts)

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        ends = np.cumsum([part.event_shape[0] for part in self.parts])[:-1].tolist()
        keys = [None] * len(self.parts) if key is None else jax.random.split(key, len(self.parts))
        each = [
            part._log_prob_many(piece, condition, part_key)
            for part, piece, part_key in zip(self.parts, jnp.split(x, ends), keys, strict=True)
        ]
        return jnp.sum(jnp.stack(each), axis=0)

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        keys = jax.random.split(key, len(self.parts))
        draws = [
            part._sample_many(part_key, n, condition, temperature)
            for part, part_key in zip(self.parts, keys, strict=True)
        ]
        return jnp.concatenate(draws)


class GivenAngles(AbstractDistribution):
    r"""$p(a, b) = p(a)\,p(b \mid \cos a, \sin a)$: angles first, and then other coordinates given them.

    The density does not jump where an angle is cut open, because the second part sees cosine and sine.

    Args:
        angles: Over angles in radians, `(k,)`.
        others: Over `(m,)`, conditional on $2k$ numbers, behind which come those that `angles` is conditional on.

    Raises:
        ValueError: If the condition of `others` does not fit.
    """

    angles: AbstractDistribution
    others: AbstractDistribution

    def __check_init__(self):
        given = 0 if self.angles.cond_shape is None else self.angles.cond_shape[0]
        wanted = (2 * self.angles.event_shape[0] + given,)
        if self.others.cond_shape != wanted:
            raise ValueError(
                f"GivenAngles: `others` must be conditional on shape {wanted}, cosine and sine of each angle"
                f"{' and the condition' if given else ''}, got {self.others.cond_shape}."
            )

    @property
    def event_shape(self) -> Shape:
        return (self.angles.event_shape[0] + self.others.event_shape[0],)

    @property
    def cond_shape(self) -> Shape | None:
        return self.angles.cond_shape

    @property
    def exact(self) -> bool:
        return self.angles.exact and self.others.exact

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        angles_key, others_key = (None, None) if key is None else jax.random.split(key)
        angles, others = self._split(x)
        log_prob = self.angles._log_prob_many(angles, condition, angles_key)
        return log_prob + self.others._log_prob_many(others, _seen(angles, condition), others_key)

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        angles_key, others_key = jax.random.split(key)
        angles = self.angles._sample_many(angles_key, n, condition, temperature)
        others = self.others._sample_many(others_key, n, _seen(angles, condition), temperature)
        return jnp.concatenate([angles, others])

    def _data_init(self, x: Array, condition: Array | None) -> "GivenAngles":
        angles, others = self._split(x)
        started = self.others._data_init(others, _seen(angles, condition))
        return GivenAngles(self.angles._data_init(angles, condition), started)

    def _split(self, x: Array) -> tuple[Array, Array]:
        size = self.angles.event_shape[0]
        return x[:size], x[size:]


def _seen(angles: Array, condition: Array | None) -> Array:
    seen = features(angles)
    return seen if condition is None else jnp.concatenate([seen, condition])
