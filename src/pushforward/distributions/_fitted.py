"""A fitted estimator in place of its flow."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import ArrayLike

from pushforward._errors import given
from pushforward.distributions._base import AbstractDistribution


@runtime_checkable
class Fitted(Protocol):
    """What was fitted to data and holds its flow, in the units of the data: `FlowDensity` and its sisters."""

    @property
    def flow_(self) -> AbstractDistribution: ...


def flow_of(name: str, model: Any) -> AbstractDistribution:
    """The distribution itself, or that of a fitted estimator.

    Raises:
        TypeError: If it is neither, or the estimator is not fitted.
    """
    if isinstance(model, AbstractDistribution):
        return model
    # Not `isinstance(model, Fitted)`: from Python 3.12 on that is true of an estimator that is not fitted yet.
    flow = getattr(model, "flow_", None)
    if isinstance(flow, AbstractDistribution):
        return flow
    raise TypeError(
        f"{name}: `flow` must be a distribution or a fitted estimator, got {given(model)}. "
        "An estimator has a flow after its `fit`; a bijection needs `Transformed(base, bijection)`."
    )


def conditions_of(flow: AbstractDistribution, condition: ArrayLike | Any) -> np.ndarray | None:
    """Conditions as an array; a row of numbers is one number for each row of the data if the flow sees one number."""
    if condition is None:
        return None
    array = np.asarray(condition)
    return array[:, None] if array.ndim == 1 and flow.cond_shape == (1,) and array.shape != (1,) else array
