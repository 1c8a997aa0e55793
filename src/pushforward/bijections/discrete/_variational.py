"""Noise on whole numbers that is learned."""

from typing import ClassVar, Protocol

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, PRNGKeyArray

from pushforward._params import static
from pushforward._types import Kind, Shape
from pushforward.bijections.discrete._dequantize import LEAST_NOISE, AbstractDequantize, floor_to


class Noise(Protocol):
    """What draws noise for an event: a distribution whose condition is the event."""

    @property
    def event_shape(self) -> Shape:
        """Shape of the noise."""
        ...

    @property
    def cond_shape(self) -> Shape | None:
        """Shape of the event of whole numbers."""
        ...

    def _sample_and_log_prob_many(self, key: PRNGKeyArray, n: int, condition: Array | None) -> tuple[Array, Array]:
        """`(*event_shape, n), (n,)`: one draw for each condition, and its log-density."""
        ...


class VariationalDequantize(AbstractDequantize):
    r"""Whole numbers as the floor of real ones: `forward` rounds down, `inverse` adds noise $u \sim q(u \mid x)$.

    A density through it is a **bound**: in place of a log-det stands $-\log q(u \mid x)$. With a key, a density $p$
    has $\mathbb{E}_q[p(x + u) / q(u \mid x)] = P(x)$, so the mean of its logarithm is a lower bound of $\log P(x)$, as
    with `Dequantize`. It is tight where $q$ is the posterior $p(u \mid x)$, and training moves it there. Without a key,
    `inverse` adds 0.5 and the contribution is 0, as in `Dequantize`: the density at the middle of the cell, neither a
    bound nor an estimate. What is no whole number has log-det -inf.

    Args:
        flow: $q$, a distribution on $(0, 1)$ for each number, whose condition is the event of whole numbers, such as a
            flow that ends in a `Sigmoid`.
        levels: If the numbers are 0 to `levels - 1`, how many: samples beyond are taken as the nearest of them.

    Raises:
        ValueError: If the condition of the flow has not the shape of its events.

    Reference:
        Ho, Chen, Srinivas, Duan & Abbeel (2019), Flow++: Improving flow-based generative models with variational
        dequantization and architecture design, section 3.1.

    Note:
        The noise does not see the condition of the flow around it, such as a label.
    """

    flow: Noise
    levels: int | None = static(default=None)

    forward_kind: ClassVar[Kind] = "analytic"

    def __check_init__(self):
        if self.flow.cond_shape != self.flow.event_shape:
            raise ValueError(
                "VariationalDequantize: `flow` draws noise for an event that is its condition, so both have the same "
                f"shape; got events of shape {self.flow.event_shape} and conditions of shape {self.flow.cond_shape}."
            )

    @property
    def in_shape(self) -> Shape:
        return self.flow.event_shape

    @property
    def out_shape(self) -> Shape:
        return self.flow.event_shape

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return floor_to(x, self.levels), jnp.zeros(x.shape[-1], x.dtype)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        if key is None:
            return x + 0.5, self._log_known(x)
        noise, log_prob = self.flow._sample_and_log_prob_many(key, x.shape[-1], x)
        # A sum that rounds up to x + 1 would be another whole number.
        edge = jnp.nextafter(lax.stop_gradient(x) + 1.0, lax.stop_gradient(x))
        return jnp.clip(x + noise, x + LEAST_NOISE, edge), self._log_known(x) - log_prob
