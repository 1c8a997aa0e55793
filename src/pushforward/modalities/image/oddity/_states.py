"""What a flow says of an image: its log-density in the parts that its levels add, and how long its file is."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pushforward.bijections import AbstractBijection, Chain, MultiScale
from pushforward.diagnostics.oddity import png_nats
from pushforward.distributions import AbstractDistribution, Normal, Transformed

CHUNK = 250
"""Images that go through the flow at once."""


def states_of(
    flow: AbstractDistribution, images: np.ndarray, condition: np.ndarray | None = None, *, seed: int = 0
) -> np.ndarray:
    """Numbers of each image, `(count, height, width, channels) -> (count, parts + 1)`.

    First the `parts_of` its log-density, whose sum it is, in nats; last the length of its file, `png_nats`.

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
        pieces.append(np.asarray(_parts(flow, x, given, jax.random.fold_in(key, start)), np.float64))
    return np.column_stack([np.concatenate(pieces), png_nats(images)])


@jax.jit
def _parts(flow: AbstractDistribution, x: Array, condition: Array | None, key: Array) -> Array:
    given = None if condition is None else jnp.moveaxis(condition, 0, -1)
    return parts_of(flow, jnp.moveaxis(x, 0, -1), given, key).T


def parts_of(flow: AbstractDistribution, x: Array, condition: Array | None, key: Array) -> Array:
    """The terms of the log-density of images `(height, width, channels, batch)`, `(parts, batch)`.

    Of a flow of several levels, coarsest first: the log-density of the noise of each, then the log-det of each, then
    that of the maps of grey values behind them. Of another flow the log-density of its noise and its log-det; of what
    is no flow its log-density alone.
    """
    if not isinstance(flow, Transformed):
        return flow._log_prob_many(x, condition, key)[None]
    map_key, base_key = jax.random.split(key)
    first, *others = links(flow.bijection)
    rest = jnp.zeros(x.shape[-1], x.dtype)
    for link, link_key in zip(others[::-1], jax.random.split(map_key, len(others) or 1), strict=False):
        x, log_det = link._inverse_many(x, condition, link_key)
        rest = rest + log_det
    if isinstance(first, MultiScale) and _is_standard(flow.base):
        latents, log_dets = first._levels_of(x, condition, base_key)
        noise = [jnp.sum(-0.5 * z**2 - 0.5 * jnp.log(2 * jnp.pi), axis=0) for z in latents]
        return jnp.stack([*noise, *log_dets, rest])
    z, log_det = first._inverse_many(x, condition, map_key)
    return jnp.stack([flow.base._log_prob_many(z, condition, base_key), log_det + rest])


def links(bijection: AbstractBijection) -> list[AbstractBijection]:
    """The maps of a chain, and of chains in it, from the noise to the image."""
    if isinstance(bijection, Chain):
        return list(itertools.chain.from_iterable(map(links, bijection.bijections)))
    return [bijection]


def _is_standard(base: AbstractDistribution) -> bool:
    return isinstance(base, Normal) and base.loc is None and base.scale is None
