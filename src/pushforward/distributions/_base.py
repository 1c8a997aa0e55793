"""The contract of every distribution, and the one place where batches are laid out."""

import abc
import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from pushforward._errors import as_batch, as_key, violated
from pushforward._roots import any_unsolved
from pushforward._types import Kind, Shape, of_parts
from pushforward.distributions._answers import AbstractAnswers
from pushforward.distributions._layout import (
    batch_first,
    batch_last,
    broadcast_batches,
    drawn_in_blocks,
    even_size,
    in_blocks,
    laid_out,
    most_of_a_call,
    rows_of,
    sampling_key,
    shape_of_draws,
)
from pushforward.supports import REAL, Support

if TYPE_CHECKING:
    # To a type checker an abstract attribute must not be a field, or every constructor would seem to ask for it.
    from typing import ClassVar as AbstractVar
else:
    from equinox import AbstractVar
from jax.core import Tracer

T = TypeVar("T")


class AbstractDistribution(AbstractAnswers):
    """A distribution over events of shape `event_shape`, perhaps given a condition of shape `cond_shape`.

    A subclass implements `_log_prob_many` and `_sample_many`, with events along the **last** axis: parameters
    then broadcast from the left and elementwise work runs along contiguous memory (design record 0001). The two shapes
    are class variables, properties or fields `equinox.field(static=True)`, never plain fields.

    Example:
        >>> class Gumbel(pf.distributions.AbstractDistribution):
        ...     loc: jax.Array  # trained, as every array of a field is
        ...
        ...     cond_shape = None
        ...
        ...     @property
        ...     def event_shape(self):
        ...         return self.loc.shape
        ...
        ...     def _log_prob_many(self, x, condition, key):
        ...         z = x - self.loc[:, None]
        ...         return jnp.sum(-z - jnp.exp(-z), axis=0)
        ...
        ...     def _sample_many(self, key, n, condition, temperature):
        ...         scale = 1.0 if temperature is None else temperature
        ...         return self.loc[:, None] + scale * jax.random.gumbel(key, (*self.event_shape, n))
        >>> base = Gumbel(jnp.zeros(2))
        >>> base.sample(key, 5).shape, base.log_prob(jnp.zeros((5, 2))).shape
        ((5, 2), (5,))
        >>> flow = Transformed(base, Coupling(Affine(), dim=2, width=8, key=key))
        >>> flow.sample(key, (3, 4)).shape
        (3, 4, 2)
    """

    event_shape: AbstractVar[Shape]
    cond_shape: AbstractVar[Shape | None]

    def log_prob(
        self, x: ArrayLike, condition: ArrayLike | None = None, *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "*batch"]:
        """Log-density in nats, `(*batch, *event_shape) -> (*batch,)`; NaN for an event with a NaN in it.

        Computed in JAX's own precision, float32 or, under `jax_enable_x64`, float64, whatever the types of `x`, the
        condition and the parameters.

        Args:
            x: Events of any type of numbers, with any number of batch axes in front.
            condition: `(*batch, *cond_shape)`; its batch axes broadcast against those of `x`.
            key: Needed only by maps that draw random numbers (dequantisation, trace estimates).

        Raises:
            ValueError: If a shape does not fit, or a condition is missing or not wanted.
        """
        name = type(self).__name__
        key = None if key is None else as_key(name, key)
        shape, cond_shape = self.event_shape, self.cond_shape
        x = as_batch(name, "x", x, shape)
        inner, condition = self._opened(self._checked_condition(condition))
        if inner is not self:
            return inner.log_prob(x, condition, key=key)
        batch = x.shape[: x.ndim - len(shape)]
        rows = None
        if condition is not None and cond_shape is not None:
            batch = broadcast_batches(name, batch, condition.shape[: condition.ndim - len(cond_shape)])
            rows = rows_of(condition, batch, cond_shape)
        events = rows_of(x, batch, shape)
        log_prob = _log_prob_of_all(self, events, rows, key)
        if self.kinds[0] in ("iterative", "estimated") and any_unsolved(log_prob, events, rows):
            conditions = None if rows is None else jnp.moveaxis(rows, 0, -1)
            self._raise_unsolved_density(jnp.moveaxis(events, 0, -1), conditions, log_prob)
        return log_prob.reshape(batch)

    def sample(
        self,
        key: PRNGKeyArray,
        sample_shape: int | Shape = (),
        condition: ArrayLike | None = None,
        *,
        temperature: float | None = None,
    ) -> Array:
        """Draw events of shape `(*sample_shape, *cond_batch, *event_shape)`, in the precision of `log_prob`.

        Args:
            key: A key from `jax.random.key`.
            sample_shape: How many draws, an int or a shape.
            condition: `(*cond_batch, *cond_shape)`: every row gets `sample_shape` draws.
            temperature: Scale of the base's noise around its centre; 1 is the model, below 1 its likelier part.

        Raises:
            ValueError: If the first argument is not a key, the second not a shape, the temperature below 0, or a
                condition does not fit.
        """
        key = sampling_key(type(self).__name__, "sample", key, sample_shape)
        if temperature is not None and violated(temperature >= 0):
            raise ValueError(f"{type(self).__name__}: `temperature` must be at least 0, got {temperature}.")
        inner, condition = self._opened(self._checked_condition(condition))
        if inner is not self:
            return inner.sample(key, sample_shape, condition, temperature=temperature)
        return self._drawn(partial(_sample, temperature=temperature), key, sample_shape, condition, temperature)

    def sample_and_log_prob(
        self, key: PRNGKeyArray, sample_shape: int | Shape = (), condition: ArrayLike | None = None
    ) -> tuple[Array, Array]:
        """`sample`, and the log-density of each draw from the same pass."""
        key = sampling_key(type(self).__name__, "sample_and_log_prob", key, sample_shape)
        inner, condition = self._opened(self._checked_condition(condition))
        if inner is not self:
            return inner.sample_and_log_prob(key, sample_shape, condition)
        return self._drawn(_sample_and_log_prob, key, sample_shape, condition, None)

    @property
    def exact(self) -> bool:
        """Whether `log_prob` is the exact density, not a bound or an estimate."""
        return True

    @property
    def support(self) -> Support:
        """Where events live: the real line unless a distribution says otherwise. Elsewhere `log_prob` is -inf."""
        return REAL

    @property
    def kinds(self) -> tuple[Kind, Kind]:
        """How the density and a sample are computed: (density, sampling)."""
        return "analytic", "analytic"

    def _drawn(
        self,
        program: Callable[..., T],
        key: PRNGKeyArray,
        sample_shape: int | Shape,
        condition: Array | None,
        temperature: ArrayLike | None,
    ) -> T:
        """What `program(distribution, key, n, conditions)` gives, with the axis of draws in the shape asked for."""
        shape, cond_shape, rows = shape_of_draws(type(self).__name__, sample_shape), self.cond_shape, None
        if condition is not None and cond_shape is not None:
            batch = condition.shape[: condition.ndim - len(cond_shape)]
            shape += batch
            # One condition of all draws is repeated inside of the program, where most of its copies need not be made.
            one = math.prod(batch) == 1
            rows = condition.reshape(1, *cond_shape) if one else rows_of(condition, shape, cond_shape)

        def draw(key: PRNGKeyArray, n: int, rows: Array | None) -> T:
            found = program(self, key, n, rows)
            events = jax.tree.leaves(found)[0]
            if self.kinds[1] == "iterative" and any_unsolved(events, rows):
                given = _conditions_last(rows, n)
                self._raise_unsolved_samples(key, given, temperature, jnp.moveaxis(events, 0, -1))
            return found

        found = _draws_of_all(self, draw, key, math.prod(shape), rows)
        return jax.tree.map(lambda a: a.reshape(*shape, *a.shape[1:]), found)

    def _raise_unsolved_density(self, x: Array, condition: Array | None, log_prob: Array) -> None:
        """Raise the error that names the worst point of which a solver did not find the density."""

    def _raise_unsolved_samples(
        self, key: PRNGKeyArray, condition: Array | None, temperature: ArrayLike | None, events: Array
    ) -> None:
        """Raise the error that names the worst draw that a solver did not find."""

    @abc.abstractmethod
    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        """Log-densities of many events, `(*event_shape, batch), (*cond_shape, batch) -> (batch,)`.

        Args:
            x: Events, one for each place of the last axis.
            condition: One for each event, or None if `cond_shape` is None.
            key: For random numbers, or None, when the same ones are used every time; most have no use for it.
        """

    def _log_prob_in_training(self, x: Array, condition: Array | None, key: PRNGKeyArray) -> Array:
        """`_log_prob_many` in a step of training: another where networks leave numbers out while they learn."""
        return self._log_prob_many(x, condition, key)

    @abc.abstractmethod
    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        """Draws along the last axis, `(*event_shape, n)`: `jax.random.normal(key, (*self.event_shape, n))`, say.

        Args:
            key: From `jax.random.key`.
            n: How many, a plain number.
            condition: `(*cond_shape, n)`, one for each draw, or None if `cond_shape` is None.
            temperature: What to multiply the noise with, about its centre; None for 1. A law without such a scale may
                leave it aside.
        """

    def _sample_and_log_prob_many(self, key: PRNGKeyArray, n: int, condition: Array | None) -> tuple[Array, Array]:
        x = laid_out(self, "_sample_many", self._sample_many(key, n, condition, None), (*self.event_shape, n))
        return x, self._log_prob_many(x, condition, None)

    @of_parts
    def _data_init(self, x: Array, condition: Array | None) -> "AbstractDistribution":
        """The distribution with data-dependent parameters set from a batch `(*event_shape, batch)`."""
        return self


def _log_prob_of_all(
    distribution: AbstractDistribution, x: Array, condition: Array | None, key: PRNGKeyArray | None
) -> Array:
    """Log-densities of `(n, *event)`; of many rows that are not being traced in blocks."""
    n = x.shape[0]
    blocks, size = in_blocks(n, distribution.event_shape)
    if blocks == 1 or isinstance(x, Tracer):
        return _log_prob(distribution, x, condition, key)
    return _log_prob_in_blocks(distribution, x, condition, key, blocks, size)


@partial(jax.jit, static_argnames=("blocks", "size"))
def _log_prob_in_blocks(
    distribution: AbstractDistribution,
    x: Array,
    condition: Array | None,
    key: PRNGKeyArray | None,
    blocks: int,
    size: int,
) -> Array:
    """One block after another in one program."""
    keys = None if key is None else jax.random.split(key, blocks)
    pieces = _split(x, blocks, size), None if condition is None else _split(condition, blocks, size), keys
    return jax.lax.map(lambda block: _log_prob(distribution, *block), pieces).reshape(-1)[: len(x)]


def _split(rows: Array, blocks: int, size: int) -> Array:
    """Rows in blocks `(blocks, size, ...)`; the first fill up the last."""
    return jnp.concatenate([rows, rows[: blocks * size - len(rows)]]).reshape(blocks, size, *rows.shape[1:])


def _draws_of_all(
    distribution: AbstractDistribution, draw: Callable[..., T], key: PRNGKeyArray, n: int, condition: Array | None
) -> T:
    """What `draw(key, n, condition)` gives, arrays with the draws along the first axis; of many in several calls."""
    most = most_of_a_call(distribution.kinds[1], distribution.event_shape)
    if n <= most or isinstance(key, Tracer):
        return draw(key, n, condition)
    size, pieces = even_size(n, most), []
    for start in range(0, n, size):
        first = min(start, n - size)
        given = condition if condition is None or len(condition) == 1 else condition[first : first + size]
        piece = draw(jax.random.fold_in(key, start), size, given)
        pieces.append(jax.tree.map(lambda a, cut=start - first: a[cut:], piece))
    return jax.tree.map(lambda *each: jnp.concatenate(each), *pieces)


def _blocks_of_draws(
    distribution: AbstractDistribution, draw: Callable[..., T], key: PRNGKeyArray, n: int, condition: Array | None
) -> T:
    """As `_draws_of_all` inside of a program: one block after another, which then share their memory."""
    blocks, size = in_blocks(n, distribution.event_shape)
    if blocks == 1 or not drawn_in_blocks(distribution.kinds[1], distribution.event_shape):
        return draw(key, n, condition)
    keys = jax.random.split(key, blocks)
    if condition is None or len(condition) == 1:
        found = jax.lax.map(lambda key: draw(key, size, condition), keys)
    else:
        pieces = keys, _split(condition, blocks, size)
        found = jax.lax.map(lambda piece: draw(piece[0], size, piece[1]), pieces)
    return jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:])[:n], found)


@jax.jit
def _log_prob(distribution: AbstractDistribution, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
    conditions = None if condition is None else jnp.moveaxis(condition, 0, -1)
    log_prob = distribution._log_prob_many(jnp.moveaxis(x, 0, -1), conditions, key)
    log_prob = laid_out(distribution, "_log_prob_many", log_prob, x.shape[:1])
    # Comparisons and look-ups in tables are deaf to NaN: told once, here.
    return jnp.where(jnp.any(jnp.isnan(x), axis=tuple(range(1, x.ndim))), jnp.nan, log_prob)


@partial(jax.jit, static_argnums=2)
def _sample(
    distribution: AbstractDistribution,
    key: PRNGKeyArray,
    n: int,
    condition: Array | None,
    temperature: ArrayLike | None,
) -> Array:
    """Draws `(n, *event)` given conditions `(n, *cond)`, or `(1, *cond)` for all."""

    def draw(key: PRNGKeyArray, n: int, condition: Array | None) -> Array:
        events = distribution._sample_many(key, n, _conditions_last(condition, n), temperature)
        return batch_first(laid_out(distribution, "_sample_many", events, (*distribution.event_shape, n)))

    return _blocks_of_draws(distribution, draw, key, n, condition)


@partial(jax.jit, static_argnums=2)
def _sample_and_log_prob(
    distribution: AbstractDistribution, key: PRNGKeyArray, n: int, condition: Array | None
) -> tuple[Array, Array]:
    def draw(key: PRNGKeyArray, n: int, condition: Array | None) -> tuple[Array, Array]:
        events, log_prob = distribution._sample_and_log_prob_many(key, n, _conditions_last(condition, n))
        return batch_first(events), log_prob

    return _blocks_of_draws(distribution, draw, key, n, condition)


def _conditions_last(condition: Array | None, n: int) -> Array | None:
    """`(n, *cond)`, or `(1, *cond)` for all, as `(*cond, n)`."""
    return None if condition is None else batch_last(condition, (n,), condition.shape[1:])
