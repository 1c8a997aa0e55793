"""Gaussian noise on whole numbers."""

import math
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax.scipy.special import log_ndtr
from jaxtyping import Array, PRNGKeyArray

from pushforward._params import static
from pushforward._types import Kind, Shape
from pushforward.bijections._base import sum_event
from pushforward.bijections.discrete._dequantize import AbstractDequantize
from pushforward.supports import PartOf, Support

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


class GaussianDequantize(AbstractDequantize):
    r"""Whole numbers with noise: `inverse` adds Gaussian noise, $y = x + \sigma\epsilon$; `forward` adds it and rounds.

    A density through it is a **bound**. A whole number comes from $y$ with the probability $P(x \mid y)$ that a normal
    law around $y$ has within half a step of $x$, the first and the last level taking what is beyond. So with a density
    $p$, $\mathbb{E}_q[p(y) P(x \mid y) / q(y \mid x)] = P(x)$, and the contribution is
    $\log P(x \mid y) - \log N(y; x, \sigma^2)$: near 0 where $\sigma$ is more than a few levels. The noise of such a
    flow's samples is taken away by `flows.denoise`.

    Without a key nothing is added: `inverse` gives $x$ with contribution 0, the density at the grey value itself, which
    is neither a bound nor an estimate, and `forward` rounds. What is no whole number has log-det -inf.

    Args:
        shape: The event's shape.
        std: $\sigma > 0$, in whole numbers.
        levels: If the numbers are 0 to `levels - 1`, how many.

    Raises:
        ValueError: If `std` is not positive.

    Example:
        >>> GaussianDequantize((2,), 6.4, 256).forward(jnp.array([-3.0, 7.4])).tolist()
        [0.0, 7.0]

    Reference:
        Zhai et al. (2025), Normalizing flows are capable generative models, section 3.2, for the noise.

    Note:
        The paper trains on noisy images and gives no probability of the whole numbers; the bound is ours.
    """

    shape: Shape = static()
    std: float = static()
    levels: int | None = static(default=None)

    forward_kind: ClassVar[Kind] = "estimated"

    def __check_init__(self):
        if not 0 < self.std < math.inf:
            raise ValueError(f"GaussianDequantize: `std` must be positive, got {self.std}.")

    @property
    def in_shape(self) -> Shape:
        return self.shape

    @property
    def out_shape(self) -> Shape:
        return self.shape

    def _floors(self, support: Support) -> Support:
        return PartOf(self.image)  # noise leads out of any interval

    def rounded(self, x: Array) -> Array:
        """The nearest whole numbers, of `levels` from 0 on unless that is None."""
        near = jnp.floor(x + 0.5)
        return near if self.levels is None else jnp.clip(near, 0, self.levels - 1)

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        noise = 0.0 if key is None else self.std * jax.random.normal(key, x.shape, x.dtype)
        return self.rounded(x + noise), jnp.zeros(x.shape[-1], x.dtype)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        if key is None:
            return x, self._log_known(x)
        noise = jax.random.normal(key, x.shape, x.dtype)
        log_density = -0.5 * noise * noise - math.log(self.std) - HALF_LOG_2PI
        return x + self.std * noise, sum_event(self._log_mass(x, noise) - log_density) + self._log_known(x)

    def _log_mass(self, x: Array, noise: Array) -> Array:
        """Log-probability of `x` given `x + std * noise`."""
        half = 0.5 / self.std
        low, high = -half - noise, half - noise
        if self.levels is not None:
            low = jnp.where(x <= 0, -BEYOND, low)
            high = jnp.where(x >= self.levels - 1, BEYOND, high)
        # Mirrored where it lies in the upper tail, whose logarithms near 0 would cancel.
        mirrored = low + high > 0
        low, high = jnp.where(mirrored, -high, low), jnp.where(mirrored, -low, high)
        upper = log_ndtr(high)
        return upper + jnp.log(-jnp.expm1(log_ndtr(low) - upper))


BEYOND = 1e4
"""Standard deviations that stand for infinity, as the end of the first and the last level."""
