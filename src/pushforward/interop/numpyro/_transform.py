"""A bijection as a NumPyro transform."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike
from numpyro.distributions import constraints
from numpyro.distributions.transforms import Transform, biject_to

from pushforward._errors import check_condition
from pushforward._types import Shape
from pushforward.bijections import AbstractBijection
from pushforward.distributions._layout import batch_first, batch_last
from pushforward.interop.numpyro._constraints import FlowSupport, constraint, from_line


class BijectionTransform(Transform):
    r"""A bijection as a transform: its `forward` is the call, from the base to the data.

    An event of the bijection is an event of the transform: `domain.event_dim` is the number of axes of `in_shape`, and
    all axes in front of them are batch axes. `log_abs_det_jacobian` has their shape.

    Args:
        bijection: The map; one whose log-det is exact.
        condition: `(*batch, *cond_shape)`, if the map is conditional; broadcasts against the batch axes.

    Raises:
        ValueError: If the map is a surjection, or a condition is missing or not wanted.

    Example:
        >>> import numpyro.distributions as dist
        >>> from pushforward.interop.numpyro import BijectionTransform
        >>> base = dist.Normal(jnp.zeros(2), 1.0).to_event(1)
        >>> law = dist.TransformedDistribution(base, [BijectionTransform(Exp((2,)))])
        >>> round(law.log_prob(jnp.ones(2)).item(), 4)
        -1.8379
    """

    def __init__(self, bijection: AbstractBijection, condition: ArrayLike | None = None):
        if not bijection.exact:
            raise ValueError(
                f"BijectionTransform: `{type(bijection).__name__}` has no exact log-det, which a transform must have. "
                "Use it in a flow: `FlowDistribution`."
            )
        check_condition("BijectionTransform", condition, bijection.cond_shape)
        self.bijection = bijection
        self.condition = None if condition is None else jnp.asarray(condition)
        self.flow_supports = (bijection.domain, bijection.image)

    @property
    def domain(self) -> constraints.Constraint:
        return constraint(self.flow_supports[0], self.bijection.in_shape)

    @property
    def codomain(self) -> constraints.Constraint:
        return constraint(self.flow_supports[1], self.bijection.out_shape)

    def __call__(self, x: Any) -> Array:
        return self._mapped(x, forward=True)[0]

    def _inverse(self, y: Any) -> Array:
        return self._mapped(y, forward=False)[0]

    def call_with_intermediates(self, x: Any) -> tuple[Array, Array]:
        """The value, and the log-det from the same pass."""
        return self._mapped(x, forward=True)

    def log_abs_det_jacobian(self, x: Any, y: Any, intermediates: Any = None) -> Array:
        """log|det| of the Jacobian of `forward`, by the direction that is in closed form."""
        if intermediates is not None:
            return intermediates
        if self.bijection.forward_kind == "analytic" or self.bijection.inverse_kind != "analytic":
            return self._mapped(x, forward=True)[1]
        return -self._mapped(y, forward=False)[1]

    def forward_shape(self, shape: Shape) -> Shape:
        """Shape of a batch on the data side."""
        return _with_event(shape, self.bijection.in_shape, self.bijection.out_shape)

    def inverse_shape(self, shape: Shape) -> Shape:
        """Shape of a batch on the base side."""
        return _with_event(shape, self.bijection.out_shape, self.bijection.in_shape)

    def tree_flatten(self) -> tuple[tuple[Any, ...], tuple[tuple[str, ...], dict[str, Any]]]:
        """Its numbers, and plain facts; the supports are what they were when it was built."""
        return (self.bijection, self.condition), (("bijection", "condition"), {"flow_supports": self.flow_supports})

    def _mapped(self, x: Any, *, forward: bool) -> tuple[Array, Array]:
        b = self.bijection
        before, after, method = (
            (b.in_shape, b.out_shape, b._forward_many) if forward else (b.out_shape, b.in_shape, b._inverse_many)
        )
        x, rows = jnp.asarray(x), None
        batch: Any = x.shape[: x.ndim - len(before)]
        if self.condition is not None and b.cond_shape is not None:
            own = self.condition.shape[: self.condition.ndim - len(b.cond_shape)]
            batch = jnp.broadcast_shapes(batch, own)
            rows = batch_last(self.condition, batch, b.cond_shape)
        y, log_det = method(batch_last(x, batch, before), rows, None)
        return batch_first(y).reshape(*batch, *after), log_det.reshape(batch)


def _with_event(shape: Shape, before: Shape, after: Shape) -> Shape:
    return (*shape[: len(shape) - len(before)], *after)


@biject_to.register(FlowSupport)
def _biject_to_flow_support(given: FlowSupport) -> BijectionTransform:
    return BijectionTransform(from_line(given))
