"""A flow as a NumPyro distribution."""

from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike
from numpyro.distributions import Distribution, constraints
from numpyro.distributions.util import validate_sample

from pushforward._errors import as_batch, check_condition
from pushforward._types import Shape
from pushforward.distributions import AbstractDistribution
from pushforward.interop.numpyro._constraints import constraint


class FlowDistribution(Distribution):
    r"""Any distribution of this package in `numpyro.sample`: priors, likelihoods, guides, in plates, under NUTS.

    Its `support` is that of the flow, so NUTS finds the map onto it by itself. Where the support depends on numbers
    that are trained, densities work and NUTS says what to do.

    Args:
        flow: A flow or any other distribution.
        condition: `(*batch_shape, *cond_shape)`, if the flow is conditional; its batch axes are the batch shape.
        validate_args: Whether values outside of the support are warned of; None for NumPyro's setting.

    Raises:
        ValueError: If a condition is missing, not wanted or of the wrong shape.

    Example:
        >>> from pushforward.interop.numpyro import FlowDistribution
        >>> prior = FlowDistribution(pf.flows.maf(2, num_layers=1, width=8, key=key))
        >>> prior.event_shape, prior.sample(key, (5,)).shape
        ((2,), (5, 2))
    """

    pytree_data_fields = ("flow", "condition")
    pytree_aux_fields = ("flow_support",)
    arg_constraints: ClassVar[dict[str, Any]] = {}

    def __init__(
        self,
        flow: AbstractDistribution,
        condition: ArrayLike | None = None,
        *,
        validate_args: bool | None = None,
    ):
        check_condition("FlowDistribution", condition, flow.cond_shape)
        self.flow, self.condition, self.flow_support = flow, None, flow.support
        batch: Shape = ()
        if condition is not None and flow.cond_shape is not None:
            self.condition = as_batch("FlowDistribution", "condition", condition, flow.cond_shape)
            batch = self.condition.shape[: self.condition.ndim - len(flow.cond_shape)]
        Distribution.__init__(self, batch, flow.event_shape, validate_args=validate_args)

    @property
    def support(self) -> constraints.Constraint:
        return constraint(self.flow_support, self.event_shape)

    @property
    def has_rsample(self) -> bool:
        return not self.flow_support.is_discrete

    def sample(self, key: Any, sample_shape: Shape = ()) -> Array:
        """Draws of shape `(*sample_shape, *batch_shape, *event_shape)`."""
        return self.flow.sample(key, tuple(sample_shape), self.condition)

    @validate_sample
    def log_prob(self, value: ArrayLike, intermediates: Any = None) -> Array:
        """Log-density in nats, `(*batch, *event_shape) -> (*batch,)`."""
        return self.flow.log_prob(jnp.asarray(value), self.condition)
