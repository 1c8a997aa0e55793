"""What a sound is on its way from the noise."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pushforward.distributions import AbstractDistribution
from pushforward.modalities._states import states
from pushforward.modalities.sound._model import SoundModel

STATES = 6
"""That are shown: the noise, the wave, and others evenly spread between them."""


def way(model: SoundModel, label: str | None, like: np.ndarray | None, seed: int) -> tuple[list[np.ndarray], list[str]]:
    """A draw after some of the layers, each of deviation 1 or the whole numbers at last, and the names of the states.

    Samples that a layer has not reached yet, in a flow of several scales, are shown as their noise.
    """
    length = model.facts_.length
    flow, given = model.at(length), model.condition(label, like, length, 1)
    z = jnp.moveaxis(_noise(flow.base, seed, given), 0, -1)
    condition = None if given is None else jnp.moveaxis(jnp.asarray(given), 0, -1)
    found = states(flow.bijection, z, condition, STATES)
    names = ["noise", *(f"layer {number}" for number, _ in found[1:-1]), "wave"]
    return [np.asarray(value).reshape(-1) for _, value in found], names


def _noise(base: AbstractDistribution, seed: int, given: np.ndarray | None) -> Array:
    """One draw of the base, `(1, *event)`."""
    if base.cond_shape is None:
        return base.sample(jax.random.key(seed), 1)
    return base.sample(jax.random.key(seed), (), given)
