"""Bits per dimension of whole numbers, over several draws of noise."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, PRNGKeyArray

from pushforward.distributions._base import AbstractDistribution
from pushforward.objectives._likelihood import bits_per_dim


class Bits(NamedTuple):
    """Bits per dimension of some events.

    Attributes:
        mean: Over events and draws.
        error: Standard error of the mean, from the spread over events.
        each: Of each event, the mean over draws.
        bound: Whether the figure is an upper bound in the mean, because the flow adds noise to whole numbers.
    """

    mean: float
    error: float
    each: np.ndarray
    bound: bool

    def __str__(self) -> str:
        return f"{'at most ' if self.bound else ''}{self.mean:.4f} ± {self.error:.4f} bits per dimension"


def average_bits_per_dim(
    flow: AbstractDistribution,
    x: ArrayLike,
    condition: ArrayLike | None = None,
    *,
    levels: int = 1,
    draws: int = 8,
    key: PRNGKeyArray,
) -> Bits:
    r"""$\frac1K\sum_k -\log p(x; u_k) / (D \ln 2) + \log_2 \text{levels}$ over draws of dequantisation noise $u_k$.

    With noise inside the flow, $p(x; u)$ is an unbiased estimate of the probability of $x$; so the mean of its
    logarithm is a lower bound of the log-probability, and these bits are an upper bound of the true ones.

    Args:
        flow: Any distribution.
        x: Events `(events, *event_shape)`.
        condition: `(events, *cond_shape)`, or None.
        levels: See `bits_per_dim`: 1 if the flow is given whole grey values, as image recipes are.
        draws: $K$; one is enough where no noise is drawn.
        key: For the noise.

    Raises:
        ValueError: If `draws` is below 1, or the shape of `x` does not fit.

    Example:
        >>> flow = Transformed(Uniform.standard((2,)), Chain([Scale(4.0 * jnp.ones(2)), Dequantize((2,), 4)]))
        >>> bits = pf.objectives.average_bits_per_dim(flow, jnp.array([[0.0, 3.0]]), key=key)
        >>> bits.mean, bits.bound  # two bits for each of four levels
        (2.0, True)
    """
    if draws < 1:
        raise ValueError(f"average_bits_per_dim: `draws` must be at least 1, got {draws}.")
    log_prob = [np.asarray(flow.log_prob(x, condition, key=draw), np.float64) for draw in jax.random.split(key, draws)]
    if log_prob[0].ndim != 1 or not len(log_prob[0]):
        raise ValueError(
            f"average_bits_per_dim: `x` must have shape (events, *{flow.event_shape}), got {jnp.shape(x)}."
        )
    each = np.asarray(bits_per_dim(np.mean(log_prob, axis=0), flow.event_shape, levels=levels), np.float64)
    error = np.std(each) / np.sqrt(max(len(each) - 1, 1))
    return Bits(float(np.mean(each)), float(error), each, not flow.exact)
