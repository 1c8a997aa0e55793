"""What is known of an image beside its pixels: how likely it and its noise at each level are, how long its file is."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pushforward.bijections import AbstractBijection, Chain, MultiScale
from pushforward.diagnostics.oddity import png_nats
from pushforward.distributions import AbstractDistribution, Normal, Transformed

CHUNK = 250
"""Images that go through the flow at once."""
LOG_PROB, LENGTH, NOISE = 0, 1, 2
"""Places of the numbers: the log-density, the length of the file, and from there on the noise of each level."""


def states_of(
    flow: AbstractDistribution, images: np.ndarray, condition: np.ndarray | None = None, *, seed: int = 0
) -> np.ndarray:
    """Numbers of each image in nats, `(count, height, width, channels) -> (count, 2 + levels)`.

    The log-density; the length of the image's PNG file, `png_nats`; and the log-density of the noise of each level,
    the coarsest first, of a flow without levels of all of it.

    Args:
        flow: Of images.
        images: Bytes.
        condition: `(count, *cond_shape)`, or None.
        seed: Of the noise that makes grey values continuous.
    """
    pieces, key = [], jax.random.key(seed)
    for start in range(0, len(images), CHUNK):
        x = jnp.asarray(images[start : start + CHUNK], jnp.result_type(float))
        given = None if condition is None else jnp.asarray(condition[start : start + CHUNK])
        pieces.append(np.asarray(_densities(flow, x, given, jax.random.fold_in(key, start)), np.float64))
    return np.insert(np.concatenate(pieces), LENGTH, png_nats(images), axis=1)


@jax.jit
def _densities(flow: AbstractDistribution, x: Array, condition: Array | None, key: Array) -> Array:
    """The log-density of images, and of the noise of each level, `(count, 1 + levels)`."""
    given = None if condition is None else jnp.moveaxis(condition, 0, -1)
    x = jnp.moveaxis(x, 0, -1)
    if not isinstance(flow, Transformed):
        return flow._log_prob_many(x, given, key)[:, None]
    map_key, base_key = jax.random.split(key)
    z, log_det = flow.bijection._inverse_many(x, given, map_key)
    whole = flow.base._log_prob_many(z, given, base_key)
    return jnp.stack([whole + log_det, *_by_level(flow, z, whole)], axis=1)


def _by_level(flow: Transformed, z: Array, whole: Array) -> list[Array]:
    first, base = first_map(flow.bijection), flow.base
    if not (isinstance(first, MultiScale) and isinstance(base, Normal) and base.loc is None and base.scale_raw is None):
        return [whole]
    ends = list(itertools.accumulate(math.prod(shape) for shape in first.latent_shapes))[:-1]
    return [jnp.sum(-0.5 * level**2 - 0.5 * jnp.log(2 * jnp.pi), axis=0) for level in jnp.split(z, ends)]


def first_map(bijection: AbstractBijection) -> AbstractBijection:
    """The map that takes the noise, of a chain and of chains in it."""
    return first_map(bijection.bijections[0]) if isinstance(bijection, Chain) else bijection
