"""From events to latent vectors, from one of these to another, and back."""

from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pushforward._errors import DataError
from pushforward.distributions import Transformed
from pushforward.distributions._latent import noise_of

Path = Literal["sphere", "line"]


def between(a: np.ndarray, b: np.ndarray, shares: np.ndarray, path: Path) -> np.ndarray:
    """Points on the way from `a` to `b`, `(size,), (size,), (steps,) -> (steps, size)`.

    Raises:
        DataError: If the path is not known.
    """
    if path not in ("sphere", "line"):
        raise DataError(f"interpolate: there is no path {path!r}.", "choose `sphere` or `line`")
    t = shares[:, None]
    if path == "line":
        return (1 - t) * a + t * b
    cosine = np.dot(a, b) / max(np.linalg.norm(a) * np.linalg.norm(b), np.finfo(np.float32).tiny)
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    if np.sin(angle) < NEAR:
        return (1 - t) * a + t * b
    return (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)


NEAR = 1e-4
"""Radians below which the two ends point the same way, and an arc is a line."""


def finite_latents(z: Any) -> np.ndarray:
    """Latent vectors that a user gives, one or more, as float32; a DataError where one is NaN or infinite."""
    z = np.asarray(z, np.float32)
    if not z.size or not np.isfinite(z).all():
        raise DataError("decode: latent vectors must be finite, one or more.", "`encode` gives them")
    return z


@jax.jit
def encoded(flow: Transformed, x: Array, condition: Array | None, key: Array | None = None) -> Array:
    """The latent vectors of events, batches first."""
    given = None if condition is None else jnp.moveaxis(condition, 0, -1)
    return jnp.moveaxis(noise_of(flow, jnp.moveaxis(x, 0, -1), given), -1, 0)


@jax.jit
def decoded(flow: Transformed, z: Array, condition: Array | None, key: Array | None = None) -> Array:
    """The events of latent vectors, batches first."""
    given = None if condition is None else jnp.moveaxis(condition, 0, -1)
    return jnp.moveaxis(flow.bijection._forward_many(jnp.moveaxis(z, 0, -1), given, key)[0], -1, 0)
