"""A causal transformer that leans towards its condition."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from pushforward._params import static
from pushforward._types import Part
from pushforward.nets._transformer import CausalTransformer, Memory


class GuidedTransformer(Part):
    r"""$\theta(c) + w\,(\theta(c) - \theta(0))$: what a network says given a condition, led away from the rest.

    It stands where the network stood, with the same methods: both answers come from one pass over twice the batch.

    Args:
        net: A conditional network, trained with some conditions set to zero (`objectives.DropCondition`).
        guidance: $w$; 0 is the network itself.

    Raises:
        ValueError: If the network is not conditional.

    Reference:
        Zhai et al. (2025), Normalizing flows are capable generative models, section 3.4; Ho & Salimans (2022),
        Classifier-free diffusion guidance.
    """

    net: CausalTransformer
    guidance: float = static()

    def __check_init__(self):
        if self.net.cond_dim is None:
            raise ValueError("GuidedTransformer: `net` must be conditional; build it with `cond_dim=`.")

    @property
    def num_tokens(self) -> int:
        """How many tokens an event has."""
        return self.net.num_tokens

    @property
    def token_dim(self) -> int:
        """Numbers of a token."""
        return self.net.token_dim

    @property
    def num_params(self) -> int:
        """Outputs for each number of a token."""
        return self.net.num_params

    @property
    def cond_dim(self) -> int | None:
        """Size of the condition."""
        return self.net.cond_dim

    def __call__(
        self, x: Float[Array, "tokens dim batch"], condition: Float[Array, "cond batch"] | None = None
    ) -> Float[Array, "params tokens dim batch"]:
        return self._moved(self.net(_twice(x), _with_none(condition)))

    def empty(self, batch: int, dtype: Any) -> tuple[Memory, ...]:
        """The memory of every layer before the first token, for both answers."""
        return self.net.empty(2 * batch, dtype)

    def step(
        self,
        before: Float[Array, "dim batch"],
        place: ArrayLike,
        memories: tuple[Memory, ...],
        condition: Float[Array, "cond batch"] | None = None,
    ) -> tuple[Float[Array, "params dim batch"], tuple[Memory, ...]]:
        """The output for one token, and the memories with it; see `CausalTransformer.step`."""
        raw, memories = self.net.step(_twice(before), place, memories, _with_none(condition))
        return self._moved(raw), memories

    def _moved(self, raw: Array) -> Array:
        given, none = jnp.split(raw, 2, axis=-1)
        return given + self.guidance * (given - none)


def _twice(x: Array) -> Array:
    return jnp.concatenate([x, x], axis=-1)


def _with_none(condition: Array | None) -> Array | None:
    return None if condition is None else jnp.concatenate([condition, jnp.zeros_like(condition)], axis=-1)
