"""Distributions over parts of an event: independent side by side, or one given another."""

import abc
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._errors import check_parts
from pushforward._types import Kind, Shape, of_parts, worst_kind
from pushforward.bijections._compose import shared_cond_shape
from pushforward.bijections.discrete._one_hot import one_hot, one_hot_size
from pushforward.distributions._base import AbstractDistribution
from pushforward.distributions._categorical import CategoricalMADE
from pushforward.nets._mlp import features
from pushforward.supports import Support
from pushforward.supports._events import joined

if TYPE_CHECKING:
    # To a type checker an abstract attribute must not be a field, or every constructor would seem to ask for it.
    from typing import ClassVar as AbstractVar
else:
    from equinox import AbstractVar


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

    def __init__(self, parts: Sequence[AbstractDistribution], *more: AbstractDistribution):
        parts = check_parts("Product", parts, more, AbstractDistribution)
        if not parts or any(len(part.event_shape) != 1 for part in parts):
            raise ValueError(f"Product: events must have one axis, got {[part.event_shape for part in parts]}.")
        shared_cond_shape(parts, "Product")
        self.parts = parts

    @property
    def event_shape(self) -> Shape:
        return (sum(part.event_shape[0] for part in self.parts),)

    @property
    def cond_shape(self) -> Shape | None:
        return shared_cond_shape(self.parts, "Product")

    @property
    def exact(self) -> bool:
        return all(part.exact for part in self.parts)

    @property
    def support(self) -> Support:
        return joined([part.support for part in self.parts], [part.event_shape for part in self.parts])

    @property
    def kinds(self) -> tuple[Kind, Kind]:
        density, sampling = zip(*(part.kinds for part in self.parts), strict=True)
        return worst_kind(list(density)), worst_kind(list(sampling))

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        keys = [None] * len(self.parts) if key is None else jax.random.split(key, len(self.parts))
        each = [
            part._log_prob_many(piece, condition, part_key)
            for part, piece, part_key in zip(self.parts, jnp.split(x, self._ends), keys, strict=True)
        ]
        return jnp.sum(jnp.stack(each), axis=0)

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        keys = jax.random.split(key, len(self.parts))
        draws = [
            part._sample_many(part_key, n, condition, temperature)
            for part, part_key in zip(self.parts, keys, strict=True)
        ]
        return jnp.concatenate(draws)

    def _mean(self, condition: Array | None) -> Array:
        return _beside([part._mean(condition) for part in self.parts])

    def _variance(self, condition: Array | None) -> Array:
        return _beside([part._variance(condition) for part in self.parts])

    def _entropy(self, condition: Array | None) -> Array:
        return sum((part._entropy(condition) for part in self.parts[1:]), start=self.parts[0]._entropy(condition))

    def _cdf_many(self, x: Array, condition: Array | None) -> Array:
        pieces = zip(self.parts, jnp.split(x, self._ends), strict=True)
        return jnp.concatenate([part._cdf_many(piece, condition) for part, piece in pieces])

    def _quantile_many(self, q: Array, condition: Array | None) -> Array:
        pieces = zip(self.parts, jnp.split(q, self._ends), strict=True)
        return jnp.concatenate([part._quantile_many(piece, condition) for part, piece in pieces])

    @property
    def _ends(self) -> list[int]:
        """Where all slices but the last end."""
        return np.cumsum([part.event_shape[0] for part in self.parts])[:-1].tolist()


def _beside(pieces: list[Array]) -> Array:
    """Slices of answers, of which some are for each condition and some for all: `(*event, batch)`."""
    most = max(piece.shape[-1] for piece in pieces)
    return jnp.concatenate([jnp.broadcast_to(piece, (*piece.shape[:-1], most)) for piece in pieces])


class AbstractGiven(AbstractDistribution):
    r"""$p(a, b) = p(a)\,p(b \mid f(a))$: some coordinates first, and then others given features of them.

    Of images, coordinates are channels: the last axis of an event is divided. A subclass says what is first, and what
    the others see of it.
    """

    others: AbstractVar[AbstractDistribution]

    @property
    @abc.abstractmethod
    def first(self) -> AbstractDistribution:
        """Over the coordinates that come first."""

    @abc.abstractmethod
    def _features(self, first: Array) -> Array:
        """What the others see of the first coordinates, `(*first.event_shape, batch) -> (features, batch)`."""

    @property
    def event_shape(self) -> Shape:
        *grid, size = self.first.event_shape
        return (*grid, size + self.others.event_shape[-1])

    @property
    def cond_shape(self) -> Shape | None:
        return self.first.cond_shape

    @property
    def exact(self) -> bool:
        return self.first.exact and self.others.exact

    @property
    def support(self) -> Support:
        parts = self.first, self.others
        return joined([part.support for part in parts], [part.event_shape for part in parts], axis=-1)

    @property
    def kinds(self) -> tuple[Kind, Kind]:
        (density, sampling), (density_then, sampling_then) = self.first.kinds, self.others.kinds
        return worst_kind([density, density_then]), worst_kind([sampling, sampling_then])

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        first_key, others_key = (None, None) if key is None else jax.random.split(key)
        first, others = self._split(x)
        log_prob = self.first._log_prob_many(first, condition, first_key)
        return log_prob + self.others._log_prob_many(others, self._seen(first, condition), others_key)

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        first_key, others_key = jax.random.split(key)
        first = self.first._sample_many(first_key, n, condition, temperature)
        others = self.others._sample_many(others_key, n, self._seen(first, condition), temperature)
        return jnp.concatenate([first, others], axis=-2)

    @of_parts
    def _data_init(self, x: Array, condition: Array | None) -> "AbstractGiven":
        first, others = self._split(x)
        started = self.others._data_init(others, self._seen(first, condition))
        return eqx.tree_at(lambda g: (g.first, g.others), self, (self.first._data_init(first, condition), started))

    def _split(self, x: Array) -> tuple[Array, Array]:
        size = self.first.event_shape[-1]
        return x[..., :size, :], x[..., size:, :]

    def _seen(self, first: Array, condition: Array | None) -> Array:
        seen = self._features(first)
        return seen if condition is None else jnp.concatenate([seen, condition])

    def _check_condition(self, num_features: int, what: str) -> None:
        """Refuse others that are not conditional on the features and what `first` is conditional on."""
        given = 0 if self.first.cond_shape is None else self.first.cond_shape[0]
        wanted = (num_features + given,)
        if self.others.cond_shape != wanted:
            raise ValueError(
                f"{type(self).__name__}: `others` must be conditional on shape {wanted}, {what}"
                f"{' and the condition' if given else ''}, got {self.others.cond_shape}."
            )


class GivenAngles(AbstractGiven):
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
        self._check_condition(2 * self.angles.event_shape[0], "cosine and sine of each angle")

    @property
    def first(self) -> AbstractDistribution:
        return self.angles

    def _features(self, first: Array) -> Array:
        return features(first)


class GivenCategories(AbstractGiven):
    r"""$p(c, x) = P(c)\,p(x \mid c)$: categories first, and then numbers given them, as zeros and ones.

    A density with respect to counting measure on the categories times length on the numbers: summed over the former
    and integrated over the latter it is 1.

    Args:
        categories: Over codes, `(k,)`.
        others: Over `(m,)`, conditional on as many numbers as there are categories in all, behind which come those
            that `categories` is conditional on.

    Raises:
        ValueError: If the condition of `others` does not fit.
    """

    categories: CategoricalMADE
    others: AbstractDistribution

    def __check_init__(self):
        self._check_condition(one_hot_size(self.categories.sizes), "a number for each category")

    @property
    def first(self) -> CategoricalMADE:
        return self.categories

    def _features(self, first: Array) -> Array:
        return one_hot(first, self.categories.sizes)


class SplitOff(AbstractGiven):
    r"""$p(a, b) = p(a)\,p(b \mid a)$: some coordinates stay, and others that are split off are told by them.

    As the base of a flow, with a `Transformed` as what stays, this is the multi-scale architecture of integer discrete
    flows: level by level, what leaves is predicted from what goes on.

    Args:
        kept: Over vectors, or over images whose channels come first.
        others: Over the other coordinates, or channels, conditional on all numbers of the first, row by row, behind
            which come those that `kept` is conditional on.

    Raises:
        ValueError: If the events or the condition of `others` do not fit.

    Example:
        >>> kept = pf.distributions.DiscretizedLogistic.spread((2,))
        >>> others = pf.distributions.PredictedLogistic((3,), (2,), width=8, key=key)
        >>> SplitOff(kept, others).event_shape
        (5,)

    Reference:
        Hoogeboom, Peters, van den Berg & Welling (2019), Integer discrete flows and lossless compression, section 4.
    """

    kept: AbstractDistribution
    others: AbstractDistribution

    def __check_init__(self):
        shapes = self.kept.event_shape, self.others.event_shape
        if len({len(shape) for shape in shapes}) != 1 or shapes[0][:-1] != shapes[1][:-1]:
            raise ValueError(f"SplitOff: the events of both parts must agree in all axes but the last, got {shapes}.")
        self._check_condition(math.prod(self.kept.event_shape), "all numbers that stay")

    @property
    def first(self) -> AbstractDistribution:
        return self.kept

    def _features(self, first: Array) -> Array:
        return first.reshape(-1, first.shape[-1])
