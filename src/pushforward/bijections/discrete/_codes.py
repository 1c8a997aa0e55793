"""Categories as one-hot vectors, with gradients; categories along axis 1: `(n, K, batch)`."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from pushforward._params import static
from pushforward._types import Kind, Shape
from pushforward.bijections._base import AbstractBatched
from pushforward.supports import Categories, OneHot, Support


class OneHotToCodes(AbstractBatched):
    """One-hot vectors to codes 0 .. K - 1, both as floats; the log-det is 0, for it renames what is counted.

    A number that is no category has log-det -inf in `inverse`, so its probability is 0.

    Args:
        shape: Shape of the codes, $s$; one-hot events have shape `(*s, K)`.
        num_categories: $K$, at least 2.

    Raises:
        ValueError: If `num_categories` is below 2.

    Example:
        >>> OneHotToCodes((2,), 3).inverse(jnp.array([2.0, 0.0])).tolist()
        [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """

    shape: Shape = static()
    num_categories: int = static()

    cond_shape: ClassVar[Shape | None] = None
    forward_kind: ClassVar[Kind] = "analytic"
    inverse_kind: ClassVar[Kind] = "analytic"

    def __check_init__(self):
        check_categories("OneHotToCodes", self.num_categories)

    @property
    def in_shape(self) -> Shape:
        return (*self.shape, self.num_categories)

    @property
    def out_shape(self) -> Shape:
        return self.shape

    @property
    def domain(self) -> Support:
        return OneHot(self.num_categories)

    @property
    def image(self) -> Support:
        return Categories(self.num_categories)

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return jnp.argmax(x, axis=-2).astype(x.dtype), jnp.zeros(x.shape[-1], x.dtype)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return one_hot(x, self.num_categories), log_known(x, self.num_categories)


def check_categories(name: str, num_categories: int) -> None:
    """A ValueError where there is nothing to choose from."""
    if num_categories < 2:
        raise ValueError(f"{name}: `num_categories` must be at least 2, got {num_categories}.")


def one_hot(codes: Array, num_categories: int) -> Array:
    """`(*event, batch) -> (*event, K, batch)`; what is no category is taken as the nearest one."""
    known = jnp.clip(jnp.nan_to_num(codes), 0, num_categories - 1).astype(jnp.int32)
    return jax.nn.one_hot(known, num_categories, dtype=codes.dtype, axis=-2)


def log_known(codes: Array, num_categories: int) -> Array:
    """0 for events of categories alone, -inf for others: `(*event, batch) -> (batch,)`."""
    known = (codes == jnp.round(codes)) & (codes >= 0) & (codes < num_categories)
    return jnp.where(jnp.all(known, axis=tuple(range(codes.ndim - 1))), 0.0, -jnp.inf).astype(codes.dtype)


def choose(logits: Array, temperature: float) -> Array:
    """The likeliest category as a one-hot vector, with the gradient of a softmax at a temperature."""
    soft = jax.nn.softmax(logits / temperature, axis=1)
    hard = jax.nn.one_hot(jnp.argmax(logits, axis=1), logits.shape[1], dtype=logits.dtype, axis=1)
    return soft + jax.lax.stop_gradient(hard - soft)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def map_codes(function: Callable[..., Array], *hots: Array) -> Array:
    """`function` of codes, `(n, batch)` each, on one-hot vectors `(n, size, batch)`; sized as the first argument.

    Its gradient is that of the one extension to distributions that is linear in each argument, at the one-hot point:
    for each category of an argument, the cotangent of what the function gives for it.

    Args:
        function: Hashable, on integers; broadcasts.
        hots: One-hot vectors.
    """
    return _map_codes(function, *hots)[0]


def _map_codes(function: Callable[..., Array], *hots: Array) -> tuple[Array, Any]:
    codes = tuple(jnp.argmax(hot, axis=1) for hot in hots)
    sizes = tuple(hot.shape[1] for hot in hots)
    image = jax.nn.one_hot(function(*codes), sizes[0], dtype=hots[0].dtype, axis=1)
    return image, (codes, tuple(jnp.arange(size) for size in sizes))


def _pull_back(function: Callable[..., Array], saved: Any, cotangent: Array) -> tuple[Array, ...]:
    codes, choices = saved
    expanded = [code[:, None] for code in codes]
    gradients = []
    for i, each in enumerate(choices):
        others = [*expanded[:i], each[:, None], *expanded[i + 1 :]]
        image = jnp.broadcast_to(function(*others), (cotangent.shape[0], each.shape[0], cotangent.shape[-1]))
        gradients.append(jnp.take_along_axis(cotangent, image, axis=1))
    return tuple(gradients)


map_codes.defvjp(_map_codes, _pull_back)


def units_modulo(num_categories: int) -> np.ndarray:
    """The numbers that can be divided by modulo K: those coprime to it, 1 first."""
    numbers = np.arange(1, num_categories)
    return numbers[np.gcd(numbers, num_categories) == 1]
