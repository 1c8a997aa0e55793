"""Supports as NumPyro's constraints."""

import math
from itertools import groupby
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array
from numpyro.distributions import constraints

from pushforward._types import Shape
from pushforward.bijections import (
    AbstractBijection,
    Chain,
    Concatenate,
    Exp,
    Identity,
    Inverse,
    Reshape,
    Sigmoid,
    Standardize,
)
from pushforward.supports import Categories, Circle, Integers, Interval, PartOf, Sphere, Support
from pushforward.supports._events import spread


def constraint(support: Support, shape: Shape = ()) -> constraints.Constraint:
    """The constraint that says the same of events of a shape: NumPyro's own where it has one.

    Args:
        support: Where events live.
        shape: Shape of an event.

    Example:
        >>> from pushforward.interop.numpyro import constraint
        >>> constraint(pf.supports.POSITIVE, (2,)).check(jnp.array([[1.0, 2.0], [1.0, -2.0]])).tolist()
        [True, False]
    """
    if isinstance(support, Sphere):
        return constraints.sphere
    of_number = _of_number(support)
    if of_number is None:
        return FlowSupport(support, shape)
    return constraints.independent(of_number, len(shape)) if shape else of_number


class FlowSupport(constraints.Constraint):
    """Where an event of a flow lives, if NumPyro has no constraint for it: different kinds of numbers side by side.

    Args:
        support: Where events live.
        shape: Shape of an event.
    """

    def __init__(self, support: Support, shape: Shape):
        self.flow_support, self.shape = support, tuple(shape)

    @property
    def event_dim(self) -> int:
        return len(self.shape)

    @property
    def is_discrete(self) -> bool:
        return self.flow_support.is_discrete

    def __call__(self, x: Any) -> Array:
        return self.flow_support.contains(x, self.event_dim)

    def __repr__(self) -> str:
        return f"FlowSupport({self.flow_support})"

    def feasible_like(self, prototype: Any) -> Array:
        """An event of the support, repeated."""
        event = from_line(self).forward(jnp.zeros(self.shape))
        return jnp.broadcast_to(event, jnp.shape(prototype))

    def eq(self, other: object, static: bool = False) -> bool:
        if not isinstance(other, FlowSupport):
            return False
        return (other.flow_support, other.shape) == (self.flow_support, self.shape)

    def tree_flatten(self) -> tuple[tuple[()], tuple[tuple[()], dict[str, Any]]]:
        return (), ((), {"flow_support": self.flow_support, "shape": self.shape})


def from_line(given: FlowSupport) -> AbstractBijection:
    """A map from the line onto the support, number by number."""
    support, size = given.flow_support, math.prod(given.shape)
    parts = [_part(kind, len(list(run)), given) for kind, run in groupby(spread(support, (size,)))]
    flat = Concatenate(parts) if len(parts) > 1 else parts[0]
    if given.shape == (size,):
        return flat
    there = Reshape((size,), given.shape)
    return Chain([Inverse(there), flat, there])


def _part(kind: Support, count: int, given: FlowSupport) -> AbstractBijection:
    if isinstance(kind, PartOf):
        raise ValueError(
            f"The support of this flow is {given.flow_support}, and which part depends on numbers that are trained, so "
            "NumPyro cannot move in it freely. End the flow with a fixed map onto its support, such as `Exp`, "
            "`Sigmoid` or a `Standardize`."
        )
    if isinstance(kind, Circle) or (isinstance(kind, Interval) and kind.high - kind.low < math.inf):
        return Sigmoid((count,), kind.low, kind.high)
    if not isinstance(kind, Interval):
        raise NotImplementedError(f"There is no map from the line onto {kind}.")
    if math.isinf(kind.low) and math.isinf(kind.high):
        return Identity((count,))
    if math.isinf(kind.low):
        raise NotImplementedError(f"There is no increasing map of ours from the line onto {kind}.")
    positive = Exp((count,))
    return positive if kind.low == 0 else Chain([positive, Standardize(jnp.full(count, kind.low), 1.0)])


def _of_number(support: Support) -> constraints.Constraint | None:
    """NumPyro's constraint of one number, or None."""
    if isinstance(support, Interval):
        return _of_interval(support)
    if isinstance(support, Circle):
        whole = (support.low, support.high) == (-math.pi, math.pi)
        return constraints.circular if whole else constraints.interval(support.low, support.high)
    if isinstance(support, Categories):
        return constraints.integer_interval(0, support.count - 1)
    if isinstance(support, Integers) and support.low is not None:
        if support.high is None:
            return constraints.integer_greater_than(support.low)
        return constraints.integer_interval(support.low, support.high)
    return None


def _of_interval(support: Interval) -> constraints.Constraint:
    low, high = support.low, support.high
    if math.isinf(low):
        return constraints.real if math.isinf(high) else constraints.less_than(high)
    if math.isinf(high):
        return constraints.positive if low == 0 else constraints.greater_than(low)
    return constraints.unit_interval if (low, high) == (0, 1) else constraints.interval(low, high)
