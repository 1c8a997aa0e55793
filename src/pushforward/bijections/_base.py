"""The contract of every invertible map."""

import abc
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._errors import as_event, as_key, check_condition
from pushforward._roots import any_unsolved, raise_unsolved
from pushforward._types import Kind, Part, Shape, of_parts
from pushforward.supports import REAL, PartOf, Support
from pushforward.supports._events import Passage, by_coordinate
from pushforward.supports._fit import check_fits

if TYPE_CHECKING:
    # To a type checker an abstract attribute must not be a field, or every constructor would seem to ask for it.
    from typing import ClassVar as AbstractVar
else:
    from equinox import AbstractVar


class AbstractBijection(Part):
    """An invertible map of one event; `forward` goes from the base to the data, `inverse` from the data to the base.

    A subclass implements `_forward` and `_inverse`, each returning `(value, log_det)`, where `log_det` is the
    scalar log|det| of the Jacobian of that direction. All else follows: batches go through `_forward_many` and
    `_inverse_many`, which are `jax.vmap` unless a subclass knows a faster way (design record 0001).

    The public methods take numbers of any type and compute in JAX's own precision: float32, or float64 under
    `jax_enable_x64`.

    Attributes:
        in_shape: Shape of one event on the base side.
        out_shape: Shape of one event on the data side.
        cond_shape: Shape of the condition of one event, or None.
        forward_kind: How `forward` is computed (see `Kind`).
        inverse_kind: How `inverse` is computed.
    """

    in_shape: AbstractVar[Shape]
    out_shape: AbstractVar[Shape]
    cond_shape: AbstractVar[Shape | None]
    forward_kind: AbstractVar[Kind]
    inverse_kind: AbstractVar[Kind]

    def forward(self, x: ArrayLike, condition: ArrayLike | None = None, *, key: PRNGKeyArray | None = None) -> Array:
        """Map one event from the base side to the data side."""
        return self.forward_and_log_det(x, condition, key=key)[0]

    def inverse(self, x: ArrayLike, condition: ArrayLike | None = None, *, key: PRNGKeyArray | None = None) -> Array:
        """Map one event from the data side to the base side."""
        return self.inverse_and_log_det(x, condition, key=key)[0]

    def forward_and_log_det(
        self, x: ArrayLike, condition: ArrayLike | None = None, *, key: PRNGKeyArray | None = None
    ) -> tuple[Array, Array]:
        """`forward`, and log|det| of its Jacobian at `x`."""
        x, condition = self._checked(x, condition, self.in_shape)
        key = None if key is None else as_key(type(self).__name__, key)
        y, log_det = self._forward(x, condition, key)
        if self.forward_kind == "iterative" and any_unsolved(y, x, condition):
            self._raise_unsolved("forward", self._forward, self._inverse, x, condition, y)
        return y, log_det

    def inverse_and_log_det(
        self, x: ArrayLike, condition: ArrayLike | None = None, *, key: PRNGKeyArray | None = None
    ) -> tuple[Array, Array]:
        """`inverse`, and log|det| of its Jacobian at `x`."""
        x, condition = self._checked(x, condition, self.out_shape)
        key = None if key is None else as_key(type(self).__name__, key)
        y, log_det = self._inverse(x, condition, key)
        if self.inverse_kind == "iterative" and any_unsolved(y, x, condition):
            self._raise_unsolved("inverse", self._inverse, self._forward, x, condition, y)
        return y, log_det

    @property
    def exact(self) -> bool:
        """Whether a density through this map is exact, not a bound or an estimate."""
        return True

    @property
    def domain(self) -> Support:
        """What `forward` takes: the real line unless a map says otherwise (design record 0022)."""
        return REAL

    @property
    def image(self) -> Support:
        """What `forward` gives for all of the domain: the real line unless a map says otherwise."""
        return REAL

    def _carry(self, support: Support, passage: Passage) -> Support:
        """What becomes of a part of the domain, or of the image; a `Misfit` if it is none."""
        start, end = (self.domain, self.image) if passage.forward else (self.image, self.domain)
        if support == start or not passage.strict:
            return end
        if not (start == REAL and support.is_discrete):  # a map of one's own may keep whole numbers whole
            check_fits(self, support, start)
        return PartOf(end)

    def _checked(self, x: ArrayLike, condition: ArrayLike | None, shape: Shape) -> tuple[Array, Array | None]:
        name = type(self).__name__
        check_condition(name, condition, self.cond_shape)
        event = as_event(name, "x", x, shape)
        if condition is None or self.cond_shape is None:
            return event, None
        return event, as_event(name, "condition", condition, self.cond_shape)

    def _raise_unsolved(self, name: str, there: Any, back: Any, x: Array, condition: Array | None, y: Array) -> None:
        def retry(_: np.ndarray) -> tuple[Array, Array]:
            return x[..., None], back(there(x, condition, None)[0], condition, None)[0][..., None]

        raise_unsolved(f"{type(self).__name__}.{name}", y[..., None], retry)

    @abc.abstractmethod
    def _forward(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        """One event: `(in_shape) -> (out_shape), ()`."""

    @abc.abstractmethod
    def _inverse(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        """One event: `(out_shape) -> (in_shape), ()`."""

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        """Events along the last axis: `(*in_shape, batch) -> (*out_shape, batch), (batch,)`."""
        return _over_last_axis(self._forward, x, condition, key)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        """Events along the last axis: `(*out_shape, batch) -> (*in_shape, batch), (batch,)`."""
        return _over_last_axis(self._inverse, x, condition, key)

    def _forward_each(self, x: Array) -> tuple[Array, Array]:
        """As `_forward_many`, each event by a map of its own: all leaves carry the batch axis last, behind theirs."""
        return jax.vmap(lambda f, event: f._forward(event, None, None), -1, -1)(self, x)

    def _inverse_each(self, x: Array) -> tuple[Array, Array]:
        """As `_forward_each`, for the inverse."""
        return jax.vmap(lambda f, event: f._inverse(event, None, None), -1, -1)(self, x)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        """A scalar map whose leaves carry the axes of `x` behind their own: `y` and log|dy/dx|, shaped like `x`."""
        return _pointwise(self, "_forward", x)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        """As `_forward_pointwise`, for the inverse."""
        return _pointwise(self, "_inverse", x)

    @of_parts
    def _data_init(self, x: Array, condition: Array | None) -> "tuple[AbstractBijection, Array]":
        """Set data-dependent parameters from a batch on the data side, `(*out_shape, batch)`.

        Returns the map to use and the same batch on the base side. Parts that were started before stay as they are.
        """
        return self, self._inverse_many(x, condition, None)[0]


class AbstractElementwise(AbstractBijection):
    """A map that acts on each coordinate by itself; any of them can be the `inner` map of a coupling.

    A subclass implements `_forward_pointwise` and `_inverse_pointwise` by broadcasting: its leaves have the event's
    axes last, behind any axes of their own (a spline's bins), and so does a conditioner's prediction.
    """

    shape: AbstractVar[Shape]

    cond_shape: ClassVar[Shape | None] = None

    @property
    def in_shape(self) -> Shape:
        return self.shape

    @property
    def out_shape(self) -> Shape:
        return self.shape

    def _carry(self, support: Support, passage: Passage) -> Support:
        return by_coordinate(support, lambda part: self._carry_one(part, passage))

    def _carry_one(self, support: Support, passage: Passage) -> Support:
        """`_carry` for the support of one coordinate."""
        start, end = (self.domain, self.image) if passage.forward else (self.image, self.domain)
        if support == start or not passage.strict:
            return end
        check_fits(self, support, start)
        return PartOf(end)

    @abc.abstractmethod
    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        """`y` and log|dy/dx|, both shaped like `x`."""

    @abc.abstractmethod
    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        """`x` and log|dx/dy|, both shaped like the input."""

    def _forward(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        y, log_slope = self._forward_pointwise(x)
        return y, jnp.sum(log_slope)

    def _inverse(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        y, log_slope = self._inverse_pointwise(x)
        return y, jnp.sum(log_slope)

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        y, log_slope = _with_batch_axis(self)._forward_pointwise(x)
        return y, sum_event(log_slope)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        y, log_slope = _with_batch_axis(self)._inverse_pointwise(x)
        return y, sum_event(log_slope)

    def _forward_each(self, x: Array) -> tuple[Array, Array]:
        y, log_slope = self._forward_pointwise(x)
        return y, sum_event(log_slope)

    def _inverse_each(self, x: Array) -> tuple[Array, Array]:
        y, log_slope = self._inverse_pointwise(x)
        return y, sum_event(log_slope)


class AbstractBatched(AbstractBijection):
    """A map written for many events at once; a subclass implements `_forward_many` and `_inverse_many`."""

    @abc.abstractmethod
    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        """Events along the last axis: `(*in_shape, batch) -> (*out_shape, batch), (batch,)`."""

    @abc.abstractmethod
    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        """Events along the last axis: `(*out_shape, batch) -> (*in_shape, batch), (batch,)`."""

    def _forward(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        y, log_det = self._forward_many(x[..., None], _add_axis(condition), key)
        return y[..., 0], log_det[0]

    def _inverse(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        y, log_det = self._inverse_many(x[..., None], _add_axis(condition), key)
        return y[..., 0], log_det[0]


class AbstractSurjection(AbstractBatched):
    """A map that loses something in one direction (dequantisation, slicing): a density through it is a bound.

    `inverse_and_log_det` returns a draw and its likelihood contribution, which stands where the log-det would.
    """

    @property
    def exact(self) -> bool:
        return False


def sum_event(values: Array) -> Array:
    """Sum all axes but the last: `(*event, batch) -> (batch,)`."""
    return jnp.sum(values, axis=tuple(range(values.ndim - 1)))


def _add_axis(condition: Array | None) -> Array | None:
    return None if condition is None else condition[..., None]


def _with_batch_axis(part: AbstractElementwise) -> AbstractElementwise:
    return jax.tree.map(lambda leaf: leaf[..., None], part)


def _over_last_axis(method, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
    keys = None if key is None else jax.random.split(key, x.shape[-1])
    in_axes = (-1, None if condition is None else -1, None if key is None else 0)
    return jax.vmap(method, in_axes=in_axes, out_axes=-1)(x, condition, keys)


def _pointwise(part: AbstractBijection, method: str, x: Array) -> tuple[Array, Array]:
    flat = jax.tree.map(lambda leaf: _flatten_last(leaf, x.shape), part)
    y, log_slope = jax.vmap(lambda scalar, value: getattr(scalar, method)(value, None, None), in_axes=(-1, 0))(
        flat, x.reshape(-1)
    )
    return y.reshape(x.shape), log_slope.reshape(x.shape)


def _flatten_last(leaf: Array, shape: Shape) -> Array:
    own = leaf.shape[: leaf.ndim - len(shape)]
    return jnp.broadcast_to(leaf, (*own, *shape)).reshape(*own, -1)
