"""Maximum likelihood."""

import math

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from pushforward._types import Shape
from pushforward.distributions._base import AbstractDistribution
from pushforward.objectives._batch import Batch

LOG_2 = math.log(2.0)


def nll(flow: AbstractDistribution, batch: Batch, *, key: PRNGKeyArray) -> tuple[Float[Array, ""], dict[str, Array]]:
    r"""Mean negative log-likelihood in nats, $-\sum_i w_i \log p(x_i \mid c_i) / \sum_i w_i$.

    Args:
        flow: Any distribution.
        batch: Its `x`, perhaps with a `condition`, `weights` and a `log_det`. A row of weight zero does not count,
            even if its density is zero.
        key: For flows that draw random numbers (dequantisation, trace estimates, dropout in steps of training).

    Returns:
        The loss and no further metrics.

    Example:
        >>> flow = pf.distributions.Normal.standard((2,))
        >>> batch = pf.objectives.Batch(jnp.zeros((3, 2)))
        >>> loss, _ = pf.objectives.nll(flow, batch, key=key)
        >>> round(float(loss), 4)  # log 2 pi
        1.8379
    """
    Batch.check("nll", batch)
    score = flow._log_prob_many if batch.progress is None else flow._log_prob_in_training
    log_prob = score(*batch.columns(flow), key)
    return batch.mean(-(log_prob if batch.log_det is None else log_prob + batch.log_det)), {}


def bits_per_dim(log_prob: ArrayLike, shape: Shape, *, levels: int = 1) -> Array:
    r"""Bits for each number of an event: $-\log p / (D \ln 2) + \log_2 \text{levels}$, with $\ln 2 = 0.693147$.

    Args:
        log_prob: Log-density in nats, any shape.
        shape: The event's shape; $D$ is its size.
        levels: How many of the data's own levels fit into one unit of `x`: 1 if the flow is given grey values
            0 to 255 (plus noise), 256 if it is given them divided by 256; then 8 bits are added back.

    Returns:
        Bits per dimension, shaped like `log_prob`; less is better.

    Raises:
        ValueError: If `levels` is below 1 or the shape is empty.

    Example:
        >>> float(pf.objectives.bits_per_dim(0.0, (3, 32, 32), levels=256))  # the uniform density on [0, 1)
        8.0
    """
    size = math.prod(shape)
    if levels < 1 or size < 1:
        raise ValueError(f"bits_per_dim: needs levels >= 1 and a shape that is not empty, got {levels} and {shape}.")
    return -jnp.asarray(log_prob) / (size * LOG_2) + math.log2(levels)
