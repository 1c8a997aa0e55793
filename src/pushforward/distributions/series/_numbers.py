"""Series of whole numbers: noise around them for a density, rounding for a sample."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from pushforward._errors import did_you_mean
from pushforward.supports import REAL, Integers, Product, Support

NUMBERS = ("real", "whole", "count")


def checked_numbers(name: str, numbers: Sequence[str], series: int) -> tuple[str, ...]:
    """A word for each series, or none where all are real.

    Raises:
        ValueError: If a word is none of them, or their number is wrong.
    """
    for word in numbers:
        if word not in NUMBERS:
            raise ValueError(f"{name}: unknown kind of numbers {word!r}; {did_you_mean(word, NUMBERS)}.")
    if len(numbers) not in (0, series):
        raise ValueError(f"{name}: `numbers` must have a word for each of {series} series, got {len(numbers)}.")
    return () if set(numbers) <= {"real"} else tuple(numbers)


def noise_around(numbers: tuple[str, ...], key: PRNGKeyArray | None, like: Array) -> Array:
    """U(-1/2, 1/2) for series of whole numbers, 0 for others and without a key; the shape of `like`."""
    if not numbers or key is None:
        return jnp.zeros_like(like)
    return jnp.where(_whole(numbers), jax.random.uniform(key, like.shape, like.dtype, -0.5, 0.5), 0.0)


def rounded(numbers: tuple[str, ...], x: Array) -> Array:
    """Samples `(series, batch)` as what they are: whole where they are to be, counts from 0 on."""
    if not numbers:
        return x
    x = jnp.where(_whole(numbers), jnp.floor(x + 0.5), x)
    return jnp.where(_counts(numbers), jnp.maximum(x, 0.0), x)


def log_known(numbers: tuple[str, ...], x: Array) -> Array:
    """0 where all series of a step hold what they can, -inf for others: `(steps, series, batch) -> (steps, batch)`."""
    if not numbers:
        return jnp.zeros((x.shape[0], x.shape[-1]), x.dtype)
    known = jnp.where(_whole(numbers), x == jnp.round(x), True) & jnp.where(_counts(numbers), x >= 0, True)
    return jnp.where(jnp.all(known, axis=1), 0.0, -jnp.inf).astype(x.dtype)


def where_they_live(numbers: tuple[str, ...], horizon: int) -> Support:
    """The support of a window."""
    if not numbers:
        return REAL
    of = {"real": REAL, "whole": Integers(), "count": Integers(0)}
    return Product(tuple(of[word] for _ in range(horizon) for word in numbers))


def _whole(numbers: tuple[str, ...]) -> np.ndarray:
    return np.array([word != "real" for word in numbers])[:, None]


def _counts(numbers: tuple[str, ...]) -> np.ndarray:
    return np.array([word == "count" for word in numbers])[:, None]
