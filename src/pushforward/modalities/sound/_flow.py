"""The flow of a model of sound: whole numbers around a recipe for real ones, at any length."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from pushforward.bijections import Chain, Dequantize, Standardize
from pushforward.distributions import AbstractDistribution, Transformed
from pushforward.flows import Recipe
from pushforward.modalities._events import by_name, recipe_for
from pushforward.modalities.sound._facts import SoundFacts
from pushforward.modalities.sound._settings import SoundSettings

LARGE_GROUPS = {"num_flows": 16, "group_size": 64, "early_size": 12, "width": 48, "depth": 4}
"""Of a `waveglow` without spectrograms: a quarter of a second is few steps of many channels, of which each network sees
all, at a small part of the cost (design record 0063)."""
OF_LAYOUT = ("num_flows", "group_size", "early_size", "early_every")
"""Options that belong together: with one of them given, the recipe's own values stand for the others."""


def sound_recipe(name: str, options: Any = None) -> Recipe:
    """The recipe of a flow of sound, or a DataError where there is none of this name, or it has no such option."""
    return recipe_for("sound", name, "sound", options)


def options_of(settings: SoundSettings) -> dict[str, Any]:
    """Options that the recipe is built with: what is given, and what sound without spectrograms is best told with.

    Raises:
        DataError: If the flow is not of sound, or has no such option.
    """
    sound_recipe(settings.flow, settings.options)
    given = by_name(settings.options)
    fits = (settings.length or 0) % LARGE_GROUPS["group_size"] == 0
    if settings.flow != "waveglow" or settings.mel or not fits or any(name in given for name in OF_LAYOUT):
        return given
    return LARGE_GROUPS | given


def whole_numbers(flow: AbstractDistribution, scale: float) -> Transformed:
    """A flow of whole numbers out of one of real numbers of deviation 1: the same noise in [0, 1) as for images."""
    (length,) = flow.event_shape
    return Transformed(flow, Chain([Standardize(jnp.zeros(length), float(scale)), Dequantize((length,))]))


def built(name: str, facts: SoundFacts, length: int, key: Array) -> AbstractDistribution:
    """The flow of real numbers at a length."""
    options = dict(facts.options)
    return sound_recipe(name, options).build(length, **options, cond_dim=facts.cond_dim(length), key=key)


@functools.lru_cache(maxsize=256)
def _structure(name: str, facts: SoundFacts, length: int) -> Any:
    return jax.tree.structure(jax.eval_shape(lambda key: built(name, facts, length, key), jax.random.key(0)))


def at_length(flow: AbstractDistribution, name: str, facts: SoundFacts, length: int) -> AbstractDistribution:
    """A trained flow of real numbers for sounds of another length: the same parameters in another structure."""
    return jax.tree.unflatten(_structure(name, facts, length), jax.tree.leaves(flow))


def unit(name: str, facts: SoundFacts) -> int:
    """What the length of a sound must be a multiple of, for the recipe and for whole frames of a spectrogram."""
    return math.lcm(sound_recipe(name).multiple_of(dict(facts.options)), 1 if facts.mel is None else facts.mel.hop)
