"""Conditions that are left out now and then, so that one network learns both laws."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from pushforward.objectives._batch import Batch, Objective


@dataclasses.dataclass(frozen=True)
class DropCondition:
    """An objective in which a share of the conditions, drawn anew for every batch, are zeros: no condition at all.

    A flow of `tarflow-image` that was trained so can be guided (`flows.guided`).

    Args:
        objective: What is told of the batch.
        share: Of the rows, at least 0 and below 1; 0.1 is usual.

    Raises:
        ValueError: If the share is not in [0, 1), or a batch has no condition.

    Example:
        >>> objective = pf.objectives.DropCondition(pf.objectives.nll, share=0.5)
        >>> flow = pf.flows.maf(2, num_layers=1, cond_dim=1, width=8, key=key)
        >>> loss, _ = objective(flow, pf.objectives.Batch(jnp.zeros((3, 2)), jnp.ones((3, 1))), key=key)

    Reference:
        Ho & Salimans (2022), Classifier-free diffusion guidance, algorithm 1.
    """

    objective: Objective
    share: float = 0.1

    def __post_init__(self):
        if not 0 <= self.share < 1:
            raise ValueError(f"DropCondition: `share` must be at least 0 and below 1, got {self.share}.")

    def __call__(self, flow: Any, batch: Batch, *, key: PRNGKeyArray) -> tuple[Float[Array, ""], dict[str, Array]]:
        if batch.condition is None:
            raise ValueError("DropCondition: the batch has no condition to leave out. Give `fit` a `condition`.")
        drop_key, key = jax.random.split(key)
        given = batch.condition
        kept = jax.random.bernoulli(drop_key, 1.0 - self.share, (len(given), *(1,) * (given.ndim - 1)))
        return self.objective(flow, batch._replace(condition=jnp.where(kept, given, 0.0)), key=key)
